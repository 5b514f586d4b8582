"""Products of many rows in 8 bit, of what `rotate` makes.

    y[m, n] = scale_x[m] scale_w[n] sum_k x[m, k] w[n, k] + bias[n]
    gated:    silu(y[m, 2 n]) y[m, 2 n + 1];   added:   stream[m, n] += y[m, n]

Sums are of 32-bit integers: exact, and the same in whatever order. A program computes one tile
after the other, in an order in which those at work at the same time share what they read; on
Hopper, the copy engine fetches it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

import torch
import triton
import triton.language as tl
from torch import Tensor
from triton.tools.tensor_descriptor import TensorDescriptor

from vademecum.model.kernels.rotated import Rotated
from vademecum.model.kernels.triton.early import as_hopper

Form = Literal["plain", "gated", "added"]


@dataclass(frozen=True, slots=True)
class Tiles:
    """How the work is cut: `rows` by `columns` of the result, so many `inputs` at a time."""

    rows: int = 128
    columns: int = 256
    inputs: int = 128
    stages: int = 4
    warps: int = 8
    group: int = 8  # rows of tiles that are gone through together

    def count(self, rows: int, outputs: int) -> int:
        """Tiles of a result."""
        return -(-rows // self.rows) * -(-outputs // self.columns)


def product(x: Rotated, weight: Rotated, bias: Tensor | None, tiles: Tiles | None = None) -> Tensor:
    """bf16 `[rows, out]`; `bias` is `[out]`."""
    out = torch.empty(
        x.codes.shape[0], weight.codes.shape[0], dtype=torch.bfloat16, device=x.codes.device
    )
    return _run(x, weight, bias, out, "plain", tiles)


def gated(x: Rotated, weight: Rotated, tiles: Tiles | None = None) -> Tensor:
    """`silu(gate) * up`, bf16 `[rows, out / 2]`: a gate's row of the weight, then what it gates."""
    out = torch.empty(
        x.codes.shape[0], weight.codes.shape[0] // 2, dtype=torch.bfloat16, device=x.codes.device
    )
    return _run(x, weight, None, out, "gated", tiles)


def add_to(
    stream: Tensor, x: Rotated, weight: Rotated, bias: Tensor | None, tiles: Tiles | None = None
) -> None:
    """Add the product to `stream`, float32 `[rows, out]`."""
    _run(x, weight, bias, stream, "added", tiles)


def _run(
    x: Rotated, weight: Rotated, bias: Tensor | None, out: Tensor, form: Form, tiles: Tiles | None
) -> Tensor:
    (rows, inner), outputs = x.codes.shape, weight.codes.shape[0]
    if weight.codes.shape[1] != inner:
        raise ValueError(f"{tuple(x.codes.shape)} by a weight {tuple(weight.codes.shape)}")
    if not rows:
        return out
    device = out.device
    tiles = tiles or tuned(device, form, rows, outputs)
    engine = as_hopper(device)
    a, b = x.codes, weight.codes
    if engine:
        a = TensorDescriptor.from_tensor(a, [tiles.rows, tiles.inputs])
        b = TensorDescriptor.from_tensor(b, [tiles.columns, tiles.inputs])
    matmul_kernel[(min(tiles.count(rows, outputs), _processors(device)),)](
        a, b, x.scale, weight.scale, x.scale if bias is None else bias, out, rows, outputs, inner,
        FORM=form, BIASED=bias is not None, ROWS=tiles.rows, COLUMNS=tiles.columns,
        INPUTS=tiles.inputs, GROUP=tiles.group, STAGES=tiles.stages, ENGINE=engine,
        num_warps=tiles.warps,
    )  # fmt: skip
    return out


def tuned(device: torch.device, form: Form, rows: int, outputs: int) -> Tiles:
    """What is fastest on a Hopper, or what fits the shared memory and registers of an RTX 40."""
    adding = form == "added"  # it has more in both at its end
    if not as_hopper(device):
        return Tiles(columns=128 if adding else 256, inputs=64)
    if 2 * Tiles().count(rows, outputs) <= _processors(device):
        return Tiles(columns=128)
    return Tiles(stages=3 if adding else 4)


def lengths(
    device: torch.device, products: Sequence[tuple[Form, int]], read: int, most: int
) -> list[int]:
    """Rows, `most` at most, for which some of `products` (their form and outputs) are cut as they
    are neither for `read` rows nor for fewer rows that are among those found."""

    def cut(rows: int) -> set[tuple[Form, int, Tiles]]:
        return {(form, outputs, tuned(device, form, rows, outputs)) for form, outputs in products}

    found, seen = [], cut(read)
    for rows in range(Tiles().rows, most + 1, Tiles().rows):
        if not (own := cut(rows)) <= seen:
            found.append(rows)
            seen |= own
    return found


def _processors(device: torch.device) -> int:
    return _count(device.index or 0) if device.type == "cuda" else 1


@cache
def _count(index: int) -> int:
    return torch.cuda.get_device_properties(index).multi_processor_count


@triton.jit
def _block(
    x, line, first, lines, inner, LINES: tl.constexpr, INPUTS: tl.constexpr, ENGINE: tl.constexpr
):
    """Lines of `x` at some inputs; what is past the end is 0."""
    if ENGINE:
        block = x.load([line, first])
    else:
        own, channel = line + tl.arange(0, LINES), first + tl.arange(0, INPUTS)
        place = own.to(tl.int64)[:, None] * inner + channel[None, :]
        there = (own < lines)[:, None] & (channel < inner)[None, :]
        block = tl.load(x + place, mask=there, other=0)
    return block


@triton.jit
def _put(
    total, x_scale, weight_scale, bias, out, row, column, rows, outputs,
    FORM: tl.constexpr, BIASED: tl.constexpr,
):  # fmt: skip
    """Sums of integers to where they go; those of `column` lie side by side."""
    of_row = tl.load(x_scale + row, mask=row < rows, other=0.0)
    of_column = tl.load(weight_scale + column, mask=column < outputs, other=0.0)
    y = total.to(tl.float32) * (of_row[:, None] * of_column[None, :])
    if BIASED:
        y += tl.load(bias + column, mask=column < outputs, other=0.0).to(tl.float32)[None, :]
    place = out + row.to(tl.int64)[:, None] * outputs + column[None, :]
    there = (row < rows)[:, None] & (column < outputs)[None, :]
    if FORM == "added":
        tl.store(place, tl.load(place, mask=there, other=0.0) + y, mask=there)
    else:
        tl.store(place, y.to(tl.bfloat16), mask=there)


@triton.jit
def _put_gated(
    total, x_scale, weight_scale, out, row, first, rows, outputs,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    column = first + tl.arange(0, COLUMNS)
    of_row = tl.load(x_scale + row, mask=row < rows, other=0.0)
    of_column = tl.load(weight_scale + column, mask=column < outputs, other=0.0)
    y = total.to(tl.float32) * (of_row[:, None] * of_column[None, :])
    gate, up = tl.split(tl.reshape(y, (ROWS, COLUMNS // 2, 2)))
    own = first // 2 + tl.arange(0, COLUMNS // 2)
    place = out + row.to(tl.int64)[:, None] * (outputs // 2) + own[None, :]
    there = (row < rows)[:, None] & (own < outputs // 2)[None, :]
    tl.store(place, (gate * tl.sigmoid(gate) * up).to(tl.bfloat16), mask=there)


@triton.jit(do_not_specialize=["rows"])
def matmul_kernel(
    x, weight, x_scale, weight_scale, bias, out, rows, outputs, inner,
    FORM: tl.constexpr, BIASED: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr,
    INPUTS: tl.constexpr, GROUP: tl.constexpr, STAGES: tl.constexpr, ENGINE: tl.constexpr,
):  # fmt: skip
    """Some tiles, one after the other."""
    down, across = tl.cdiv(rows, ROWS), tl.cdiv(outputs, COLUMNS)
    for tile in tl.range(tl.program_id(0), down * across, tl.num_programs(0), flatten=ENGINE):
        # Tiles of some rows, a column at a time.
        first = tile // (GROUP * across) * GROUP
        height = tl.minimum(down - first, GROUP)
        i = first + tile % (GROUP * across) % height
        j = tile % (GROUP * across) // height
        total = tl.zeros((ROWS, COLUMNS), tl.int32)
        for k in tl.range(0, inner, INPUTS, num_stages=STAGES):
            a = _block(x, i * ROWS, k, rows, inner, ROWS, INPUTS, ENGINE)
            b = _block(weight, j * COLUMNS, k, outputs, inner, COLUMNS, INPUTS, ENGINE)
            total = tl.dot(a, b.T, total, out_dtype=tl.int32)
        row = i * ROWS + tl.arange(0, ROWS)
        if FORM == "gated":
            _put_gated(
                total, x_scale, weight_scale, out, row, j * COLUMNS, rows, outputs, ROWS, COLUMNS
            )
        else:
            # A half at a time: less shared memory, which the next tile is fetched into.
            halves = tl.permute(tl.reshape(total, (ROWS, 2, COLUMNS // 2)), (0, 2, 1))
            left, right = tl.split(halves)
            for half in tl.static_range(2):
                column = j * COLUMNS + half * (COLUMNS // 2) + tl.arange(0, COLUMNS // 2)
                _put(
                    right if half else left, x_scale, weight_scale, bias, out, row, column, rows,
                    outputs, FORM, BIASED,
                )  # fmt: skip
