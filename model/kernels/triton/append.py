"""What stands between a layer's first product and its attention, in one launch.

    q, k, v = the product's heads + bias
    Qwen3:  q, k = q / rms(q) w_q, k / rms(k) w_k
    out = R(position) q;   tail[slot] = R(position) k, v

and before that, where the tail was filled by the step before, its page is sealed: quantised as
`QuantizedPages.seal` does it. RoPE is RoFormer's (arXiv:2104.09864), halves of a head paired.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import triton
import triton.language as tl
from torch import Tensor

from vademecum.model.kernels.pages import BF16_STEP, QuantizedPages
from vademecum.model.kernels.triton.early import early, wait_for_previous


@dataclass(frozen=True, slots=True)
class HeadNorms:
    """Qwen3's norms of each query and key head: `weights` bf16 `[2, dim]`, queries first."""

    weights: Tensor
    eps: float


def append(
    qkv: Tensor,
    bias: Tensor | None,
    norms: HeadNorms | None,
    rotation: tuple[Tensor, Tensor],
    store: QuantizedPages,
    table: Tensor,
    tail: tuple[Tensor, Tensor],
    start: Tensor,
    sealed: Tensor,
) -> Tensor:
    """Queries `[rows, heads, dim]` bf16, as attended; keys and values go into the tail.

    `qkv` is `[rows, heads + 2 kv_heads, dim]`, or float32 `[splits, ...]` of parts to be added, and
    `bias` bf16 `[heads + 2 kv_heads, dim]`. The rows have the positions `start, start + 1, ...`
    and lie in one page. `rotation` is cosine and signed sine, float32 `[positions, dim]`. `start`
    and `sealed`, the number of pages that are in the store, are int32 `[1]`: the page before the
    current one is sealed if the store lacks it. Whoever advances `start` sets `sealed` then.
    """
    splits = qkv.shape[0] if qkv.dim() == 4 else 1
    rows, both, dim = qkv.shape[-3:]
    kv_heads = store.key_mean.shape[0]
    heads = both - 2 * kv_heads
    out = torch.empty(rows, heads, dim, dtype=torch.bfloat16, device=qkv.device)
    append_kernel[(heads + kv_heads,)](
        qkv, qkv if bias is None else bias, qkv if norms is None else norms.weights, *rotation,
        *store.tensors(), table, *tail, start, sealed, out, rows, store.key_mean.shape[1],
        0.0 if norms is None else norms.eps,
        HEADS=heads, KV_HEADS=kv_heads, DIM=dim, SPLITS=splits, BIASED=bias is not None,
        NORMED=norms is not None, VALUE_BITS=store.value_bits, STEP=BF16_STEP, num_warps=4,
        **early(qkv.device),
    )  # fmt: skip
    return out


@triton.jit
def _rounded(x):
    """To the nearest whole number, halves to the even one; |x| < 2**22."""
    return (x + 12582912.0) - 12582912.0


@triton.jit
def _bf16(x):
    """The nearest bf16, for what is finite: Triton's interpreter would cut off."""
    bits = x.to(tl.int32, bitcast=True)
    bits = (bits + 0x7FFF + ((bits >> 16) & 1)) & -65536
    return bits.to(tl.float32, bitcast=True).to(tl.bfloat16)


@triton.jit
def _scale(largest, steps, STEP: tl.constexpr):
    """The bf16 scale with which `largest` fits into `steps` steps; as in `pages`."""
    return _bf16(tl.maximum(largest * (STEP / steps), 1e-20))


@triton.jit
def _seal(
    key_codes, key_mean, key_scale, key_spread, value_codes, value_scale, value_low,
    tail_keys, tail_values, at, kv,
    DIM: tl.constexpr, VALUE_BITS: tl.constexpr, STEP: tl.constexpr,
):  # fmt: skip
    """Quantise the tail of a KV head as its page `at` of the store."""
    dim, slot = tl.arange(0, DIM), tl.arange(0, 32)
    whole = kv * (32 * DIM) + slot[:, None] * DIM + dim[None, :]
    keys = tl.load(tail_keys + whole)
    mean = tl.sum(keys, axis=0) / 32
    off = keys - mean[None, :]
    spread = tl.sqrt_rn(tl.sum(off * off, axis=0) / 32)
    mean = _bf16(mean)
    offset = keys - mean.to(tl.float32)[None, :]
    scale = _scale(tl.max(tl.abs(offset), axis=0), 127, STEP)
    wide = scale.to(tl.float32)
    codes = _rounded(tl.div_rn(offset, tl.broadcast_to(wide[None, :], offset.shape)))
    codes = tl.clamp(codes, -127.0, 127.0).to(tl.int8)
    tl.store(key_codes + at * (DIM * 32) + dim[None, :] * 32 + slot[:, None], codes)
    tl.store(key_mean + at * DIM + dim, mean)
    tl.store(key_scale + at * DIM + dim, scale)
    share = _rounded(tl.div_rn(spread, wide * (127 / 255)))
    tl.store(key_spread + at * DIM + dim, tl.clamp(share, 0.0, 255.0).to(tl.uint8))

    values = tl.load(tail_values + whole)
    if VALUE_BITS == 8:
        scale = _scale(tl.max(tl.abs(values), axis=1), 127, STEP)
        wide = scale.to(tl.float32)
        codes = _rounded(tl.div_rn(values, tl.broadcast_to(wide[:, None], values.shape)))
        codes = tl.clamp(codes, -127.0, 127.0).to(tl.int8)
        tl.store(value_codes + at * (32 * DIM) + slot[:, None] * DIM + dim[None, :], codes)
    else:
        low = _bf16(tl.min(values, axis=1))
        floor = low.to(tl.float32)
        scale = _scale(tl.max(values, axis=1) - floor, 15, STEP)
        wide = scale.to(tl.float32)
        byte = tl.arange(0, DIM // 2)
        first = kv * (32 * DIM) + slot[:, None] * DIM + byte[None, :]
        packed = _four_bit(tl.load(tail_values + first), floor, wide)
        packed |= _four_bit(tl.load(tail_values + first + DIM // 2), floor, wide) << 4
        place = at * (16 * DIM) + slot[:, None] * (DIM // 2) + byte[None, :]
        tl.store(value_codes + place, packed.to(tl.int8))
        tl.store(value_low + at * 32 + slot, low)
    tl.store(value_scale + at * 32 + slot, scale)


@triton.jit
def _four_bit(values, floor, scale):
    offset = values - floor[:, None]
    codes = _rounded(tl.div_rn(offset, tl.broadcast_to(scale[:, None], offset.shape)))
    return tl.clamp(codes, 0.0, 15.0).to(tl.int32)


@triton.jit
def _head(
    qkv, bias, norm, head, row, dim, rows, eps,
    HEADS: tl.constexpr, DIM: tl.constexpr, SPLITS: tl.constexpr, BIASED: tl.constexpr,
    NORMED: tl.constexpr,
):  # fmt: skip
    """A head of the product, float32 at the channels `dim`; each channel once, in any order."""
    x = tl.zeros([DIM], dtype=tl.float32)
    for split in tl.static_range(SPLITS):
        x += tl.load(qkv + ((split * rows + row) * HEADS + head) * DIM + dim).to(tl.float32)
    if BIASED:
        x += tl.load(bias + head * DIM + dim).to(tl.float32)
    if NORMED:
        x *= tl.rsqrt(tl.sum(x * x, axis=0) / DIM + eps)
        x *= tl.load(norm + dim).to(tl.float32)
    return x


@triton.jit
def append_kernel(
    qkv, bias, norms, cosines, sines,
    key_codes, key_mean, key_scale, key_spread, value_codes, value_scale, value_low,
    table, tail_keys, tail_values, start, sealed, out, rows, store_pages, eps,
    HEADS: tl.constexpr, KV_HEADS: tl.constexpr, DIM: tl.constexpr, SPLITS: tl.constexpr,
    BIASED: tl.constexpr, NORMED: tl.constexpr, VALUE_BITS: tl.constexpr, STEP: tl.constexpr,
    EARLY: tl.constexpr,
):  # fmt: skip
    """One query head, or one KV head and its tail."""
    head = tl.program_id(0)
    begun = tl.load(start)
    kv = head - HEADS
    wait_for_previous(EARLY)
    if (kv >= 0) & (begun // 32 > tl.load(sealed)):
        at = kv * store_pages.to(tl.int64) + tl.load(table + begun // 32 - 1)
        _seal(
            key_codes, key_mean, key_scale, key_spread, value_codes, value_scale, value_low,
            tail_keys, tail_values, at, kv, DIM, VALUE_BITS, STEP,
        )  # fmt: skip
        tl.debug_barrier()  # other threads write the slots that these have read
    dim = tl.arange(0, DIM)
    other = (dim + DIM // 2) % DIM
    every: tl.constexpr = HEADS + 2 * KV_HEADS
    norm = norms + tl.where(kv >= 0, DIM, 0)
    for row in range(rows):
        x = _head(qkv, bias, norm, head, row, dim, rows, eps, every, DIM, SPLITS, BIASED, NORMED)
        crossed = _head(
            qkv, bias, norm, head, row, other, rows, eps, every, DIM, SPLITS, BIASED, NORMED
        )
        turn = (begun + row) * DIM + dim
        turned = x * tl.load(cosines + turn) + crossed * tl.load(sines + turn)
        if kv < 0:
            tl.store(out + (row * HEADS + head) * DIM + dim, _bf16(turned))
        else:
            value = _head(
                qkv, bias, norm, head + KV_HEADS, row, dim, rows, eps,
                every, DIM, SPLITS, BIASED, False,
            )  # fmt: skip
            place = kv * (32 * DIM) + (begun % 32 + row) * DIM + dim
            tl.store(tail_keys + place, turned)
            tl.store(tail_values + place, value)
