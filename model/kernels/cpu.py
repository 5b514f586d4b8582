"""Attention over quantised pages on a CPU: compiled by Numba, read once, straight from the codes.

A page's codes become float32 in registers, once for all the heads that share them (`vectors`).
Threads take spans of pages, each with a softmax of its own, which are joined by their maxima.
Compilation takes some seconds, once: Numba keeps what it made.
"""

from __future__ import annotations

import math
import threading

import numpy as np
import numpy.typing as npt
import torch
from numba import njit, prange
from torch import Tensor

from vademecum.model.kernels import naive
from vademecum.model.kernels.elementary import F32, FAST, exponentials, widen
from vademecum.model.kernels.naive import KeyBias
from vademecum.model.kernels.pages import PAGE, Pages, PlainPages, QuantizedPages
from vademecum.model.kernels.vectors import (
    GROUPS,
    add_float_rows,
    add_key_rows,
    add_value_rows,
    prefetch,
)

I8 = npt.NDArray[np.int8]

HEADS = max(GROUPS)

# Fewer pages than these, counted for each KV head, are read by one thread: calling another, from
# what PyTorch's threads do, takes as long.
SERIAL_PAGES = 24

# Numba's simplest threading layer, the only one on some systems, must not be entered twice.
one_at_a_time = threading.Lock()

# Floats between rows that are written. The compiler tests whether what it writes lies just before
# what it reads, and adds in another order if so: apart, the same input always gives the same bits.
GAP = 256


def attention(
    query: Tensor,
    pages: Pages,
    table: Tensor,
    selected: Tensor,
    tail: tuple[Tensor, Tensor],
    filled: int,
    bias: KeyBias | None,
    mass: Tensor | None,
) -> Tensor:
    """As `naive.attention`; plain pages are left to it."""
    if isinstance(pages, PlainPages):
        return naive.attention(query, pages, table, selected, tail, filled, bias, mass)
    heads, dim = query.shape
    kv_heads, count = selected.shape
    q = query.float().numpy().reshape(kv_heads, -1, dim)
    # PyTorch's memory: a product of what lies less well aligned may round otherwise.
    out = torch.empty(heads, dim)
    splits = torch.get_num_threads() if kv_heads * count >= SERIAL_PAGES else 1
    run = _attend_together if splits > 1 else _attend_alone
    turned = _bias_tables(bias, table.shape[0] + 1)
    counted = mass is not None
    shares = np.empty((kv_heads, heads // kv_heads, count + 1 if counted else 0, 2), np.float32)
    chosen = selected.numpy()
    with one_at_a_time:
        run(
            q, *pages.arrays, table.numpy(), chosen, tail[0].numpy(), tail[1].numpy(), filled,
            *turned, splits, shares, out.numpy().reshape(q.shape),
        )  # fmt: skip
    if mass is not None:
        _add_mass(shares, chosen, table.shape[0], mass.numpy())
    return out.to(query.dtype)


def score_pages(query: Tensor, pages: Pages, table: Tensor, bias: KeyBias | None) -> Tensor:
    """As `naive.score_pages`; plain pages are left to it."""
    if isinstance(pages, PlainPages):
        return naive.score_pages(query, pages, table, bias)
    kv_heads = pages.key_mean.shape[0]
    q = query.float().numpy().reshape(kv_heads, -1, query.shape[-1])
    scores = torch.empty(kv_heads, table.shape[0])
    turned = _bias_tables(bias, table.shape[0])
    _, mean, scale, spread, *_ = pages.arrays
    _score(q, mean, scale, spread, table.numpy(), *turned, scores.numpy())
    return scores


def select_pages(scores: Tensor, length: int, budget: int, recent: int, sinks: int) -> Tensor:
    """As `naive.select_pages`; of pages with equal scores, the first."""
    n = scores.shape[1]
    first = -(-sinks // PAGE)
    newest = max(0, length - recent) // PAGE
    must = n - max(0, min(n, newest) - min(n, first))
    count = min(n, max(-(-budget // PAGE) - (length > n * PAGE), must))
    chosen = np.empty((scores.shape[0], count), np.int64)
    _select(scores.numpy(), first, newest, chosen)
    return torch.from_numpy(chosen)


def warm_up() -> None:
    """Compile, or load what was compiled before, so that no request waits for it."""
    pages = QuantizedPages.empty(1, 1, 16, value_bits=8)
    ids = torch.zeros(1, dtype=torch.int64)
    block = torch.zeros(1, 1, PAGE, 16)
    pages.seal(ids, block, block)
    tail = (block[:, 0], block[:, 0])
    query = torch.zeros(1, 16)
    score_pages(query, pages, ids, None)
    select_pages(torch.zeros(1, 4), 4 * PAGE, 2 * PAGE, PAGE, PAGE)
    for count in (1, SERIAL_PAGES):
        selected = torch.zeros(1, count, dtype=torch.int64)
        mass = torch.zeros(count + 1)
        attention(query, pages, ids.expand(count).contiguous(), selected, tail, 1, None, mass)


_NO_BIAS = (np.empty((0, 0, 0), np.float32), np.empty((0, 0, 0), np.float32))


def _bias_tables(bias: KeyBias | None, pages: int) -> tuple[F32, F32]:
    return _NO_BIAS if bias is None else (bias.within.numpy(), bias.turns(pages).numpy())


@njit(forceinline=True, **FAST)
def _turn_back(q: F32, turn: F32, out: F32) -> None:
    """`R(-position) q`, given the cosine and sine of the position."""
    half = turn.shape[1]
    for d in range(half):
        out[d] = q[d] * turn[0, d] + q[d + half] * turn[1, d]
        out[d + half] = q[d + half] * turn[0, d] - q[d] * turn[1, d]


@njit(**FAST)
def _span(
    h, first, last, q, key_codes, key_mean, key_scale, value_codes, value_scale, value_low,
    table, selected, tail_keys, tail_values, filled, within, turns, shares, result, largest, total,
):  # fmt: skip
    """One KV head over the places `first..last - 1` of its selection, the place after the last
    being the tail. Leaves sums `[group, dim]`, maxima and totals `[group]`."""
    group, dim = q.shape[1], q.shape[2]
    count = selected.shape[1]
    width = (last - first) * PAGE
    scores = np.empty((group, width + GAP), np.float32)
    _score_tokens(
        h, first, last, q, key_codes, key_mean, key_scale, table, selected, tail_keys, filled,
        within, turns, scores,
    )  # fmt: skip

    powers = np.empty(width, np.float32)
    exponents = powers.view(np.int32)
    for i in range(group):
        row = scores[i, :width]
        top = np.float32(-1e30)
        for t in range(width):
            top = max(top, row[t])
        exponentials(row, top, exponents, powers)
        if last > count:
            row[width - PAGE + filled :] = 0
        whole = np.float32(0)
        for t in range(width):
            whole += row[t]
        largest[i], total[i] = top, whole
        if shares.shape[2]:
            for place in range(first, last):
                part = np.float32(0)
                for t in range((place - first) * PAGE, (place - first + 1) * PAGE):
                    part += row[t]
                shares[h, i, place, 0] = part
                shares[h, i, place, 1] = top

    bits = 4 if value_low.shape[2] else 8
    rows = np.empty((2, PAGE + GAP), np.float32)
    words = rows.view(np.uint32)
    weights = np.empty((group, PAGE + GAP), np.float32)
    sums = np.zeros((group, dim + GAP), np.float32)
    for place in range(first, min(last, count)):
        at = table[selected[h, place]]
        if place + 1 < min(last, count):
            prefetch(value_codes[h, table[selected[h, place + 1]]])
        widen(value_scale[h, at], words[0])
        if bits == 4:
            widen(value_low[h, at], words[1])
        from_token = (place - first) * PAGE
        for i in range(group):
            lowest = np.float32(0)
            for t in range(PAGE):
                weights[i, t] = scores[i, from_token + t] * rows[0, t]
            if bits == 4:
                for t in range(PAGE):
                    lowest += scores[i, from_token + t] * rows[1, t]
                for d in range(dim):
                    sums[i, d] += lowest
        _add_values(value_codes[h, at], weights, sums, bits)
    if last > count:
        values = np.zeros((PAGE, dim), np.float32)
        values[:filled] = tail_values[h, :filled]
        for i in range(group):
            weights[i, :PAGE] = scores[i, width - PAGE : width]
        _add_floats(values, weights, sums, 0)
    result[:] = sums[:, :dim]


@njit(**FAST)
def _score_tokens(
    h, first, last, q, key_codes, key_mean, key_scale, table, selected, tail_keys, filled,
    within, turns, scores,
):  # fmt: skip
    """The scores of every token of a span: `[group, 32 for each place]`; -1e30 where none is."""
    group, dim = q.shape[1], q.shape[2]
    count = selected.shape[1]
    norm = np.float32(1.0 / math.sqrt(dim))
    rows = np.empty((2, dim + GAP), np.float32)
    words = rows.view(np.uint32)
    mean, scale = rows[0, :dim], rows[1, :dim]
    query = np.empty((group, dim + GAP), np.float32)
    scaled = np.empty((group, dim + GAP), np.float32)
    for i in range(group):
        for d in range(dim):
            query[i, d] = q[h, i, d] * norm
    for place in range(first, min(last, count)):
        at = table[selected[h, place]]
        if place + 1 < min(last, count):
            prefetch(key_codes[h, table[selected[h, place + 1]]])
        widen(key_mean[h, at], words[0])
        widen(key_scale[h, at], words[1])
        to_token = (place - first) * PAGE
        for i in range(group):
            base = np.float32(0)
            for d in range(dim):
                scaled[i, d] = query[i, d] * scale[d]
                base += query[i, d] * mean[d]
            scores[i, to_token : to_token + PAGE] = base
        _add_keys(key_codes[h, at], scaled, scores, to_token)
    to_token = (last - 1 - first) * PAGE
    if last > count:
        keys = np.zeros((dim, PAGE), np.float32)
        for t in range(filled):
            for d in range(dim):
                keys[d, t] = tail_keys[h, t, d]
        for i in range(group):
            scores[i, to_token : to_token + PAGE] = 0
        _add_floats(keys, query, scores, to_token)
    if within.shape[0]:
        for place in range(first, last):
            page = selected[h, place] if place < count else table.shape[0]
            for i in range(group):
                _turn_back(query[i], turns[page], scaled[i])
            _add_floats(within[h], scaled, scores, (place - first) * PAGE)
    if last > count:
        for i in range(group):
            scores[i, to_token + filled : to_token + PAGE] = np.float32(-1e30)


@njit(**FAST)
def _add_keys(codes: I8, weights: F32, out: F32, first: int) -> None:
    """`out[:, first : first + 32] += weights[:, :dim] @ codes`, codes `[dim, 32]`."""
    for g in range(0, weights.shape[0], HEADS):
        add_key_rows(codes, weights[g : g + HEADS], out[g : g + HEADS], first)


@njit(**FAST)
def _add_values(codes: I8, weights: F32, out: F32, bits: int) -> None:
    """`out[:, :dim] += weights[:, :32] @ codes`, codes `[32, dim]`; with `bits` 4 two in a byte."""
    width = codes.shape[1]
    if width % 32 == 0:
        for g in range(0, weights.shape[0], HEADS):
            add_value_rows(codes, weights[g : g + HEADS], out[g : g + HEADS], bits)
        return
    for i in range(weights.shape[0]):
        for t in range(PAGE):
            for d in range(width):
                code = np.int32(codes[t, d])
                if bits == 8:
                    out[i, d] += weights[i, t] * np.float32(code)
                else:
                    out[i, d] += weights[i, t] * np.float32(code & 15)
                    out[i, d + width] += weights[i, t] * np.float32((code >> 4) & 15)


@njit(**FAST)
def _add_floats(rows: F32, weights: F32, out: F32, first: int) -> None:
    """`out[:, first : first + width] += weights[:, :steps] @ rows`, rows `[steps, width]`."""
    steps, width = rows.shape
    if width % 32 == 0:
        for g in range(0, weights.shape[0], HEADS):
            add_float_rows(rows, weights[g : g + HEADS], out[g : g + HEADS], first)
        return
    for i in range(weights.shape[0]):
        for n in range(steps):
            for d in range(width):
                out[i, first + d] += weights[i, n] * rows[n, d]


@njit(**FAST)
def _merge(sums: F32, largest: F32, total: F32, shares: F32, out: F32) -> None:
    """Join the spans of every head: `sums [kv_heads, spans, group, dim]` to `out`."""
    kv_heads, spans, group, dim = sums.shape
    rows = np.empty((3, dim + GAP), np.float32)
    joined = rows[1, :dim]
    for h in range(kv_heads):
        for i in range(group):
            top = largest[h, 0, i]
            for s in range(1, spans):
                top = max(top, largest[h, s, i])
            whole = np.float32(0)
            joined[:] = 0
            for s in range(spans):
                shrink = np.float32(math.exp(largest[h, s, i] - top))
                whole += total[h, s, i] * shrink
                for d in range(dim):
                    joined[d] += sums[h, s, i, d] * shrink
            for d in range(dim):
                joined[d] /= whole
            out[h, i] = joined
            for place in range(shares.shape[2]):
                shares[h, i, place, 0] *= np.float32(math.exp(shares[h, i, place, 1] - top)) / whole


@njit(**FAST)
def _attend_alone(
    q, key_codes, key_mean, key_scale, key_spread, value_codes, value_scale, value_low,
    table, selected, tail_keys, tail_values, filled, within, turns, spans, shares, out,
):  # fmt: skip
    kv_heads, group, dim = q.shape
    sums = np.empty((kv_heads, 1, group, dim), np.float32)
    largest = np.empty((kv_heads, 1, group), np.float32)
    total = np.empty((kv_heads, 1, group), np.float32)
    for h in range(kv_heads):
        _span(
            h, 0, selected.shape[1] + 1, q, key_codes, key_mean, key_scale, value_codes,
            value_scale, value_low, table, selected, tail_keys, tail_values, filled, within, turns,
            shares, sums[h, 0], largest[h, 0], total[h, 0],
        )  # fmt: skip
    _merge(sums, largest, total, shares, out)


@njit(parallel=True, **FAST)
def _attend_together(
    q, key_codes, key_mean, key_scale, key_spread, value_codes, value_scale, value_low,
    table, selected, tail_keys, tail_values, filled, within, turns, spans, shares, out,
):  # fmt: skip
    kv_heads, group, dim = q.shape
    sums = np.empty((kv_heads, spans, group, dim), np.float32)
    largest = np.empty((kv_heads, spans, group), np.float32)
    total = np.empty((kv_heads, spans, group), np.float32)
    places = selected.shape[1] + 1
    for job in prange(kv_heads * spans):
        h, s = job // spans, job % spans
        _span(
            h, places * s // spans, places * (s + 1) // spans, q, key_codes, key_mean, key_scale,
            value_codes, value_scale, value_low, table, selected, tail_keys, tail_values, filled,
            within, turns, shares, sums[h, s], largest[h, s], total[h, s],
        )  # fmt: skip
    _merge(sums, largest, total, shares, out)


@njit(**FAST)
def _add_mass(shares: F32, selected: npt.NDArray[np.int64], tail: int, mass: F32) -> None:
    """Add the shares of each place, averaged over all heads, to the pages of the sequence."""
    kv_heads, group, places = shares.shape[0], shares.shape[1], shares.shape[2]
    heads = np.float32(kv_heads * group)
    for h in range(kv_heads):
        for place in range(places):
            share = np.float32(0)
            for i in range(group):
                share += shares[h, i, place, 0]
            page = selected[h, place] if place < places - 1 else tail
            mass[page] += share / heads


@njit(**FAST)
def _select(scores: F32, first: int, newest: int, chosen: npt.NDArray[np.int64]) -> None:
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


@njit(**FAST)
def _score(q, mean, scale, spread, table, within, turns, scores):  # fmt: skip
    kv_heads, group, dim = q.shape
    pages = table.shape[0]
    unit = np.float32(127.0 / 255.0)
    norm = np.float32(1.0 / math.sqrt(dim))
    rows = np.empty((6, dim + GAP), np.float32)
    words = rows.view(np.uint32)
    middles, spreads = rows[1, :dim], rows[2, :dim]
    turned, middle = rows[3, :dim], rows[4, :dim]
    each = np.empty((group + 4, pages + GAP), np.float32)
    powers = each[group + 2, :pages]
    bits = powers.view(np.int32)
    for h in range(kv_heads):
        if within.shape[0]:
            for d in range(dim):
                middle[d] = within[h, d].mean()
        for n in range(pages):
            at = table[n]
            widen(mean[h, at], words[1])
            widen(scale[h, at], words[2])
            for d in range(dim):
                spreads[d] *= np.float32(spread[h, at, d]) * unit
            for i in range(group):
                score = np.float32(0)
                for d in range(dim):
                    x = q[h, i, d]
                    score += x * middles[d] + abs(x) * spreads[d]
                if within.shape[0]:
                    _turn_back(q[h, i], turns[n], turned)
                    for d in range(dim):
                        score += turned[d] * middle[d]
                each[i + 1, n] = score * norm
        total = scores[h]
        total[:] = 0
        for i in range(group):
            row = each[i + 1, :pages]
            top = np.float32(-1e30)
            for n in range(pages):
                top = max(top, row[n])
            exponentials(row, top, bits, powers)
            whole = np.float32(0)
            for n in range(pages):
                whole += row[n]
            for n in range(pages):
                total[n] += row[n] / whole
