"""Every way to multiply by a weight gives what the weight stands for."""

from __future__ import annotations

import pytest
import torch

from vademecum.model.linear import (
    DequantizedNF4,
    Int8Head,
    NativeNF4,
    Plain,
    QuantizedLinear,
    head,
    linear,
    native_nf4,
)

ROWS = (1, 7, 31, 32, 33, 63, 65)
needs_native = pytest.mark.skipif(not native_nf4(), reason="this CPU has no AVX512-BF16")


def weight_of(rows: int, columns: int) -> torch.Tensor:
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(rows))


def relative_error(actual: torch.Tensor, expected: torch.Tensor) -> float:
    return float((actual.float() - expected).norm() / expected.norm())


def test_nf4_is_within_its_step_of_the_weight() -> None:
    weight = weight_of(96, 128)
    back = QuantizedLinear.quantize(weight).dequantize(torch.float32)
    largest = weight.reshape(96, 2, 64).abs().amax(-1, keepdim=True).expand(96, 2, 64)
    widest_half_step = 0.1520 * 1.001  # between the codes -1 and -0.6962 of the NF4 table
    assert ((back - weight).abs() <= widest_half_step * largest.reshape(96, 128)).all()


def test_stacked_weights_stand_for_what_their_parts_do() -> None:
    parts = [QuantizedLinear.quantize(weight_of(rows, 64)) for rows in (32, 64)]
    both = QuantizedLinear.stack(parts)
    assert both.shape == (96, 64)
    expected = torch.cat([part.dequantize(torch.float32) for part in parts])
    assert torch.equal(both.dequantize(torch.float32), expected)


def test_a_width_that_blocks_do_not_fill_is_refused() -> None:
    with pytest.raises(ValueError, match="in=96"):
        QuantizedLinear.quantize(weight_of(32, 96))


@needs_native
@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("biased", [False, True])
def test_the_native_product_is_the_dequantised_one(rows: int, biased: bool) -> None:
    weight = QuantizedLinear.quantize(weight_of(96, 192))
    bias = torch.randn(96).bfloat16() if biased else None
    x = weight_of(rows, 192).bfloat16()
    expected = x.float() @ weight.dequantize(torch.float32).T
    expected = expected if bias is None else expected + bias.float()
    assert relative_error(NativeNF4(weight, bias)(x), expected) < 0.01
    assert relative_error(DequantizedNF4(weight, bias)(x), expected) < 0.01


@pytest.mark.parametrize("rows", [1, 3])
def test_an_int8_head_is_close(rows: int) -> None:
    weight, x = weight_of(512, 64).bfloat16(), weight_of(rows, 64).bfloat16()
    assert relative_error(Int8Head(weight)(x), x.float() @ weight.float().T) < 0.015


def test_fused_weights_give_their_outputs_side_by_side() -> None:
    parts, biases = [weight_of(8, 64), weight_of(4, 64)], [torch.ones(8), torch.zeros(4)]
    x = weight_of(5, 64)
    expected = torch.cat([x @ parts[0].T + 1, x @ parts[1].T], dim=1)
    torch.testing.assert_close(linear(parts, biases)(x), expected)


def test_paths_say_what_was_chosen() -> None:
    wide, narrow = QuantizedLinear.quantize(weight_of(64, 64)), weight_of(8, 64)
    assert isinstance(linear([narrow]), Plain)
    assert isinstance(linear([wide]), NativeNF4 if native_nf4() else DequantizedNF4)
    # 8 outputs are no stripe of the native kernel.
    assert isinstance(linear([QuantizedLinear.quantize(narrow)]), DequantizedNF4)
    assert isinstance(head(narrow, quantized=False), Plain)
    assert isinstance(head(narrow, quantized=True), Int8Head)
    with pytest.raises(ValueError, match="fused"):
        linear([wide, narrow])
