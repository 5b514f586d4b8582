"""The layers of a decoder for one token or a few, in one compiled call.

Calling a compiled function with some thirty arrays takes as long as a small model's attention does,
so that Python calls once a token. What every layer has of its own lies at addresses: Numba takes no
list of arrays whose shapes differ.
"""

# mypy: allow-untyped-decorators

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import carray, njit, types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from vademecum.model.kernels import int8, nf4
from vademecum.model.kernels.attend import I64
from vademecum.model.kernels.between import add_norm_rows, attend_rows, gate_rows, norm_rows
from vademecum.model.kernels.elementary import FAST, Row
from vademecum.model.kernels.pages import PAGE

BOOL = npt.NDArray[np.bool_]

NF4, INT8 = 0, 1  # which of our own products; a larger number is the address of another's
BLOCK = 64  # weights that share a scale in NF4


@njit(**FAST)
def forward(
    x, norms, mlp_norms, eps, biases, head_norms, cos, sin, products, within, turns,
    stores, pages, value_bits, tails, table, filled, every, chosen, sparse, threads, mass, counted,
    normed, qkv, attended, part, both, gated,
):  # fmt: skip
    """`x [rows, hidden]` through all layers, into `normed [rows, hidden]`: what the head reads.

    `norms [layers + 1, hidden]` are those before attention and the last one; `biases [layers, width
    of qkv]` and `head_norms [layers, 2, dim]` may have no width. `products` int64 `[layers, 4, 5]`:
    the addresses of codes and scales, outputs, inputs and what multiplies, of qkv, out, gate and
    up, down. `within`, `stores` and `tails`, int64 `[layers]`, `[layers, 7]` and `[layers, 2]`, are
    the addresses of a key bias (0: none), of `QuantizedPages.arrays` with `pages` pages, and of the
    page being filled. The layers that are `sparse` read the pages of `chosen`, others those of
    `every`, both as the bounds of `attend_rows`. The last six are rooms for what products read and
    write.
    """
    dim = cos.shape[1]
    kv_heads = (qkv.shape[1] - attended.shape[1]) // (2 * dim)
    norm_rows(x, norms[0], eps, normed)
    for n in range(products.shape[0]):
        at, ends = stores[n], tails[n]
        biased = kv_heads if within[n] else 0
        channels = (kv_heads, pages, dim)
        tokens = (kv_heads, pages, PAGE if value_bits == 4 else 0)
        multiply(products[n, 0], normed, qkv, threads)
        attend_rows(
            qkv, biases[n], head_norms[n], eps, cos, sin,
            carray(_pointer(at[0]), (kv_heads, pages, dim, PAGE), np.int8),
            carray(_pointer(at[1]), channels, np.uint16),
            carray(_pointer(at[2]), channels, np.uint16),
            carray(_pointer(at[3]), channels, np.uint8),
            carray(_pointer(at[4]), (kv_heads, pages, PAGE, dim * value_bits // 8), np.int8),
            carray(_pointer(at[5]), (kv_heads, pages, PAGE), np.uint16),
            carray(_pointer(at[6]), tokens, np.uint16),
            table,
            carray(_pointer(ends[0]), (kv_heads, PAGE, dim), np.float32),
            carray(_pointer(ends[1]), (kv_heads, PAGE, dim), np.float32),
            filled,
            carray(_pointer(within[n]), (biased, dim, PAGE), np.float32),
            turns, chosen if sparse[n] else every, threads, mass, counted, attended,
        )  # fmt: skip
        multiply(products[n, 1], attended, part, threads)
        add_norm_rows(x, part, mlp_norms[n], eps, normed)
        multiply(products[n, 2], normed, both, threads)
        gate_rows(both, gated)
        multiply(products[n, 3], gated, part, threads)
        add_norm_rows(x, part, norms[n + 1], eps, normed)


def multiply(weight: I64, source: Row, target: Row, threads: int) -> None:
    """`target [rows, out]` = `source [rows, in]` times the weight of a row of `products`."""
    raise NotImplementedError("compiled only")


@overload(multiply)
def _multiply(weight, source, target, threads):
    if source.dtype == types.uint16:
        return _call
    return _compiled


def _call(weight, source, target, threads):
    """bitsandbytes' product; it has threads of its own."""
    _gemv(
        weight[4], source.shape[0], weight[2], weight[3], np.int64(source.ctypes.data), weight[0],
        weight[1], np.int64(target.ctypes.data), BLOCK, weight[3], weight[2],
    )  # fmt: skip


def _compiled(weight, source, target, threads):
    out, inner = weight[2], weight[3]
    if weight[4] == INT8:
        codes = carray(_pointer(weight[0]), (out, inner), np.int8)
        scale = carray(_pointer(weight[1]), (out,), np.uint16)
        int8.together(source, codes, scale, threads, target)
    else:
        packed = carray(_pointer(weight[0]), (out, inner // 2), np.uint8)
        absmax = carray(_pointer(weight[1]), (out, inner // BLOCK), np.float32)
        nf4.together(source, packed, absmax, threads, target)


@intrinsic
def _pointer(typingctx, address):
    """An address as a pointer."""

    def generate(context, builder, signature, arguments):
        return builder.inttoptr(arguments[0], cgutils.voidptr_t)

    return types.voidptr(types.int64), generate


@intrinsic
def _gemv(typingctx, function, rows, out, inner, x, codes, absmax, y, block, x_stride, y_stride):
    """Call `linear.nf4_gemv` at its address."""
    word = ir.IntType(64)

    def generate(context, builder, signature, arguments):
        kind = ir.FunctionType(ir.VoidType(), [word] * 10)
        builder.call(builder.inttoptr(arguments[0], kind.as_pointer()), arguments[1:])
        return context.get_dummy_value()

    return types.void(*[types.int64] * 11), generate


def is_compiled() -> bool:
    """Whether it was compiled before, on this machine: compiling takes most of a minute."""
    return any(Path(forward.stats.cache_path).glob("layers.forward-*.nbi"))


def warm_up(kind: type[np.float32] | type[np.uint16]) -> None:
    """Compile, or load what was compiled before, so that no request waits for it: for products
    that read and write float32, or bf16. No layer is run."""
    dim, row = 32, np.ones((1, 32), kind)
    float_row, no = np.ones((1, dim), np.float32), np.empty(0, np.int64)
    bounds = np.zeros((1, 3), np.int64)
    forward(
        float_row, float_row, np.empty((0, dim), np.float32), np.float32(1e-5),
        np.empty((0, 0), np.float32), np.empty((0, 0, 0), np.float32), float_row, float_row,
        np.empty((0, 4, 5), np.int64), no, np.empty((0, 0, 0), np.float32),
        np.empty((0, 7), np.int64), 0, 8, np.empty((0, 2), np.int64), no, 0, bounds, bounds,
        np.empty(0, np.bool_), 1, np.empty((0, 0), np.float32), np.zeros(2, np.int64),
        row, np.ones((1, 3 * dim), kind), row, row, row, row,
    )  # fmt: skip
