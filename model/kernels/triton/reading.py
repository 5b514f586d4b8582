"""A prompt's chunks through a model on a GPU.

The meaning is that of `Decoder.prefill`, a chunk at a time, but that products are in 8 bit; the
residual stream is float32 here. Several chunks go through a layer together: its weights are made
ready once for them, and products and attention have more to do at once. The last layer is computed
for the last token alone: nothing else is read of it but its keys and values.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, cast

import torch
from torch import Tensor

from vademecum.model.cache import PagedCache, Sequence
from vademecum.model.device import DeviceNF4
from vademecum.model.kernels.pages import PAGE, QuantizedPages
from vademecum.model.kernels.triton import choice, nf4, norm, prefill, prompt
from vademecum.model.kernels.triton.append import HeadNorms
from vademecum.model.kernels.triton.products import LayerProducts
from vademecum.model.rope import angles

if TYPE_CHECKING:
    from vademecum.model.decoder import Decoder
    from vademecum.model.layer import Layer


@dataclass(frozen=True, slots=True)
class Span:
    """Tokens `first` to `end` of those that are read: one stretch that reads all that came before
    it, or chunks that choose what they read."""

    first: int
    end: int
    chunks: int = 1
    chooses: bool = False


class Reader:
    """Reads the chunks of prompts into a cache."""

    PATH: ClassVar[str] = (
        f"chunks together; products of more than {nf4.MAX_ROWS} tokens in int8, turned, by Triton"
    )

    def __init__(self, decoder: Decoder) -> None:
        """Raises ValueError where `obstacle` finds one."""
        found = self.obstacle(decoder)
        if found:
            raise ValueError(found)
        self._decoder = decoder
        eps = decoder.config.rms_eps
        self._products = [LayerProducts(layer, eps) for layer in decoder.layers]
        self._norms = [_head_norms(layer, eps) for layer in decoder.layers]

    @staticmethod
    def obstacle(decoder: Decoder) -> str | None:
        """Why this decoder's prompts cannot be read so; None if they can."""
        if decoder.kernels.name != "cuda":
            return f"the kernels are those of {decoder.kernels.name}"
        if decoder.config.head_dim & (decoder.config.head_dim - 1):
            return f"heads of {decoder.config.head_dim} channels, no power of two"
        products = [p for la in decoder.layers for p in (la.qkv, la.out, la.gate_up, la.down)]
        if not all(isinstance(p, DeviceNF4) for p in products):
            return "weights are not NF4"
        return None

    def read(self, ids: Tensor, cache: PagedCache, sequence: Sequence) -> Tensor:
        """Store the keys and values of `ids` (int64 `[tokens]`), which come after a whole number of
        pages; what the output head reads after the last of them, bf16 `[1, hidden]`."""
        decoder, config = self._decoder, self._decoder.config
        tokens, start, eps = ids.shape[0], sequence.length, config.rms_eps
        table = sequence.table[: (start + tokens) // PAGE]
        rotation = angles(decoder.frequencies, decoder.magnitude, tokens, start)
        x = norm.embed(ids.to(decoder.device), decoder.embedding)
        deferred = decoder.sparsity is not None and decoder.sparsity.deferred
        asked: list[Tensor] = []
        for n, (layer, products) in enumerate(zip(decoder.layers, self._products, strict=True)):
            store = cast("QuantizedPages", cache.stores[n])
            qkv = products.qkv(x)
            appended = prompt.append(
                qkv.view(tokens, -1, config.head_dim), self._norms[n], rotation, store, table,
                sequence.tails[n], start, layer.key_bias,
            )  # fmt: skip
            del qkv
            if deferred:
                asked.append(appended.query[-1].clone())  # a view would keep those of all tokens
            spans = self._spans(n, start, tokens)
            asking = tokens
            if n == config.layers - 1:
                spans, asking, x = spans[-1:], 1, x[-1:]
            told = torch.empty_like(appended.query[-asking:])
            for span in spans:
                self._attend(n, span, appended, store, table, start, told)
            del appended
            products.out.add_to(x, told.flatten(1))
            del told
            products.add_mlp(x)
        if deferred:
            sequence.asked = torch.stack(asked)
        return norm.add_norm(x, None, decoder.norm, eps)

    def lengths(self, most: int) -> list[int]:
        """Lengths of prompts, `most` at most, which take every kernel that a chunk and a token do
        not take: up to 16 tokens are multiplied by the NF4 kernel."""
        few = (nf4.MAX_ROWS // 2 + 1, nf4.MAX_ROWS)
        return [*few, *self._products[0].lengths(self._decoder.chunk, most)]

    @torch.inference_mode()
    def look_far_back(self, cache: PagedCache) -> None:
        """Take, in one layer, what only tokens far behind the beginning do: more pages than are
        decoded at a time, and chosen ones. What they hold does not matter."""
        decoder, config = self._decoder, self._decoder.config
        past, device = prefill.BLOCK + 1, decoder.device
        if cache.pages <= past:
            return
        n = decoder.sparse_layers.start if decoder.sparse_layers else 0
        store, bias = cast("QuantizedPages", cache.stores[n]), decoder.layers[n].key_bias
        table = torch.zeros(past, dtype=torch.int64, device=device)
        query, keys = (
            torch.zeros(shape, dtype=torch.bfloat16, device=device)
            for shape in (
                (1, PAGE, config.heads, config.head_dim),
                (1, config.kv_heads, PAGE, config.head_dim),
            )
        )
        every = torch.arange(past, device=device).expand(1, config.kv_heads, -1)
        prefill.attention(query, keys, keys, store, table, every, bias, torch.empty_like(query))
        if decoder.sparsity and decoder.sparse_layers:
            choice.choose(query, store, table, past, decoder.sparsity, bias)

    def _spans(self, n: int, start: int, tokens: int) -> list[Span]:
        """How a layer attends: whole chunks from some length on choose, what ends a prompt does
        not."""
        decoder = self._decoder
        chunk, sparsity = decoder.chunk, decoder.sparsity
        whole = tokens - tokens % chunk

        def chooses(first: int) -> bool:
            past = (start + first) // PAGE
            some = sparsity is not None and choice.taken(past, sparsity) < past
            return some and decoder.chooses(n, start + first, chunk)

        first = next((at for at in range(0, whole, chunk) if chooses(at)), tokens)
        if first == tokens:
            return [Span(0, tokens)]
        spans = [Span(first, whole, (whole - first) // chunk, chooses=True)]
        if first:
            spans.insert(0, Span(0, first))
        if whole < tokens:
            spans.append(Span(whole, tokens))
        return spans

    def _attend(
        self,
        n: int,
        span: Span,
        appended: prompt.Appended,
        store: QuantizedPages,
        table: Tensor,
        start: int,
        told: Tensor,
    ) -> None:
        """What the last tokens of a span attend to goes to `told [tokens, heads, dim]`: all, or
        where that holds fewer, those of its last chunk."""
        decoder, bias = self._decoder, self._decoder.layers[n].key_bias
        past = (start + span.first) // PAGE
        at = slice(span.first, span.end)
        query, keys, values = (
            part.unflatten(axis, (span.chunks, -1))
            for part, axis in (
                (appended.query[at], 0), (appended.keys[:, at], 1), (appended.values[:, at], 1),
            )
        )  # fmt: skip
        keys, values = keys.transpose(0, 1), values.transpose(0, 1)
        kv_heads = keys.shape[1]
        if span.chooses:
            assert decoder.sparsity is not None
            selected = choice.choose(query, store, table, past, decoder.sparsity, bias)
            self._count(selected, past, query.shape[1] // PAGE)
        else:
            selected = torch.arange(past, device=table.device).expand(1, kv_heads, -1)
        if told.shape[0] < appended.query.shape[0]:
            query, out = query[-1:, -told.shape[0] :], told[None]
            keys, values, selected = keys[-1:], values[-1:], selected[-1:]
        else:
            out = told[at].unflatten(0, (span.chunks, -1))
        prefill.attention(query, keys, values, store, table, selected, bias, out)

    def _count(self, selected: Tensor, past: int, step: int) -> None:
        """Tell the decoder of pages that were read, and of those that were left out."""
        chunks, kv_heads, taken = selected.shape
        left = sum(past + n * step - taken for n in range(chunks)) * kv_heads
        self._decoder.pages_counted[0] += selected.numel()
        self._decoder.pages_counted[1] += left


def _head_norms(layer: Layer, eps: float) -> HeadNorms | None:
    if layer.query_norm is None or layer.key_norm is None:
        return None
    return HeadNorms(torch.stack((layer.query_norm, layer.key_norm)), eps)
