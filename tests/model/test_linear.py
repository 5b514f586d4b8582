"""Every way to multiply by a weight gives what the weight stands for."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from vademecum.model import linear as linears
from vademecum.model.linear import (
    CompiledNF4,
    Int8,
    NativeNF4,
    Plain,
    QuantizedLinear,
    linear,
    native_nf4,
    packed,
    restored,
)

ROWS = (0, 1, 7, 31, 32, 33, 63, 65)
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
    for product in (NativeNF4.of(weight).biased(bias), CompiledNF4(weight, bias)):
        found = product(x)
        assert found.dtype == torch.bfloat16
        assert found.shape == (rows, 96)
        assert (found.float() - expected).norm() <= 0.01 * expected.norm()


@needs_native
def test_the_native_product_reads_what_lies_apart() -> None:
    product, x = NativeNF4.of(QuantizedLinear.quantize(weight_of(96, 192))), weight_of(5, 384)
    apart = x.bfloat16()[:, ::2]
    assert torch.equal(product(apart), product(apart.contiguous()))
    assert torch.equal(product(apart.float()), product(apart).float())


@pytest.mark.parametrize("rows", [1, 3])
def test_int8_is_close(rows: int) -> None:
    weight, x = weight_of(512, 64).bfloat16(), weight_of(rows, 64).bfloat16()
    assert relative_error(Int8.of(weight)(x), x.float() @ weight.float().T) < 0.015


def test_fused_weights_give_their_outputs_side_by_side() -> None:
    parts, biases = [weight_of(8, 64), weight_of(4, 64)], [torch.ones(8), torch.zeros(4)]
    x = weight_of(5, 64)
    expected = torch.cat([x @ parts[0].T + 1, x @ parts[1].T], dim=1)
    torch.testing.assert_close(linear(parts, biases)(x), expected)


def test_paths_say_what_was_chosen() -> None:
    wide, narrow = QuantizedLinear.quantize(weight_of(64, 64)), weight_of(8, 64)
    assert isinstance(linear([narrow]), Plain)
    assert isinstance(linear([wide]), NativeNF4 if native_nf4() else CompiledNF4)
    # 8 outputs are no stripe of the native kernel.
    assert isinstance(linear([QuantizedLinear.quantize(narrow)]), CompiledNF4)
    with pytest.raises(ValueError, match="fused"):
        linear([wide, narrow])


@pytest.mark.parametrize("rows", [1, 3, 8, 9, 40])
@pytest.mark.parametrize("numba", [True, False])
@pytest.mark.parametrize("capability", ["AVX512", "AVX2"])
def test_nf4_anywhere_is_the_dequantised_product(
    monkeypatch: pytest.MonkeyPatch, rows: int, numba: bool, capability: str
) -> None:
    monkeypatch.setattr(linears, "native_nf4", lambda: False)
    monkeypatch.setattr(linears, "STRIPE_WEIGHTS", 192 * 40)  # 96 outputs are three stripes
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    if not numba:
        monkeypatch.setattr(linears, "compiled_product", lambda: None)
    weight, bias = QuantizedLinear.quantize(weight_of(96, 192)), torch.randn(96)
    product = linear([weight], [bias])
    assert isinstance(product, CompiledNF4)
    assert "no AVX512-BF16" in product.path
    assert ("Numba cannot be used" in product.path) == (not numba)
    x = weight_of(rows, 192)
    expected = x @ weight.dequantize(torch.float32).T + bias
    # In integers of 16 bits, where there is AVX2: tests/model/test_nf4.py.
    assert relative_error(product(x), expected) < 3e-4
    rounded = linear([weight], [bias.bfloat16()])(x.bfloat16())
    assert rounded.dtype == torch.bfloat16
    assert relative_error(rounded, expected) < 0.01


def test_a_compiled_row_is_computed_as_if_it_came_alone() -> None:
    product, x = CompiledNF4(QuantizedLinear.quantize(weight_of(70, 128))), weight_of(5, 128)
    assert torch.equal(product(x), torch.cat([product(row[None]) for row in x]))


@pytest.mark.parametrize("rows", [1, 9, 10, 24, 25, 70])
def test_int8_is_close_for_any_number_of_tokens(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    monkeypatch.setattr(linears, "STRIPE_WEIGHTS", 64 * 100)
    weight, bias = weight_of(512, 64).bfloat16(), torch.randn(512).bfloat16()
    product = Int8.of(weight)
    x = weight_of(rows, 64).bfloat16()
    expected = x.float() @ weight.float().T
    assert relative_error(product(x), expected) < 0.015
    assert relative_error(product.biased(bias)(x), expected + bias.float()) < 0.015


def test_int8_leaves_the_weight_as_it_was() -> None:
    weight = weight_of(8, 64)
    before = weight.clone()
    Int8.of(weight)
    assert torch.equal(weight, before)


def test_a_width_that_the_int8_kernel_would_read_beyond_is_left_alone() -> None:
    narrow = weight_of(8, 40).bfloat16()
    assert packed([narrow], 8) is None
    with pytest.raises(ValueError, match="in=40"):
        Int8.of(narrow)


def test_what_is_packed_can_be_restored() -> None:
    parts, x = [weight_of(32, 64), weight_of(64, 64)], weight_of(3, 64).bfloat16()
    quantized = [QuantizedLinear.quantize(part) for part in parts]
    odd = [QuantizedLinear.quantize(weight_of(7, 64))]
    for product in (packed(parts, 8), packed(quantized, 4), packed(odd, 4)):
        assert product is not None
        again = restored(product.tensors())
        assert type(again) is type(product)
        assert again.shape == product.shape
        assert torch.equal(again(x), product(x))
    assert packed(parts, 4) is None


def test_bitsandbytes_comes_without_the_compiler() -> None:
    program = (
        "import sys, torch\n"
        "compiler = torch.compile\n"
        "from vademecum.model.linear import NativeNF4, bitsandbytes, native_nf4\n"
        "bitsandbytes()\n"
        "codes, absmax = torch.zeros(32, 32, dtype=torch.uint8), torch.zeros(1, 32).bfloat16()\n"
        "native_nf4() and NativeNF4(codes, absmax)(torch.ones(1, 64))\n"
        "assert torch.compile is compiler\n"
        "sys.exit('torch._dynamo' in sys.modules or 'transformers' in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("tokens", [1, 2, 9, 20])
@pytest.mark.parametrize("width", [32, 896])
def test_a_compiled_int8_product_is_exact(tokens: int, width: int) -> None:
    kernels = pytest.importorskip("vademecum.model.kernels.int8", exc_type=ImportError)
    made = Int8.of(weight_of(67, width))
    x = weight_of(tokens, width)
    out = kernels.product(x, made.codes, made.scale)
    expected = (x.double() @ made.codes.double().T * made.scale.double()).float()
    assert relative_error(out, expected) < 1e-6
    alone = [kernels.product(row[None], made.codes, made.scale) for row in x]
    assert torch.equal(out, torch.cat(alone))


@pytest.mark.parametrize("rows", [1, 9, 30])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_int8_without_numba_is_close_and_says_so(
    monkeypatch: pytest.MonkeyPatch, rows: int, dtype: torch.dtype
) -> None:
    monkeypatch.setattr(linears, "compiled_int8", lambda: None)
    weight, x = weight_of(512, 64).bfloat16(), weight_of(rows, 64).to(dtype)
    product = Int8.of(weight)
    assert relative_error(product(x), x.float() @ weight.float().T) < 0.015
    assert "Numba cannot be used" in product.path
