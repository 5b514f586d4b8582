"""Products of few rows with NF4 weights, on a GPU.

    y[m, n] = sum_k x[m, k] level[code[n, k]] absmax[n, k / 64] + bias[n]
    gated:    silu(gate) * up, of two such products

NF4 is QLoRA's (arXiv:2305.14314, appendix E). What it means is `QuantizedLinear.dequantize`. The
product is bound by reading the weights: `nf4.cu` says how.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from vademecum.model.kernels.triton.early import as_hopper
from vademecum.model.kernels.triton.nvrtc import Kernel, kernel
from vademecum.model.linear import NF4_BLOCK, QuantizedLinear

SOURCE = Path(__file__).with_suffix(".cu")
MAX_ROWS = 16
OUTPUTS = 16  # of a tile: what a tensor core takes at once
WARPS = 8  # of a block
MOST_HELD = 8  # tiles of a warp under way: the free halves of the table hold 64 of a block
MOST_BLOCKS = 3  # of a multiprocessor
MOST_UNEVEN = 1.1  # of blocks with outputs of their own; meeting costs less
SCALE = 1.437  # of the levels, see nf4.cu
# The numbers that the codes stand for, as QLoRA's authors publish them.
LEVELS = (
    -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453,
    -0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0.0,
    0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
    0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class PackedNF4:
    """A weight `[out, in]` in tiles of 16 outputs by 64 inputs, as the lanes of a warp read them.

    `codes` uint8 `[tiles of outputs, tiles of inputs, 8, 4, 4, 2, 2]`: lane `4 g + t` reads 16
    bytes together, and each byte holds codes of two inputs, the first in the high half, of output
    `g + 8 h` and inputs `16 t + 4 j + 2 p` and the next; the axes are `g, t, j, p, h`.
    `absmax` bf16 `[tiles of outputs, tiles of inputs, 8, 2]`, of output `g + 8 h`, in units that
    make up for the scaled levels. Outputs past the last have an absmax of 0.

    Where `gated`, the first 8 outputs of a tile are gates, the others what they gate.
    """

    codes: Tensor
    absmax: Tensor
    out: int
    gated: bool

    @classmethod
    def of(cls, weight: QuantizedLinear) -> PackedNF4:
        """The weight of a plain product."""
        return cls._packed(weight.packed, weight.absmax, weight.shape[0], gated=False)

    @classmethod
    def of_gate_up(cls, weight: QuantizedLinear) -> PackedNF4:
        """The weights of two products, gates first, whose outputs are multiplied."""
        half = weight.shape[0] // 2
        pad = -half % 8

        def interleaved(rows: Tensor) -> Tensor:
            both = torch.nn.functional.pad(rows.view(2, half, -1), (0, 0, 0, pad))
            tiled: Tensor = both.unflatten(1, (-1, 8)).transpose(0, 1).flatten(0, 2)
            return tiled

        return cls._packed(interleaved(weight.packed), interleaved(weight.absmax), half, gated=True)

    @classmethod
    def _packed(cls, packed: Tensor, absmax: Tensor, out: int, *, gated: bool) -> PackedNF4:
        rows, blocks = absmax.shape
        pad = (0, 0, 0, -rows % OUTPUTS)
        codes = torch.nn.functional.pad(packed, pad)
        codes = codes.view(-1, 2, 8, blocks, 4, 4, 2)  # tile, h, g, block, t, j, p
        scales = torch.nn.functional.pad(absmax / SCALE, pad).bfloat16().view(-1, 2, 8, blocks)
        return cls(
            codes=codes.permute(0, 3, 2, 4, 5, 6, 1).contiguous(),
            absmax=scales.permute(0, 3, 2, 1).contiguous(),
            out=out,
            gated=gated,
        )

    @property
    def shape(self) -> tuple[int, int]:
        """`(out, in)` of the product."""
        return self.out, self.codes.shape[1] * NF4_BLOCK

    def unpacked(self) -> QuantizedLinear:
        """The weight as plain data; its absmax is that of the kernel, rounded to bf16."""
        codes = self.codes.permute(0, 6, 2, 1, 3, 4, 5).flatten(0, 2).flatten(1)
        absmax = self.absmax.permute(0, 3, 2, 1).flatten(0, 2).float() * SCALE
        if not self.gated:
            return QuantizedLinear(codes[: self.out], absmax[: self.out])

        def apart(rows: Tensor) -> Tensor:
            return rows.view(-1, 2, 8, rows.shape[1]).transpose(0, 1).flatten(1, 2)[:, : self.out]

        return QuantizedLinear(apart(codes).flatten(0, 1), apart(absmax).flatten(0, 1))


@dataclass(frozen=True, slots=True)
class Tuning:
    """How the work is cut; measured by benchmarks/gpu_products.py."""

    slots: int = 1  # loads of a warp under way
    units: int = 1  # tiles of a load: these divide the tiles of inputs
    blocks: int = 2  # of a multiprocessor, if its memory has room
    shared: bool = False  # blocks share the inputs of an output, and meet where one has its last


def product(
    x: Tensor,
    weight: PackedNF4,
    bias: Tensor | None = None,
    tuning: Tuning | None = None,
    out: Tensor | None = None,
    meeting: Tensor | None = None,
) -> Tensor:
    """`x [rows, in]` bf16, at most 16 rows, to bf16 `[rows, out]`.

    Sums are always formed in the same order. Where blocks share, they leave theirs at `meeting`,
    which must not be another product's at the same time; None makes one. Raises ValueError for what
    the kernel cannot do.
    """
    rows = x.shape[0]
    tuning = tuning or tuned(weight, rows)
    if not 1 <= rows <= MAX_ROWS or x.shape[1] != weight.shape[1] or x.dtype != torch.bfloat16:
        raise ValueError(f"{x.dtype} {tuple(x.shape)} by a weight {weight.shape}")
    if weight.gated and bias is not None:
        raise ValueError("a gated product has no bias")
    out_tiles, k_tiles = weight.codes.shape[:2]
    if tuning.slots * tuning.units > MOST_HELD:
        raise ValueError(f"{tuning} holds more than {MOST_HELD} tiles of a warp")
    if k_tiles % tuning.units:
        raise ValueError(f"{k_tiles} tiles of inputs, by {tuning.units}")
    run = _kernel(tuning, rows, weight.gated, x.device.index or 0)
    each = min(run.blocks_per_processor(32 * WARPS), MOST_BLOCKS)
    room = _processors(x.device.index or 0) * each
    k_items = k_tiles // tuning.units
    blocks = min(out_tiles * k_items if tuning.shared else out_tiles, room)
    if out is None:
        out = torch.empty(rows, weight.out, dtype=torch.bfloat16, device=x.device)
    if tuning.shared:
        meeting = new_meeting(x.device) if meeting is None else meeting
        if meeting.shape[0] < blocks:
            raise ValueError(f"{blocks} blocks meet where {meeting.shape[0]} have room")
    run(
        (blocks, 1, 1), 32 * WARPS,
        weight.codes, weight.absmax, x.contiguous(), bias, out, meeting if tuning.shared else None,
        rows, weight.out, out_tiles, k_tiles,
    )  # fmt: skip
    return out


def new_meeting(device: torch.device) -> Tensor:
    """Where blocks that share leave their sums, nothing left yet; products use it one after the
    other: `[blocks, 16 rows, 16 outputs]`."""
    blocks = MOST_BLOCKS * _processors(device.index or 0)
    return torch.full((blocks, MAX_ROWS, OUTPUTS), -1, dtype=torch.int32, device=device)


def tuned(weight: PackedNF4, rows: int) -> Tuning:
    """What is fastest for a shape, or close: on an H200 and an H100, those of
    benchmarks/gpu_products.py and the tokens of benchmarks/gpu_step.py."""
    out_tiles, k_tiles = weight.codes.shape[:2]
    device = weight.codes.device
    processors = _processors(device.index or 0)
    most = 4 if rows <= 8 and k_tiles >= 4 * WARPS else 2  # more rows leave fewer registers
    units = next(n for n in (4, 2, 1) if n <= most and k_tiles % n == 0)
    if weight.gated:
        return Tuning(slots=2, units=units)
    # Three tables fit a Hopper's shared memory, and one that of an RTX 40 or 50.
    room = processors * (2 if as_hopper(device) else 1)
    longest = -(-out_tiles // room) * room / out_tiles  # of a block, beside an average one
    if k_tiles >= 128 and longest > MOST_UNEVEN:
        return Tuning(slots=2, units=units, shared=True)
    if rows <= 8 and as_hopper(device) and room < out_tiles <= 3 * processors:
        return Tuning(slots=2, units=min(units, 2), blocks=3)
    return Tuning(units=units)


def definitions(tuning: Tuning, rows: int, *, gated: bool) -> tuple[tuple[str, int | str], ...]:
    """What `nf4.cu` leaves open."""
    return (
        ("ROW_TILES", 1 if rows <= 8 else 2),
        ("WARPS", WARPS),
        ("SLOTS", tuning.slots),
        ("UNITS", tuning.units),
        ("BLOCKS", tuning.blocks),
        ("SHARED", int(tuning.shared)),
        ("GATED", int(gated)),
        ("LEVEL_BITS", ",".join(map(str, levels().view(torch.uint16).tolist()))),
    )


def memory(tuning: Tuning) -> int:
    """Bytes a block has of shared memory besides sums: the table, whose free halves hold codes, and
    scales."""
    return 256 * 256 + WARPS * tuning.slots * tuning.units * 32


def levels() -> Tensor:
    """The 16 numbers that the kernel multiplies with: bf16."""
    return (torch.tensor(LEVELS, dtype=torch.float64) * SCALE).bfloat16()


def _kernel(tuning: Tuning, rows: int, gated: bool, device: int) -> Kernel:
    return kernel(
        SOURCE, "nf4_product", definitions(tuning, rows, gated=gated), device, shared=memory(tuning)
    )


def _processors(device: int) -> int:
    return torch.cuda.get_device_properties(device).multi_processor_count
