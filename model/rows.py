"""The layers of a decoder for one token or a few, called as rarely as can be.

The same mathematics as `Decoder._forward`, which reads prompts: between the products compiled
functions, and the products called without PyTorch in between. Writing is bound by memory only if
nothing else takes time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vademecum.model.linear import (
    NF4_BLOCK,
    CompiledNF4,
    Int8,
    Linear,
    NativeNF4,
    compiled_int8,
    compiled_product,
    nf4_gemv,
)

if TYPE_CHECKING:
    from vademecum.model.decoder import Attention, Decoder, Layer, ModelConfig

Array = npt.NDArray[np.float32]


class Product(Protocol):
    """A product between two buffers, `[limit, in]` and `[limit, out]`, over their first rows."""

    def __call__(self, rows: int) -> None: ...


class Native:
    """bitsandbytes' NF4 product, called by address; the buffers are bf16."""

    def __init__(self, weight: NativeNF4, source: Tensor, target: Tensor) -> None:
        out, inner = weight.shape
        self._held = (weight, source, target)  # the function knows addresses only
        self._call = nf4_gemv()
        self._arguments = (
            out, inner, source.data_ptr(), weight.codes.data_ptr(), weight.absmax.data_ptr(),
            target.data_ptr(), NF4_BLOCK, source.stride(0), target.stride(0),
        )  # fmt: skip

    def __call__(self, rows: int) -> None:
        self._call(rows, *self._arguments)


class Compiled:
    """Our own NF4 or int8 product; the buffers are float32."""

    def __init__(self, weight: CompiledNF4 | Int8, source: Tensor, target: Tensor) -> None:
        from vademecum.model.kernels import int8, nf4

        self._call: Callable[..., None]
        self._weight: tuple[npt.NDArray[Any], npt.NDArray[Any]]
        if isinstance(weight, Int8):
            self._call = int8.multiply
            scale = weight.scale.view(torch.uint16)
            self._weight = weight.codes.numpy(), scale.numpy()
        else:
            self._call = nf4.multiply
            self._weight = weight.weight.packed.numpy(), weight.weight.absmax.numpy()
        self._source, self._target = source.numpy(), target.numpy()

    def __call__(self, rows: int) -> None:
        self._call(self._source[:rows], *self._weight, self._target[:rows])


class Rows:
    """Runs up to `limit` tokens through the layers of a decoder with quantised weights."""

    def __init__(self, decoder: Decoder, limit: int) -> None:
        """Raises ValueError where `obstacle` finds one."""
        from vademecum.model.kernels import between

        obstacle = self.obstacle(decoder)
        if obstacle:
            raise ValueError(obstacle)
        native = isinstance(decoder.layers[0].qkv, NativeNF4)
        between.warm_up(np.uint16 if native else np.float32)
        config = decoder.config
        self._config = config
        self._embedding = decoder.embedding
        self._between = between
        self._eps = np.float32(config.rms_eps)
        heads = config.heads + 2 * config.kv_heads

        def room(width: int) -> Tensor:
            return torch.zeros(limit, width, dtype=torch.bfloat16 if native else torch.float32)

        def product(weight: Linear, source: Tensor, target: Tensor) -> Product:
            if native:
                return Native(cast("NativeNF4", weight), source, target)
            return Compiled(cast("CompiledNF4 | Int8", weight), source, target)

        normed, qkv = room(config.hidden), room(heads * config.head_dim)
        attended, part = room(config.heads * config.head_dim), room(config.hidden)
        both, gated = room(2 * config.intermediate), room(config.intermediate)
        self._layers = [
            (
                _numbers(layer.attention_norm),
                product(layer.qkv, normed, qkv),
                _bias(layer),
                _head_norms(layer),
                product(layer.out, attended, part),
                _numbers(layer.mlp_norm),
                product(layer.gate_up, normed, both),
                product(layer.down, gated, part),
            )
            for layer in decoder.layers
        ]
        self._normed, self._qkv, self._attended, self._part, self._both, self._gated = (
            tensor.view(torch.uint16).numpy() if native else tensor.numpy()
            for tensor in (normed, qkv, attended, part, both, gated)
        )

    @staticmethod
    def obstacle(decoder: Decoder) -> str | None:
        """Why this decoder's tokens cannot be written so; None if they can."""
        if decoder.kernels.name != "cpu":
            return f"attention is computed by {decoder.kernels.name} kernels"
        if decoder.dtype != torch.bfloat16:
            return f"activations are {str(decoder.dtype).removeprefix('torch.')}"
        products = [p for la in decoder.layers for p in (la.qkv, la.out, la.gate_up, la.down)]
        if all(isinstance(product, NativeNF4) for product in products):
            return None
        if not all(isinstance(product, CompiledNF4 | Int8) for product in products):
            return "weights are not quantised, or in several ways"
        if compiled_product() is None or compiled_int8() is None:
            return "Numba cannot be used"
        return None

    def forward(self, ids: Tensor, cos: Tensor, sin: Tensor, attention: Attention) -> Tensor:
        """As `Decoder._forward`: `ids [tokens]` to `[tokens, hidden]`."""
        between, config, eps = self._between, self._config, self._eps
        rows = ids.shape[0]
        kept = self._embedding[ids].float()
        x = kept.numpy()
        turn = cos.float().numpy()[:, 0], sin.float().numpy()[:, 0]
        query, key, value = _heads(config, rows)
        spread = query.numpy(), key.numpy(), value.numpy()
        for n, (norm, qkv, bias, norms, out, mlp_norm, gate_up, down) in enumerate(self._layers):
            between.norm_rows(x, norm, eps, self._normed[:rows])
            qkv(rows)
            between.split_heads(self._qkv[:rows], bias, norms, eps, *turn, *spread)
            told = attention(n, query, key, value).reshape(rows, -1)
            between.store_rows(told.numpy(), self._attended[:rows])
            out(rows)
            between.add_rows(x, self._part[:rows])
            between.norm_rows(x, mlp_norm, eps, self._normed[:rows])
            gate_up(rows)
            between.gate_rows(self._both[:rows], self._gated[:rows])
            down(rows)
            between.add_rows(x, self._part[:rows])
        return kept.bfloat16()


def _heads(config: ModelConfig, rows: int) -> tuple[Tensor, Tensor, Tensor]:
    counts = config.heads, config.kv_heads, config.kv_heads
    query, key, value = (torch.empty(rows, count, config.head_dim) for count in counts)
    return query, key, value


def _numbers(tensor: Tensor) -> Array:
    return tensor.float().numpy()


def _bias(layer: Layer) -> Array:
    bias = cast("NativeNF4 | CompiledNF4 | Int8", layer.qkv).bias
    return np.empty(0, np.float32) if bias is None else _numbers(bias)


def _head_norms(layer: Layer) -> Array:
    if layer.query_norm is None or layer.key_norm is None:
        return np.empty((0, 0), np.float32)
    return np.stack((_numbers(layer.query_norm), _numbers(layer.key_norm)))
