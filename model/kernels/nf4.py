"""NF4 products without AVX512-BF16: compiled by Numba, straight from the codes.

With AVX2 in integers (`lookup`). Elsewhere a table of 256 pairs of numbers turns a byte, which
holds two codes, into two weights at once, and what 64 weights become stays in the first-level cache
for all rows of the input.
"""

# mypy: allow-untyped-decorators

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from numba import njit, prange
from torch import Tensor

from vademecum.model.kernels import lookup

# Entered by one thread at a time, attention's kernels included: see there.
from vademecum.model.kernels.cpu import one_at_a_time
from vademecum.model.kernels.elementary import F32, FAST
from vademecum.model.kernels.vectors import GROUPS

I16 = npt.NDArray[np.int16]
I32 = npt.NDArray[np.int32]
U8 = npt.NDArray[np.uint8]
U64 = npt.NDArray[np.uint64]

# Quantiles of the normal distribution, 0 among them (QLoRA, arXiv:2305.14314, appendix E).
CODE = np.array(
    [
        -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635,
        -0.18477343022823334, -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725,
        0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941,
        0.7229568362236023, 1.0,
    ],
    np.float32,
)  # fmt: skip
PAIRS = np.stack((CODE.repeat(16), np.tile(CODE, 16)), axis=1).view(np.uint64).reshape(256)

_INFINITE, _NAN = np.int32(0x7F800000), np.int32(0x7FC00000)
_LARGEST = np.float32(lookup.LARGEST_INPUT)
_UNIT = np.float32(lookup.LARGEST_INPUT * lookup.UNIT)
_ROWS = max(GROUPS)
_dot_rows = lookup.dot_rows_for(CODE.tolist())


def product(x: Tensor, codes: Tensor, absmax: Tensor) -> Tensor:
    """`x [tokens, in]` times a weight `[out, in]`: float32 `[tokens, out]`.

    `codes` uint8 `[out, in / 2]`, `absmax` float32 `[out, in / 64]`, as in `QuantizedLinear`. Each
    row is computed as if it had come alone.
    """
    out = torch.empty(x.shape[0], codes.shape[0])
    multiply(x.float().contiguous().numpy(), codes.numpy(), absmax.numpy(), out.numpy())
    return out


def multiply(x: F32, codes: U8, absmax: F32, out: F32) -> None:
    """The same into `out`."""
    with one_at_a_time:
        together(x, codes, absmax, torch.get_num_threads(), out)


@njit(parallel=True, **FAST)
def _in_integers(x: F32, codes: U8, absmax: F32, spans: int, out: F32) -> None:
    rows, width = x.shape
    whole = np.empty((rows, width), np.int16)
    scale = np.empty((rows, width // 64), np.float32)
    _quantize(x, x.view(np.int32), whole, scale, scale.view(np.int32))
    for s in prange(spans):
        n = codes.shape[0]
        _integer_span(whole, scale, codes, absmax, n * s // spans, n * (s + 1) // spans, out)


@njit(**FAST)
def _quantize(x: F32, bits: I32, whole: I16, scale: F32, scale_bits: I32) -> None:
    """Inputs as integers, those of a block in `lookup.order`; the unit of its products. `bits` and
    `scale_bits` view what they are named after: fast mathematics knows no NaN, its bits do."""
    for r in range(x.shape[0]):
        for block in range(scale.shape[1]):
            row = x[r, block * 64 : (block + 1) * 64]
            target = whole[r, block * 64 : (block + 1) * 64]
            top, largest = np.float32(1e-30), np.int32(0)
            for i in range(64):
                top = max(top, abs(row[i]))
                largest = max(largest, bits[r, block * 64 + i] & np.int32(0x7FFFFFFF))
            scale[r, block] = top / _UNIT
            if largest >= _INFINITE:
                scale_bits[r, block] = _NAN
            step = _LARGEST / top
            place = 0
            for odd in (0, 1):
                for first in (0, 32, 16, 48):
                    for n in range(8):
                        # A positive number is cut off: it rounds to the nearest.
                        shifted = row[first + 2 * n + odd] * step + np.float32(32768.5)
                        target[place + n] = np.int16(np.int32(shifted) - 32768)
                    place += 8


@njit(**FAST)
def _integer_span(
    x: I16, scale: F32, codes: U8, absmax: F32, first: int, last: int, out: F32
) -> None:  # fmt: skip
    """Outputs `first` to `last - 1`."""
    found = np.empty(x.shape[0], np.float32)
    for o in range(first, last):
        for r in range(0, x.shape[0], _ROWS):
            end = min(r + _ROWS, x.shape[0])
            _dot_rows(codes[o], absmax[o], x[r:end], scale[r:end], found[r:end])
        for r in range(x.shape[0]):
            out[r, o] = found[r]


@njit(parallel=True, **FAST)
def _in_floats(x: F32, codes: U8, absmax: F32, spans: int, out: F32) -> None:
    eights = codes.view(np.uint64)
    for s in prange(spans):
        n = codes.shape[0]
        _float_span(x, eights, absmax, n * s // spans, n * (s + 1) // spans, out)


@njit(**FAST)
def _float_span(
    x: F32, codes: U64, absmax: F32, first: int, last: int, out: F32
) -> None:  # fmt: skip
    """Outputs `first` to `last - 1`; `codes` eight bytes at a time, the lowest first."""
    rows = x.shape[0]
    words = np.empty(32, np.uint64)
    weights = words.view(np.float32)
    byte = np.uint64(255)
    for o in range(first, last):
        for r in range(rows):
            out[r, o] = 0
        for block in range(absmax.shape[1]):
            for j in range(4):
                eight = codes[o, block * 4 + j]
                words[8 * j] = PAIRS[eight & byte]
                words[8 * j + 1] = PAIRS[(eight >> np.uint64(8)) & byte]
                words[8 * j + 2] = PAIRS[(eight >> np.uint64(16)) & byte]
                words[8 * j + 3] = PAIRS[(eight >> np.uint64(24)) & byte]
                words[8 * j + 4] = PAIRS[(eight >> np.uint64(32)) & byte]
                words[8 * j + 5] = PAIRS[(eight >> np.uint64(40)) & byte]
                words[8 * j + 6] = PAIRS[(eight >> np.uint64(48)) & byte]
                words[8 * j + 7] = PAIRS[eight >> np.uint64(56)]
            for r in range(rows):
                total = np.float32(0)
                for i in range(64):
                    total += weights[i] * x[r, block * 64 + i]
                out[r, o] += total * absmax[o, block]


together = _in_integers if lookup.available() else _in_floats
