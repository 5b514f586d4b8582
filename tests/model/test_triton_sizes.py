"""The kernels of the R1s' own sizes: every product of a token, and choosing and reading pages at
100,000 tokens. On a GPU, or emulated (minutes: `make slow`) as on an H100 and as on an RTX 4090.
"""

from __future__ import annotations

import math

import pytest
import torch
from emulated_cuda import ADA, HOPPER, EmulatedKernel
from triton_support import (
    DEVICE,
    EMULATED,
    bias_of,
    case,
    cuda_only,
    exact,
    quiet,
    random_quantized,
    relative,
)

from vademecum.model.kernels import naive
from vademecum.model.kernels.triton import attention, nf4, scores
from vademecum.model.sparsity import ON_GPU

pytestmark = [*quiet, cuda_only, pytest.mark.slow]
# (hidden, intermediate, heads, KV heads), and whether keys have a large bias (Qwen2's do).
R1S = {
    "qwen-1.5b": (1_536, 8_960, 12, 2, True),
    "qwen-7b": (3_584, 18_944, 28, 4, True),
    "llama-8b": (4_096, 14_336, 32, 8, False),
    "qwen-14b": (5_120, 13_824, 40, 8, True),
    "qwen-32b": (5_120, 27_648, 40, 8, True),
    "llama-70b": (8_192, 28_672, 64, 8, False),
}
DIM = 128
PAGES = 100_000 // 32


CARDS = {"h100": HOPPER, "rtx-4090": ADA}


@pytest.fixture(autouse=True, params=CARDS if EMULATED else ["this"])
def _card(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if EMULATED:
        monkeypatch.setattr(EmulatedKernel, "card", CARDS[request.param])


@pytest.mark.parametrize("rows", [1, 9])
@pytest.mark.parametrize("part", ["qkv", "out", "gates", "down"])
@pytest.mark.parametrize("model", R1S)
def test_a_product_of_a_token(model: str, part: str, rows: int) -> None:
    hidden, intermediate, heads, kv_heads, _ = R1S[model]
    out, inner = {
        "qkv": ((heads + 2 * kv_heads) * DIM, hidden), "out": (hidden, heads * DIM),
        "gates": (intermediate, hidden), "down": (hidden, intermediate),
    }[part]  # fmt: skip
    torch.manual_seed(0)
    gated = part == "gates"
    weight = random_quantized(2 * out if gated else out, inner)
    packed = nf4.PackedNF4.of_gate_up(weight) if gated else nf4.PackedNF4.of(weight)
    x = torch.randn(rows, inner, device=DEVICE).bfloat16()
    meeting = nf4.new_meeting(x.device)
    target = torch.full((rows, out), math.nan, dtype=torch.bfloat16, device=DEVICE)
    found = nf4.product(x, packed, out=target, meeting=meeting)
    wanted = x.float() @ exact(packed).T
    if gated:
        gate, up = wanted.chunk(2, dim=1)
        wanted = torch.nn.functional.silu(gate) * up
    assert relative(found, wanted) < 5e-3
    assert (meeting == -1).all()


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("model", R1S)
def test_pages_are_chosen_and_read_at_100_000_tokens(model: str, bits: int) -> None:
    *_, heads, kv_heads, biased = R1S[model]
    given = case(bits, kv_heads, heads // kv_heads, DIM, PAGES, 7)
    bias = bias_of(kv_heads, DIM, 300.0) if biased else None
    tables = scores.BiasTables.of(bias, len(given.table)) if bias else None
    summaries = scores.Summaries.of([given.store], [tables])
    counted = torch.zeros(2, dtype=torch.int64, device=DEVICE)
    chosen = scores.select(
        given.query[None], summaries, given.table, given.start, ON_GPU, counted
    ).layer(0)
    count = int(chosen.count[0])
    assert count == 255
    assert counted.tolist() == [kv_heads * count, kv_heads * (PAGES - count)]
    rated = naive.score_pages(given.query[0], given.store, given.own, bias)
    length = int(given.start) + 1
    expected = naive.select_pages(
        rated, length, ON_GPU.budget_for(length), ON_GPU.recent, ON_GPU.sinks
    )
    pages = chosen.pages[0, :, :count].long()
    for kv in range(kv_heads):
        assert len(set(pages[kv].tolist()) & set(expected[kv].tolist())) >= count - 2
    for most in (None, count):  # chosen within the step, and before it
        selection = scores.Selection(chosen.pages, chosen.count, most)
        out = torch.full(given.query.shape, math.nan, device=DEVICE)
        attention.attention(
            given.query, given.store, given.table, selection, given.tail, given.start, tables,
            out=out,
        )  # fmt: skip
        wanted = naive.attention(
            given.query[0].float(), given.store, given.own, pages, given.tail, 7, bias, None
        )
        torch.testing.assert_close(out[0], wanted, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("biased", [False, True])
def test_every_page_is_read_at_100_000_tokens(biased: bool) -> None:
    """A warp reads one page after the other."""
    *_, heads, kv_heads, _ = R1S["qwen-1.5b"]
    given = case(8, kv_heads, heads // kv_heads, DIM, PAGES, 7)
    bias = bias_of(kv_heads, DIM, 300.0) if biased else None
    tables = scores.BiasTables.of(bias, len(given.table)) if bias else None
    out = torch.full(given.query.shape, math.nan, device=DEVICE)
    attention.attention(
        given.query, given.store, given.table, None, given.tail, given.start, tables, out=out
    )
    every = torch.arange(PAGES, device=DEVICE).expand(kv_heads, -1)
    wanted = naive.attention(
        given.query[0].float(), given.store, given.own, every, given.tail, 7, bias, None
    )
    torch.testing.assert_close(out[0], wanted, rtol=1e-3, atol=1e-3)
