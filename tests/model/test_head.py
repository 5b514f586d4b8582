"""The output head gives the logits of its weight, exactly enough where a token may come of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from vademecum.model import head as heads
from vademecum.model.head import HalvedInt8, head, joined, packed_head, restored, split
from vademecum.model.linear import Int8, Plain, QuantizedLinear

halves = pytest.importorskip("vademecum.model.kernels.halves", exc_type=ImportError)
nibbles = pytest.importorskip("vademecum.model.kernels.nibbles", exc_type=ImportError)

WIDTHS = (64, 576, 896)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def stands_for(made: HalvedInt8) -> Tensor:
    """The weight, float64 `[out, in]`."""
    return joined(made.high, made.low).double() * made.scale.double()[:, None]


@pytest.mark.parametrize("width", WIDTHS)
def test_halves_are_the_codes_they_were_split_from(width: int) -> None:
    codes = torch.randint(-120, 120, (33, width)).to(torch.int8)
    codes[0, :2] = torch.tensor([-120, 119])
    assert torch.equal(joined(*split(codes)), codes)


def test_a_half_lies_where_the_layout_says() -> None:
    codes = torch.arange(64).to(torch.int8)[None]
    high, low = split(codes)
    first, second = 5, 5 + 32
    for half, of in ((high, lambda c: (c + 8) // 16), (low, lambda c: (c + 8) % 16 - 8)):
        assert int(half[0, 5]) == (of(first) & 15) << 4 | of(second) & 15


@pytest.mark.parametrize("width", WIDTHS)
def test_quantising_is_within_half_a_step(width: int) -> None:
    weight = random(70, width).bfloat16()
    made = HalvedInt8.of(weight)
    step = made.scale.double()[:, None]
    # The largest code may be cut off by as much as the scale was rounded.
    assert ((stands_for(made) - weight.double()).abs() <= step * (0.5 + 119 * 2**-8)).all()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("outputs", [1, 7, 4001])
@pytest.mark.parametrize("tokens", [1, 2, 9, 10])
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_what_may_be_sampled_is_the_product_and_the_rest_is_near(
    width: int, outputs: int, tokens: int, threads: int
) -> None:
    made = HalvedInt8.of(random(outputs, width))
    x = (random(tokens, width, seed=1) + 0.7) * 6 / width**0.5  # a mean that low halves have too
    exact = x.double() @ stands_for(made).T
    out = torch.full(exact.shape, torch.nan)
    arrays = (made.high.numpy(), made.low.numpy(), made.scale.view(torch.uint16).numpy())
    halves._product(x.numpy(), *arrays, np.float32(halves.MARGIN), threads, out.numpy())
    near = exact >= exact.amax(dim=1, keepdim=True) - halves.MARGIN
    torch.testing.assert_close(out[near].double(), exact[near], rtol=1e-3, atol=2e-3)
    # What a low half may add: as often as not 0.5 of this, hardly ever 6 times.
    unit = halves.LOW_DEVIATION * made.scale.double() * x.double().norm(dim=1, keepdim=True)
    assert ((out - exact).abs() <= halves.DEVIATIONS * unit + 1e-3).all()
    if (~near).sum() > 1000:
        assert ((out - exact) / unit)[~near].mean().abs() < 0.1


def test_all_can_be_read_whole() -> None:
    made, x = HalvedInt8.of(random(4001, 576)), random(3, 576, seed=6)
    exact = x.double() @ stands_for(made).T
    torch.testing.assert_close(made.whole(x).double(), exact, rtol=1e-3, atol=1e-2)
    torch.testing.assert_close(made.whole(x.bfloat16()[:1]), made.whole(x)[:1], rtol=0.1, atol=1.0)


def test_what_is_no_number_stays_none() -> None:
    made, x = HalvedInt8.of(random(40, 64)), random(2, 64)
    x[1, 3] = torch.nan
    assert made(x).isnan().all()


def test_without_numba_it_is_dequantised_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    made, x = HalvedInt8.of(random(300, 128)), random(2, 128, seed=7)
    exact = x.double() @ stands_for(made).T
    monkeypatch.setattr(heads, "compiled_halves", lambda: None)
    torch.testing.assert_close(made(x).double(), exact, rtol=1e-3, atol=1e-2)
    torch.testing.assert_close(made.whole(x).double(), exact, rtol=1e-3, atol=1e-2)
    assert "Numba cannot be used" in made.path


def test_the_low_halves_of_what_is_far_below_are_not_read() -> None:
    made = HalvedInt8.of(random(500, 64))
    x = random(1, 64, seed=2) * 20
    exact = (x.double() @ stands_for(made).T)[0]
    poisoned = torch.full_like(made.low, 0x77)
    out = halves.product(x, made.high, poisoned, made.scale)[0]
    clean = halves.product(x, made.high, made.low, made.scale)[0]
    far = exact < exact.max() - 500
    assert far.any()
    assert torch.equal(out[far], clean[far])
    assert not torch.equal(out, clean)


@pytest.mark.parametrize("scale", [0.0, 1e-30, 1e20])
def test_any_size_of_input_gives_numbers(scale: float) -> None:
    made = HalvedInt8.of(random(9, 64))
    x = random(2, 64) * scale
    exact = x.double() @ stands_for(made).T
    out = halves.product(x, made.high, made.low, made.scale)
    assert torch.isfinite(out).all()
    assert (out - exact).abs().max() <= 0.1 * exact.abs().max() + 1e-30


@pytest.mark.parametrize("rows", range(2, 10))
@pytest.mark.parametrize("width", WIDTHS)
def test_a_row_is_computed_as_if_it_came_alone(width: int, rows: int) -> None:
    made, x = HalvedInt8.of(random(301, width)), random(rows, width, seed=3)
    assert torch.equal(made(x), torch.cat([made(row[None]) for row in x]))


@pytest.mark.parametrize("tokens", [1, 9, 10, 70])
def test_the_operator_is_close_for_any_number_of_tokens(tokens: int) -> None:
    weight, x = random(300, 128).bfloat16(), random(tokens, 128, seed=4).bfloat16()
    made = HalvedInt8.of(weight)
    expected = x.float() @ weight.float().T
    found = made(x)
    assert found.dtype == torch.bfloat16
    assert (found.float() - expected).norm() < (0.15 if tokens < 10 else 0.015) * expected.norm()
    assert (made.biased(torch.ones(300))(x) - found - 1).abs().max() < 0.3
    again = restored(made.tensors())
    assert isinstance(again, HalvedInt8)
    assert again.shape == made.shape == (300, 128)
    assert torch.equal(again(x), found)


def test_the_largest_logit_is_that_of_the_whole_codes() -> None:
    made = HalvedInt8.of(random(20_000, 896))
    x = random(40, 896, seed=5)
    exact = x.double() @ stands_for(made).T
    assert torch.equal(made(x[:9]).argmax(1), exact[:9].argmax(1))


def test_a_head_is_halved_where_that_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    weight = random(40, 64)
    assert isinstance(head(weight, quantized=False), Plain)
    assert isinstance(head(weight, quantized=True), Int8)
    monkeypatch.setattr(heads, "HALVED_OUTPUTS", 40)
    found = head(weight, quantized=True)
    assert isinstance(found, HalvedInt8)
    assert "low 4 bits" in found.path
    assert isinstance(head(random(40, 32), quantized=True), Int8)  # no whole step
    assert isinstance(head(random(40, 40), quantized=True), Plain)  # nor one of int8
    assert packed_head(QuantizedLinear.quantize(weight)) is None
    monkeypatch.setattr(heads, "compiled_halves", lambda: None)
    assert isinstance(head(weight, quantized=True), Int8)


OTHER_PROCESSOR = """
import llvmlite.binding
features = llvmlite.binding.get_host_cpu_features()
for name in features:
    features[name] &= not name.startswith(LACKING)
llvmlite.binding.get_host_cpu_features = lambda: features
import torch
from vademecum.model.head import HalvedInt8, joined
from vademecum.model.kernels import nibbles
assert nibbles.LANES == 16, nibbles.LANES
random = torch.Generator().manual_seed(0)
made = HalvedInt8.of(torch.randn(301, 576, generator=random))
assert "low 4 bits" in made.path, made.path
x = torch.randn(3, 576, generator=random)
stands_for = joined(made.high, made.low).double() * made.scale.double()[:, None]
exact = x.double() @ stands_for.T
torch.testing.assert_close(made.whole(x).double(), exact, rtol=1e-3, atol=1e-2)
assert torch.equal(made(x).argmax(1), exact.argmax(1))
assert torch.equal(made(x), torch.cat([made(row[None]) for row in x]))
"""


@pytest.mark.parametrize("avx2", [True, False])
def test_processors_without_avx512_compute_the_same(tmp_path: Path, avx2: bool) -> None:
    if avx2 and not nibbles._FEATURES.get("avx2"):
        pytest.skip("this processor has no AVX2")
    script = OTHER_PROCESSOR.replace("LACKING", repr(("avx512",) if avx2 else ("avx512", "avx2")))
    # What is compiled for other processors must not be found by this one's tests.
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", script], check=True, env=environment)
