"""The layers of a decoder for one token or a few, called as rarely as can be.

The same mathematics as `Decoder._forward`, which reads prompts: between the products compiled
functions, and the products called without PyTorch in between. Writing is bound by memory only if
nothing else takes time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vademecum.model.kernels.naive import KeyBias, bounds
from vademecum.model.kernels.pages import PAGE, Pages, QuantizedPages
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
    from vademecum.model import cache
    from vademecum.model.decoder import Decoder, Layer

Array = npt.NDArray[np.float32]
IArray = npt.NDArray[np.int64]


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


@dataclass(frozen=True, slots=True)
class RowLayer:
    """A layer as `Rows` runs it: products between buffers, all else as arrays."""

    attention_norm: Array
    qkv: Product
    bias: Array  # of qkv; empty without one
    head_norms: Array
    key_bias: KeyBias | None
    sparse: bool
    out: Product
    mlp_norm: Array
    gate_up: Product
    down: Product


class Rows:
    """Runs up to `limit` tokens through the layers of a decoder with quantised weights."""

    def __init__(self, decoder: Decoder, limit: int) -> None:
        """Raises ValueError where `obstacle` finds one."""
        from vademecum.model.kernels import between, cpu

        obstacle = self.obstacle(decoder)
        if obstacle:
            raise ValueError(obstacle)
        native = isinstance(decoder.layers[0].qkv, NativeNF4)
        config = decoder.config
        self._between, self._cpu = between, cpu
        self._embedding = decoder.embedding
        self._sparsity = decoder.sparsity
        self._counted = decoder.pages_counted.numpy()
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
            RowLayer(
                attention_norm=_numbers(layer.attention_norm),
                qkv=product(layer.qkv, normed, qkv),
                bias=_bias(layer),
                head_norms=_head_norms(layer),
                key_bias=layer.key_bias,
                sparse=n in decoder.sparse_layers,
                out=product(layer.out, attended, part),
                mlp_norm=_numbers(layer.mlp_norm),
                gate_up=product(layer.gate_up, normed, both),
                down=product(layer.down, gated, part),
            )
            for n, layer in enumerate(decoder.layers)
        ]
        # What follows a layer's sum: the norm of the next, or that of the head.
        norms = [layer.attention_norm for layer in self._layers]
        self._norms_after = [*norms[1:], _numbers(decoder.norm)]
        self._buffers = [
            tensor.view(torch.uint16).numpy() if native else tensor.numpy()
            for tensor in (normed, qkv, attended, part, both, gated)
        ]
        self._normed = normed
        between.warm_up(np.uint16 if native else np.float32)

    @staticmethod
    def obstacle(decoder: Decoder) -> str | None:
        """Why this decoder's tokens cannot be written so; None if they can."""
        if decoder.kernels.name != "cpu":
            return f"attention is computed by {decoder.kernels.name} kernels"
        if decoder.dtype != torch.bfloat16:
            return f"activations are {str(decoder.dtype).removeprefix('torch.')}"
        if decoder.kv == "plain":
            return "keys and values are not quantised"
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
        between, cpu, eps = self._between, self._cpu, self._eps
        rows = ids.shape[0]
        x = self._embedding[ids].float().numpy()
        turn = cos.float().numpy()[:, 0], sin.float().numpy()[:, 0]
        table, filled = sequence.complete.numpy(), sequence.length % PAGE
        every, chosen = self._bounds(sequence.length, rows)
        mass = cpu.NO_MASS if sequence.mass is None else sequence.mass.numpy()
        threads = torch.get_num_threads()
        normed, qkv, attended, part, both, gated = (room[:rows] for room in self._buffers)
        between.norm_rows(x, self._layers[0].attention_norm, eps, normed)
        for layer, store, tail, norm_after in zip(
            self._layers, stores, sequence.tails, self._norms_after, strict=True
        ):
            layer.qkv(rows)
            with cpu.one_at_a_time:
                between.attend_rows(
                    qkv, layer.bias, layer.head_norms, eps, *turn,
                    *cast("QuantizedPages", store).arrays, table, tail[0].numpy(), tail[1].numpy(),
                    filled, *cpu.bias_tables(layer.key_bias, table.shape[0] + 1),
                    chosen if layer.sparse else every, threads, mass, self._counted, attended,
                )  # fmt: skip
            layer.out(rows)
            between.add_norm_rows(x, part, layer.mlp_norm, eps, normed)
            layer.gate_up(rows)
            between.gate_rows(both, gated)
            layer.down(rows)
            between.add_norm_rows(x, part, norm_after, eps, normed)
        return self._normed[:rows]

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


def _numbers(tensor: Tensor) -> Array:
    return tensor.float().numpy()


def _bias(layer: Layer) -> Array:
    bias = cast("NativeNF4 | CompiledNF4 | Int8", layer.qkv).bias
    return np.empty(0, np.float32) if bias is None else _numbers(bias)


def _head_norms(layer: Layer) -> Array:
    if layer.query_norm is None or layer.key_norm is None:
        return np.empty((0, 0), np.float32)
    return np.stack((_numbers(layer.query_norm), _numbers(layer.key_norm)))
