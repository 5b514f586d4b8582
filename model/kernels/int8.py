"""Products with int8 weights for a few tokens, compiled: bound by memory on two cores."""

# mypy: allow-untyped-decorators

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from numba import njit, prange
from torch import Tensor

# Entered by one thread at a time, attention's kernels included: see there.
from vademecum.model.kernels.cpu import one_at_a_time
from vademecum.model.kernels.elementary import F32, FAST
from vademecum.model.kernels.vectors import DOT_GROUP, dot_rows

I8 = npt.NDArray[np.int8]
U16 = npt.NDArray[np.uint16]


def product(x: Tensor, codes: Tensor, scale: Tensor) -> Tensor:
    """`x [tokens, in]` times a weight `[out, in]`: float32 `[tokens, out]`.

    `codes` int8 `[out, in]`, `scale` bf16 `[out]`, as in `Int8`. Each row is computed as if it had
    come alone.
    """
    out = torch.empty(x.shape[0], codes.shape[0])
    bits = scale.view(torch.uint16).numpy()
    multiply(x.float().contiguous().numpy(), codes.numpy(), bits, out.numpy())
    return out


def multiply(x: F32, codes: I8, scale: U16, out: F32) -> None:
    """The same into `out`."""
    with one_at_a_time:
        together(x, codes, scale, torch.get_num_threads(), out)


@njit(parallel=True, **FAST)
def together(x: F32, codes: I8, scale: U16, spans: int, out: F32) -> None:
    for s in prange(spans):
        n = codes.shape[0]
        _span(x, codes, scale, n * s // spans, n * (s + 1) // spans, out)


@njit(**FAST)
def _span(x: F32, codes: I8, scale: U16, first: int, last: int, out: F32) -> None:
    word = np.empty(1, np.uint32)
    number = word.view(np.float32)
    sums = np.empty(x.shape[0], np.float32)
    for o in range(first, last):
        word[0] = np.uint32(scale[o]) << np.uint32(16)
        for r in range(0, x.shape[0], DOT_GROUP):
            dot_rows(codes[o], x[r : r + DOT_GROUP], sums[r : r + DOT_GROUP])
        for r in range(x.shape[0]):
            out[r, o] = sums[r] * number[0]
