"""Rows are turned and rounded to 8 bit so that products keep what they were."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from vademecum.model.kernels.rotated import Rotated, hadamard, product, rotate, side_of


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("side", [64, 128])
def test_turning_twice_is_no_turning(side: int) -> None:
    matrix = hadamard(side, torch.device("cpu")).double()
    assert torch.equal(matrix, matrix.T)
    assert torch.equal(matrix @ matrix, side * torch.eye(side, dtype=torch.float64))


@pytest.mark.parametrize(
    ("inner", "side"), [(64, 64), (576, 64), (896, 128), (3_584, 128), (18_944, 128)]
)
def test_whatever_nf4_takes_is_turned(inner: int, side: int) -> None:
    assert side_of(inner) == side


def test_codes_use_the_whole_range_of_a_row() -> None:
    x = random(5, 192)
    x[3] = 0
    turned = rotate(x)
    assert turned.codes.abs().amax(dim=1).tolist() == [127, 127, 127, 0, 127]
    assert turned.scale[3] == 0


@pytest.mark.parametrize("large", [1.0, 100.0])
def test_what_is_turned_keeps_the_product(large: float) -> None:
    """Though a channel is a hundred times larger than all others, as some are in large models."""
    x, weight = random(50, 896, seed=1), random(200, 896, seed=2)
    x[:, 11] *= large
    expected = x.double() @ weight.double().mT
    rest = expected - x[:, 11:12].double() @ weight[:, 11:12].double().mT
    found = product(rotate(x), rotate(weight))
    assert relative(found, expected) < 0.015
    plain = product(plainly(x), plainly(weight))
    if large > 1:  # what all other channels add is kept: without turning it drowns
        assert relative(found - expected + rest, rest) < 0.1
        assert relative(plain - expected + rest, rest) > 0.2


def relative(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).norm() / expected.norm())


def plainly(x: Tensor) -> Rotated:
    """In 8 bit as it is."""
    scale = x.abs().amax(dim=1) / 127
    return Rotated((x / scale[:, None]).round().to(torch.int8), scale)
