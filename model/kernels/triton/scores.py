"""Which pages a query reads, found on the device: nothing waits for the host.

    logits[h, n] = (q_h . mean_n + |q_h| . spread_n) / sqrt(dim)
    score[kv, n] = sum over the heads h of kv: softmax_n(logits[h])

and the pages with the highest scores. The meaning is `naive.score_pages` and
`naive.select_pages`; the score is Quest's idea (arXiv:2406.10774) with mean and spread in place of
extremes. Lengths are read from device memory, so that a captured graph serves every length.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import triton
import triton.language as tl
from torch import Tensor

from vademecum.model.kernels.naive import KeyBias
from vademecum.model.kernels.pages import PAGE, QuantizedPages
from vademecum.model.sparsity import Sparsity

PAGES = 32  # scored by one program
GROUP = 8  # query heads of a KV head, padded


@dataclass(frozen=True, slots=True)
class BiasTables:
    """A `KeyBias` as the kernels read it: float32 `within [kv_heads, dim, 32]` at the slots of the
    first page, `mean [kv_heads, dim]` over them, and `turns [pages, 2, dim / 2]`, the cosine and
    sine by which later pages are turned."""

    within: Tensor
    mean: Tensor
    turns: Tensor

    @classmethod
    def of(cls, bias: KeyBias, pages: int) -> BiasTables:
        """Tables for sequences of `pages` complete pages."""
        return cls(bias.within, bias.within.mean(dim=2), bias.turns(pages + 1))


@dataclass(frozen=True, slots=True)
class Selection:
    """What each row of a step reads: int32 `pages [rows, kv_heads, capacity]`, ascending, of which
    the first `count [rows]` are meant."""

    pages: Tensor
    count: Tensor


def select(
    query: Tensor,
    store: QuantizedPages,
    table: Tensor,
    start: Tensor,
    bias: BiasTables | None,
    sparsity: Sparsity,
) -> Selection:
    """The pages that each row of a step attends to besides the tail.

    `query [rows, heads, dim]`, rows at the positions `start, start + 1, ...`; `table` int64
    `[capacity]`, of which the complete pages, `start // 32`, are looked at; `start` int32 `[1]`.
    """
    rows, heads, dim = query.shape
    kv_heads, capacity = store.key_mean.shape[0], table.shape[0]
    blocks = triton.cdiv(capacity, PAGES)
    device = query.device
    logits = torch.empty(rows, heads, capacity, device=device)
    statistics = torch.empty(rows, heads, blocks, 2, device=device)
    chosen = Selection(
        pages=torch.empty(rows, kv_heads, capacity, dtype=torch.int32, device=device),
        count=torch.empty(rows, dtype=torch.int32, device=device),
    )
    mean, turns = (query, query) if bias is None else (bias.mean, bias.turns)
    score_kernel[(blocks, kv_heads, rows)](
        query, store.key_mean, store.key_scale, store.key_spread, mean, turns, table, start,
        logits, statistics, store.key_mean.shape[1], capacity, blocks, dim**-0.5,
        GROUP_HEADS=heads // kv_heads, KV_HEADS=kv_heads, DIM=dim, BIASED=bias is not None,
        PAGES=PAGES, num_warps=4,
    )  # fmt: skip
    width = triton.next_power_of_2(capacity)
    select_kernel[(kv_heads, rows)](
        logits, statistics, start, chosen.pages, chosen.count, capacity, blocks,
        sparsity.threshold, -(-sparsity.budget // PAGE),
        sparsity.long, -(-sparsity.long_budget // PAGE),
        -(-sparsity.sinks // PAGE), sparsity.recent,
        GROUP_HEADS=heads // kv_heads, KV_HEADS=kv_heads, GROUP=GROUP, PAGE=PAGE, WIDTH=width,
        BLOCKS=triton.next_power_of_2(blocks), num_warps=4 if width <= 1024 else 16,
    )  # fmt: skip
    return chosen


@triton.jit
def score_kernel(
    query, key_mean, key_scale, key_spread, bias_mean, turns, table, start, logits, statistics,
    store_pages, capacity, blocks, scaling,
    GROUP_HEADS: tl.constexpr, KV_HEADS: tl.constexpr, DIM: tl.constexpr, BIASED: tl.constexpr,
    PAGES: tl.constexpr,
):  # fmt: skip
    """Logits of 32 pages for the heads of a KV head, and per head their maximum and the sum of
    their exponentials, from which the softmax over all pages is made."""
    block, kv, row = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    complete = tl.load(start) // 32
    if block * PAGES >= complete:
        return
    page = block * PAGES + tl.arange(0, PAGES)
    dim = tl.arange(0, DIM)
    there = page < complete
    at = tl.load(table + page, mask=there, other=0)
    summary = (kv * store_pages + at)[:, None] * DIM + dim[None, :]
    mean = tl.load(key_mean + summary, mask=there[:, None], other=0.0).to(tl.float32)
    scale = tl.load(key_scale + summary, mask=there[:, None], other=0.0).to(tl.float32)
    spread = tl.load(key_spread + summary, mask=there[:, None], other=0).to(tl.float32)
    spread = spread * (scale * (127 / 255))
    if BIASED:
        half = DIM // 2
        turn = page[:, None] * DIM + (dim % half)[None, :]
        cos = tl.load(turns + turn, mask=there[:, None], other=0.0)
        sin = tl.load(turns + turn + half, mask=there[:, None], other=0.0)
        own = tl.load(bias_mean + kv * DIM + dim)
        other = tl.load(bias_mean + kv * DIM + (dim + half) % DIM)
        other = tl.where(dim < half, -other, other)
        mean += own[None, :] * cos + other[None, :] * sin
    for g in tl.static_range(GROUP_HEADS):
        h = row * (GROUP_HEADS * KV_HEADS) + kv * GROUP_HEADS + g
        q = tl.load(query + h * DIM + dim).to(tl.float32)
        logit = tl.sum(q[None, :] * mean + tl.abs(q)[None, :] * spread, axis=1) * scaling
        tl.store(logits + h * capacity + page, logit, mask=there)
        logit = tl.where(there, logit, float("-inf"))
        top = tl.max(logit, axis=0)
        tl.store(statistics + (h * blocks + block) * 2, top)
        tl.store(statistics + (h * blocks + block) * 2 + 1, tl.sum(tl.exp(logit - top), axis=0))


@triton.jit
def select_kernel(
    logits, statistics, start, pages, count, capacity, blocks,
    threshold, budget, long, long_budget, sinks, recent,
    GROUP_HEADS: tl.constexpr, KV_HEADS: tl.constexpr, GROUP: tl.constexpr, PAGE: tl.constexpr,
    WIDTH: tl.constexpr, BLOCKS: tl.constexpr,
):  # fmt: skip
    """The best pages of a KV head, by a search for the score that as many exceed as are wanted.

    Scores are not negative, so that their bits are ordered as they are.
    """
    kv, row = tl.program_id(0), tl.program_id(1)
    begun = tl.load(start)
    complete, length = begun // PAGE, begun + row + 1
    page, block = tl.arange(0, WIDTH), tl.arange(0, BLOCKS)
    there = page < complete
    # All heads of the group at once: what can be loaded together need not be waited for in turn.
    head = tl.arange(0, GROUP)
    h = row * (GROUP_HEADS * KV_HEADS) + kv * GROUP_HEADS + head
    scored = (head < GROUP_HEADS)[:, None] & (block < tl.cdiv(complete, 32))[None, :]
    at = statistics + (h[:, None] * blocks + block[None, :]) * 2
    tops = tl.load(at, mask=scored, other=float("-inf"))
    sums = tl.load(at + 1, mask=scored, other=0.0)
    rated = (head < GROUP_HEADS)[:, None] & there[None, :]
    logit = tl.load(logits + h[:, None] * capacity + page[None, :], mask=rated, other=float("-inf"))
    top = tl.max(tops, axis=1)
    total = tl.sum(tl.where(scored, tl.exp(tops - top[:, None]) * sums, 0.0), axis=1)
    score = tl.sum(tl.where(rated, tl.exp(logit - top[:, None]) / total[:, None], 0.0), axis=0)
    newest = tl.maximum(0, length - recent) // PAGE
    must = there & ((page < sinks) | (page >= newest))
    wanted = tl.where(length >= long, long_budget, budget)
    wanted = tl.where(begun + 1 < threshold, complete, wanted - 1)  # the tail is always read
    wanted = tl.minimum(complete, tl.maximum(wanted, tl.sum(must.to(tl.int32), axis=0)))

    # 0 is left for what is not there, and no score reaches what must be read.
    bits = score.to(tl.int32, bitcast=True) + 1
    bits = tl.where(there, tl.where(must, 0x7F800000, bits), 0)
    bound = tl.zeros([], dtype=tl.int32)  # the highest that `wanted` or more reach
    for n in range(15):
        # Two bits at a time: how many reach each of three candidates is counted in one number.
        unit = 1 << (29 - 2 * n)
        low, middle, high = bound + unit, bound + 2 * unit, bound + 3 * unit
        reached = (bits >= low).to(tl.int64)
        reached += (bits >= middle).to(tl.int64) << 20
        reached += (bits >= high).to(tl.int64) << 40
        counts = tl.sum(reached, axis=0)
        few: tl.constexpr = (1 << 20) - 1
        bound = tl.where(
            (counts >> 40) >= wanted, high,
            tl.where(
                ((counts >> 20) & few) >= wanted, middle,
                tl.where((counts & few) >= wanted, low, bound),
            ),
        )  # fmt: skip
    last = bound + 1
    bound = tl.where(tl.sum((bits >= last).to(tl.int32), axis=0) >= wanted, last, bound)
    above = bits > bound
    equal = there & (bits == bound)
    left = wanted - tl.sum(above.to(tl.int32), axis=0)
    kept = above | (equal & (tl.cumsum(equal.to(tl.int32), axis=0) <= left))
    place = tl.cumsum(kept.to(tl.int32), axis=0) - 1
    tl.store(pages + (row * KV_HEADS + kv) * capacity + place, page, mask=kept)
    if kv == 0:
        tl.store(count + row, wanted)
