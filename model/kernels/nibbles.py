"""The inner loop of products with 4-bit whole numbers: 16-bit integers, multiplied and added
in pairs.

On x86 PMADDWD does both. Sums of a lane are 32 bit: inputs of 15 bit times weights of 3 bit, added
for all inputs that fall to a lane, do not leave them below 65,536 inputs.
"""

# mypy: ignore-errors
# Numba gives no types for what writes LLVM's language.

from __future__ import annotations

import llvmlite.binding
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from vademecum.model.kernels.vectors import by_group, load, long, places, total

STEP = 64  # inputs whose weights are read together

_FEATURES = llvmlite.binding.get_host_cpu_features()
_X86 = {"avx512bw": ("llvm.x86.avx512.pmaddw.d.512", 32), "avx2": ("llvm.x86.avx2.pmadd.wd", 16)}
_PMADDWD = next((found for name, found in _X86.items() if _FEATURES.get(name)), None)
LANES = _PMADDWD[1] if _PMADDWD else 16  # 16-bit numbers that are multiplied at once

_SHORTS = ir.VectorType(ir.IntType(16), LANES)
_WORDS = ir.VectorType(ir.IntType(32), LANES // 2)
_FLOATS = ir.VectorType(ir.FloatType(), LANES // 2)


def _multiply_add(builder, a, b):
    """Products of neighbours, two and two added: 32 bit."""
    if _PMADDWD:
        kind = ir.FunctionType(_WORDS, [_SHORTS, _SHORTS])
        function = cgutils.get_or_insert_function(builder.module, kind, _PMADDWD[0])
        return builder.call(function, [a, b])
    wide = ir.VectorType(ir.IntType(32), LANES)
    products = builder.mul(builder.sext(a, wide), builder.sext(b, wide))
    even, odd = (
        builder.shuffle_vector(products, products, places(range(at, LANES, 2))) for at in (0, 1)
    )
    return builder.add(even, odd)


@intrinsic
def dot_nibbles(typingctx, codes, x, out):
    """`out[r] = x[r] . codes`: codes uint8 `[in / 2]` as `head.split` lays them out, `x` int16
    `[rows, in]`, `out` float32 `[rows]`; `in` is a multiple of 64."""

    def generate(context, builder, signature, arguments):
        arrays = [
            context.make_array(kind)(context, builder, value=value)
            for kind, value in zip(signature.args, arguments, strict=True)
        ]
        rows, width = cgutils.unpack_tuple(builder, arrays[1].shape)
        codes, x, out = (array.data for array in arrays)
        bytes_ = ir.VectorType(ir.IntType(8), LANES)
        four, twelve = (ir.Constant(_SHORTS, [n] * LANES) for n in (4, 12))
        parts = STEP // 2 // LANES  # vectors that hold the bytes of a step

        def weights(step):
            """Those of the first half of a step's inputs, then those of the second."""
            first, second = [], []
            for part in range(parts):
                at = builder.add(builder.mul(step, long(STEP // 2)), long(part * LANES))
                both = builder.sext(load(builder, codes, at, bytes_, 1), _SHORTS)
                first.append(builder.ashr(both, four))
                second.append(builder.ashr(builder.shl(both, twelve), twelve))
            return first + second

        def emit(count):
            sums = [cgutils.alloca_once(builder, _WORDS) for _ in range(count)]
            for each in sums:
                builder.store(ir.Constant(_WORDS, [0] * (LANES // 2)), each)
            with cgutils.for_range(builder, builder.udiv(width, long(STEP))) as loop:
                found = weights(loop.index)
                for r, each in enumerate(sums):
                    first = builder.add(
                        builder.mul(long(r), width), builder.mul(loop.index, long(STEP))
                    )
                    whole = builder.load(each)
                    for n, part in enumerate(found):
                        some = load(builder, x, builder.add(first, long(LANES * n)), _SHORTS, 2)
                        whole = builder.add(whole, _multiply_add(builder, part, some))
                    builder.store(whole, each)
            for r, each in enumerate(sums):
                lanes = builder.sitofp(builder.load(each), _FLOATS)
                builder.store(total(builder, lanes), builder.gep(out, [long(r)]))

        by_group(builder, rows, emit)
        return context.get_dummy_value()

    return types.void(codes, x, out), generate
