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
from typing import Any, Literal, Protocol

import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody knows it by
from torch import Tensor

from vademecum.errors import ModelUnsupported
from vademecum.model.cache import PagedCache, Sequence
from vademecum.model.kernels import PAGE, KernelSet
from vademecum.model.linear import Linear, QuantizedLinear, Weight, head, linear
from vademecum.model.rope import rope_frequencies, rope_magnitude, rotate
from vademecum.model.sparsity import Sparsity

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


class Decoder:
    """Runs tokens through a model, into and out of a paged cache.

    `tensors` carry their Hugging Face names ("model.layers.0.self_attn.q_proj.weight"); `dtype`
    is that of activations and cache. With `sparsity`, `decode` reads chosen pages only.
    """

    def __init__(
        self,
        config: ModelConfig,
        tensors: Mapping[str, Weight],
        *,
        kernels: KernelSet,
        dtype: torch.dtype,
        sparsity: Sparsity | None = None,
    ) -> None:
        self.config = config
        self.kernels = kernels
        self.dtype = dtype
        self.sparsity = sparsity
        self.sparse_layers = Sparsity.sparse_layers(config.layers) if sparsity else frozenset()
        self.frequencies = rope_frequencies(config)
        self.magnitude = rope_magnitude(config)
        read = _Reader(tensors, dtype)
        self.embedding = read.plain("model.embed_tokens.weight")
        self.layers = [_layer(read, f"model.layers.{n}.", config) for n in range(config.layers)]
        self.norm = read.plain("model.norm.weight")
        quantized = any(isinstance(tensor, QuantizedLinear) for tensor in tensors.values())
        name = "model.embed_tokens.weight" if config.tie_embeddings else "lm_head.weight"
        self.head = head(read.plain(name), quantized=quantized)
        # Counted where the pages are read, so that it cannot claim what did not happen.
        self.pages_read = torch.zeros((), dtype=torch.int64)
        self.pages_skipped = torch.zeros((), dtype=torch.int64)

    def new_cache(self, tokens: int) -> PagedCache:
        """A cache that holds `tokens` tokens of this model."""
        return PagedCache(
            layers=self.config.layers,
            kv_heads=self.config.kv_heads,
            head_dim=self.config.head_dim,
            pages=-(-tokens // PAGE),
            dtype=self.dtype,
            summarized=self.sparse_layers,
        )

    @torch.inference_mode()
    def prefill(self, ids: Tensor, cache: PagedCache, sequence: Sequence) -> Tensor:
        """Append `ids` (int64 `[tokens]`) to a sequence; logits after the last, float32 `[vocab]`.

        A prompt may come in several such chunks.
        """
        mask = self.kernels.causal_mask(ids.shape[0], sequence.length, ids.device)

        def attention(layer: int, query: Tensor) -> Tensor:
            return self.kernels.prefill_attention(
                query,
                cache.keys[layer],
                cache.values[layer],
                sequence.table,
                sequence.length,
                mask,
            )

        return self._forward(ids, cache, sequence, attention)

    @torch.inference_mode()
    def decode(self, ids: Tensor, cache: PagedCache, sequence: Sequence) -> Tensor:
        """Append one token (int64 `[1]`) to a sequence; logits after it, float32 `[vocab]`."""
        length = sequence.length + 1
        sparse = self.sparsity is not None and length >= self.sparsity.threshold

        def attention(layer: int, query: Tensor) -> Tensor:
            keys, values, table = cache.keys[layer], cache.values[layer], sequence.table
            summaries = cache.summaries[layer]
            if not sparse or summaries is None:
                out = self.kernels.dense_attention(query[0], keys, values, table, length)
            else:
                selected = self._select(query[0], summaries, sequence, length)
                out = self.kernels.sparse_attention(query[0], keys, values, table, selected, length)
            return out[None]

        return self._forward(ids, cache, sequence, attention)

    def _select(self, query: Tensor, summaries: Tensor, at: Sequence, length: int) -> Tensor:
        """The pages that one layer reads for one token, int64 `[kv_heads, selected]`."""
        assert self.sparsity is not None
        pages = -(-length // PAGE)
        scores = self.kernels.score_pages(query, summaries, at.table, pages, self.sparsity.score)
        selected = self.kernels.select_pages(
            scores, length, self.sparsity.budget_for(length), self.sparsity.recent
        )
        self.pages_read += selected.numel()
        self.pages_skipped += scores.numel() - selected.numel()
        return selected

    def _forward(
        self, ids: Tensor, cache: PagedCache, sequence: Sequence, attention: Attention
    ) -> Tensor:
        config = self.config
        start, tokens = sequence.length, ids.shape[0]
        if start + tokens > sequence.capacity:
            raise ValueError(f"{start + tokens} tokens in a sequence of {sequence.capacity}")
        cos, sin = self._rotation(start, tokens)
        x = self.embedding[ids]
        for n, layer in enumerate(self.layers):
            normed = F.rms_norm(x, (config.hidden,), layer.attention_norm, config.rms_eps)
            qkv = layer.qkv(normed).view(tokens, -1, config.head_dim)
            rotated = rotate(_normed_heads(qkv, layer, config), cos, sin)
            query, key = rotated[:, : config.heads], rotated[:, config.heads :]
            value = qkv[:, config.heads + config.kv_heads :]
            self._append(n, key, value, cache, sequence)
            x = x + layer.out(attention(n, query).reshape(tokens, -1))

            normed = F.rms_norm(x, (config.hidden,), layer.mlp_norm, config.rms_eps)
            gate, up = layer.gate_up(normed).chunk(2, dim=-1)
            x = x + layer.down(F.silu(gate) * up)
        sequence.length += tokens
        last = F.rms_norm(x[-1:], (config.hidden,), self.norm, config.rms_eps)
        return self.head(last)[0].float()

    def _append(self, n: int, key: Tensor, value: Tensor, cache: PagedCache, at: Sequence) -> None:
        """Write keys and values; summarise the pages that they complete."""
        self.kernels.append(cache.keys[n], cache.values[n], key, value, at.table, at.length)
        summaries = cache.summaries[n]
        if summaries is None or self.sparsity is None:
            return
        first, last = at.length // PAGE, (at.length + key.shape[0]) // PAGE
        if last > first:
            self.kernels.summarize(
                cache.keys[n], summaries, at.table, first, last, self.sparsity.score
            )

    def _rotation(self, start: int, tokens: int) -> tuple[Tensor, Tensor]:
        """Cosine and signed sine for `rotate`: `[tokens, 1, head_dim]`."""
        position = torch.arange(start, start + tokens, dtype=torch.float32)
        angle = position[:, None] * self.frequencies
        cos, sin = angle.cos() * self.magnitude, angle.sin() * self.magnitude
        return (
            torch.cat((cos, cos), dim=-1)[:, None].to(self.dtype),
            torch.cat((-sin, sin), dim=-1)[:, None].to(self.dtype),
        )

    def paths(self) -> dict[str, dict[str, int]]:
        """How each kind of product is computed, and in how many layers."""
        kinds = ("qkv", "out", "gate_up", "down")
        found = {kind: Counter(getattr(la, kind).path for la in self.layers) for kind in kinds}
        return {kind: dict(paths) for kind, paths in found.items()} | {"head": {self.head.path: 1}}


class Attention(Protocol):
    """`(layer, query [tokens, heads, head_dim]) -> [tokens, heads, head_dim]`."""

    def __call__(self, layer: int, query: Tensor, /) -> Tensor: ...


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
    """Named tensors in the dtype that the decoder computes in."""

    tensors: Mapping[str, Weight]
    dtype: torch.dtype

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

    def linear(self, prefix: str, *names: str) -> Linear:
        weights = [self.weight(f"{prefix}{name}.weight") for name in names]
        biases = [f"{prefix}{name}.bias" for name in names]
        present = [self.plain(name) for name in biases if name in self.tensors]
        if present and len(present) < len(names):
            raise ModelUnsupported(
                f"some of {', '.join(biases)} are missing", "fetch the model again"
            )
        return linear(weights, present)


def _layer(read: _Reader, prefix: str, config: ModelConfig) -> Layer:
    def head_norm(name: str) -> Tensor | None:
        return read.plain(f"{prefix}self_attn.{name}.weight") if config.qk_norm else None

    return Layer(
        attention_norm=read.plain(prefix + "input_layernorm.weight"),
        qkv=read.linear(prefix + "self_attn.", "q_proj", "k_proj", "v_proj"),
        out=read.linear(prefix + "self_attn.", "o_proj"),
        mlp_norm=read.plain(prefix + "post_attention_layernorm.weight"),
        gate_up=read.linear(prefix + "mlp.", "gate_proj", "up_proj"),
        down=read.linear(prefix + "mlp.", "down_proj"),
        query_norm=head_norm("q_norm"),
        key_norm=head_norm("k_norm"),
    )
