"""What stands between a layer's first product and its attention when a prompt is read.

    q, k, v = the product's heads;   Qwen3:  q, k = q / rms(q) w_q, k / rms(k) w_k
    query = R(position) q;   pages and tail = R(position) k, v

RoPE is RoFormer's (arXiv:2104.09864), halves of a head paired. A page of 32 tokens is quantised as
`QuantizedPages.seal` does it, and what its codes stand for is left for the attention that follows:
tokens of one chunk see each other as later ones will see them.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import triton
import triton.language as tl
from torch import Tensor

from vademecum.model.kernels.naive import KeyBias
from vademecum.model.kernels.pages import BF16_STEP, PAGE, QuantizedPages
from vademecum.model.kernels.triton.append import HeadNorms
from vademecum.model.kernels.triton.quantize import seal_keys, seal_values, to_bf16


@dataclass(frozen=True, slots=True)
class Appended:
    """A chunk, bf16: `query [tokens, heads, dim]`, `keys` with their bias and `values [kv_heads,
    tokens, dim]`, all as attended."""

    query: Tensor
    keys: Tensor
    values: Tensor


def append(
    qkv: Tensor,
    norms: HeadNorms | None,
    rotation: tuple[Tensor, Tensor],
    store: QuantizedPages,
    table: Tensor,
    tail: tuple[Tensor, Tensor],
    start: int,
    bias: KeyBias | None,
) -> Appended:
    """Keys and values go into pages and tail, and are given as they are stored there.

    `qkv` is bf16 `[tokens, heads + 2 kv_heads, dim]`, of tokens from `start` on, a multiple of 32;
    what does not fill a page goes into `tail`, float32 `[kv_heads, 32, dim]` each. `rotation` is
    cosine and signed sine of these tokens, float32 `[tokens, dim]`.
    """
    tokens, both, dim = qkv.shape
    kv_heads = store.key_mean.shape[0]
    heads = both - 2 * kv_heads
    query = torch.empty(tokens, heads, dim, dtype=qkv.dtype, device=qkv.device)
    keys = torch.empty(kv_heads, tokens, dim, dtype=qkv.dtype, device=qkv.device)
    values = torch.empty_like(keys)
    within, turns = (qkv, qkv) if bias is None else (bias.within, bias.turns(table.shape[0] + 1))
    append_kernel[(triton.cdiv(tokens, PAGE), 2 * kv_heads)](
        qkv, qkv if norms is None else norms.weights, *rotation, *store.tensors(), table, *tail,
        within, turns, query, keys, values, tokens, start, store.key_mean.shape[1],
        0.0 if norms is None else norms.eps,
        HEADS=heads, KV_HEADS=kv_heads, DIM=dim, NORMED=norms is not None, BIASED=bias is not None,
        VALUE_BITS=store.value_bits, STEP=BF16_STEP, num_warps=4,
    )  # fmt: skip
    return Appended(query, keys, values)


@triton.jit
def _turned(
    x, norm, cosines, sines, rows, dim, there, stride, eps,
    DIM: tl.constexpr, NORMED: tl.constexpr,
):  # fmt: skip
    """32 rows of a head that lie `stride` apart, normed and turned: float32 `[32, DIM]`."""
    other = (dim + DIM // 2) % DIM
    own = tl.load(x + rows[:, None] * stride + dim[None, :], mask=there[:, None], other=0.0)
    across = tl.load(x + rows[:, None] * stride + other[None, :], mask=there[:, None], other=0.0)
    own, across = own.to(tl.float32), across.to(tl.float32)
    if NORMED:
        factor = tl.rsqrt(tl.sum(own * own, axis=1) / DIM + eps)[:, None]
        own *= factor * tl.load(norm + dim).to(tl.float32)[None, :]
        across *= factor * tl.load(norm + other).to(tl.float32)[None, :]
    turn = rows[:, None] * DIM + dim[None, :]
    cosine = tl.load(cosines + turn, mask=there[:, None], other=0.0)
    sine = tl.load(sines + turn, mask=there[:, None], other=0.0)
    return own * cosine + across * sine


@triton.jit
def _turn_queries(
    qkv, norms, cosines, sines, query, first, rows, there, stride, eps,
    HEADS: tl.constexpr, GROUP: tl.constexpr, DIM: tl.constexpr, NORMED: tl.constexpr,
):  # fmt: skip
    """Heads `first` and following: what they are turned by is read once for all of them."""
    half: tl.constexpr = DIM // 2
    dim = tl.arange(0, half)
    mask = there[:, None]
    turn = rows[:, None] * DIM + dim[None, :]
    cosine = tl.load(cosines + turn, mask=mask, other=0.0)
    sine = tl.load(sines + turn + half, mask=mask, other=0.0)
    for head in range(first, first + GROUP):
        at = qkv + rows[:, None] * stride + head * DIM + dim[None, :]
        low = tl.load(at, mask=mask, other=0.0).to(tl.float32)
        high = tl.load(at + half, mask=mask, other=0.0).to(tl.float32)
        if NORMED:
            square = tl.sum(low * low, axis=1) + tl.sum(high * high, axis=1)
            factor = tl.rsqrt(square / DIM + eps)[:, None]
            low *= factor * tl.load(norms + dim).to(tl.float32)[None, :]
            high *= factor * tl.load(norms + half + dim).to(tl.float32)[None, :]
        place = query + (rows[:, None] * HEADS + head) * DIM + dim[None, :]
        tl.store(place, to_bf16(low * cosine - high * sine), mask=mask)
        tl.store(place + half, to_bf16(high * cosine + low * sine), mask=mask)


@triton.jit(do_not_specialize=["tokens", "start"])
def append_kernel(
    qkv, norms, cosines, sines,
    key_codes, key_mean, key_scale, key_spread, value_codes, value_scale, value_low,
    table, tail_keys, tail_values, within, turns, query, keys, values,
    tokens, start, store_pages, eps,
    HEADS: tl.constexpr, KV_HEADS: tl.constexpr, DIM: tl.constexpr, NORMED: tl.constexpr,
    BIASED: tl.constexpr, VALUE_BITS: tl.constexpr, STEP: tl.constexpr,
):  # fmt: skip
    """32 tokens of the query heads of a KV head, or of a KV head itself."""
    block, kv = tl.program_id(0), tl.program_id(1) - KV_HEADS
    slot, dim = tl.arange(0, 32), tl.arange(0, DIM)
    rows = block * 32 + slot
    there = rows < tokens
    every: tl.constexpr = (HEADS + 2 * KV_HEADS) * DIM
    if kv < 0:
        _turn_queries(
            qkv, norms, cosines, sines, query, (kv + KV_HEADS) * (HEADS // KV_HEADS), rows, there,
            every, eps, HEADS, HEADS // KV_HEADS, DIM, NORMED,
        )  # fmt: skip
        return
    x = _turned(
        qkv + (HEADS + kv) * DIM, norms + DIM, cosines, sines, rows, dim, there, every, eps,
        DIM, NORMED,
    )  # fmt: skip
    of_values = qkv + (HEADS + KV_HEADS + kv) * DIM
    page = start // 32 + block
    if block * 32 + 32 <= tokens:
        at = kv.to(tl.int64) * store_pages + tl.load(table + page)
        key = seal_keys(x, key_codes, key_mean, key_scale, key_spread, at, DIM, STEP)
        value = seal_values(
            of_values + block * 32 * every, every, value_codes, value_scale, value_low, at,
            DIM, VALUE_BITS, STEP,
        )  # fmt: skip
    else:
        key = x
        value = tl.load(
            of_values + rows[:, None] * every + dim[None, :], mask=there[:, None], other=0.0
        ).to(tl.float32)
        place = kv * (32 * DIM) + slot[:, None] * DIM + dim[None, :]
        tl.store(tail_keys + place, key, mask=there[:, None])
        tl.store(tail_values + place, value, mask=there[:, None])
    if BIASED:
        half: tl.constexpr = DIM // 2
        cos = tl.load(turns + page * DIM + dim % half)
        sin = tl.load(turns + page * DIM + half + dim % half)
        sin = tl.where(dim < half, -sin, sin)
        own = tl.load(within + (kv * DIM + dim)[None, :] * 32 + slot[:, None])
        across = (dim + half) % DIM
        other = tl.load(within + (kv * DIM + across)[None, :] * 32 + slot[:, None])
        key += own * cos[None, :] + other * sin[None, :]
    place = (kv * tokens + rows)[:, None] * DIM + dim[None, :]
    tl.store(keys + place, to_bf16(key), mask=there[:, None])
    tl.store(values + place, to_bf16(value), mask=there[:, None])
