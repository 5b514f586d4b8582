"""One decoder for the Llama, Qwen2 and Qwen3 families.

    x = embedding(ids)
    for each layer:
        x += out(attention(rope(qkv(norm(x)))))        # Qwen3: rope(norm(q)), rope(norm(k))
        x += down(silu(gate(norm(x))) * up(norm(x)))
    logits = head(norm(x of the last token))

Tensors have no batch dimension: one sequence is run at a time, `[tokens, hidden]`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody knows it by
from torch import Tensor

from vademecum.errors import ModelUnsupported
from vademecum.model.cache import PagedCache, Sequence
from vademecum.model.head import HalvedInt8, head
from vademecum.model.kernels import PAGE, KernelSet, KeyBias, KvKind
from vademecum.model.linear import (
    Linear,
    Packed,
    Plain,
    QuantizedLinear,
    Weight,
    linear,
    rows_alike,
)
from vademecum.model.rope import angles, rope_frequencies, rope_magnitude, rotate
from vademecum.model.rows import Rows
from vademecum.model.sparsity import CHUNK, Sparsity

if TYPE_CHECKING:
    from vademecum.model.kernels.triton.reading import Reader

ROWS = 9  # tokens computed at once while an answer is written: one and its draft

Family = Literal["llama", "qwen2", "qwen3"]


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """The shape of a model, as its `config.json` gives it."""

    family: Family
    vocab_size: int
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate: int
    rms_eps: float
    rope_theta: float
    rope_scaling: dict[str, Any] | None
    tie_embeddings: bool
    attention_bias: bool
    max_positions: int

    @property
    def qk_norm(self) -> bool:
        """Whether each query and key head is normalised before it is rotated."""
        return self.family == "qwen3"


@dataclass(frozen=True, slots=True)
class Layer:
    """The weights of one layer; `qkv` and `gate_up` are products over the same input, fused."""

    attention_norm: Tensor
    qkv: Linear
    out: Linear
    mlp_norm: Tensor
    gate_up: Linear
    down: Linear
    query_norm: Tensor | None = None  # over the dimensions of a head
    key_norm: Tensor | None = None
    key_bias: KeyBias | None = None  # where it is too large to be stored with the keys


class Decoder:
    """Runs tokens through a model, into and out of a paged cache.

    `tensors` carry their Hugging Face names ("model.layers.0.self_attn.q_proj.weight"); `dtype`
    is that of activations. With `sparsity`, long sequences are read by chosen pages only.
    `chunk` is how many tokens of a prompt are read at a time where `sparsity` does not say it.
    `packed` holds products that are ready, by the names of what they fuse
    ("model.layers.0.self_attn.q_proj+k_proj+v_proj", "lm_head"): their tensors are not read.
    """

    def __init__(
        self,
        config: ModelConfig,
        tensors: Mapping[str, Weight],
        *,
        kernels: KernelSet,
        dtype: torch.dtype,
        kv: KvKind = "plain",
        sparsity: Sparsity | None = None,
        packed: Mapping[str, Packed] | None = None,
        chunk: int = CHUNK,
    ) -> None:
        self.config = config
        self.kernels = kernels
        self.dtype = dtype
        self.kv: KvKind = kv
        self.sparsity = sparsity
        self.chunk = sparsity.chunk if sparsity else chunk
        self.at_once = self.chunk  # tokens of a prompt that go through a layer together
        self.sparse_layers = sparsity.sparse_layers(config.layers) if sparsity else range(0)
        self.magnitude = rope_magnitude(config)
        read = _Reader(tensors, dtype, packed or {})
        self.embedding = read.plain("model.embed_tokens.weight")
        self.device = self.embedding.device
        self.frequencies = rope_frequencies(config).to(self.device)
        self.layers = [
            _layer(read, f"model.layers.{n}.", config, self.frequencies, self.magnitude)
            for n in range(config.layers)
        ]
        self.norm = read.plain("model.norm.weight")
        self.head = read.head(tied=config.tie_embeddings)
        # The CPU's kernels read and give float32; rounding a vocabulary's logits takes time.
        self._head_input = dtype if isinstance(self.head, Plain) else torch.float32
        # Counted where the pages are read, so that it cannot claim what did not happen.
        self.pages_counted = torch.zeros(2, dtype=torch.int64, device=self.device)
        self._cos, self._sin = torch.empty(0), torch.empty(0)
        self._last_rows = torch.empty(0)  # what the head read last
        self._rows = None if Rows.obstacle(self) else Rows(self, ROWS)
        self._reader, self.reading = _reader(self)
        # Why a token is computed otherwise with a draft behind it than alone; None if it is not.
        self.draft_obstacle = self._draft_obstacle()

    def new_cache(self, tokens: int) -> PagedCache:
        """A cache that holds `tokens` tokens of this model."""
        return PagedCache(
            layers=self.config.layers,
            kv_heads=self.config.kv_heads,
            head_dim=self.config.head_dim,
            pages=-(-tokens // PAGE),
            kind=self.kv,
            dtype=self.dtype,
            step=self.chunk,
            device=self.device,
        )

    @torch.inference_mode()
    def prefill(self, ids: Tensor, cache: PagedCache, sequence: Sequence) -> Tensor:
        """Append `ids` (int64 `[tokens]`) to a sequence; logits after the last, float32 `[vocab]`.

        A prompt may come in several such chunks, of which each but the last is a multiple of 32
        tokens: whether it does makes no difference to what is stored. With `at_once` above `chunk`,
        several may come together.
        """
        start = sequence.length
        if start % PAGE:
            raise ValueError(f"a prompt cannot go on after {start} tokens: not whole pages")
        if self._reader is not None:
            normed = self._reader.read(self._checked(ids, sequence), cache, sequence)
            sequence.length += ids.shape[0]
            return self._head(normed)[0]
        whole = (start + ids.shape[0]) // PAGE
        own = sequence.table[start // PAGE : whole]
        table = sequence.table[:whole]
        past = torch.arange(start // PAGE, device=self.device)
        every = past.expand(self.config.kv_heads, -1)

        def attention(n: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
            bias, tail = self.layers[n].key_bias, sequence.tails[n]
            for part, store in ((key, tail[0]), (value, tail[1])):
                rest = part[own.shape[0] * PAGE :]
                store[:, : rest.shape[0]] = rest.transpose(0, 1)
            complete = slice(0, own.shape[0] * PAGE)
            cache.stores[n].seal(own, _paged(key[complete]), _paged(value[complete]))
            selected = every
            if self.chooses(n, start, ids.shape[0]):
                selected = self.select_for_chunk(n, query, cache, table[: start // PAGE])
            asked.append(query[-1])
            return self.kernels.prefill_attention(
                query, cache.stores[n], table, selected, start, tail, bias
            )

        asked: list[Tensor] = []
        hidden = self._forward(ids, sequence, attention)
        if self.sparsity and self.sparsity.deferred:
            sequence.asked = torch.stack(asked)
        sequence.length += ids.shape[0]
        return self.logits(hidden[-1:])[0]

    @torch.inference_mode()
    def decode(self, ids: Tensor, cache: PagedCache, sequence: Sequence) -> Tensor:
        """Logits after each of `ids` (int64 `[tokens]`), float32 `[tokens, vocab]`.

        The tokens stay candidates until `keep` is called. They must fit into the page being
        filled. Each row is computed as if it had come alone, to the bit unless `draft_obstacle`
        says why not.
        """
        start = sequence.length
        filled = start % PAGE
        if filled + ids.shape[0] > PAGE:
            raise ValueError(f"{ids.shape[0]} tokens do not fit a page that holds {filled}")
        if sequence.mass is not None:
            sequence.mass.zero_()
        if self._rows is not None and ids.shape[0] <= ROWS:
            cos, sin = self._rotation(start, ids.shape[0])
            normed = self._rows.forward(
                self._checked(ids, sequence), cos, sin, cache.stores, sequence
            )
            return self._head(normed)
        table = sequence.complete
        complete = torch.arange(table.shape[0], device=self.device)
        every = complete.expand(self.config.kv_heads, -1).contiguous()
        behind = int(self.sparsity is not None and self.sparsity.deferred)
        asking: list[Tensor] = []

        def attention(n: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
            store, tail, bias = cache.stores[n], sequence.tails[n], self.layers[n].key_bias
            asking.append(query)
            before = query[:1] if sequence.asked is None else sequence.asked[n][None]
            chooses = torch.cat((before, query[:-1])) if behind else query
            tail[0][:, filled : filled + key.shape[0]] = key.transpose(0, 1)
            tail[1][:, filled : filled + key.shape[0]] = value.transpose(0, 1)
            rows = []
            for row in range(query.shape[0]):
                selected, length = every, start + row + 1
                if self.sparsity and length >= self.sparsity.threshold and n in self.sparse_layers:
                    there = max(0, start + row - behind) // PAGE
                    selected = self._select(n, chooses[row], cache, table, length, there=there)
                mass = None if sequence.mass is None else sequence.mass[row]
                rows.append(
                    self.kernels.attention(
                        query[row], store, table, selected, tail, filled + row + 1, bias, mass
                    )
                )
            return torch.stack(rows)

        hidden = self._forward(ids, sequence, attention)
        if behind:
            sequence.asking = torch.stack(asking)
        return self.logits(hidden)

    @torch.inference_mode()
    def keep(self, tokens: int, cache: PagedCache, sequence: Sequence) -> None:
        """Make the first `tokens` tokens of the last `decode` part of the sequence."""
        sequence.length += tokens
        if sequence.asking is not None:
            sequence.asked = sequence.asking[:, tokens - 1]
        if sequence.length % PAGE == 0:
            at = sequence.table[sequence.length // PAGE - 1 : sequence.length // PAGE]
            for store, (keys, values) in zip(cache.stores, sequence.tails, strict=True):
                store.seal(at, keys[:, None], values[:, None])

    def logits(self, hidden: Tensor) -> Tensor:
        """`[tokens, hidden]` -> float32 `[tokens, vocab]`."""
        normed = F.rms_norm(hidden, (self.config.hidden,), self.norm, self.config.rms_eps)
        return self._head(normed)

    def _head(self, normed: Tensor) -> Tensor:
        self._last_rows = normed.to(self._head_input)
        return self.head(self._last_rows).float()

    @property
    def halves_head(self) -> bool:
        """Whether the smallest logits are less exact than the largest: see `whole_logits`."""
        return isinstance(self.head, HalvedInt8)

    @torch.inference_mode()
    def whole_logits(self, row: int) -> Tensor:
        """The logits of one row of those that were computed last, all as exact as the largest:
        float32 `[vocab]`."""
        assert isinstance(self.head, HalvedInt8)
        return self.head.whole(self._last_rows[row][None])[0]

    def _select(
        self,
        n: int,
        query: Tensor,
        cache: PagedCache,
        table: Tensor,
        length: int,
        budget: int | None = None,
        there: int | None = None,
    ) -> Tensor:
        """The pages that a layer reads for `query [heads, dim]`: int64 `[kv_heads, selected]`.

        Those that were not `there` when the query was are read in any case."""
        assert self.sparsity is not None
        scored = table if there is None else table[:there]
        bias = self.layers[n].key_bias
        scores = self.kernels.score_pages(query, cache.stores[n], scored, bias)
        scores = F.pad(scores, (0, table.shape[0] - scored.shape[0]), value=torch.inf)
        selected = self.kernels.select_pages(
            scores,
            length,
            self.sparsity.budget_for(length) if budget is None else budget,
            self.sparsity.recent,
            self.sparsity.sinks,
        )
        self.pages_counted[0] += selected.numel()
        self.pages_counted[1] += scores.numel() - selected.numel()
        return selected

    def chooses(self, n: int, start: int, tokens: int) -> bool:
        """Whether a layer reads chosen pages only for a chunk of a prompt.

        A chunk that is not full ends the prompt: there the question stands, and it is short.
        """
        sparsity = self.sparsity
        far = sparsity is not None and start >= sparsity.threshold and tokens == self.chunk
        return far and n in self.sparse_layers

    def select_for_chunk(self, n: int, queries: Tensor, cache: PagedCache, table: Tensor) -> Tensor:
        """One choice for a chunk, by some of its tokens together."""
        heads, kv_heads = self.config.heads, self.config.kv_heads
        assert self.sparsity is not None
        step = max(1, queries.shape[0] // self.sparsity.sampled)
        last = queries.shape[0] - 1  # it is always among them
        some = queries[torch.arange(last, -1, -step, device=queries.device)]
        grouped = some.reshape(-1, kv_heads, heads // kv_heads, self.config.head_dim)
        rows = grouped.transpose(0, 1).flatten(0, 2)  # the heads of a KV head stay together
        budget = self.sparsity.prefill_budget
        return self._select(n, rows, cache, table, table.shape[0] * PAGE, budget)

    def _forward(self, ids: Tensor, sequence: Sequence, attention: Attention) -> Tensor:
        config = self.config
        tokens = ids.shape[0]
        cos, sin = self._rotation(sequence.length, tokens)
        x = self.embedding[self._checked(ids, sequence).to(self.device)]
        for n, layer in enumerate(self.layers):
            normed = F.rms_norm(x, (config.hidden,), layer.attention_norm, config.rms_eps)
            qkv = layer.qkv(normed).view(tokens, -1, config.head_dim)
            rotated = rotate(_normed_heads(qkv, layer, config), cos, sin)
            query, key = rotated[:, : config.heads], rotated[:, config.heads :]
            value = qkv[:, config.heads + config.kv_heads :]
            x = x + layer.out(attention(n, query, key, value).reshape(tokens, -1))

            normed = F.rms_norm(x, (config.hidden,), layer.mlp_norm, config.rms_eps)
            gate, up = layer.gate_up(normed).chunk(2, dim=-1)
            x = x + layer.down(F.silu(gate) * up)
        return x

    def _checked(self, ids: Tensor, sequence: Sequence) -> Tensor:
        end = sequence.length + ids.shape[0]
        if end > sequence.capacity:
            raise ValueError(f"{end} tokens in a sequence of {sequence.capacity}")
        return ids

    def _rotation(self, start: int, tokens: int) -> tuple[Tensor, Tensor]:
        """Cosine and signed sine for `rotate`: `[tokens, 1, head_dim]`."""
        end = start + tokens
        if self._cos.shape[0] < end:
            cos, sin = angles(self.frequencies, self.magnitude, max(1024, 2 * end))
            self._cos, self._sin = cos[:, None].to(self.dtype), sin[:, None].to(self.dtype)
        return self._cos[start:end], self._sin[start:end]

    @property
    def writing(self) -> str:
        """How the tokens of an answer are computed, and why."""
        if self._rows is not None:
            return f"compiled between the products, up to {ROWS} tokens at once"
        return f"as prompts are read: {Rows.obstacle(self)}"

    def _draft_obstacle(self) -> str | None:
        products = [p for la in self.layers for p in (la.qkv, la.out, la.gate_up, la.down)]
        for product in (*products, self.head):
            if not rows_alike(product):
                return f"{product.path} rounds several tokens otherwise than one"
        return None

    @property
    def reader(self) -> Reader | None:
        """What reads prompts on a GPU; None where the decoder itself does."""
        return self._reader

    @property
    def pages_read(self) -> int:
        """Pages that were read by heads that could choose, since the decoder was made."""
        return int(self.pages_counted[0])

    @property
    def pages_skipped(self) -> int:
        """Pages that they left out."""
        return int(self.pages_counted[1])

    def paths(self) -> dict[str, dict[str, int]]:
        """How each kind of product is computed, and in how many layers."""
        kinds = ("qkv", "out", "gate_up", "down")
        found = {kind: Counter(getattr(la, kind).path for la in self.layers) for kind in kinds}
        return {kind: dict(paths) for kind, paths in found.items()} | {"head": {self.head.path: 1}}


class Attention(Protocol):
    """Stores the keys and values of some tokens, and attends.

    `(layer, query [tokens, heads, head_dim], key and value [tokens, kv_heads, head_dim])` ->
    `[tokens, heads, head_dim]`.
    """

    def __call__(self, n: int, query: Tensor, key: Tensor, value: Tensor, /) -> Tensor: ...


def _paged(x: Tensor) -> Tensor:
    """`[tokens, kv_heads, dim]` -> `[kv_heads, pages, 32, dim]`."""
    return x.transpose(0, 1).reshape(x.shape[1], x.shape[0] // PAGE, PAGE, x.shape[2])


def _normed_heads(qkv: Tensor, layer: Layer, config: ModelConfig) -> Tensor:
    """Queries and keys, `[tokens, heads + kv_heads, head_dim]`, each head normalised for Qwen3."""
    both = qkv[:, : config.heads + config.kv_heads]
    if layer.query_norm is None or layer.key_norm is None:
        return both
    query, key = both[:, : config.heads], both[:, config.heads :]
    dims = (config.head_dim,)
    return torch.cat(
        (
            F.rms_norm(query, dims, layer.query_norm, config.rms_eps),
            F.rms_norm(key, dims, layer.key_norm, config.rms_eps),
        ),
        dim=1,
    )


@dataclass(frozen=True, slots=True)
class _Reader:
    """Named tensors in the dtype that the decoder computes in, and products that are ready."""

    tensors: Mapping[str, Weight]
    dtype: torch.dtype
    packed: Mapping[str, Packed]

    def weight(self, name: str) -> Weight:
        try:
            found = self.tensors[name]
        except KeyError:
            raise ModelUnsupported(
                f"the weights hold no tensor {name!r}", "fetch the model again"
            ) from None
        return found.to(self.dtype) if isinstance(found, Tensor) else found

    def plain(self, name: str) -> Tensor:
        found = self.weight(name)
        if isinstance(found, QuantizedLinear):
            return found.dequantize(self.dtype)
        return found

    def linear(self, prefix: str, *names: str, unbiased: str | None = None) -> Linear:
        """The product of several weights with one input; `unbiased` names one without its bias."""
        biases = {name: f"{prefix}{name}.bias" for name in names}
        present = {name: self.plain(bias) for name, bias in biases.items() if bias in self.tensors}
        if present and len(present) < len(names):
            raise ModelUnsupported(
                f"some of {', '.join(biases.values())} are missing", "fetch the model again"
            )
        if unbiased:
            present[unbiased] = torch.zeros_like(present[unbiased])
        ready = self.packed.get(prefix + "+".join(names))
        if ready is not None:
            return ready.biased(torch.cat(list(present.values())) if present else None)
        weights = [self.weight(f"{prefix}{name}.weight") for name in names]
        return linear(weights, list(present.values()))

    def head(self, *, tied: bool) -> Linear:
        """The output head, in int8 if the rest of the model is quantised."""
        ready = self.packed.get("lm_head")
        if ready is not None:
            return ready
        quantized = any(isinstance(tensor, QuantizedLinear) for tensor in self.tensors.values())
        name = "model.embed_tokens.weight" if tied else "lm_head.weight"
        return head(self.plain(name), quantized=quantized)


def _reader(decoder: Decoder) -> tuple[Reader | None, str]:
    """What reads prompts on a GPU, or None where the decoder itself does; and how that goes, for a
    person."""
    itself = f"{decoder.chunk} tokens at a time"
    if decoder.device.type != "cuda":
        return None, itself
    from vademecum.model.kernels.triton.reading import Reader

    if obstacle := Reader.obstacle(decoder):
        return None, f"{itself}: {obstacle}"
    return Reader(decoder), Reader.PATH


# A bias whose norm in some head exceeds this is kept out of the stored keys. Measured on Qwen2.5:
# 50 to 900 in a few layers (0.5B: 0, 1, 2, 4, 8; 1.5B: 0, 1, 7, 15), 5 to 33 in the others.
LARGE_BIAS = 40.0


def _layer(
    read: _Reader, prefix: str, config: ModelConfig, frequencies: Tensor, magnitude: float
) -> Layer:
    def head_norm(name: str) -> Tensor | None:
        return read.plain(f"{prefix}self_attn.{name}.weight") if config.qk_norm else None

    key_bias = None
    if f"{prefix}self_attn.k_proj.bias" in read.tensors:
        value = read.plain(f"{prefix}self_attn.k_proj.bias").float().view(-1, config.head_dim)
        if float(value.norm(dim=1).max()) > LARGE_BIAS:
            key_bias = KeyBias(value * magnitude, frequencies)
    attention = prefix + "self_attn."
    return Layer(
        attention_norm=read.plain(prefix + "input_layernorm.weight"),
        qkv=read.linear(
            attention, "q_proj", "k_proj", "v_proj", unbiased="k_proj" if key_bias else None
        ),
        out=read.linear(attention, "o_proj"),
        mlp_norm=read.plain(prefix + "post_attention_layernorm.weight"),
        gate_up=read.linear(prefix + "mlp.", "gate_proj", "up_proj"),
        down=read.linear(prefix + "mlp.", "down_proj"),
        query_norm=head_norm("q_norm"),
        key_norm=head_norm("k_norm"),
        key_bias=key_bias,
    )
