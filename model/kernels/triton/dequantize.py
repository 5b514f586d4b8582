"""A packed NF4 weight as bf16, for products of many rows: PyTorch multiplies by it.

    w[n, k] = level[code[n, k]] absmax[n, k / 64]

One program reads some tiles of `PackedNF4` and writes them as rows of the weight.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from vademecum.model.kernels.triton.nf4 import PackedNF4, levels

TILES = 4  # of 64 inputs, by one program


def dequantize(weight: PackedNF4, table: Tensor) -> Tensor:
    """bf16 `[out, in]`, where it is gated `[2 out, in]`, gates first; `table` of `level_table`."""
    out_tiles, k_tiles = weight.codes.shape[:2]
    outputs = weight.out * (2 if weight.gated else 1)
    out = torch.empty(outputs, weight.shape[1], dtype=torch.bfloat16, device=weight.codes.device)
    dequantize_kernel[(triton.cdiv(k_tiles, TILES), out_tiles)](
        weight.codes, weight.absmax, table, out, weight.out, k_tiles,
        GATED=weight.gated, TILES=TILES, num_warps=4,
    )  # fmt: skip
    return out


def level_table(device: torch.device) -> Tensor:
    """The 16 levels, float32."""
    return levels().float().to(device)


@triton.jit
def dequantize_kernel(
    codes, absmax, levels, out, outputs, k_tiles, GATED: tl.constexpr, TILES: tl.constexpr
):
    """16 outputs of some tiles."""
    group, tile = tl.program_id(0), tl.program_id(1)
    line, column = tl.arange(0, 16), tl.arange(0, TILES * 64)
    k_tile, inside = group * TILES + column // 64, column % 64
    there = k_tile < k_tiles
    # Where the byte lies whose high half has an even input, and whose low half the next.
    half, g = line // 8, line % 8
    t, j, p = inside // 16, inside // 4 % 4, inside // 2 % 2
    own = tile.to(tl.int64) * k_tiles + k_tile
    at = own[None, :] * 512 + g[:, None] * 64 + (t * 16 + j * 4 + p * 2)[None, :] + half[:, None]
    byte = tl.load(codes + at, mask=there[None, :], other=0).to(tl.int32)
    code = tl.where((inside % 2 == 0)[None, :], byte >> 4, byte & 15)
    scale = tl.load(
        absmax + own[None, :] * 16 + (g * 2 + half)[:, None], mask=there[None, :], other=0.0
    )
    value = tl.load(levels + code) * scale.to(tl.float32)
    output = tile * 16 + line
    real = output < outputs
    if GATED:
        real = tile * 8 + g < outputs
        output = half * outputs + tile * 8 + g
    place = output.to(tl.int64)[:, None] * (k_tiles * 64) + (k_tile * 64 + inside)[None, :]
    tl.store(out + place, value.to(tl.bfloat16), mask=real[:, None] & there[None, :])
