"""Which pages a query reads, found on the device: nothing waits for the host.

    logits[h, n] = (q_h . mean_n + |q_h| . spread_n) / sqrt(dim)
    score[kv, n] = sum over the heads h of kv: softmax_n(logits[h])

and the pages with the highest scores. The meaning is `naive.score_pages` and
`naive.select_pages`; the score is Quest's idea (arXiv:2406.10774) with mean and spread in place of
extremes. Lengths are read from device memory, so that a captured graph serves every length.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
import triton
import triton.language as tl
from torch import Tensor

from vademecum.model.kernels.naive import KeyBias
from vademecum.model.kernels.pages import PAGE, QuantizedPages
from vademecum.model.kernels.triton.early import early, wait_for_previous
from vademecum.model.kernels.triton.nvrtc import kernel
from vademecum.model.sparsity import Sparsity

SCORE = Path(__file__).with_name("score.cu")
SELECT = Path(__file__).with_name("select.cu")
COMPILED = (64, 128)  # the sizes of a head that score.cu and attention.cu are written for
THREADS = 1024  # of a block of select.cu
PAGES = 32  # scored by one program
GROUP = 8  # query heads of a KV head, padded


@dataclass(frozen=True, slots=True)
class BiasTables:
    """A `KeyBias` as the kernels read it: float32 `within [kv_heads, dim, 32]` at the slots of the
    first page, `mean [kv_heads, dim]` over them, and `turns [pages, 2, dim / 2]`, the cosine and
    sine by which later pages are turned.

    `operand` float16 `[kv_heads, dim / 16, 8, 4, 4, 2, 4]` is `within` as tensor cores take it:
    lane `4 r + q` reads, for each step k and tile j, the channels `16 k + 4 q` and following at
    slot `4 r + j`, rounded, and then what rounding took away; the axes are `k, r, q, j`, which of
    the two, and the channel.
    """

    within: Tensor
    mean: Tensor
    turns: Tensor
    operand: Tensor

    @classmethod
    def of(cls, bias: KeyBias, pages: int) -> BiasTables:
        """Tables for sequences of `pages` complete pages."""
        within = bias.within
        laid = within.unflatten(1, (-1, 4, 4)).unflatten(-1, (8, 4))  # k, q, channel, r, j
        laid = laid.permute(0, 1, 4, 2, 5, 3)
        near = laid.half()
        operand = torch.stack((near, (laid - near.float()).half()), dim=-2).contiguous()
        return cls(within, within.mean(dim=2), bias.turns(pages + 1), operand)


@dataclass(frozen=True, slots=True)
class Selection:
    """What each row of a step reads: int32 `pages [rows, kv_heads, capacity]`, ascending, of which
    the first `count [rows]` are meant."""

    pages: Tensor
    count: Tensor


@dataclass(frozen=True, slots=True)
class Scores:
    """Float32 `weights [rows, heads, capacity]` of the complete pages, exponentials of their logits
    over the largest of 32 pages; `statistics [rows, heads, blocks, 2]`: that, and their sum."""

    weights: Tensor
    statistics: Tensor


def select(
    query: Tensor,
    store: QuantizedPages,
    table: Tensor,
    start: Tensor,
    bias: BiasTables | None,
    sparsity: Sparsity,
    counted: Tensor,
) -> Selection:
    """The pages that each row of a step attends to besides the tail.

    `query [rows, heads, dim]`, rows at the positions `start, start + 1, ...`; `table` int64
    `[capacity]`, of which the complete pages, `start // 32`, are looked at; `start` int32 `[1]`.
    To `counted`, int64 `[2]`, is added how many pages were taken, and how many left out.
    """
    rows, heads, _ = query.shape
    kv_heads, capacity = store.key_mean.shape[0], table.shape[0]
    scores = score(query, store, table, start, bias)
    chosen = Selection(
        pages=torch.empty(rows, kv_heads, capacity, dtype=torch.int32, device=query.device),
        count=torch.empty(rows, dtype=torch.int32, device=query.device),
    )
    constants = (
        ("PAGES_EACH", -(-capacity // THREADS)),
        ("GROUP_HEADS", heads // kv_heads),
        ("KV_HEADS", kv_heads),
    )
    kernel(SELECT, "select_pages", constants, query.device.index or 0)(
        (kv_heads, rows, 1), THREADS,
        scores.weights, scores.statistics, start, chosen.pages, chosen.count, capacity,
        scores.statistics.shape[2], sparsity.threshold, -(-sparsity.budget // PAGE),
        sparsity.long, -(-sparsity.long_budget // PAGE), -(-sparsity.sinks // PAGE),
        sparsity.recent, counted,
    )  # fmt: skip
    return chosen


def score(
    query: Tensor, store: QuantizedPages, table: Tensor, start: Tensor, bias: BiasTables | None
) -> Scores:
    """What the pages are chosen by; arguments as for `select`."""
    rows, heads, dim = query.shape
    kv_heads, capacity = store.key_mean.shape[0], table.shape[0]
    blocks = triton.cdiv(capacity, PAGES)
    device = query.device
    weights = torch.empty(rows, heads, capacity, device=device)
    statistics = torch.empty(rows, heads, blocks, 2, device=device)
    if device.type == "cuda" and dim in COMPILED:
        constants = (
            ("DIM", dim),
            ("GROUP_HEADS", heads // kv_heads),
            ("KV_HEADS", kv_heads),
            ("BIASED", int(bias is not None)),
        )
        kernel(SCORE, "score_pages", constants, device.index or 0)(
            (blocks, kv_heads, rows), 256,
            query, store.key_mean, store.key_scale, store.key_spread,
            *((None, None) if bias is None else (bias.mean, bias.turns)), table, start,
            weights, statistics, store.key_mean.shape[1], capacity, blocks,
        )  # fmt: skip
        return Scores(weights, statistics)
    mean, turns = (query, query) if bias is None else (bias.mean, bias.turns)
    score_kernel[(blocks, kv_heads, rows)](
        query, store.key_mean, store.key_scale, store.key_spread, mean, turns, table, start,
        weights, statistics, store.key_mean.shape[1], capacity, blocks, dim**-0.5,
        GROUP_HEADS=heads // kv_heads, KV_HEADS=kv_heads, DIM=dim, BIASED=bias is not None,
        PAGES=PAGES, GROUP=GROUP, num_warps=4, **early(device),
    )  # fmt: skip
    return Scores(weights, statistics)


@triton.jit
def score_kernel(
    query, key_mean, key_scale, key_spread, bias_mean, turns, table, start, weights, statistics,
    store_pages, capacity, blocks, scaling,
    GROUP_HEADS: tl.constexpr, KV_HEADS: tl.constexpr, DIM: tl.constexpr, BIASED: tl.constexpr,
    PAGES: tl.constexpr, GROUP: tl.constexpr, EARLY: tl.constexpr,
):  # fmt: skip
    """Logits of 32 pages for the heads of a KV head, and per head their maximum and the sum of
    their exponentials, from which the softmax over all pages is made."""
    block, kv, row = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    complete = tl.load(start) // 32
    wait_for_previous(EARLY)
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
    head = tl.arange(0, 2 * GROUP)  # as many as a product takes, half of them empty
    h = row * (GROUP_HEADS * KV_HEADS) + kv * GROUP_HEADS + head
    real = head < GROUP_HEADS
    q = tl.load(query + h[None, :] * DIM + dim[:, None], mask=real[None, :], other=0.0)
    q = q.to(tl.float32) * scaling
    logit = tl.dot(mean, q, input_precision="tf32x3")
    logit += tl.dot(spread, tl.abs(q), input_precision="tf32x3")
    logit = tl.where(there[:, None], logit, float("-inf"))
    top = tl.max(logit, axis=0)
    weight = tl.exp(logit - top[None, :])
    at = weights + h[None, :] * capacity + page[:, None]
    tl.store(at, weight, mask=there[:, None] & real[None, :])
    total = tl.sum(weight, axis=0)
    tl.store(statistics + (h * blocks + block) * 2, top, mask=real)
    tl.store(statistics + (h * blocks + block) * 2 + 1, total, mask=real)
