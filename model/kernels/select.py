"""Which pages to read, compiled by Numba: scores of pages, and the best of them."""

# mypy: allow-untyped-decorators

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange

from vademecum.model.kernels.attend import GAP, I64
from vademecum.model.kernels.elementary import F32, FAST, exponentials, widen
from vademecum.model.kernels.pages import SPREAD_BIAS, SPREAD_SHIFT

SHIFT, BIAS = np.uint32(SPREAD_SHIFT), np.uint32(SPREAD_BIAS << 23)


@njit(parallel=True, **FAST)
def score(q, mean, spread, table, within, turns, spans, scores):  # fmt: skip
    """As `naive.score_pages`: `q [kv_heads, group, dim]` to `scores [kv_heads, pages]`, the pages
    cut into `spans` for the threads."""
    kv_heads, group, _ = q.shape
    pages = table.shape[0]
    each = np.empty((kv_heads, group, pages + GAP), np.float32)
    for job in prange(kv_heads * spans):
        h, s = job // spans, job % spans
        _rate(
            h, pages * s // spans, pages * (s + 1) // spans, q[h], mean, spread, table,
            within, turns, each[h],
        )  # fmt: skip
    for h in prange(kv_heads):
        _share(each[h], scores[h])


@njit(**FAST)
def _rate(h, first, last, q, mean, spread, table, within, turns, each):  # fmt: skip
    """What each of `q [group, dim]` may give to a page, for the pages `first..last - 1`."""
    group, dim = q.shape
    norm = np.float32(1.0 / math.sqrt(dim))
    half = dim // 2
    rows = np.empty((2, dim + GAP), np.float32)
    words = rows.view(np.uint32)
    middles, spreads = rows[0, :dim], rows[1, :dim]
    # What a key bias adds is a sum over frequencies of the cosine and the sine of the page's turn.
    waves = np.empty((2, group, half + GAP), np.float32)
    if within.shape[0]:
        for d in range(half):
            low, high = within[h, d].mean(), within[h, d + half].mean()
            for i in range(group):
                waves[0, i, d] = q[i, d] * low + q[i, d + half] * high
                waves[1, i, d] = q[i, d + half] * low - q[i, d] * high
    for n in range(first, last):
        at = table[n]
        widen(mean[h, at], words[0])
        for d in range(dim):
            words[1, d] = (np.uint32(spread[h, at, d]) << SHIFT) + BIAS
        for i in range(group):
            total = np.float32(0)
            for d in range(dim):
                x = q[i, d]
                total += x * middles[d] + abs(x) * spreads[d]
            if within.shape[0]:
                for d in range(half):
                    total += turns[n, 0, d] * waves[0, i, d] + turns[n, 1, d] * waves[1, i, d]
            each[i, n] = total * norm


@njit(**FAST)
def _share(each: F32, total: F32) -> None:
    """An attention over pages for each row of `each [group, pages and more]`; their sum."""
    pages = total.shape[0]
    powers = np.empty(pages, np.float32)
    bits = powers.view(np.int32)
    total[:] = 0
    for i in range(each.shape[0]):
        row = each[i, :pages]
        top = np.float32(-1e30)
        for n in range(pages):
            top = max(top, row[n])
        exponentials(row, top, bits, powers)
        whole = np.float32(0)
        for n in range(pages):
            whole += row[n]
        for n in range(pages):
            total[n] += row[n] / whole


@njit(**FAST)
def pick(scores: F32, first: int, newest: int, chosen: I64) -> None:
    """The best of each row, ascending; those before `first` and from `newest` on in any case."""
    kv_heads, n = scores.shape
    count = chosen.shape[1]
    if not count:
        return
    ranked = np.empty(n, np.float32)
    for h in range(kv_heads):
        for page in range(n):
            must = page < first or page >= newest
            ranked[page] = np.float32(3e38) if must else scores[h, page]
        least = np.partition(ranked, n - count)[n - count]
        better = 0
        for page in range(n):
            better += ranked[page] > least
        equal = count - better
        place = 0
        for page in range(n):
            take = ranked[page] > least
            if ranked[page] == least and equal:
                take, equal = True, equal - 1
            if take:
                chosen[h, place] = page
                place += 1
        if place < count:  # scores that are no numbers: any pages will do, but pages of the table
            for place in range(count):
                chosen[h, place] = n - count + place
