"""Products in 8 bit of inputs and weights that were turned first: what the GPU's kernels mean.

    y = (x H) (w H)^T = x w^T,   H = diag(h, h, ...),   h symmetric, h h = 1, of +-1 / sqrt(side)
    x H ~ code_x scale_x,   w H ~ code_w scale_w

Both become codes of 8 bit, with one scale a row. A token's few large channels would leave little
of the range to all others: h, a Hadamard matrix, spreads each over its block (QuaRot,
arXiv:2404.00456).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

SIDES = (128, 64)  # of a block; inputs come in multiples of 64


@dataclass(frozen=True, slots=True, eq=False)
class Rotated:
    """Rows that were turned: `codes` int8 `[rows, in]`, `scale` float32 `[rows]`."""

    codes: Tensor
    scale: Tensor


def side_of(inner: int) -> int:
    """The side of the blocks by which so many inputs are turned."""
    return next(side for side in SIDES if inner % side == 0)


@cache
def hadamard(side: int, device: torch.device) -> Tensor:
    """`h` times the square root of `side`, a power of two: bf16 `[side, side]`, +1 and -1."""
    found = torch.ones(1, 1, dtype=torch.bfloat16, device=device)
    while found.shape[0] < side:
        found = torch.cat((torch.cat((found, found), 1), torch.cat((found, -found), 1)))
    return found


def rotate(x: Tensor) -> Rotated:
    """`x [rows, in]`, turned and rounded; computed in float64."""
    side = side_of(x.shape[1])
    blocks = x.double().reshape(x.shape[0], -1, side)
    turned = (blocks @ hadamard(side, x.device).double()).flatten(1)
    largest = turned.abs().amax(dim=1, keepdim=True)
    codes = (turned * (127 / largest.clamp_min(1e-30))).round().to(torch.int8)
    return Rotated(codes, (largest[:, 0] / (127 * side**0.5)).float())


def product(x: Rotated, weight: Rotated) -> Tensor:
    """`x [rows, in]` by `weight [out, in]`: float64 `[rows, out]`."""
    scales = x.scale.double()[:, None] * weight.scale.double()
    return x.codes.double() @ weight.codes.double().mT * scales
