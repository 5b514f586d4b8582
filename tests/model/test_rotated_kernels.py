"""Products in 8 bit of what was turned first mean what the naive ones mean: on a GPU, or in
Triton's interpreter.
"""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from triton_support import DEVICE, cuda_only, gpu_only, quiet, random

from vademecum.model.kernels import rotated
from vademecum.model.kernels.rotated import Rotated
from vademecum.model.kernels.triton import matmul, nf4, rotate
from vademecum.model.kernels.triton.matmul import Tiles
from vademecum.model.linear import QuantizedLinear

SMALL = Tiles(rows=64, columns=128, inputs=64, stages=2, warps=4)
pytestmark = quiet


@pytest.fixture(autouse=True)
def _poisoned(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a kernel leaves unwritten shows."""
    empty = torch.empty

    def filled(*shape: Any, **how: Any) -> Tensor:
        out = empty(*shape, **how)
        return out.fill_(math.nan if out.is_floating_point() else 99)

    monkeypatch.setattr(torch, "empty", filled)


def value_of(x: Rotated) -> Tensor:
    """What codes stand for, turned: float64."""
    return x.codes.double() * x.scale.double()[:, None]


def assert_alike(found: Rotated, expected: Rotated) -> None:
    """A code may be the next one where bf16 rounded what was turned."""
    torch.testing.assert_close(found.scale, expected.scale, rtol=1e-2, atol=1e-12)
    step = expected.scale.double()[:, None] * 1.01
    there = value_of(expected).abs().amax(dim=1, keepdim=True)
    assert ((value_of(found) - value_of(expected)).abs() <= step + 0.01 * there).all()
    assert (found.codes.int() - expected.codes.int()).abs().float().mean() < 0.2


@cuda_only
@pytest.mark.parametrize("inner", [64, 128, 576, 896, 1_536, 3_584, 8_960, 18_944, 28_672])
@pytest.mark.parametrize("rows", [1, 5, 33])
def test_rows_are_turned(rows: int, inner: int) -> None:
    x = random(rows, inner).bfloat16()
    x[0, 7] = 1_000.0  # a channel that alone would take the range of 8 bit
    x[-1] = 0 if rows > 1 else x[-1]
    assert_alike(rotate.rotate(x), rotated.rotate(x))


@cuda_only
def test_a_row_with_what_is_no_number_gives_none() -> None:
    x = random(3, 192).bfloat16()
    x[0, 5], x[2, 70] = math.nan, math.inf
    product = rotated.product(rotate.rotate(x), codes(16, 192, 1))
    assert product[[0, 2]].isnan().all()
    assert product[1].isfinite().all()


@cuda_only
@pytest.mark.parametrize("inner", [64, 896, 1_600])
def test_rows_are_normed_and_turned(inner: int) -> None:
    x, weight = random(7, inner) * 30, random(inner, seed=1).bfloat16()
    x[2] = 0
    normed = torch.nn.functional.rms_norm(x.double(), (inner,), weight.double(), 1e-6)
    assert_alike(rotate.rotate_normed(x, weight, 1e-6), rotated.rotate(normed))


@cuda_only
@pytest.mark.parametrize("gated", [False, True])
@pytest.mark.parametrize(("outputs", "inner"), [(1, 64), (17, 320), (40, 896), (24, 18_944)])
def test_a_weight_is_turned(outputs: int, inner: int, gated: bool) -> None:
    rows = 2 * outputs if gated else outputs
    codes = torch.randint(0, 256, (rows, inner // 2), dtype=torch.uint8, device=DEVICE)
    weight = QuantizedLinear(codes, random(rows, inner // 64).abs())
    packed = nf4.PackedNF4.of_gate_up(weight) if gated else nf4.PackedNF4.of(weight)
    scale = rotate.weight_scale(packed)
    found = rotate.rotate_weight(packed, scale)
    assert found.scale is scale
    plain = packed.unpacked()
    levels = nf4.levels().float().to(DEVICE) / nf4.SCALE
    pairs = torch.stack((plain.packed >> 4, plain.packed & 15), dim=2).flatten(1)
    expected = levels[pairs.long()] * plain.absmax.repeat_interleave(64, dim=1)
    if gated:
        expected = expected.view(2, outputs, inner).transpose(0, 1).flatten(0, 1)
    assert_alike(found, rotated.rotate(expected))


def codes(rows: int, inner: int, seed: int) -> Rotated:
    """Random ones, of rows of all sizes, the last of them empty."""
    some = (random(rows, inner, seed=seed) * 50).round().clamp(-127, 127).to(torch.int8)
    scale = random(rows, seed=seed + 1).abs()
    scale[-1] = 0
    return Rotated(some, scale)


SHAPES = [
    (1, 16, 64), (65, 130, 192), (200, 300, 576),
    pytest.param(1_300, 5_008, 576, marks=gpu_only),  # more tiles than programs
]  # fmt: skip


@pytest.mark.parametrize("tiles", [SMALL, None])
@pytest.mark.parametrize(("rows", "outputs", "inner"), SHAPES)
@pytest.mark.parametrize("biased", [False, True])
def test_product(rows: int, outputs: int, inner: int, biased: bool, tiles: Tiles | None) -> None:
    x, weight = codes(rows, inner, 1), codes(outputs, inner, 3)
    bias = random(outputs, seed=5).bfloat16() if biased else None
    expected = rotated.product(x, weight) + (0 if bias is None else bias.double())
    found = matmul.product(x, weight, bias, tiles)
    torch.testing.assert_close(found.double(), expected, rtol=8e-3, atol=1e-3)
    stream = random(rows, outputs, seed=6)
    grown = stream.double() + expected
    matmul.add_to(stream, x, weight, bias, tiles)
    torch.testing.assert_close(stream.double(), grown, rtol=1e-5, atol=1e-2)


@pytest.mark.parametrize("tiles", [SMALL, None])
@pytest.mark.parametrize(("rows", "outputs", "inner"), SHAPES)
def test_gated_product(rows: int, outputs: int, inner: int, tiles: Tiles | None) -> None:
    x, weight = codes(rows, inner, 1), codes(outputs, inner, 3)
    x = Rotated(x.codes, x.scale * 1e-4)
    gate, up = rotated.product(x, weight).unflatten(1, (-1, 2)).unbind(2)
    expected = torch.nn.functional.silu(gate) * up
    found = matmul.gated(x, weight, tiles)
    torch.testing.assert_close(found.double(), expected, rtol=8e-3, atol=1e-3)


def test_of_no_rows_there_is_no_product() -> None:
    none = Rotated(
        torch.empty(0, 64, dtype=torch.int8, device=DEVICE), torch.empty(0, device=DEVICE)
    )
    assert matmul.product(none, codes(16, 64, 1), None).shape == (0, 16)


def test_weights_of_other_inputs_are_refused() -> None:
    with pytest.raises(ValueError, match="by a weight"):
        matmul.product(codes(3, 64, 1), codes(16, 128, 2), None)
