"""Products with weights of 4 and 8 bit are those of the numbers that these stand for: on a GPU, or
emulated and in Triton's interpreter.
"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from triton_support import DEVICE, cuda_only, exact, quiet, random_quantized, relative

from vademecum.model.kernels.triton import int8, nf4

pytestmark = quiet


@cuda_only
@pytest.mark.parametrize("gated", [False, True])
@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize(
    ("out", "inner", "units"),
    [(1, 64, 1), (17, 192, 1), (100, 1024, 4), (1152, 896, 2), (7168, 384, 2), (333, 8192, 4)],
)
@pytest.mark.parametrize("rows", [1, 3, 9, 16])
def test_nf4_product(
    out: int, inner: int, units: int, rows: int, gated: bool, shared: bool
) -> None:
    torch.manual_seed(0)
    weight = random_quantized(2 * out if gated else out, inner)
    packed = nf4.PackedNF4.of_gate_up(weight) if gated else nf4.PackedNF4.of(weight)
    x = torch.randn(rows, inner, device=DEVICE).bfloat16()
    bias = None if gated else torch.randn(out, device=DEVICE).bfloat16()
    tuning = nf4.Tuning(slots=2, units=units, shared=shared)
    target = nf4.product(x, packed, bias, tuning).fill_(torch.nan)
    found = nf4.product(x, packed, bias, tuning, target).double()
    wanted = x.double() @ exact(packed).double().T
    if gated:
        gate, up = wanted.chunk(2, dim=1)
        wanted = torch.nn.functional.silu(gate) * up
    elif bias is not None:
        wanted += bias.double()
    assert relative(found, wanted) < 5e-3


@cuda_only
@pytest.mark.parametrize(("out", "inner", "units"), [(16, 4096, 1), (333, 8192, 4), (4096, 512, 2)])
def test_blocks_that_share_meet_again_and_again(out: int, inner: int, units: int) -> None:
    """What is left for a later block is taken, and is absent for the next product, of as many rows
    and as large or not."""
    torch.manual_seed(0)
    large, small = (nf4.PackedNF4.of(random_quantized(n, inner)) for n in (out, 48))
    x = torch.randn(16, inner, device=DEVICE).bfloat16()
    tuning, meeting = nf4.Tuning(slots=2, units=units, shared=True), nf4.new_meeting(x.device)
    given = [(x[:1], large), (x, large), (x[:3], small), (x, small), (x, large)]
    once = [nf4.product(some, weight, tuning=tuning) for some, weight in given]
    told: list[Tensor] = []
    launches, rounds = (8, 10) if DEVICE.type == "cuda" else (1, 2)

    def step() -> None:
        told[:] = [
            nf4.product(some, weight, tuning=tuning, meeting=meeting)
            for _ in range(launches)
            for some, weight in given
        ]

    again = step
    if DEVICE.type == "cuda":
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            step()
        again = graph.replay
    for _ in range(rounds):
        for one in told:
            one.fill_(torch.nan)
        again()
        assert all(torch.equal(a, b) for a, b in zip(told, once * launches, strict=True))
    assert (meeting == -1).all()


@cuda_only
def test_a_meeting_has_room_for_all_blocks() -> None:
    packed = nf4.PackedNF4.of(random_quantized(64, 1024))
    tuning, x = nf4.Tuning(shared=True), torch.zeros(1, 1024, device=DEVICE).bfloat16()
    with pytest.raises(ValueError, match="meet"):
        nf4.product(x, packed, tuning=tuning, meeting=nf4.new_meeting(x.device)[:3])


@cuda_only
def test_blocks_that_share_pass_on_what_is_no_number() -> None:
    packed = nf4.PackedNF4.of(random_quantized(64, 8192))
    x = torch.full((1, 8192), torch.nan, device=DEVICE).bfloat16()
    meeting = nf4.new_meeting(x.device)
    tuning = nf4.Tuning(slots=2, units=4, shared=True)
    assert nf4.product(x, packed, tuning=tuning, meeting=meeting).isnan().all()
    assert (meeting == -1).all()


@pytest.mark.parametrize(("out", "inner"), [(1001, 1536), (333, 3584)])
@pytest.mark.parametrize("rows", [1, 2, 16])
def test_int8_product_of_the_size_of_a_head(out: int, inner: int, rows: int) -> None:
    torch.manual_seed(0)
    codes = torch.randint(-127, 128, (out, inner), dtype=torch.int8, device=DEVICE)
    scale = torch.rand(out, device=DEVICE).bfloat16()
    x = torch.randn(rows, inner, device=DEVICE).bfloat16()
    target = torch.full((rows, out), torch.nan, device=DEVICE)
    found = int8.product(x, codes, scale, target)
    wanted = x.double() @ (codes.double() * scale.double()[:, None]).T
    assert relative(found, wanted) < 1e-5
