"""The layers of a decoder for one token or a few, called as rarely as can be.

The same mathematics as `Decoder._forward`, which reads prompts, in one compiled call a token.
Writing is bound by memory only if nothing else takes time.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vademecum.model.kernels.naive import bounds
from vademecum.model.kernels.pages import PAGE, Pages, QuantizedPages
from vademecum.model.linear import (
    CompiledNF4,
    Int8,
    Linear,
    NativeNF4,
    compiled_int8,
    compiled_product,
    nf4_gemv,
)

if TYPE_CHECKING:
    from vademecum.model import cache
    from vademecum.model.decoder import Decoder
    from vademecum.model.layer import Layer

Array = npt.NDArray[np.float32]
IArray = npt.NDArray[np.int64]


class Rows:
    """Runs up to `limit` tokens through the layers of a decoder with quantised weights."""

    def __init__(self, decoder: Decoder, limit: int) -> None:
        """Raises ValueError where `obstacle` finds one."""
        from vademecum.model.kernels import cpu, layers

        obstacle = self.obstacle(decoder)
        if obstacle:
            raise ValueError(obstacle)
        config = decoder.config
        products = [
            [_product(getattr(layer, name)) for name in ("qkv", "out", "gate_up", "down")]
            for layer in decoder.layers
        ]
        native = isinstance(decoder.layers[0].qkv, NativeNF4)
        self._cpu, self._layers = cpu, layers
        self._embedding = decoder.embedding
        self._sparsity = decoder.sparsity
        self._sparse = np.array([n in decoder.sparse_layers for n in range(config.layers)])
        self._counted = decoder.pages_counted.numpy()
        self._eps = np.float32(config.rms_eps)
        self._held = products, decoder.layers  # the compiled function knows addresses only
        self._products = np.array([[product.row for product in layer] for layer in products])
        self._key_biases = [layer.key_bias for layer in decoder.layers]
        self._within = np.array([0 if b is None else b.within.data_ptr() for b in self._key_biases])
        self._norms = _stacked([*(la.attention_norm for la in decoder.layers), decoder.norm])
        self._mlp_norms = _stacked([layer.mlp_norm for layer in decoder.layers])
        self._biases = _stacked([_bias(layer) for layer in decoder.layers])
        self._head_norms = _stacked([_head_norms(layer) for layer in decoder.layers])

        def room(width: int) -> Tensor:
            return torch.zeros(limit, width, dtype=torch.bfloat16 if native else torch.float32)

        heads, dim = config.heads + 2 * config.kv_heads, config.head_dim
        normed, qkv = room(config.hidden), room(heads * dim)
        attended, part = room(config.heads * dim), room(config.hidden)
        both, gated = room(2 * config.intermediate), room(config.intermediate)
        self._rooms = [
            tensor.view(torch.uint16).numpy() if native else tensor.numpy()
            for tensor in (normed, qkv, attended, part, both, gated)
        ]
        self._normed = normed
        self._stores: tuple[Sequence[Pages], IArray] | None = None
        layers.warm_up(np.uint16 if native else np.float32)

    @staticmethod
    def obstacle(decoder: Decoder) -> str | None:
        """Why this decoder's tokens cannot be written so; None if they can."""
        if decoder.kernels.name != "cpu":
            return f"attention is computed by {decoder.kernels.name} kernels"
        if decoder.dtype != torch.bfloat16:
            return f"activations are {str(decoder.dtype).removeprefix('torch.')}"
        if decoder.kv == "plain":
            return "keys and values are not quantised"
        if decoder.sparsity is not None and decoder.sparsity.deferred:
            return "each token is to choose pages for the next"
        products = [p for la in decoder.layers for p in (la.qkv, la.out, la.gate_up, la.down)]
        if all(isinstance(product, NativeNF4) for product in products):
            return None
        if not all(isinstance(product, CompiledNF4 | Int8) for product in products):
            return "weights are not quantised, or in several ways"
        if compiled_product() is None or compiled_int8() is None:
            return "Numba cannot be used"
        return None

    def forward(
        self,
        ids: Tensor,
        cos: Tensor,
        sin: Tensor,
        stores: Sequence[Pages],
        sequence: cache.Sequence,
    ) -> Tensor:
        """`ids [tokens]` to what the head reads, `[tokens, hidden]`, its norm applied. Keys and
        values go into the sequence's tails."""
        rows = ids.shape[0]
        first = cast("QuantizedPages", stores[0])
        table = sequence.complete.numpy()
        every, chosen = self._bounds(sequence.length, rows)
        bias = next((b for b in self._key_biases if b is not None), None)
        _, turns = self._cpu.bias_tables(bias, table.shape[0] + 1)  # the same for all layers
        tails = np.array([[part.data_ptr() for part in tail] for tail in sequence.tails])
        with self._cpu.one_at_a_time:
            self._layers.forward(
                self._embedding[ids].float().numpy(),
                self._norms, self._mlp_norms, self._eps, self._biases, self._head_norms,
                cos.float().numpy()[:, 0], sin.float().numpy()[:, 0],
                self._products, self._within, turns,
                self._addresses(stores), first.key_codes.shape[1], first.value_bits, tails,
                table, sequence.length % PAGE, every, chosen, self._sparse,
                torch.get_num_threads(),
                self._cpu.NO_MASS if sequence.mass is None else sequence.mass.numpy(),
                self._counted, *(room[:rows] for room in self._rooms),
            )  # fmt: skip
        return self._normed[:rows]

    def _addresses(self, stores: Sequence[Pages]) -> IArray:
        """Where the arrays of each layer's pages lie: int64 `[layers, 7]`."""
        if self._stores is None or self._stores[0] is not stores:
            found = [[tensor.data_ptr() for tensor in store.tensors()] for store in stores]
            self._stores = stores, np.array(found)
        return self._stores[1]

    def _bounds(self, start: int, rows: int) -> tuple[IArray, IArray]:
        """`naive.bounds` of each row where all pages are read, and where they are chosen."""
        pages = start // PAGE
        every = np.array([(0, 0, pages)] * rows)
        sparsity = self._sparsity
        if sparsity is None or start + rows < sparsity.threshold:
            return every, every
        lengths = range(start + 1, start + rows + 1)
        return every, np.array(
            [
                bounds(pages, n, sparsity.budget_for(n), sparsity.recent, sparsity.sinks)
                for n in lengths
            ]
        )


@dataclass(frozen=True, slots=True)
class _Product:
    """The weight of a product as a compiled function reads it."""

    codes: Tensor
    scale: Tensor
    shape: tuple[int, int]
    multiplied_by: int

    @property
    def row(self) -> list[int]:
        """As in `layers.forward`."""
        return [self.codes.data_ptr(), self.scale.data_ptr(), *self.shape, self.multiplied_by]


def _product(weight: Linear) -> _Product:
    from vademecum.model.kernels import layers

    if isinstance(weight, NativeNF4):
        at = ctypes.cast(cast("Any", nf4_gemv()), ctypes.c_void_p).value
        assert at is not None
        return _Product(weight.codes, weight.absmax, weight.shape, at)
    if isinstance(weight, CompiledNF4):
        nf4 = weight.weight
        return _Product(nf4.packed, nf4.absmax, weight.shape, layers.NF4)
    int8 = cast("Int8", weight)
    return _Product(int8.codes, int8.scale, int8.shape, layers.INT8)


def _stacked(parts: Sequence[Tensor]) -> Array:
    return torch.stack([part.float() for part in parts]).numpy()


def _bias(layer: Layer) -> Tensor:
    bias = cast("NativeNF4 | CompiledNF4 | Int8", layer.qkv).bias
    return torch.empty(0) if bias is None else bias


def _head_norms(layer: Layer) -> Tensor:
    if layer.query_norm is None or layer.key_norm is None:
        return torch.empty(0, 0)
    return torch.stack((layer.query_norm, layer.key_norm))
