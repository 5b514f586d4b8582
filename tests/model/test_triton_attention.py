"""Attention to the pages of a sequence means what the naive kernel means: on a GPU, or in Triton's
interpreter.
"""

from __future__ import annotations

import math

import pytest
import torch
from triton_support import DEVICE, Case, bias_of, case, cuda_only, quiet, random

from vademecum.model.kernels import naive
from vademecum.model.kernels.pages import PAGE
from vademecum.model.kernels.triton import attention, scores

pytestmark = quiet
# (KV heads, query heads on each, dim, complete pages, filled slots of the tail)
SHAPES = [
    (2, 3, 16, 0, 1),
    (2, 8, 128, 0, 1),
    (1, 1, 16, 1, 31),
    (2, 7, 64, 5, 7),
    (1, 8, 64, 40, 30),
    (2, 5, 128, 9, 31),
    (1, 6, 64, 3, 5),
    (2, 4, 128, 13, 1),
    (1, 7, 128, 63, 20),
]
HELD, READ = "held.cu", "attention.cu"
# A block holds 5, 9, 10 and 12 of these pages, some warps two each; of the last, too many to hold.
LONG = [
    pytest.param((1, group, dim, pages, filled), marks=cuda_only)
    for group, dim, pages, filled in [
        (5, 128, 300, 31), (8, 64, 580, 1), (4, 128, 600, 9), (6, 64, 780, 7), (3, 128, 1_700, 30)
    ]
]  # fmt: skip


def assert_read_by(wanted: str, given: Case, most: int | None, *, biased: bool) -> None:
    """Which kernel of CUDA C++ reads these pages on a Hopper with all its processors."""
    if DEVICE.type == "cpu" or given.store.key_mean.shape[2] not in scores.COMPILED:
        return
    if torch.cuda.get_device_properties(DEVICE).multi_processor_count == 132:
        rows, capacity = given.query.shape[0], given.table.shape[0]
        found = attention.cut(given.store, rows, capacity, most, biased=biased)
        assert found.kernel == wanted


@pytest.mark.parametrize("shape", [*SHAPES, *LONG])
@pytest.mark.parametrize(("bits", "size"), [(8, 0.0), (4, 0.0), (8, 600.0), (4, 600.0)])
def test_attention_over_every_page(shape: tuple[int, ...], bits: int, size: float) -> None:
    given = case(bits, *shape, rows=2)
    bias = bias_of(shape[0], shape[2], size) if size else None
    tables = scores.BiasTables.of(bias, len(given.table)) if bias else None
    wanted = READ if bias or given.complete > 1_000 else HELD
    assert_read_by(wanted, given, len(given.table), biased=bias is not None)
    mass = torch.zeros(2, shape[0], len(given.table) + 1, device=DEVICE)
    out = torch.full(given.query.shape, math.nan, device=DEVICE)
    attention.attention(
        given.query, given.store, given.table, None, given.tail, given.start, tables, mass, out
    )
    every = torch.arange(given.complete, device=DEVICE).expand(shape[0], -1)
    for row in range(2):
        expected_mass = torch.zeros(given.complete + 1, device=DEVICE)
        expected = naive.attention(
            given.query[row].float(), given.store, given.own, every, given.tail,
            shape[4] + row, bias, expected_mass,
        )  # fmt: skip
        near = 1e-3
        torch.testing.assert_close(out[row], expected, rtol=near, atol=near)
        found = mass[row].sum(0)[: given.complete + 1]
        torch.testing.assert_close(found, expected_mass, rtol=2e-3, atol=1e-4)


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize(("most", "kernel"), [(None, READ), (13, HELD), (1_000, READ)])
def test_attention_reads_each_heads_own_pages(bits: int, most: int | None, kernel: str) -> None:
    given = case(bits, 2, 7, 64, 40, 5)
    assert_read_by(kernel, given, most, biased=False)
    selected = torch.stack((torch.arange(0, 39, 3), torch.arange(1, 40, 3))).to(DEVICE)
    pages = torch.full((1, 2, 99), 2**30, dtype=torch.int32, device=DEVICE)
    pages[0, :, :13] = selected
    count = torch.tensor([13], dtype=torch.int32, device=DEVICE)
    mass = torch.zeros(1, 2, len(given.table) + 1, device=DEVICE)
    out = torch.full(given.query.shape, math.nan, device=DEVICE)
    attention.attention(
        given.query, given.store, given.table, scores.Selection(pages, count, most), given.tail,
        given.start, None, mass, out,
    )  # fmt: skip
    expected_mass = torch.zeros(41, device=DEVICE)
    expected = naive.attention(
        given.query[0].float(), given.store, given.own, selected, given.tail, 5, None, expected_mass
    )
    torch.testing.assert_close(out[0], expected, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(mass[0].sum(0)[:41], expected_mass, rtol=2e-3, atol=1e-4)


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize(
    ("shape", "kernel"),
    [
        ((2, 3, 64, 9, 30), HELD), ((2, 3, 16, 9, 5), READ),
        *(pytest.param(*each, marks=cuda_only) for each in [
            ((1, 5, 128, 600, 30), HELD), ((2, 6, 64, 270, 7), HELD), ((1, 8, 128, 40, 5), HELD),
            ((1, 5, 128, 1_700, 30), READ), ((1, 4, 64, 40, 5), READ),
        ]),
    ],
)  # fmt: skip
def test_a_token_that_takes_nearly_all_and_gives_nothing_hides_no_other(
    bits: int, shape: tuple[int, ...], kernel: str
) -> None:
    """An attention sink: its logit is 12 or more above all others, its value next to nothing, and
    so small are the others that weights times scales would be nothing in float16."""
    kv, group, dim, pages, filled = shape
    given = case(bits, kv, group, dim, pages, filled)
    own = given.query[0, ::group].float()  # of a KV head; its query heads differ in size
    sizes = torch.linspace(0.9, 1.1, group, device=DEVICE).repeat(kv)
    given.query[0] = (own.repeat_interleave(group, 0) * sizes[:, None]).bfloat16()
    keys, values = (random(kv, pages, PAGE, dim, seed=seed) for seed in (1, 2))
    keys[:, 0, 0] = own * (16 * dim**0.5 / own.square().sum(1, keepdim=True))
    values[:, 0, 0] *= 1e-3
    given.store.seal(given.own, keys, values * 0.02)
    given.tail[1].mul_(0.02)
    selection, every = None, torch.arange(pages, device=DEVICE).expand(kv, -1)
    if kernel == READ and pages < 1_000:  # chosen within the step
        count = torch.tensor([pages], dtype=torch.int32, device=DEVICE)
        selection = scores.Selection(every.int()[None].contiguous(), count)
    assert_read_by(kernel, given, None if selection else len(given.table), biased=False)
    out = torch.full(given.query.shape, math.nan, device=DEVICE)
    attention.attention(
        given.query, given.store, given.table, selection, given.tail, given.start, None, out=out
    )
    expected = naive.attention(
        given.query[0].float(), given.store, given.own, every, given.tail, filled, None, None
    )
    apart = (out[0].double() - expected.double()).norm(dim=1) / expected.double().norm(dim=1)
    assert apart.max() < 2e-3


@cuda_only
def test_blocks_of_less_memory_leave_others_theirs() -> None:
    """Of 8 KV heads, a Hopper's blocks hold 9 of 123 pages, then 8 of 250."""
    for pages in (123, 250, 123):
        given = case(8, 8, 1, 64, pages, 5)
        assert_read_by(HELD, given, len(given.table), biased=False)
        attention.attention(
            given.query, given.store, given.table, None, given.tail, given.start, None
        )


def test_the_same_input_gives_the_same_bits() -> None:
    given = case(8, 2, 4, 64, 40, 5)
    seen = {
        attention.attention(
            given.query, given.store, given.table, None, given.tail, given.start, None
        ).float().cpu().numpy().tobytes()
        for _ in range(3)
    }  # fmt: skip
    assert len(seen) == 1
