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
from vademecum.model.kernels.triton.quantize import seal_keys, seal_values, to_bf16


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
    out: Tensor | None = None,
) -> Tensor:
    """Queries `[rows, heads, dim]` bf16, as attended; keys and values go into the tail.

    `qkv` is `[rows, heads + 2 kv_heads, dim]`, and `bias` bf16 `[heads + 2 kv_heads, dim]`. The
    rows have the positions `start, start + 1, ...` and lie in one page. `rotation` is cosine and
    signed sine, float32 `[positions, dim]`. `start` and `sealed`, the number of pages that are in
    the store, are int32 `[1]`: the page before the current one is sealed if the store lacks it.
    Whoever advances `start` sets `sealed` then.
    """
    rows, both, dim = qkv.shape
    kv_heads = store.key_mean.shape[0]
    heads = both - 2 * kv_heads
    if out is None:
        out = torch.empty(rows, heads, dim, dtype=torch.bfloat16, device=qkv.device)
    append_kernel[(heads + kv_heads,)](
        qkv, qkv if bias is None else bias, qkv if norms is None else norms.weights, *rotation,
        *store.tensors(), table, *tail, start, sealed, out, rows, store.key_mean.shape[1],
        0.0 if norms is None else norms.eps,
        HEADS=heads, KV_HEADS=kv_heads, DIM=dim, BIASED=bias is not None,
        NORMED=norms is not None, VALUE_BITS=store.value_bits, STEP=BF16_STEP, num_warps=4,
        **early(qkv.device),
    )  # fmt: skip
    return out


@triton.jit
def _head(
    qkv, bias, norm, head, row, dim, eps,
    HEADS: tl.constexpr, DIM: tl.constexpr, BIASED: tl.constexpr, NORMED: tl.constexpr,
):  # fmt: skip
    """A head of the product, float32 at the channels `dim`; each channel once, in any order."""
    x = tl.load(qkv + (row * HEADS + head) * DIM + dim).to(tl.float32)
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
    HEADS: tl.constexpr, KV_HEADS: tl.constexpr, DIM: tl.constexpr, BIASED: tl.constexpr,
    NORMED: tl.constexpr, VALUE_BITS: tl.constexpr, STEP: tl.constexpr, EARLY: tl.constexpr,
):  # fmt: skip
    """One query head, or one KV head and its tail."""
    head = tl.program_id(0)
    begun = tl.load(start)
    kv = head - HEADS
    wait_for_previous(EARLY)
    if (kv >= 0) & (begun // 32 > tl.load(sealed)):
        at = kv.to(tl.int64) * store_pages + tl.load(table + begun // 32 - 1)
        slot = kv * 32 + tl.arange(0, 32)
        keys = tl.load(tail_keys + slot[:, None] * DIM + tl.arange(0, DIM)[None, :])
        seal_keys(keys, key_codes, key_mean, key_scale, key_spread, at, DIM, STEP)
        seal_values(
            tail_values + kv * (32 * DIM), DIM, value_codes, value_scale, value_low, at,
            DIM, VALUE_BITS, STEP,
        )  # fmt: skip
        tl.debug_barrier()  # other threads write the slots that these have read
    dim = tl.arange(0, DIM)
    other = (dim + DIM // 2) % DIM
    every: tl.constexpr = HEADS + 2 * KV_HEADS
    norm = norms + tl.where(kv >= 0, DIM, 0)
    for row in range(rows):
        x = _head(qkv, bias, norm, head, row, dim, eps, every, DIM, BIASED, NORMED)
        crossed = _head(qkv, bias, norm, head, row, other, eps, every, DIM, BIASED, NORMED)
        turn = (begun + row) * DIM + dim
        turned = x * tl.load(cosines + turn) + crossed * tl.load(sines + turn)
        if kv < 0:
            tl.store(out + (row * HEADS + head) * DIM + dim, to_bf16(turned))
        else:
            value = _head(
                qkv, bias, norm, head + KV_HEADS, row, dim, eps, every, DIM, BIASED, False
            )
            place = kv * (32 * DIM) + (begun % 32 + row) * DIM + dim
            tl.store(tail_keys + place, turned)
            tl.store(tail_values + place, value)
