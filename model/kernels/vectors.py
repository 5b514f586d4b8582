"""The inner loops of attention over a page and of int8 products, written as vectors.

Numba vectorises a loop but keeps no sums in registers across another one. Here a number of a page
is turned from its code into float32 once, in a register, and multiplied for every head or token
that shares it. LLVM cuts vectors into what the processor has: AVX-512, AVX2, NEON.
"""

# mypy: ignore-errors
# Numba gives no types for what writes LLVM's language.

from __future__ import annotations

import llvmlite.binding
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

GROUPS = range(1, 10)  # heads or tokens that are computed together; more: some at a time

# Sums must fit the registers: 32 of 16 numbers, or 16 of 8 (AVX2).
_WIDE_REGISTERS = bool(llvmlite.binding.get_host_cpu_features().get("avx512f"))
COLUMNS = 32 if _WIDE_REGISTERS else 8  # summed at once for every head
DOT_GROUP = max(GROUPS) if _WIDE_REGISTERS else 3  # rows of `dot_rows`, each with sums of 32

_COLUMNS = ir.VectorType(ir.FloatType(), COLUMNS)
_WIDE = ir.VectorType(ir.FloatType(), 32)
# A sum keeps its order, whatever is computed beside it: equal rows give equal bits.
_FAST = ("contract",)


def splat(builder, number, kind):
    """The same number in every place of a vector."""
    nothing = ir.Constant(kind, ir.Undefined)
    one = builder.insert_element(nothing, number, index(0))
    return builder.shuffle_vector(one, nothing, places([0] * kind.count))


def places(of):
    """Which places of two vectors make up another."""
    return ir.Constant(ir.VectorType(ir.IntType(32), len(of)), list(of))


def index(n):
    return ir.Constant(ir.IntType(32), n)


def long(n):
    return ir.Constant(ir.IntType(64), n)


def load(builder, pointer, offset, kind, align):
    at = builder.bitcast(builder.gep(pointer, [offset]), kind.as_pointer())
    loaded = builder.load(at)
    loaded.align = align
    return loaded


def _multiply(builder, group, steps, row, weights, stride, out, out_stride, out_at):
    """`out[i, out_at : out_at + COLUMNS] += sum over n of weights[i, n] * row(n)`."""
    sums = [cgutils.alloca_once(builder, _COLUMNS) for _ in range(group)]
    starts = [builder.add(builder.mul(long(i), out_stride), out_at) for i in range(group)]
    for each, start in zip(sums, starts, strict=True):
        builder.store(load(builder, out, start, _COLUMNS, 4), each)
    with cgutils.for_range(builder, steps) as loop:
        numbers = row(loop.index)
        for i, each in enumerate(sums):
            at = builder.add(builder.mul(long(i), stride), loop.index)
            weight = splat(builder, builder.load(builder.gep(weights, [at])), _COLUMNS)
            product = builder.fmul(weight, numbers, flags=_FAST)
            builder.store(builder.fadd(builder.load(each), product, flags=_FAST), each)
    for each, start in zip(sums, starts, strict=True):
        at = builder.bitcast(builder.gep(out, [start]), _COLUMNS.as_pointer())
        builder.store(builder.load(each), at).align = 4


def by_group(builder, group, emit):
    """`emit(n)` for the number of heads at hand; more than `GROUPS` knows are left undone."""
    done = builder.append_basic_block("done")
    switch = builder.switch(group, done)
    for n in GROUPS:
        block = builder.append_basic_block(f"heads{n}")
        switch.add_case(long(n), block)
        builder.position_at_end(block)
        emit(n)
        builder.branch(done)
    builder.position_at_end(done)


def _numbers(builder, codes, offset, kind=_COLUMNS):
    """Codes from `offset` on as float32."""
    bytes_ = ir.VectorType(ir.IntType(8), kind.count)
    return builder.sitofp(load(builder, codes, offset, bytes_, 1), kind)


def _nibbles(builder, codes, offset, high):
    """The low or high halves of bytes from `offset` on as float32."""
    kind = ir.VectorType(ir.IntType(8), COLUMNS)
    loaded = load(builder, codes, offset, kind, 1)
    four, fifteen = (ir.Constant(kind, [n] * COLUMNS) for n in (4, 15))
    kept = builder.select(high, builder.lshr(loaded, four), builder.and_(loaded, fifteen))
    return builder.uitofp(kept, _COLUMNS)


@intrinsic
def add_key_rows(typingctx, codes, weights, out, first):
    """`out[i, first : first + 32] += weights[i, :dim] @ codes`: codes int8 `[dim, 32]`, the others
    float32 `[group, stride]`."""

    def generate(context, builder, signature, arguments):
        kinds = signature.args
        arrays = [
            context.make_array(kind)(context, builder, value=value)
            for kind, value in zip(kinds[:3], arguments[:3], strict=True)
        ]
        dim = cgutils.unpack_tuple(builder, arrays[0].shape)[0]
        group, stride = cgutils.unpack_tuple(builder, arrays[1].shape)
        out_stride = cgutils.unpack_tuple(builder, arrays[2].shape)[1]
        pointer = arrays[0].data

        def emit(heads):
            with cgutils.for_range(builder, long(32 // COLUMNS)) as block:
                column = builder.mul(block.index, long(COLUMNS))

                def row(n):
                    at = builder.add(builder.mul(n, long(32)), column)
                    return _numbers(builder, pointer, at)

                _multiply(
                    builder, heads, dim, row, arrays[1].data, stride,
                    arrays[2].data, out_stride, builder.add(arguments[3], column),
                )  # fmt: skip

        by_group(builder, group, emit)
        return context.get_dummy_value()

    return types.void(codes, weights, out, first), generate


@intrinsic
def add_value_rows(typingctx, codes, weights, out, bits):
    """`out[i, :dim] += weights[i] @ codes`: codes int8 `[32, dim]`, or `[32, dim / 2]` with `bits`
    4, the low halves first; `weights` float32 `[group, 32]`, `out` float32 `[group, stride]`. `dim`
    is a multiple of 32, in 4 bit of 64."""

    def generate(context, builder, signature, arguments):
        arrays = [
            context.make_array(kind)(context, builder, value=value)
            for kind, value in zip(signature.args[:3], arguments[:3], strict=True)
        ]
        tokens, width = cgutils.unpack_tuple(builder, arrays[0].shape)
        group, stride = cgutils.unpack_tuple(builder, arrays[1].shape)
        out_stride = cgutils.unpack_tuple(builder, arrays[2].shape)[1]
        pointer = arrays[0].data
        four = builder.icmp_signed("==", arguments[3], long(4))
        blocks = builder.udiv(width, long(COLUMNS))

        def emit(heads):
            def part(first, row):
                _multiply(
                    builder, heads, tokens, row, arrays[1].data, stride,
                    arrays[2].data, out_stride, first,
                )  # fmt: skip

            with cgutils.for_range(builder, blocks) as block:
                first = builder.mul(block.index, long(COLUMNS))

                def place(n):
                    return builder.add(builder.mul(n, width), first)

                with builder.if_else(four) as (lean, full):
                    with lean:
                        for high in (0, 1):
                            flag = ir.Constant(ir.IntType(1), high)
                            start = builder.add(first, width) if high else first
                            part(
                                start,
                                lambda n, flag=flag: _nibbles(builder, pointer, place(n), flag),
                            )
                    with full:
                        part(first, lambda n: _numbers(builder, pointer, place(n)))

        by_group(builder, group, emit)
        return context.get_dummy_value()

    return types.void(codes, weights, out, bits), generate


@intrinsic
def add_float_rows(typingctx, rows, weights, out, first):
    """`out[i, first : first + width] += weights[i, :steps] @ rows`, all float32: `rows [steps,
    width]`, width a multiple of 32; the others as in `add_key_rows`."""

    def generate(context, builder, signature, arguments):
        arrays = [
            context.make_array(kind)(context, builder, value=value)
            for kind, value in zip(signature.args[:3], arguments[:3], strict=True)
        ]
        steps, width = cgutils.unpack_tuple(builder, arrays[0].shape)
        group, stride = cgutils.unpack_tuple(builder, arrays[1].shape)
        out_stride = cgutils.unpack_tuple(builder, arrays[2].shape)[1]
        pointer = arrays[0].data
        blocks = builder.udiv(width, long(COLUMNS))

        def emit(heads):
            with cgutils.for_range(builder, blocks) as block:
                offset = builder.mul(block.index, long(COLUMNS))

                def row(n):
                    at = builder.add(builder.mul(n, width), offset)
                    return load(builder, pointer, at, _COLUMNS, 4)

                _multiply(
                    builder, heads, steps, row, arrays[1].data, stride,
                    arrays[2].data, out_stride, builder.add(offset, arguments[3]),
                )  # fmt: skip

        by_group(builder, group, emit)
        return context.get_dummy_value()

    return types.void(rows, weights, out, first), generate


@intrinsic
def dot_rows(typingctx, codes, x, out):
    """`out[r] = x[r] @ codes`: codes int8 `[width]`, a multiple of 32; `x` float32
    `[tokens, width]`, `out` float32 `[tokens]`."""

    def generate(context, builder, signature, arguments):
        arrays = [
            context.make_array(kind)(context, builder, value=value)
            for kind, value in zip(signature.args, arguments, strict=True)
        ]
        width = cgutils.unpack_tuple(builder, arrays[0].shape)[0]
        rows = cgutils.unpack_tuple(builder, arrays[1].shape)[0]
        pointer, numbers, target = (array.data for array in arrays)
        zero = ir.Constant(_WIDE, [0.0] * 32)

        def emit(count):
            sums = [cgutils.alloca_once(builder, _WIDE) for _ in range(count)]
            for each in sums:
                builder.store(zero, each)
            with cgutils.for_range(builder, builder.udiv(width, long(32))) as loop:
                first = builder.mul(loop.index, long(32))
                row = _numbers(builder, pointer, first, _WIDE)
                for r, each in enumerate(sums):
                    at = builder.add(builder.mul(long(r), width), first)
                    product = builder.fmul(load(builder, numbers, at, _WIDE, 4), row, flags=_FAST)
                    builder.store(builder.fadd(builder.load(each), product, flags=_FAST), each)
            for r, each in enumerate(sums):
                builder.store(total(builder, builder.load(each)), builder.gep(target, [long(r)]))

        by_group(builder, rows, emit)
        return context.get_dummy_value()

    return types.void(codes, x, out), generate


def total(builder, vector):
    """The sum of a vector, halves added to halves."""
    width = vector.type.count // 2
    while width:
        low, high = (
            builder.shuffle_vector(vector, vector, places(range(at, at + width)))
            for at in (0, width)
        )
        vector = builder.fadd(low, high)
        width //= 2
    return builder.extract_element(vector, index(0))


@intrinsic
def prefetch(typingctx, codes):
    """Ask for an int8 array, so that it lies near when it is read: pages lie anywhere, and no
    processor foresees which comes next."""

    def generate(context, builder, signature, arguments):
        array = context.make_array(signature.args[0])(context, builder, value=arguments[0])
        rows, width = cgutils.unpack_tuple(builder, array.shape)
        whole = ir.IntType(32)
        ask = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(ir.VoidType(), [ir.IntType(8).as_pointer(), whole, whole, whole]),
            "llvm.prefetch.p0",
        )
        lines = builder.udiv(builder.mul(rows, width), long(64))
        with cgutils.for_range(builder, lines) as loop:
            at = builder.gep(array.data, [builder.mul(loop.index, long(64))])
            # To read, of the widest use, data.
            builder.call(ask, [at, index(0), index(3), index(1)])
        return context.get_dummy_value()

    return types.void(codes), generate
