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
    """16 outputs of some tiles. A thread's bytes lie together, and so does what it writes."""
    group, tile = tl.program_id(0), tl.program_id(1)
    line, tiles = tl.arange(0, 8), tl.arange(0, TILES)
    column = tl.arange(0, TILES * 64)
    own = tile.to(tl.int64) * k_tiles + group * TILES
    left = k_tiles - group * TILES
    there = (column // 64 < left)[None, :]
    at = (own + column // 64)[None, :] * 512 + line[:, None] * 64 + (column % 64)[None, :]
    # Bytes of an output and of the eighth after it take turns.
    both = tl.reshape(tl.load(codes + at, mask=there, other=0), (8, TILES * 32, 2))
    first, second = tl.split(both)
    for half in tl.static_range(2):
        byte = (first if half == 0 else second).to(tl.int32)
        # The high half has an even input, the low half the next.
        pair = tl.join(tl.load(levels + (byte >> 4)), tl.load(levels + (byte & 15)))
        scale = tl.load(
            absmax + (own + tiles)[None, :] * 16 + line[:, None] * 2 + half,
            mask=(tiles < left)[None, :], other=0.0,
        )  # fmt: skip
        value = tl.reshape(pair, (8, TILES, 64)) * scale.to(tl.float32)[:, :, None]
        output = tile * 8 + line if GATED else tile * 16 + half * 8 + line
        real = output < outputs
        if GATED:
            output += half * outputs
        place = output.to(tl.int64)[:, None] * (k_tiles * 64)
        place += (group * (TILES * 64) + column)[None, :]
        value = tl.reshape(value, (8, TILES * 64)).to(tl.bfloat16)
        tl.store(out + place, value, mask=real[:, None] & there)
