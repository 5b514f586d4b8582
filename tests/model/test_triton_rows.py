"""What a step computes of whole rows (norms, embedding, head, drawing), and a weight that is
dequantised, is what PyTorch computes: on a GPU, or in Triton's interpreter.
"""

from __future__ import annotations

import math

import pytest
import torch
from triton_support import DEVICE, cuda_only, quiet, random

from vademecum.model.kernels.triton import int8, nf4, norm
from vademecum.model.kernels.triton.dequantize import dequantize, level_table
from vademecum.model.linear import QuantizedLinear

pytestmark = quiet


@cuda_only
@pytest.mark.parametrize("temperature", [0.0, 0.6])
@pytest.mark.parametrize("odd", [math.nan, math.copysign(math.nan, -1), math.inf, -math.inf])
def test_from_logits_that_are_no_numbers_nothing_is_drawn(odd: float, temperature: float) -> None:
    from vademecum.model.interface import GenerationOptions
    from vademecum.model.kernels.triton.sampling import DeviceSampler

    sampler = DeviceSampler(3, DEVICE)
    sampler.set(GenerationOptions(temperature=temperature, top_p=0.9))
    logits = random(3, 1001)
    logits[0] = odd
    logits[1, 77] = odd
    there = [False, odd == -math.inf, True]
    start, sealed = (torch.zeros(1, dtype=torch.int32, device=DEVICE) for _ in range(2))
    for _ in range(2):  # what the first leaves must be as it was
        tokens = torch.full((3,), -9, device=DEVICE)
        sampler.sample(logits, tokens, start, sealed, advance=False)
        assert [0 <= token < 1001 for token in tokens.tolist()] == there
        assert [token == -1 for token in tokens.tolist()] == [not drawn for drawn in there]


@pytest.mark.parametrize("hidden", [63, 1536, 3584])
@pytest.mark.parametrize("adds", [False, True])
def test_add_norm(hidden: int, adds: bool) -> None:
    x, weight = random(3, hidden, seed=1), random(hidden, seed=2).bfloat16()
    added = random(3, hidden, seed=3).bfloat16() if adds else None
    whole = x if added is None else x + added.float()
    given = x.clone()
    out = norm.add_norm(given, added, weight, 1e-6)
    torch.testing.assert_close(given, whole, rtol=1e-5, atol=1e-5)
    expected = torch.nn.functional.rms_norm(whole, (hidden,), weight.float(), 1e-6)
    torch.testing.assert_close(out.float(), expected, rtol=8e-3, atol=1e-3)


def test_embed() -> None:
    table = random(11, 63).bfloat16()
    ids = torch.tensor([10, 0, 3], device=DEVICE)
    assert torch.equal(norm.embed(ids, table), table[ids].float())


@pytest.mark.parametrize(("outputs", "inner"), [(1, 16), (37, 64), (100, 528)])
@pytest.mark.parametrize("rows", [1, 3])
def test_int8_product(outputs: int, inner: int, rows: int) -> None:
    codes = (random(outputs, inner, seed=1) * 40).round().clamp(-127, 127).to(torch.int8)
    scale, x = random(outputs, seed=2).bfloat16(), random(rows, inner, seed=3).bfloat16()
    out = torch.full((rows, outputs), math.nan, device=DEVICE)
    assert int8.product(x, codes, scale, out) is out
    expected = x.double() @ (codes.double() * scale.double()[:, None]).T
    torch.testing.assert_close(out.double(), expected, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("gated", [False, True])
@pytest.mark.parametrize(("outputs", "inner"), [(1, 64), (17, 320)])
def test_dequantize(outputs: int, inner: int, gated: bool) -> None:
    rows = 2 * outputs if gated else outputs
    codes = torch.randint(0, 256, (rows, inner // 2), dtype=torch.uint8, device=DEVICE)
    weight = QuantizedLinear(codes, random(rows, inner // 64).abs())
    packed = nf4.PackedNF4.of_gate_up(weight) if gated else nf4.PackedNF4.of(weight)
    found = dequantize(packed, level_table(DEVICE))
    plain = packed.unpacked()
    levels = nf4.levels().float().to(DEVICE) / nf4.SCALE
    pairs = torch.stack((plain.packed >> 4, plain.packed & 15), dim=2).flatten(1)
    expected = levels[pairs.long()] * plain.absmax.repeat_interleave(64, dim=1)
    assert torch.equal(plain.packed, codes)
    torch.testing.assert_close(found.float(), expected, rtol=8e-3, atol=0)
