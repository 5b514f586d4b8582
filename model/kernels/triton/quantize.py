"""How keys and values become the codes of a page, within Triton's kernels: `QuantizedPages.seal`.

mean, spread = of a channel's 32 keys;   key = mean + scale code;   a spread is a float of 8 bit
value = scale code, or low + scale code of 4 bit;   scales are bf16, never rounded down
"""

from __future__ import annotations

import triton
import triton.language as tl

from vademecum.model.kernels.pages import SPREAD_BIAS, SPREAD_SHIFT

# Of a spread's byte in a float32's bits: its place, half of its last bit, and the least exponent.
SHIFT, HALF = tl.constexpr(SPREAD_SHIFT), tl.constexpr(1 << SPREAD_SHIFT - 1)
LEAST = tl.constexpr(SPREAD_BIAS << 23)


@triton.jit
def rounded(x):
    """To the nearest whole number, halves to the even one; |x| < 2**22."""
    return (x + 12582912.0) - 12582912.0


@triton.jit
def to_bf16(x):
    """The nearest bf16, for what is finite: Triton's interpreter would cut off."""
    bits = x.to(tl.int32, bitcast=True)
    bits = (bits + 0x7FFF + ((bits >> 16) & 1)) & -65536
    return bits.to(tl.float32, bitcast=True).to(tl.bfloat16)


@triton.jit
def _scale(largest, steps, STEP: tl.constexpr):
    """The bf16 scale with which `largest` fits into `steps` steps; as in `pages`."""
    return to_bf16(tl.maximum(largest * (STEP / steps), 1e-20))


@triton.jit
def _codes(x, scale, least, most):
    """Of `x [32, n]`, as numbers; `scale` is of that shape."""
    return tl.clamp(rounded(tl.div_rn(x, scale)), least, most)


@triton.jit
def seal_keys(
    keys, key_codes, key_mean, key_scale, key_spread, at, DIM: tl.constexpr, STEP: tl.constexpr
):
    """Store `keys [32, DIM]`, float32, as the page `at`; gives what its codes stand for."""
    dim, slot = tl.arange(0, DIM), tl.arange(0, 32)
    mean = tl.sum(keys, axis=0) / 32
    off = keys - mean[None, :]
    spread = tl.sqrt_rn(tl.sum(off * off, axis=0) / 32)
    near = to_bf16(mean)
    middle = tl.broadcast_to(near.to(tl.float32)[None, :], keys.shape)
    offset = keys - middle
    scale = _scale(tl.max(tl.abs(offset), axis=0), 127, STEP)
    wide = scale.to(tl.float32)
    unit = tl.broadcast_to(wide[None, :], keys.shape)
    codes = _codes(offset, unit, -127.0, 127.0)
    place = at * (DIM * 32) + dim[None, :] * 32 + slot[:, None]
    tl.store(key_codes + place, codes.to(tl.int8))
    tl.store(key_mean + at * DIM + dim, near)
    tl.store(key_scale + at * DIM + dim, scale)
    byte = (spread.to(tl.int32, bitcast=True) + HALF - LEAST) >> SHIFT
    tl.store(key_spread + at * DIM + dim, tl.minimum(tl.maximum(byte, 0), 255).to(tl.uint8))
    return codes * unit + middle


@triton.jit
def seal_values(
    values, stride, value_codes, value_scale, value_low, at,
    DIM: tl.constexpr, VALUE_BITS: tl.constexpr, STEP: tl.constexpr,
):  # fmt: skip
    """Store the 32 rows of `DIM` that lie `stride` apart from the address `values` on as the page
    `at`; gives what the codes stand for, float32 `[32, DIM]`."""
    dim, slot = tl.arange(0, DIM), tl.arange(0, 32)
    row = values + slot[:, None] * stride
    whole = tl.load(row + dim[None, :]).to(tl.float32)
    if VALUE_BITS == 8:
        scale = _scale(tl.max(tl.abs(whole), axis=1), 127, STEP)
        unit = tl.broadcast_to(scale.to(tl.float32)[:, None], whole.shape)
        codes = _codes(whole, unit, -127.0, 127.0)
        place = at * (32 * DIM) + slot[:, None] * DIM + dim[None, :]
        tl.store(value_codes + place, codes.to(tl.int8))
        found = codes * unit
    else:
        low = to_bf16(tl.min(whole, axis=1))
        floor = low.to(tl.float32)[:, None]
        scale = _scale(tl.max(whole, axis=1) - low.to(tl.float32), 15, STEP)
        unit = tl.broadcast_to(scale.to(tl.float32)[:, None], whole.shape)
        found = _codes(whole - floor, unit, 0.0, 15.0) * unit + floor
        # A byte holds a channel of the first half and, above it, one of the second.
        byte = tl.arange(0, DIM // 2)
        first = tl.load(row + byte[None, :]).to(tl.float32) - floor
        second = tl.load(row + byte[None, :] + DIM // 2).to(tl.float32) - floor
        each = tl.broadcast_to(scale.to(tl.float32)[:, None], first.shape)
        packed = _codes(first, each, 0.0, 15.0).to(tl.int32)
        packed |= _codes(second, each, 0.0, 15.0).to(tl.int32) << 4
        place = at * (16 * DIM) + slot[:, None] * (DIM // 2) + byte[None, :]
        tl.store(value_codes + place, packed.to(tl.int8))
        tl.store(value_low + at * 32 + slot, low)
    tl.store(value_scale + at * 32 + slot, scale)
    return found
