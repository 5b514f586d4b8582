"""Products of few rows with int8 weights, one scale an output: the head of a quantised model.

    y[m, n] = scale[n] sum_k x[m, k] code[n, k]

What it means is `Int8`. One row is multiplied as it is read; several are a product of tensor
cores.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from vademecum.model.kernels.triton.early import early, wait_for_previous

MAX_ROWS = 16


def product(x: Tensor, codes: Tensor, scale: Tensor, out: Tensor | None = None) -> Tensor:
    """`x [rows, in]` bf16, at most 16 rows, to float32 `[rows, out]`.

    `codes` int8 `[out, in]`, `scale` bf16 `[out]`; `in` is a multiple of 16.
    """
    (rows, inner), outputs = x.shape, codes.shape[0]
    fits = inner == codes.shape[1] and inner % 16 == 0 and x.dtype == torch.bfloat16
    if not 1 <= rows <= MAX_ROWS or not fits:
        raise ValueError(f"{x.dtype} {tuple(x.shape)} by an int8 weight {tuple(codes.shape)}")
    if out is None:
        out = torch.empty(rows, outputs, device=x.device)
    if rows == 1:
        row_kernel[(triton.cdiv(outputs, 16),)](
            x, codes, scale, out, outputs, inner, OUTPUTS=16, INPUTS=512, num_warps=4,
            **early(x.device),
        )  # fmt: skip
    else:
        rows_kernel[(triton.cdiv(outputs, 64),)](
            x, codes, scale, out, rows, outputs, inner, ROWS=MAX_ROWS, OUTPUTS=64, INPUTS=128,
            num_warps=4, **early(x.device),
        )  # fmt: skip
    return out


@triton.jit
def row_kernel(
    x, codes, scale, out, outputs, inner,
    OUTPUTS: tl.constexpr, INPUTS: tl.constexpr, EARLY: tl.constexpr,
):  # fmt: skip
    """Some outputs of one row."""
    output = tl.program_id(0) * OUTPUTS + tl.arange(0, OUTPUTS)
    channel = tl.arange(0, INPUTS)
    own = output < outputs
    line = codes + output.to(tl.int64)[:, None] * inner
    factor = tl.load(scale + output, mask=own, other=0.0).to(tl.float32)
    wait_for_previous(EARLY)
    total = tl.zeros([OUTPUTS, INPUTS], dtype=tl.float32)
    for first in range(0, inner, INPUTS):
        there = first + channel < inner
        code = tl.load(
            line + (first + channel)[None, :],
            mask=own[:, None] & there[None, :],
            other=0,
            eviction_policy="evict_first",
        )
        value = tl.load(x + first + channel, mask=there, other=0.0).to(tl.float32)
        total += code.to(tl.float32) * value[None, :]
    tl.store(out + output, tl.sum(total, axis=1) * factor, mask=own)


@triton.jit
def rows_kernel(
    x, codes, scale, out, rows, outputs, inner,
    ROWS: tl.constexpr, OUTPUTS: tl.constexpr, INPUTS: tl.constexpr, EARLY: tl.constexpr,
):  # fmt: skip
    """Some outputs of all rows."""
    output = tl.program_id(0) * OUTPUTS + tl.arange(0, OUTPUTS)
    channel, row = tl.arange(0, INPUTS), tl.arange(0, ROWS)
    own, given = output < outputs, row < rows
    line = codes + output.to(tl.int64)[:, None] * inner
    factor = tl.load(scale + output, mask=own, other=0.0).to(tl.float32)
    wait_for_previous(EARLY)
    total = tl.zeros([OUTPUTS, ROWS], dtype=tl.float32)
    for first in range(0, inner, INPUTS):
        there = first + channel < inner
        code = tl.load(
            line + (first + channel)[None, :], mask=own[:, None] & there[None, :], other=0
        )
        value = tl.load(
            x + row[None, :] * inner + (first + channel)[:, None],
            mask=given[None, :] & there[:, None],
            other=0.0,
        ).to(tl.float32)
        # Exact: both fit tf32.
        total = tl.dot(code.to(tl.float32), value, acc=total, input_precision="tf32")
    at = out + row[None, :] * outputs + output[:, None]
    tl.store(at, total * factor[:, None], mask=own[:, None] & given[None, :])
