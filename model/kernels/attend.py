"""Attention over quantised pages, compiled by Numba: read once, straight from the codes.

A page's codes become float32 in registers, once for all the heads that share them (`vectors`).
Threads take spans of pages, each with a softmax of its own, which are joined by their maxima.
"""

# mypy: allow-untyped-decorators

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit, prange

from vademecum.model.kernels.elementary import F32, FAST, exponentials, widen
from vademecum.model.kernels.pages import PAGE
from vademecum.model.kernels.vectors import (
    GROUPS,
    add_float_rows,
    add_key_rows,
    add_value_rows,
    prefetch,
)

I8 = npt.NDArray[np.int8]
I64 = npt.NDArray[np.int64]

HEADS = max(GROUPS)

# Floats between rows that are written. The compiler tests whether what it writes lies just before
# what it reads, and adds in another order if so: apart, the same input always gives the same bits.
GAP = 256

# Fewer pages than these, counted for each KV head, are read by one thread: calling another takes
# as long.
SERIAL_PAGES = 24


@njit(forceinline=True, **FAST)
def turn_back(q: F32, turn: F32, out: F32) -> None:
    """`R(-position) q`, given the cosine and sine of the position."""
    half = turn.shape[1]
    for d in range(half):
        out[d] = q[d] * turn[0, d] + q[d + half] * turn[1, d]
        out[d + half] = q[d + half] * turn[0, d] - q[d] * turn[1, d]


@njit(**FAST)
def _span(
    h, first, last, q, key_codes, key_mean, key_scale, value_codes, value_scale, value_low,
    table, chosen, tail_keys, tail_values, filled, within, turns, shares, result, largest, total,
):  # fmt: skip
    """One KV head over the places `first..last - 1` of what it has `chosen [n]`, the place after
    the last being the tail. `q [group, dim]`. Leaves sums `[group, dim]`, maxima and totals
    `[group]`."""
    group, dim = q.shape
    count = chosen.shape[0]
    width = (last - first) * PAGE
    scores = np.empty((group, width + GAP), np.float32)
    _score_tokens(
        h, first, last, q, key_codes, key_mean, key_scale, table, chosen, tail_keys, filled,
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
        if shares.shape[1]:
            for place in range(first, last):
                part = np.float32(0)
                for t in range((place - first) * PAGE, (place - first + 1) * PAGE):
                    part += row[t]
                shares[i, place, 0] = part
                shares[i, place, 1] = top

    bits = 4 if value_low.shape[2] else 8
    rows = np.empty((2, PAGE + GAP), np.float32)
    words = rows.view(np.uint32)
    weights = np.empty((group, PAGE + GAP), np.float32)
    sums = np.zeros((group, dim + GAP), np.float32)
    for place in range(first, min(last, count)):
        at = table[chosen[place]]
        if place + 1 < min(last, count):
            prefetch(value_codes[h, table[chosen[place + 1]]])
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
    h, first, last, q, key_codes, key_mean, key_scale, table, chosen, tail_keys, filled,
    within, turns, scores,
):  # fmt: skip
    """The scores of every token of a span: `[group, 32 for each place]`; -1e30 where none is."""
    group, dim = q.shape
    count = chosen.shape[0]
    norm = np.float32(1.0 / math.sqrt(dim))
    rows = np.empty((2, dim + GAP), np.float32)
    words = rows.view(np.uint32)
    mean, scale = rows[0, :dim], rows[1, :dim]
    query = np.empty((group, dim + GAP), np.float32)
    scaled = np.empty((group, dim + GAP), np.float32)
    for i in range(group):
        for d in range(dim):
            query[i, d] = q[i, d] * norm
    for place in range(first, min(last, count)):
        at = table[chosen[place]]
        if place + 1 < min(last, count):
            prefetch(key_codes[h, table[chosen[place + 1]]])
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
            page = chosen[place] if place < count else table.shape[0]
            for i in range(group):
                turn_back(query[i], turns[page], scaled[i])
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
def _merge(sums: F32, largest: F32, total: F32, places: int, shares: F32, out: F32) -> None:
    """Join the spans of a KV head: `sums [spans, group, dim]` to `out [group, dim]`."""
    spans, group, dim = sums.shape
    rows = np.empty((3, dim + GAP), np.float32)
    joined = rows[1, :dim]
    for i in range(group):
        top = largest[0, i]
        for s in range(1, spans):
            top = max(top, largest[s, i])
        whole = np.float32(0)
        joined[:] = 0
        for s in range(spans):
            shrink = np.float32(math.exp(largest[s, i] - top))
            whole += total[s, i] * shrink
            for d in range(dim):
                joined[d] += sums[s, i, d] * shrink
        for d in range(dim):
            joined[d] /= whole
        out[i] = joined
        for place in range(min(places, shares.shape[1])):
            shares[i, place, 0] *= np.float32(math.exp(shares[i, place, 1] - top)) / whole


@njit(**FAST)
def attend(
    q, key_codes, key_mean, key_scale, key_spread, value_codes, value_scale, value_low,
    table, selected, counts, tail_keys, tail_values, filled, within, turns, threads, mass, out,
):  # fmt: skip
    """Attention of some tokens: `q [rows, kv_heads, group, dim]` to `out`, the same.

    Row `r` reads the first `counts[r]` of its `selected [rows, kv_heads, limit]` pages and the
    first `filled + r` slots of the tail. What pages received is added to `mass [rows, pages + 1]`,
    unless that is empty. The other arguments are those of `naive.attention`, and
    `QuantizedPages.arrays`.
    """
    # As many for each row of a draft: they must be computed alike.
    spans = threads if q.shape[1] * table.shape[0] >= SERIAL_PAGES else 1
    if spans > 1:
        _together(
            q, key_codes, key_mean, key_scale, value_codes, value_scale, value_low, table, selected,
            counts, tail_keys, tail_values, filled, within, turns, spans, mass, out,
        )  # fmt: skip
    else:
        _alone(
            q, key_codes, key_mean, key_scale, value_codes, value_scale, value_low, table, selected,
            counts, tail_keys, tail_values, filled, within, turns, mass, out,
        )  # fmt: skip


@njit(**FAST)
def _alone(
    q, key_codes, key_mean, key_scale, value_codes, value_scale, value_low,
    table, selected, counts, tail_keys, tail_values, filled, within, turns, mass, out,
):  # fmt: skip
    rows, kv_heads, group, dim = q.shape
    limit = selected.shape[2] + 1 if mass.shape[0] else 0
    shares = np.empty((rows, kv_heads, group, limit, 2), np.float32)
    sums = np.empty((1, group, dim), np.float32)
    largest = np.empty((1, group), np.float32)
    total = np.empty((1, group), np.float32)
    first = np.int64(0)  # for a literal, `_span` would be compiled a second time
    for r in range(rows):
        for h in range(kv_heads):
            share = shares[r, h]
            _span(
                h, first, counts[r] + 1, q[r, h], key_codes, key_mean, key_scale, value_codes,
                value_scale, value_low, table, selected[r, h, : counts[r]], tail_keys, tail_values,
                filled + r, within, turns, share, sums[0], largest[0], total[0],
            )  # fmt: skip
            _merge(sums, largest, total, counts[r] + 1, share, out[r, h])
    _add_mass(shares, selected, counts, table.shape[0], mass)


@njit(parallel=True, **FAST)
def _together(
    q, key_codes, key_mean, key_scale, value_codes, value_scale, value_low,
    table, selected, counts, tail_keys, tail_values, filled, within, turns, spans, mass, out,
):  # fmt: skip
    """A KV head's pages cut into `spans` for the threads."""
    rows, kv_heads, group, dim = q.shape
    limit = selected.shape[2] + 1 if mass.shape[0] else 0
    shares = np.empty((rows, kv_heads, group, limit, 2), np.float32)
    sums = np.empty((rows, kv_heads, spans, group, dim), np.float32)
    largest = np.empty((rows, kv_heads, spans, group), np.float32)
    total = np.empty((rows, kv_heads, spans, group), np.float32)
    for job in prange(rows * kv_heads * spans):
        r, h, s = job // spans // kv_heads, job // spans % kv_heads, job % spans
        places = counts[r] + 1
        _span(
            h, places * s // spans, places * (s + 1) // spans, q[r, h], key_codes, key_mean,
            key_scale, value_codes, value_scale, value_low, table, selected[r, h, : counts[r]],
            tail_keys, tail_values, filled + r, within, turns, shares[r, h], sums[r, h, s],
            largest[r, h, s], total[r, h, s],
        )  # fmt: skip
    for r in range(rows):
        for h in range(kv_heads):
            _merge(sums[r, h], largest[r, h], total[r, h], counts[r] + 1, shares[r, h], out[r, h])
    _add_mass(shares, selected, counts, table.shape[0], mass)


@njit(**FAST)
def _add_mass(shares: F32, selected: I64, counts: I64, tail: int, mass: F32) -> None:
    """Add the shares of each place, averaged over all heads, to the pages of the sequence."""
    rows, kv_heads, group = shares.shape[:3]
    heads = np.float32(kv_heads * group)
    for r in range(min(rows, mass.shape[0])):
        for h in range(kv_heads):
            for place in range(counts[r] + 1):
                share = np.float32(0)
                for i in range(group):
                    share += shares[r, h, i, place, 0]
                page = selected[r, h, place] if place < counts[r] else tail
                mass[r, page] += share / heads
