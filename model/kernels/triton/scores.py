"""Which pages a query reads, found on the device: nothing waits for the host.

    logits[h, n] = (q_h . mean_n + |q_h| . spread_n) / sqrt(dim)
    score[kv, n] = sum over the heads h of kv: softmax_n(logits[h])

and the pages with the highest scores. The meaning is `naive.score_pages` and
`naive.select_pages`; the score is Quest's idea (arXiv:2406.10774) with mean and spread in place of
extremes. Several layers are one launch: their queries, all of the same token, are there beforehand.
Lengths are read from device memory, so that a captured graph serves every length.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import triton
import triton.language as tl
from torch import Tensor

from vademecum.model.kernels.naive import KeyBias
from vademecum.model.kernels.pages import PAGE, QuantizedPages
from vademecum.model.kernels.triton.early import early, wait_for_previous
from vademecum.model.kernels.triton.nvrtc import kernel, runs_on
from vademecum.model.kernels.triton.quantize import LEAST, SHIFT
from vademecum.model.sparsity import Sparsity

SCORE = Path(__file__).with_name("score.cu")
SELECT = Path(__file__).with_name("select.cu")
COMPILED = (64, 128)  # the sizes of a head that score.cu and attention.cu are written for
THREADS = 1024  # of a block of select.cu
MOST_EACH = 32  # pages of a thread: what it takes of them is a bit each
PAGES = 32  # scored by one program
WARPS = 8  # of a block of score.cu, of which four score as many
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


@dataclass(frozen=True, slots=True, eq=False)
class Summaries:
    """What the pages of some layers are scored by: stores of one size, and the biases that they
    were stored without. `addresses` int64 `[layers, 4]` is where each layer's `key_mean` and
    `key_spread`, and `mean` and `turns` of its bias lie; 0 without one."""

    stores: tuple[QuantizedPages, ...]
    biases: tuple[BiasTables | None, ...]
    addresses: Tensor

    @classmethod
    def of(cls, stores: Sequence[QuantizedPages], biases: Sequence[BiasTables | None]) -> Summaries:
        """Of one layer after the other."""
        parts = [
            (
                *(store.key_mean, store.key_spread),
                *((None, None) if bias is None else (bias.mean, bias.turns)),
            )
            for store, bias in zip(stores, biases, strict=True)
        ]
        addresses = [[0 if part is None else part.data_ptr() for part in row] for row in parts]
        device = stores[0].key_mean.device
        return cls(tuple(stores), tuple(biases), torch.tensor(addresses, device=device))

    def layer(self, n: int) -> Summaries:
        """Those of one layer."""
        own = slice(n, n + 1)
        return Summaries(self.stores[own], self.biases[own], self.addresses[own])


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """What each row of a step reads: int32 `pages [rows, kv_heads, room]`, ascending, of which
    the first `count [rows]` are meant; of several layers `pages [layers, rows, kv_heads, room]`.
    If that was settled before the step began, `most` is how many a row reads at most."""

    pages: Tensor
    count: Tensor
    most: int | None = None

    @classmethod
    def empty(
        cls, layers: int, rows: int, kv_heads: int, room: int, device: torch.device
    ) -> Selection:
        """Room for what `select` finds."""
        shape = (layers, rows, kv_heads, room)
        return cls(
            pages=torch.zeros(shape, dtype=torch.int32, device=device),
            count=torch.zeros(rows, dtype=torch.int32, device=device),
        )

    def layer(self, n: int) -> Selection:
        """That of one layer, as `attention` takes it."""
        return Selection(self.pages[n], self.count, self.most)


def most_pages(sparsity: Sparsity) -> int:
    """How many complete pages a token reads at most, at any length from `threshold` on."""
    budget = -(-max(sparsity.budget, sparsity.long_budget) // PAGE) - 1
    always = -(-sparsity.sinks // PAGE) + -(-sparsity.recent // PAGE) + 1
    return max(budget, always)


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Float32 `weights [layers, rows, heads, capacity]` of the complete pages, exponentials of
    their logits over the largest of 32 pages; `statistics [layers, rows, heads, blocks, 2]`: that,
    and their sum."""

    weights: Tensor
    statistics: Tensor


def select(
    query: Tensor,
    summaries: Summaries,
    table: Tensor,
    start: Tensor,
    sparsity: Sparsity,
    counted: Tensor,
    *,
    behind: int = 0,
    out: Selection | None = None,
) -> Selection:
    """The pages that each row of a step attends to besides the tail, in each layer.

    `query` bf16 `[layers, rows, heads, dim]`, for rows at the positions `start, start + 1, ...`;
    `table` int64 `[capacity]`, of which the complete pages, `start // 32`, are looked at; `start`
    int32 `[1]`. With `behind`, the queries are those of the tokens so many places before: only
    pages that were complete then are scored, and those completed since are taken besides.
    To `counted`, int64 `[2]`, is added how many pages were taken, and how many left out. Raises
    ValueError for more pages than a million tokens have.
    """
    layers, rows, heads, _ = query.shape
    kv_heads, capacity = summaries.stores[0].key_mean.shape[0], table.shape[0]
    each = -(-(capacity + behind) // THREADS)
    if each > MOST_EACH:
        most = MOST_EACH * THREADS - behind
        raise ValueError(f"a choice among {capacity:,} pages, at most {most:,} are chosen from")
    scores = score(query, summaries, table, start, behind=behind)
    if out is None:
        out = Selection.empty(layers, rows, kv_heads, capacity, query.device)
    group = heads // kv_heads
    constants = (("PAGES_EACH", each), ("GROUP_HEADS", group), ("KV_HEADS", kv_heads))
    factors = 4 * group * each * (THREADS // 32)  # bytes
    kernel(SELECT, "select_pages", constants, query.device.index or 0, shared=factors)(
        (kv_heads, rows * layers, 1), THREADS,
        scores.weights, scores.statistics, start, out.pages, out.count, rows, behind, capacity,
        out.pages.shape[3], scores.statistics.shape[3], sparsity.threshold,
        -(-sparsity.budget // PAGE), sparsity.long, -(-sparsity.long_budget // PAGE),
        -(-sparsity.sinks // PAGE), sparsity.recent, counted,
    )  # fmt: skip
    return out


def score(
    query: Tensor, summaries: Summaries, table: Tensor, start: Tensor, *, behind: int = 0
) -> Scores:
    """What the pages are chosen by; arguments as for `select`."""
    layers, rows, heads, dim = query.shape
    stores = summaries.stores
    kv_heads, capacity = stores[0].key_mean.shape[0], table.shape[0]
    blocks = triton.cdiv(capacity, PAGES)
    device = query.device
    weights = torch.empty(layers, rows, heads, capacity, device=device)
    statistics = torch.empty(layers, rows, heads, blocks, 2, device=device)
    if runs_on(device) and dim in COMPILED:
        constants = (
            ("DIM", dim),
            ("GROUP_HEADS", heads // kv_heads),
            ("KV_HEADS", kv_heads),
            ("BIASED", int(any(bias is not None for bias in summaries.biases))),
        )
        kernel(SCORE, "score_pages", constants, device.index or 0)(
            (triton.cdiv(4 * blocks, WARPS), kv_heads, layers * rows), 32 * WARPS,
            query, summaries.addresses, table, start, weights, statistics, rows, query.stride(0),
            behind, stores[0].key_mean.shape[1], capacity, blocks,
        )  # fmt: skip
        return Scores(weights, statistics)
    for n, (store, bias) in enumerate(zip(stores, summaries.biases, strict=True)):
        mean, turns = (query, query) if bias is None else (bias.mean, bias.turns)
        score_kernel[(blocks, kv_heads, rows)](
            query[n], store.key_mean, store.key_spread, mean, turns, table, start,
            weights[n], statistics[n], behind, store.key_mean.shape[1], capacity, blocks,
            dim**-0.5, GROUP_HEADS=heads // kv_heads, KV_HEADS=kv_heads, DIM=dim,
            BIASED=bias is not None, PAGES=PAGES, GROUP=GROUP, num_warps=4, **early(device),
        )  # fmt: skip
    return Scores(weights, statistics)


@triton.jit
def score_kernel(
    query, key_mean, key_spread, bias_mean, turns, table, start, weights, statistics,
    behind, store_pages, capacity, blocks, scaling,
    GROUP_HEADS: tl.constexpr, KV_HEADS: tl.constexpr, DIM: tl.constexpr, BIASED: tl.constexpr,
    PAGES: tl.constexpr, GROUP: tl.constexpr, EARLY: tl.constexpr,
):  # fmt: skip
    """Logits of 32 pages for the heads of a KV head, and per head their maximum and the sum of
    their exponentials, from which the softmax over all pages is made."""
    block, kv, row = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    wait_for_previous(EARLY)
    complete = tl.maximum(tl.load(start) + row - behind, 0) // 32
    if block * PAGES >= complete:
        return
    page = block * PAGES + tl.arange(0, PAGES)
    dim = tl.arange(0, DIM)
    there = page < complete
    at = tl.load(table + page, mask=there, other=0)
    summary = (kv * store_pages + at)[:, None] * DIM + dim[None, :]
    mean = tl.load(key_mean + summary, mask=there[:, None], other=0.0).to(tl.float32)
    spread = tl.load(key_spread + summary, mask=there[:, None], other=0).to(tl.int32)
    spread = ((spread << SHIFT) + LEAST).to(tl.float32, bitcast=True)
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
