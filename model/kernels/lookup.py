"""The inner loop of an NF4 product on x86 without AVX512-BF16: codes become 16-bit integers.

PSHUFB looks 32 codes up at once in a table of 16 bytes: low and high bytes of what the codes stand
for, in 8191ths. Inputs are 16-bit integers too, with a scale for each block of 64: PMADDWD
multiplies 16 pairs and adds two and two, and a block's sum never leaves 32 bits. Both roundings
together are some 1e-4 of the result; bf16 loses 4e-3.
"""

# mypy: ignore-errors
# Numba gives no types for what writes LLVM's language.

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence

import llvmlite.binding
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from vademecum.model.kernels.vectors import by_group, load, long, places, splat, total

BLOCK = 64
LARGEST_INPUT = 32767
# 8 products of the largest input and weight are added in 32 bits: 8 * 32767 * 8191 < 2^31.
UNIT = 8191

_BYTES = ir.VectorType(ir.IntType(8), 32)
_SHORTS = ir.VectorType(ir.IntType(16), 16)
_WORDS = ir.VectorType(ir.IntType(32), 8)
_FLOATS = ir.VectorType(ir.FloatType(), 8)

# PUNPCKLBW and PUNPCKHBW: bytes of two vectors in turns, each half of 16 for itself.
_LOW, _HIGH = (
    [place for half in (0, 16) for n in range(8) for place in (half + at + n, 32 + half + at + n)]
    for at in (0, 8)
)


def available() -> bool:
    """Whether this processor has AVX2."""
    known = platform.machine() in ("x86_64", "AMD64")
    return known and bool(llvmlite.binding.get_host_cpu_features().get("avx2"))


def order() -> list[int]:
    """Where in a block the input lies that the loop reads n-th.

    A byte holds an even input's code in its high half and the next one's in its low half; looked
    up, codes of 8 neighbouring bytes lie together.
    """
    eights = (0, 16, 8, 24)
    return [2 * (at + n) + odd for odd in (0, 1) for at in eights for n in range(8)]


def code_table(code):
    """What 16 codes stand for, in `UNIT`s: the low and the high bytes, twice each."""
    numbers = [round(float(number) * UNIT) & 0xFFFF for number in code]
    return [number & 255 for number in numbers] * 2, [number >> 8 for number in numbers] * 2


def dot_rows_for(code: Sequence[float]) -> Callable[..., None]:
    """The product of some rows with one row of a weight whose codes stand for `code [16]`."""
    tables = code_table(code)

    @intrinsic
    def dot_rows(typingctx, codes, absmax, x, scale, out):
        """`out[r] = sum over blocks of absmax[b] * scale[r, b] * (x[r, b] . codes[b])`: codes uint8
        `[in / 2]`, absmax float32 `[in / 64]`, `x` int16 `[rows, in]` in `order`, `scale` float32
        `[rows, in / 64]`, `out` float32 `[rows]`."""

        def generate(context, builder, signature, arguments):
            arrays = [
                context.make_array(kind)(context, builder, value=value)
                for kind, value in zip(signature.args, arguments, strict=True)
            ]
            blocks = cgutils.unpack_tuple(builder, arrays[1].shape)[0]
            rows, width = cgutils.unpack_tuple(builder, arrays[2].shape)
            codes, absmax, x, scale, out = (array.data for array in arrays)
            low, high = (ir.Constant(_BYTES, table) for table in tables)

            def function(name, result, *kinds):
                kind = ir.FunctionType(result, kinds)
                return cgutils.get_or_insert_function(builder.module, kind, name)

            look_up = function("llvm.x86.avx2.pshuf.b", _BYTES, _BYTES, _BYTES)
            multiply = function("llvm.x86.avx2.pmadd.wd", _WORDS, _SHORTS, _SHORTS)

            def weights(block):
                """The 64 weights of a block, as four vectors."""
                both = load(builder, codes, builder.mul(block, long(BLOCK // 2)), _BYTES, 1)
                four, fifteen = (ir.Constant(_BYTES, [n] * 32) for n in (4, 15))
                found = []
                for code in (builder.lshr(both, four), builder.and_(both, fifteen)):
                    parts = [builder.call(look_up, [table, code]) for table in (low, high)]
                    for half in (_LOW, _HIGH):
                        pairs = builder.shuffle_vector(*parts, places(half))
                        found.append(builder.bitcast(pairs, _SHORTS))
                return found

            def emit(count):
                sums = [cgutils.alloca_once(builder, _FLOATS) for _ in range(count)]
                for each in sums:
                    builder.store(ir.Constant(_FLOATS, [0.0] * 8), each)
                with cgutils.for_range(builder, blocks) as loop:
                    four = weights(loop.index)
                    largest = builder.load(builder.gep(absmax, [loop.index]))
                    for r, each in enumerate(sums):
                        first = builder.add(
                            builder.mul(long(r), width), builder.mul(loop.index, long(BLOCK))
                        )
                        whole = ir.Constant(_WORDS, [0] * 8)
                        for n, part in enumerate(four):
                            some = load(builder, x, builder.add(first, long(16 * n)), _SHORTS, 2)
                            whole = builder.add(whole, builder.call(multiply, [part, some]))
                        at = builder.add(builder.mul(long(r), blocks), loop.index)
                        unit = builder.fmul(largest, builder.load(builder.gep(scale, [at])))
                        part = builder.fmul(
                            builder.sitofp(whole, _FLOATS),
                            splat(builder, unit, _FLOATS),
                            flags=("contract",),
                        )
                        builder.store(
                            builder.fadd(builder.load(each), part, flags=("contract",)), each
                        )
                for r, each in enumerate(sums):
                    place = builder.gep(out, [long(r)])
                    builder.store(total(builder, builder.load(each)), place)

            by_group(builder, rows, emit)
            return context.get_dummy_value()

        return types.void(codes, absmax, x, scale, out), generate

    return dot_rows
