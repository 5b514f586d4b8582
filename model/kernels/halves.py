"""Products with int8 weights in two halves of 4 bit: the low ones are read where they may matter.

    y[o] = scale[o] (16 x . high[o] + x . low[o])

with low halves from -8 to 7, of which the mean, -1/2, is taken for those that are not read.

A vocabulary's logits are bound by reading its weights, and most of them are far below the largest.
So the high halves are read for all, and the low ones where an output may come within `MARGIN` of
the largest. The others, whose probabilities are below e^-8 of the largest, stay what 4 bit make
them. Whoever refuses the largest, or flattens the distribution, asks for all of them.

Inputs are 16-bit integers, with one scale a row: 1e-4 of the result, where bf16 loses 4e-3.
"""

# mypy: allow-untyped-decorators

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch
from numba import njit, prange
from torch import Tensor

# Entered by one thread at a time, attention's kernels included: see there.
from vademecum.model.kernels.cpu import one_at_a_time
from vademecum.model.kernels.elementary import F32, FAST, number
from vademecum.model.kernels.nibbles import dot_nibbles
from vademecum.model.kernels.vectors import GROUPS

I16 = npt.NDArray[np.int16]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]
U16 = npt.NDArray[np.uint16]

MARGIN = 8.0
DEVIATIONS = 6.0  # of what the low halves may add; a normal number passes them once in 10^9
LOW_DEVIATION = math.sqrt((16**2 - 1) / 12)  # of whole numbers from -8 to 7

_ROWS = max(GROUPS)
_LARGEST = np.float32(32767)
_REACH = np.float32(DEVIATIONS * LOW_DEVIATION)


def product(x: Tensor, high: Tensor, low: Tensor, scale: Tensor, margin: float = MARGIN) -> Tensor:
    """`x [tokens, in]` times a weight `[out, in]`: float32 `[tokens, out]`.

    `high` and `low` uint8 `[out, in / 2]`, `scale` bf16 `[out]`, as in `head.HalvedInt8`. Each row
    is computed as if it had come alone. An infinite `margin` reads all of both halves.
    """
    out = torch.empty(x.shape[0], high.shape[0])
    if not torch.isfinite(x).all():
        return out.fill_(torch.nan)  # integers would hide it
    rows, bits = x.float().contiguous().numpy(), scale.view(torch.uint16).numpy()
    with one_at_a_time:
        _product(
            rows, high.numpy(), low.numpy(), bits, np.float32(margin), torch.get_num_threads(),
            out.numpy(),
        )  # fmt: skip
    return out


@njit(parallel=True, **FAST)
def _product(
    x: F32, high: U8, low: U8, scale: U16, margin: np.float32, spans: int, out: F32
) -> None:  # fmt: skip
    rows, width = x.shape
    whole = np.empty((rows, width), np.int16)
    unit = np.empty(rows, np.float32)
    mean = np.empty(rows, np.float32)  # of what low halves add
    reach = np.empty(rows, np.float32)
    for r in range(rows):
        unit[r], mean[r], norm = _quantize(x[r], whole[r])
        reach[r] = norm * _REACH
    n = high.shape[0]
    best = np.empty((spans, rows), np.int64)
    for s in prange(spans):
        first, last = n * s // spans, n * (s + 1) // spans
        _read_high(whole, unit, mean, high, scale, first, last, out, best[s])
    least = np.empty(rows, np.float32)
    found = np.empty(1, np.float32)
    for r in range(rows):
        top = best[0, r]
        for s in range(1, spans):
            if out[r, best[s, r]] > out[r, top]:
                top = best[s, r]
        dot_nibbles(low[top], whole[r : r + 1], found)
        added = (found[0] - mean[r]) * number(scale[top]) * unit[r]
        least[r] = out[r, top] + added - margin
    for s in prange(spans):
        for r in range(rows):
            _read_low(
                whole[r : r + 1], unit[r], mean[r], reach[r], least[r], low, scale,
                n * s // spans, n * (s + 1) // spans, out[r],
            )  # fmt: skip


@njit(**FAST)
def _quantize(x: F32, whole: I16) -> tuple[np.float32, np.float32, np.float32]:
    """Inputs as integers; their unit, half their sum below 0, and the length of `x`."""
    total = np.int64(0)
    top, square = np.float32(1e-30), np.float32(0)
    for i in range(x.shape[0]):
        top = max(top, abs(x[i]))
        square += x[i] * x[i]
    step = _LARGEST / top
    for i in range(x.shape[0]):
        # A positive number is cut off: it rounds to the nearest.
        whole[i] = np.int16(np.int32(x[i] * step + np.float32(32768.5)) - 32768)
        total += whole[i]
    return top / _LARGEST, np.float32(-0.5 * total), np.float32(math.sqrt(square))


@njit(**FAST)
def _read_high(
    x: I16, unit: F32, mean: F32, high: U8, scale: U16, first: int, last: int, out: F32, best: I64
) -> None:  # fmt: skip
    """Outputs `first` to `last - 1` by their high halves, and which is the largest."""
    rows = x.shape[0]
    found = np.empty(rows, np.float32)
    best[:] = first
    for o in range(first, last):
        for r in range(0, rows, _ROWS):
            dot_nibbles(high[o], x[r : r + _ROWS], found[r : r + _ROWS])
        size = number(scale[o])
        for r in range(rows):
            out[r, o] = (found[r] * np.float32(16) + mean[r]) * size * unit[r]
            if out[r, o] > out[r, best[r]]:
                best[r] = o


@njit(**FAST)
def _read_low(
    x: I16, unit: np.float32, mean: np.float32, reach: np.float32, least: np.float32, low: U8,
    scale: U16, first: int, last: int, out: F32,
) -> None:  # fmt: skip
    """Add what the low halves say of the outputs that may reach `least`."""
    found = np.empty(1, np.float32)
    for o in range(first, last):
        size = number(scale[o])
        if out[o] + size * reach >= least:
            dot_nibbles(low[o], x, found)
            out[o] += (found[0] - mean) * size * unit
