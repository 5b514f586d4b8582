"""Writing on a GPU: everything that a token takes, in one CUDA graph.

    x = embedding(ids)
    for each layer:
        x += out(attention(append(qkv(norm(x)))));   x += down(silu(gate(norm(x))) * up(norm(x)))
    token = sample(head(norm(x)))

Lengths, page lists, options of sampling and the tokens themselves lie on the device: the graph of a
shape is captured once and serves every token. A draft of some tokens runs as more rows. Where the
choice of pages is deferred, the step ends with that for the next token (`page_lists.py`). The
meaning is that of `Decoder.decode`; the residual stream is float32 here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from collections.abc import Sequence as SequenceOf
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor

from vademecum.model.cache import PagedCache, Sequence
from vademecum.model.decoder import ROWS, Decoder
from vademecum.model.device import DeviceInt8, DeviceNF4
from vademecum.model.interface import GenerationOptions
from vademecum.model.kernels import PAGE
from vademecum.model.kernels.pages import QuantizedPages
from vademecum.model.kernels.triton import append, attention, int8, nf4, norm, scores
from vademecum.model.kernels.triton.append import HeadNorms
from vademecum.model.kernels.triton.nf4 import PackedNF4
from vademecum.model.kernels.triton.sampling import DeviceSampler
from vademecum.model.kernels.triton.scores import BiasTables
from vademecum.model.page_lists import PageLists
from vademecum.model.rope import angles
from vademecum.model.shapes import Shape, Shapes
from vademecum.progress import Progress, Silent

_capturing = threading.Lock()  # PyTorch allows one capture at a time in a process


@dataclass(frozen=True, slots=True)
class _Layer:
    attention_norm: Tensor
    qkv: PackedNF4
    bias: Tensor | None
    head_norms: HeadNorms | None
    key_bias: BiasTables | None
    out: PackedNF4
    mlp_norm: Tensor
    gate_up: PackedNF4
    down: PackedNF4


class CapturedStep:
    """Runs steps of one sequence at a time over a cache on the decoder's device."""

    def __init__(self, decoder: Decoder, cache: PagedCache, *, tokens: int) -> None:
        """For sequences of up to `tokens` tokens. Raises ValueError where `obstacle` finds one."""
        found = self.obstacle(decoder)
        if found:
            raise ValueError(found)
        config, device = decoder.config, decoder.device
        self._decoder, self._cache, self.device = decoder, cache, device
        pages = -(-tokens // PAGE)
        self._layers = [_layer(decoder, n, pages) for n in range(config.layers)]
        self._lists: PageLists | None = None
        if decoder.sparsity and decoder.sparse_layers:
            biases = [layer.key_bias for layer in self._layers]
            self._lists = PageLists(decoder, decoder.sparsity, cache, biases, pages)
        self._deferred = bool(self._lists and decoder.sparsity and decoder.sparsity.deferred)
        self._head = cast("DeviceInt8", decoder.head)
        self._rotation = angles(decoder.frequencies, decoder.magnitude, pages * PAGE)
        self._table = torch.zeros(pages, dtype=torch.int64, device=device)
        shape = (config.kv_heads, PAGE, config.head_dim)
        self._tails = [
            (torch.zeros(shape, device=device), torch.zeros(shape, device=device))
            for _ in range(config.layers)
        ]
        self._start = torch.zeros(1, dtype=torch.int32, device=device)
        self._sealed = torch.zeros(1, dtype=torch.int32, device=device)
        self._meeting = nf4.new_meeting(device)
        self.tokens = torch.zeros(ROWS, dtype=torch.int64, device=device)
        """What the next step reads; what the last one drew."""
        self.logits = torch.zeros(ROWS, config.vocab_size, device=device)
        self._mass = torch.zeros(ROWS * config.kv_heads * (pages + 1), device=device)
        self._sampler = DeviceSampler(ROWS, device)
        self.most_rows = min(ROWS, self._sampler.rows_at_once(decoder.config.vocab_size))
        """Rows of a step: a small GPU draws for fewer."""
        threshold = decoder.sparsity.threshold if decoder.sparsity else None
        self.shapes = Shapes(pages, threshold, self.most_rows)
        self._graphs: dict[Shape, torch.cuda.CUDAGraph] = {}
        self._pool = torch.cuda.graph_pool_handle()
        self.length = 0
        """Tokens of the sequence that are written."""
        self.watched = False
        self._sealed_pages = 0
        self._chosen_for = -1  # the length at which the lists of pages are right
        self._pinned = torch.zeros(2, ROWS, dtype=torch.int64, pin_memory=True)
        new_event: Any = torch.cuda.Event  # its types are missing
        self._events = [new_event(), new_event()]
        self._fetched = 0
        self._last = self.shapes.of(0, 1, watched=False)

    @property
    def path(self) -> str:
        """How tokens are computed, for a person: also which kernel reads how many pages."""
        read = {self._reader(pages, pages): pages for pages in self.shapes.buckets}
        told = ", ".join(f"{name} up to {pages:,} pages" for name, pages in read.items())
        if self._lists and self._decoder.sparsity:
            most = scores.most_pages(self._decoder.sparsity) if self._deferred else None
            told += f", chosen ones {self._reader(self.shapes.pages, most)}"
        if why := attention.obstacle(self._decoder.config.head_dim):
            told += f", since {why}"
        return f"one CUDA graph a step, up to {self.most_rows} tokens at once; attention by {told}"

    def _reader(self, capacity: int, most: int | None) -> str:
        """What reads the pages of a token in layers without a key bias."""
        store = cast("QuantizedPages", self._cache.stores[0])
        return attention.cut(store, 1, capacity, most, biased=False).kernel

    @staticmethod
    def obstacle(decoder: Decoder) -> str | None:
        """Why this decoder's tokens cannot be written so; None if they can."""
        if decoder.device.type != "cuda":
            return f"the weights are on {decoder.device.type}"
        if decoder.kv == "plain":
            return "keys and values are not quantised"
        products = [p for la in decoder.layers for p in (la.qkv, la.out, la.gate_up, la.down)]
        if not all(isinstance(p, DeviceNF4) for p in products):
            return "weights are not NF4"
        if not isinstance(decoder.head, DeviceInt8):
            return "the output head is not int8"
        if decoder.config.heads // decoder.config.kv_heads > scores.GROUP:
            return f"more than {scores.GROUP} query heads share a KV head"
        return None

    def begin(self, sequence: Sequence, options: GenerationOptions) -> None:
        """Go on with a sequence whose prompt is read. Raises ValueError if it is not."""
        count = sequence.table.shape[0]
        self._table[:count].copy_(sequence.table)
        for mine, theirs in zip(self._tails, sequence.tails, strict=True):
            for target, source in zip(mine, theirs, strict=True):
                target.copy_(source)
        sequence.tails = self._tails
        self._sampler.set(options)
        self.watched = sequence.mass is not None
        if self._lists and self._deferred:
            if sequence.asked is None:
                raise ValueError("nothing was read that could choose pages")
            own = self._decoder.sparse_layers
            self._lists.queries.copy_(sequence.asked[own.start : own.stop])
        self._restart(sequence.length, sequence.length // PAGE)

    def go_to(self, length: int) -> None:
        """`length` tokens are right; what the last step computed after them is forgotten."""
        if self._lists and self._deferred and length > self.length:
            self._lists.go_to(length - self.length - 1)
        self._restart(length, self._sealed_pages)

    def _restart(self, length: int, sealed: int) -> None:
        self.length, self._sealed_pages, self._chosen_for = length, sealed, -1
        self._start.fill_(length)
        self._sealed.fill_(sealed)

    def feed(self, tokens: SequenceOf[int]) -> None:
        """Let the next step read these tokens, not what was drawn."""
        self.tokens[: len(tokens)].copy_(torch.tensor(tokens, dtype=torch.int64))

    def run(self, rows: int = 1) -> None:
        """One step: `tokens` in, `logits` after each and a token drawn from them out.

        Does not wait for the device. One row makes its token part of the sequence, so that the
        next step can follow at once; after more of them, `go_to` says how many were right.
        """
        shape = self._shape(rows)
        if shape not in self._graphs:
            self._capture(shape)
        alone = shape.sparse and rows == 1 and self._deferred
        if alone and self._lists and self._chosen_for != self.length:
            self._lists.choose(self._table[: shape.pages], self._start)
        self._graphs[shape].replay()
        self._last = shape
        self._sealed_pages = self.length // PAGE  # the page that is being filled is not
        if rows == 1:
            self.length += 1
            self._chosen_for = self.length if alone else -1

    def fetch(self, rows: int = 1) -> Callable[[], list[int]]:
        """The tokens that the last step drew; the function waits for them.

        It may be called after the next step was begun, before the step after that is fetched.
        """
        slot = self._fetched % 2
        self._fetched += 1
        target, event = self._pinned[slot, :rows], self._events[slot]
        target.copy_(self.tokens[:rows], non_blocking=True)
        event.record()

        def wait() -> list[int]:
            event.synchronize()
            found: list[int] = target.tolist()
            return found

        return wait

    def fetch_mass(self, rows: int = 1) -> Tensor:
        """What share of the last step's attention each page received, summed over layers and
        averaged over heads, the tail after the last page: float32 `[rows, pages + 1]`, complete
        once the `fetch` that is called next was waited for."""
        complete = (self.length - (rows == 1)) // PAGE
        received = self._mass_of(self._last)[:, :, : complete + 1].sum(1)
        return received.to("cpu", non_blocking=True)

    def _mass_of(self, shape: Shape) -> Tensor:
        """`[rows, kv_heads, pages + 1]`: what a graph of this shape counts into."""
        count = shape.rows * self._decoder.config.kv_heads * (shape.pages + 1)
        return self._mass[:count].view(shape.rows, -1, shape.pages + 1)

    def warm_up(self, progress: Progress | None = None, *, watched: bool = False) -> None:
        """Capture what single tokens need, or where they are `watched` what answers do; it must not
        be called within a sequence."""
        progress = progress or Silent()
        shapes = self.shapes.of_answers() if watched else self.shapes.of_rows(1, watched=False)
        missing = [shape for shape in shapes if shape not in self._graphs]
        progress.start("making the GPU ready to write", len(missing), "")
        try:
            for shape in missing:
                self._capture(shape)
                progress.advance(1)
        finally:
            progress.finish()
        self._restart(0, 0)

    def _shape(self, rows: int) -> Shape:
        return self.shapes.of(self.length, rows, watched=self.watched)

    def _capture(self, shape: Shape) -> None:
        # Compile first, at the beginning of an empty sequence; put back what that changes.
        length, sealed, tokens = self.length, self._sealed_pages, self.tokens.clone()
        kept = [(keys.clone(), values.clone()) for keys, values in self._tails]
        asked = self._lists.queries.clone() if self._lists else None
        self._restart(0, 0)
        new_stream: Any = torch.cuda.Stream
        stream = new_stream(self.device)
        stream.wait_stream(torch.cuda.current_stream(self.device))
        with torch.cuda.stream(stream):
            self._compute(shape)
        torch.cuda.current_stream(self.device).wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        # What other threads do on the device meanwhile is their own. A stream of PyTorch's own
        # choosing would be on the device that was captured on first.
        capture = torch.cuda.graph(
            graph, pool=self._pool, stream=stream, capture_error_mode="thread_local"
        )
        with _capturing, capture:
            self._compute(shape)
        self._graphs[shape] = graph
        for (keys, values), (old_keys, old_values) in zip(self._tails, kept, strict=True):
            keys.copy_(old_keys)
            values.copy_(old_values)
        if self._lists and asked is not None:
            self._lists.queries.copy_(asked)
        self.tokens.copy_(tokens)
        self._restart(length, sealed)

    @torch.inference_mode()
    def _compute(self, shape: Shape) -> None:
        decoder, config, lists = self._decoder, self._decoder.config, self._lists
        rows, start, eps = shape.rows, self._start, config.rms_eps
        table = self._table[: shape.pages]
        mass = self._mass_of(shape).zero_() if shape.watched else None
        x = norm.embed(self.tokens[:rows], decoder.embedding)
        added: Tensor | None = None
        for n, layer in enumerate(self._layers):
            store, tail = cast("QuantizedPages", self._cache.stores[n]), self._tails[n]
            normed = norm.add_norm(x, added, layer.attention_norm, eps)
            qkv = self._product(normed, layer.qkv).view(rows, -1, config.head_dim)
            query = append.append(
                qkv, layer.bias, layer.head_norms, self._rotation, store, table, tail, start,
                self._sealed, lists.room(n, rows) if lists else None,
            )  # fmt: skip
            chosen = None
            if shape.sparse and lists and n in decoder.sparse_layers:
                chosen = lists.chosen(n, query, table, start)
            told = attention.attention(
                query, store, table, chosen, tail, start, layer.key_bias, mass
            )
            added = self._product(told.flatten(1), layer.out)
            normed = norm.add_norm(x, added, layer.mlp_norm, eps)
            added = self._product(self._product(normed, layer.gate_up), layer.down)
        normed = norm.add_norm(x, added, decoder.norm, eps)
        logits = self.logits[:rows]
        int8.product(normed, self._head.codes, self._head.scale, logits)
        self._sampler.sample(logits, self.tokens[:rows], start, self._sealed, advance=rows == 1)
        if shape.sparse and rows == 1 and lists and self._deferred:
            lists.choose(table, start)

    def _product(self, x: Tensor, weight: nf4.PackedNF4) -> Tensor:
        return nf4.product(x, weight, meeting=self._meeting)


def _layer(decoder: Decoder, n: int, pages: int) -> _Layer:
    layer, config = decoder.layers[n], decoder.config
    qkv = cast("DeviceNF4", layer.qkv)
    bias = None if qkv.bias is None else qkv.bias.view(-1, config.head_dim)
    norms = None
    if layer.query_norm is not None and layer.key_norm is not None:
        norms = HeadNorms(torch.stack((layer.query_norm, layer.key_norm)), config.rms_eps)
    return _Layer(
        attention_norm=layer.attention_norm,
        qkv=qkv.weight,
        bias=bias,
        head_norms=norms,
        key_bias=None if layer.key_bias is None else BiasTables.of(layer.key_bias, pages),
        out=cast("DeviceNF4", layer.out).weight,
        mlp_norm=layer.mlp_norm,
        gate_up=cast("DeviceNF4", layer.gate_up).weight,
        down=cast("DeviceNF4", layer.down).weight,
    )
