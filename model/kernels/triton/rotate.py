"""Rows and NF4 weights as `rotated.Rotated`: turned by blocks, in 8 bit with one scale a row.

Both are bound by reading and writing memory once: `rotate.cu` says how. In Triton, turning by a
product with the matrix, three to six times slower. The scales of a weight's rows are found once.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from vademecum.model.kernels.rotated import Rotated, side_of
from vademecum.model.kernels.triton.nf4 import PackedNF4, levels
from vademecum.model.kernels.triton.nvrtc import Kernel, kernel

SOURCE = Path(__file__).with_suffix(".cu")
EACH = 16  # values of a thread that lie together
MOST_THREADS = 512  # of a row
THREADS = 256  # of a weight's block
BLOCKS = 4_096  # of a weight, at most: each may have more to do


def rotate(x: Tensor) -> Rotated:
    """`x [rows, in]`, bf16."""
    return _rotate(x, None, 1.0)


def rotate_normed(x: Tensor, weight: Tensor, eps: float) -> Rotated:
    """`x / sqrt(mean(x^2) + eps) * weight` of float32 `x [rows, in]`, as `norm.add_norm`; `weight`
    is bf16 `[in]`."""
    return _rotate(x, weight, eps)


def _rotate(x: Tensor, weight: Tensor | None, eps: float) -> Rotated:
    rows, inner = x.shape
    codes = torch.empty(rows, inner, dtype=torch.int8, device=x.device)
    scale = torch.empty(rows, device=x.device)
    if rows:
        chunks = -(-inner // (EACH * MOST_THREADS))
        threads = 32 * -(-inner // (EACH * chunks * 32))
        constants = (
            ("SIDE", side_of(inner)), ("THREADS", threads), ("CHUNKS", chunks),
            ("NORMED", int(weight is not None)), ("EPS", f"{eps!r}f"),
        )  # fmt: skip
        run = kernel(SOURCE, "rotate_rows", constants, x.device.index or 0, early=False)
        run((rows, 1, 1), threads, x.contiguous(), weight, codes, scale, inner)
    return Rotated(codes, scale)


def weight_scale(weight: PackedNF4) -> Tensor:
    """The scales of a weight's rows when it is turned: float32 `[out]`, where it is gated
    `[2 out]`, of gates and what they gate in turn."""
    out_tiles, k_tiles = weight.codes.shape[:2]
    outputs = weight.out * (2 if weight.gated else 1)
    scale = torch.empty(outputs, device=weight.codes.device)
    run = _of_weight("scale_weight", weight)
    run(
        (out_tiles, 1, 1), THREADS,
        weight.codes, weight.absmax, scale, outputs, k_tiles, int(weight.gated),
    )  # fmt: skip
    return scale


def rotate_weight(weight: PackedNF4, scale: Tensor) -> Rotated:
    """`weight [out, in]` by its `weight_scale`; rows as that has them."""
    out_tiles, k_tiles = weight.codes.shape[:2]
    outputs, inner = scale.shape[0], weight.shape[1]
    codes = torch.empty(outputs, inner, dtype=torch.int8, device=scale.device)
    items = out_tiles * inner // side_of(inner)
    run = _of_weight("rotate_weight", weight)
    run(
        (min(BLOCKS, -(-items * 32 // THREADS)), 1, 1), THREADS,
        weight.codes, weight.absmax, scale, codes, outputs, out_tiles, k_tiles, int(weight.gated),
    )  # fmt: skip
    return Rotated(codes, scale)


def _of_weight(name: str, weight: PackedNF4) -> Kernel:
    constants = (
        ("SIDE", side_of(weight.shape[1])), ("THREADS", THREADS),
        ("LEVEL_BITS", ",".join(map(str, levels().view(torch.uint16).tolist()))),
    )  # fmt: skip
    return kernel(SOURCE, name, constants, weight.codes.device.index or 0, early=False)
