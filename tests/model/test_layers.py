"""Products inside compiled code are those of the weights, whatever multiplies."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from vademecum.model import linear as linears
from vademecum.model.linear import CompiledNF4, Int8, Linear, NativeNF4, QuantizedLinear
from vademecum.model.rows import _product

numba = pytest.importorskip("numba", exc_type=ImportError)
layers = pytest.importorskip("vademecum.model.kernels.layers", exc_type=ImportError)


@numba.njit
def multiply(weight, source, target):  # type: ignore[no-untyped-def]
    layers.multiply(weight, source, target, 2)


def weight_of(kind: str, out: int, inner: int) -> tuple[Linear, Tensor]:
    """A product and the weight that it stands for."""
    weight = torch.randn(out, inner, generator=torch.Generator().manual_seed(0))
    if kind == "int8":
        made = Int8.of(weight)
        return made, made.codes.float() * made.scale.float()[:, None]
    quantized = QuantizedLinear.quantize(weight)
    exact = quantized.dequantize(torch.float32)
    if kind == "native":
        if not linears.native_nf4():
            pytest.skip("this processor has no AVX512-BF16")
        return NativeNF4.of(quantized), exact
    return CompiledNF4(quantized), exact


@pytest.mark.parametrize("kind", ["native", "compiled", "int8"])
@pytest.mark.parametrize("rows", [1, 2, 9])
@pytest.mark.parametrize(("out", "inner"), [(32, 64), (96, 640)])
def test_a_product_is_that_of_its_weight(kind: str, rows: int, out: int, inner: int) -> None:
    product, exact = weight_of(kind, out, inner)
    x = torch.randn(rows, inner, generator=torch.Generator().manual_seed(1)).bfloat16()
    target = torch.full((rows, out), torch.nan)
    source = x.float().numpy()
    into = target.numpy()
    if kind == "native":
        target = target.bfloat16()
        source, into = x.view(torch.uint16).numpy(), target.view(torch.uint16).numpy()
    multiply(np.array(_product(product).row), source, into)
    expected = x.double() @ exact.double().T
    assert (target.double() - expected).norm() < 0.01 * expected.norm()
