"""NF4 products that Numba compiles: in integers where there is AVX2, in floats anywhere."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from vademecum.model.linear import QuantizedLinear, bitsandbytes

nf4 = pytest.importorskip("vademecum.model.kernels.nf4", exc_type=ImportError)
lookup = pytest.importorskip("vademecum.model.kernels.lookup", exc_type=ImportError)

Multiply = Callable[..., None]

WAYS = [
    pytest.param(nf4._in_floats, 1e-6, id="floats"),
    pytest.param(
        nf4._in_integers,
        3e-4,
        id="integers",
        marks=pytest.mark.skipif(not lookup.available(), reason="this processor has no AVX2"),
    ),
]


def product(multiply: Multiply, x: Tensor, weight: QuantizedLinear, threads: int = 2) -> Tensor:
    out = torch.full((x.shape[0], weight.shape[0]), torch.nan)
    multiply(x.numpy(), weight.packed.numpy(), weight.absmax.numpy(), threads, out.numpy())
    return out


def exact(x: Tensor, weight: QuantizedLinear) -> Tensor:
    return x.double() @ weight.dequantize(torch.float32).double().T


def test_the_codes_stand_for_what_bitsandbytes_says() -> None:
    assert np.array_equal(nf4.CODE, bitsandbytes().get_4bit_type("nf4", device="cpu").numpy())


@pytest.mark.parametrize(("multiply", "error"), WAYS)
@pytest.mark.parametrize(("out", "inner"), [(1, 64), (7, 128), (70, 896)])
@pytest.mark.parametrize("tokens", [1, 3, 9, 13])
def test_it_is_the_product_with_what_the_codes_stand_for(
    multiply: Multiply, error: float, out: int, inner: int, tokens: int
) -> None:
    weight = QuantizedLinear.quantize(torch.randn(out, inner))
    x = torch.randn(tokens, inner)
    # What the products come to that may cancel out.
    size = x.abs().double() @ weight.dequantize(torch.float32).double().abs().T
    assert ((product(multiply, x, weight) - exact(x, weight)).abs() < error * size).all()


@pytest.mark.parametrize(("multiply", "error"), WAYS)
def test_a_large_input_costs_its_own_block_only(multiply: Multiply, error: float) -> None:
    weight = QuantizedLinear.quantize(torch.randn(40, 256))
    x = torch.randn(1, 256)
    x[0, 70] = 5_000
    rest = x.clone()
    rest[0, 64:128] = 0
    found = product(multiply, rest, weight)
    large = product(multiply, x, weight)
    assert (found - exact(rest, weight)).norm() < error * exact(rest, weight).norm()
    assert (large - exact(x, weight)).norm() < error * exact(x, weight).norm()


@pytest.mark.parametrize(("multiply", "error"), WAYS)
@pytest.mark.parametrize("value", [0.0, 1.0, -1.0])
def test_the_largest_sums_do_not_overflow(multiply: Multiply, error: float, value: float) -> None:
    """Every weight is the largest of its block, every input as large as its block's largest."""
    weight = QuantizedLinear.quantize(torch.full((3, 128), -2.0))
    x = torch.full((2, 128), value)
    assert torch.allclose(product(multiply, x, weight).double(), exact(x, weight), rtol=error)


@pytest.mark.parametrize(("multiply", "error"), WAYS)
def test_a_row_is_computed_as_if_it_came_alone(multiply: Multiply, error: float) -> None:
    weight = QuantizedLinear.quantize(torch.randn(33, 192))
    x = torch.randn(12, 192)
    together = product(multiply, x, weight)
    alone = [product(multiply, x[n : n + 1], weight, threads=1) for n in range(12)]
    assert torch.equal(together, torch.cat(alone))


@pytest.mark.parametrize(("multiply", "error"), WAYS)
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_what_is_no_number_stays_none(multiply: Multiply, error: float, value: float) -> None:
    weight, x = QuantizedLinear.quantize(torch.randn(33, 192)), torch.randn(2, 192)
    alone = product(multiply, x[:1], weight)
    x[1, 100] = value
    found = product(multiply, x, weight)
    assert torch.equal(found[:1], alone)
    assert not found[1].isfinite().any()


@pytest.mark.skipif(not lookup.available(), reason="this processor has no AVX2")
def test_inputs_lie_as_the_codes_come_out() -> None:
    """A weight of which one input alone counts picks that input."""
    for place in range(64):
        row = torch.zeros(1, 64)
        row[0, place] = 1
        x = torch.arange(1.0, 65.0)[None]
        found = product(nf4._in_integers, x, QuantizedLinear.quantize(row))
        assert float(found) == pytest.approx(place + 1, abs=0.01)
    assert sorted(lookup.order()) == list(range(64))
