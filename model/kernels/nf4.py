"""NF4 products without AVX512-BF16: compiled by Numba, straight from the codes.

A byte holds two codes, so a table of 256 pairs of numbers turns it into two weights at once. What
64 weights become stays in the first-level cache for all rows of the input.
"""

# mypy: allow-untyped-decorators

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from numba import njit, prange
from torch import Tensor

# Entered by one thread at a time, attention's kernels included: see there.
from vademecum.model.kernels.cpu import one_at_a_time

F32 = npt.NDArray[np.float32]
U64 = npt.NDArray[np.uint64]

_fast = {"fastmath": True, "nogil": True, "cache": True, "error_model": "numpy"}


def pairs_of(code: Tensor) -> U64:
    """The 256 pairs that a byte may stand for, from the 16 numbers of NF4: the high half first."""
    both = torch.stack((code.float().repeat_interleave(16), code.float().repeat(16)), dim=1)
    return both.contiguous().numpy().view(np.uint64).reshape(256)


def product(x: Tensor, codes: Tensor, absmax: Tensor, pairs: U64) -> Tensor:
    """`x [tokens, in]` times a weight `[out, in]`: float32 `[tokens, out]`.

    `codes` uint8 `[out, in / 2]`, `absmax` float32 `[out, in / 64]`, as in `QuantizedLinear`. Each
    row is computed as if it had come alone.
    """
    out = torch.empty(x.shape[0], codes.shape[0])
    with one_at_a_time:
        _together(
            x.float().contiguous().numpy(), codes.numpy().view(np.uint64), absmax.numpy(), pairs,
            torch.get_num_threads(), out.numpy(),
        )  # fmt: skip
    return out


@njit(**_fast)
def _span(
    x: F32, codes: U64, absmax: F32, pairs: U64, first: int, last: int, out: F32
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
                words[8 * j] = pairs[eight & byte]
                words[8 * j + 1] = pairs[(eight >> np.uint64(8)) & byte]
                words[8 * j + 2] = pairs[(eight >> np.uint64(16)) & byte]
                words[8 * j + 3] = pairs[(eight >> np.uint64(24)) & byte]
                words[8 * j + 4] = pairs[(eight >> np.uint64(32)) & byte]
                words[8 * j + 5] = pairs[(eight >> np.uint64(40)) & byte]
                words[8 * j + 6] = pairs[(eight >> np.uint64(48)) & byte]
                words[8 * j + 7] = pairs[eight >> np.uint64(56)]
            for r in range(rows):
                total = np.float32(0)
                for i in range(64):
                    total += weights[i] * x[r, block * 64 + i]
                out[r, o] += total * absmax[o, block]


@njit(parallel=True, **_fast)
def _together(
    x: F32, codes: U64, absmax: F32, pairs: U64, spans: int, out: F32
) -> None:  # fmt: skip
    for s in prange(spans):
        n = codes.shape[0]
        _span(x, codes, absmax, pairs, n * s // spans, n * (s + 1) // spans, out)
