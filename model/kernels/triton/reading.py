"""A prompt's chunk through a model on a GPU: products by PyTorch, all between them by our kernels.

The meaning is that of `Decoder.prefill`; the residual stream is float32 here. The last layer is
computed for the last token alone: nothing else is read of it but its keys and values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor

from vademecum.model.cache import PagedCache, Sequence
from vademecum.model.device import DeviceNF4
from vademecum.model.kernels.pages import PAGE, QuantizedPages
from vademecum.model.kernels.triton import nf4, norm, prefill, prompt
from vademecum.model.kernels.triton.append import HeadNorms
from vademecum.model.rope import angles

if TYPE_CHECKING:
    from vademecum.model.decoder import Decoder, Layer


class Reader:
    """Reads the chunks of prompts into a cache."""

    def __init__(self, decoder: Decoder) -> None:
        """Raises ValueError where `obstacle` finds one."""
        found = self.obstacle(decoder)
        if found:
            raise ValueError(found)
        self._decoder = decoder
        self._norms = [_head_norms(layer, decoder.config.rms_eps) for layer in decoder.layers]

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
        past = table[: start // PAGE]
        every = torch.arange(past.shape[0], device=table.device).expand(config.kv_heads, -1)
        rotation = angles(decoder.frequencies, decoder.magnitude, tokens, start)
        x = norm.embed(ids.to(decoder.device), decoder.embedding)
        part: Tensor | None = None
        deferred = decoder.sparsity is not None and decoder.sparsity.deferred
        asked: list[Tensor] = []
        for n, layer in enumerate(decoder.layers):
            store, bias = cast("QuantizedPages", cache.stores[n]), layer.key_bias
            qkv = layer.qkv(norm.add_norm(x, part, layer.attention_norm, eps))
            appended = prompt.append(
                qkv.view(tokens, -1, config.head_dim), self._norms[n], rotation, store, table,
                sequence.tails[n], start, bias,
            )  # fmt: skip
            query = appended.query
            if deferred:
                asked.append(query[-1].clone())  # a view would keep those of all tokens
            selected = every
            if decoder.chooses(n, start, tokens):
                selected = decoder.select_for_chunk(n, query, cache, past)
            if n == config.layers - 1:
                query, x = query[-1:], x[-1:]
            told = prefill.attention(
                query, appended.keys, appended.values, store, table, selected, bias
            )
            rows = query.shape[0]
            part = layer.out(told.reshape(rows, -1))
            normed = norm.add_norm(x, part, layer.mlp_norm, eps)
            part = layer.down(_gated(cast("DeviceNF4", layer.gate_up), normed))
        if deferred:
            sequence.asked = torch.stack(asked)
        return norm.add_norm(x, part, decoder.norm, eps)


def _gated(weight: DeviceNF4, x: Tensor) -> Tensor:
    """`silu(gate) * up` of `x [tokens, hidden]`."""
    if x.shape[0] <= nf4.MAX_ROWS:
        return nf4.product(x, weight.weight)
    return prompt.gated(weight(x))


def _head_norms(layer: Layer, eps: float) -> HeadNorms | None:
    if layer.query_norm is None or layer.key_norm is None:
        return None
    return HeadNorms(torch.stack((layer.query_norm, layer.key_norm)), eps)
