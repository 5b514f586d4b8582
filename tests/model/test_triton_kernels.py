"""The GPU's kernels mean what the naive ones mean: on a GPU, or in Triton's interpreter.

TRITON_INTERPRET=1 python -m pytest tests/model/test_triton_kernels.py
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass, fields

import pytest
import torch
from torch import Tensor

from vademecum.model.decoder import Decoder, ModelConfig
from vademecum.model.kernels import naive
from vademecum.model.kernels.naive import KeyBias
from vademecum.model.kernels.pages import PAGE, QuantizedPages
from vademecum.model.rope import rotate
from vademecum.model.sparsity import ON_GPU, Sparsity

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
if not torch.cuda.is_available() and not INTERPRETED:
    pytest.skip("neither a GPU nor TRITON_INTERPRET=1", allow_module_level=True)
pytest.importorskip("triton")

from vademecum.model.kernels.triton import (  # noqa: E402
    append,
    attention,
    choice,
    flash,
    int8,
    nf4,
    norm,
    prefill,
    prompt,
    scores,
)
from vademecum.model.kernels.triton.dequantize import dequantize, level_table  # noqa: E402
from vademecum.model.kernels.triton.reading import Reader  # noqa: E402
from vademecum.model.linear import QuantizedLinear  # noqa: E402

# The interpreter computes with NumPy, which warns of infinities that are meant, and of Triton's own
# conversions.
pytestmark = [
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
DEVICE = torch.device("cpu" if INTERPRETED else "cuda")
cuda_only = pytest.mark.skipif(INTERPRETED, reason="CUDA C++, which nothing interprets")
THETA = 10_000.0
COUNTED = torch.zeros(2, dtype=torch.int64, device=DEVICE)
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


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(DEVICE)


@dataclass
class Case:
    """A sequence in a poisoned store, with scattered pages and room for more."""

    store: QuantizedPages
    table: Tensor
    tail: tuple[Tensor, Tensor]
    start: Tensor  # of the first row: the tail holds it too
    query: Tensor  # [rows, heads, dim]

    @property
    def complete(self) -> int:
        return int(self.start) // PAGE

    @property
    def own(self) -> Tensor:
        return self.table[: self.complete]


def case(
    bits: int, kv: int, group: int, dim: int, pages: int, filled: int, rows: int = 1, seed: int = 0
) -> Case:
    store = QuantizedPages.empty(kv, pages + 5, dim, bits)
    store = QuantizedPages(*(tensor.to(DEVICE) for tensor in store.tensors()))
    for tensor in store.tensors():
        tensor.fill_(float("nan") if tensor.is_floating_point() else 99)
    table = torch.randperm(pages + 5, generator=torch.Generator().manual_seed(3)).to(DEVICE)
    store.seal(
        table[:pages],
        random(kv, pages, PAGE, dim, seed=1 + seed),
        random(kv, pages, PAGE, dim, seed=2 + seed),
    )
    tail = tuple(torch.full((kv, PAGE, dim), math.nan, device=DEVICE) for _ in range(2))
    written = filled + rows - 1
    tail[0][:, :written] = random(kv, written, dim, seed=4)
    tail[1][:, :written] = random(kv, written, dim, seed=5)
    start = torch.tensor([pages * PAGE + filled - 1], dtype=torch.int32, device=DEVICE)
    query = random(rows, kv * group, dim, seed=6 + seed).bfloat16()
    return Case(store, table, (tail[0], tail[1]), start, query)


def bias_of(kv: int, dim: int, size: float) -> KeyBias:
    value = random(kv, dim, seed=7)
    value *= size / value.norm(dim=1, keepdim=True)
    return KeyBias(value, THETA ** (-torch.arange(0, dim, 2, device=DEVICE) / dim))


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


@dataclass
class Layers:
    """Two layers of one sequence, the first with a key bias of some size."""

    cases: tuple[Case, Case]
    biases: tuple[KeyBias | None, None]

    @property
    def query(self) -> Tensor:
        return torch.stack([each.query for each in self.cases])

    @property
    def summaries(self) -> scores.Summaries:
        given, bias = self.cases[0], self.biases[0]
        tables = scores.BiasTables.of(bias, len(given.table)) if bias else None
        return scores.Summaries.of([each.store for each in self.cases], [tables, None])

    def rated(self, layer: int, row: int, pages: int) -> Tensor:
        """By the naive kernel."""
        given = self.cases[layer]
        return naive.score_pages(
            given.query[row], given.store, given.table[:pages], self.biases[layer]
        )


def layers(size: float, *shape: int) -> Layers:
    """Of `(kv_heads, group, dim, pages, filled)`, two rows."""
    bias = bias_of(shape[0], shape[2], size) if size else None
    return Layers((case(8, *shape, rows=2), case(8, *shape, rows=2, seed=20)), (bias, None))


@pytest.mark.parametrize("size", [0.0, 300.0])
@pytest.mark.parametrize(
    "heads",
    [
        (2, 7, 64), (1, 5, 128), (2, 8, 16),
        pytest.param((2, 8, 64), marks=cuda_only), pytest.param((1, 8, 128), marks=cuda_only),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    ("pages", "filled", "behind"), [(1, 1, 0), (5, 30, 1), (41, 1, 0), (41, 1, 1)]
)
def test_scores(
    pages: int, filled: int, behind: int, heads: tuple[int, int, int], size: float
) -> None:
    given = layers(size, *heads, pages, filled)
    first, kv, group = given.cases[0], heads[0], heads[1]
    found = scores.score(given.query, given.summaries, first.table, first.start, behind=behind)
    for layer, row in ((0, 0), (0, 1), (1, 0), (1, 1)):
        there = max(0, int(first.start) + row - behind) // PAGE
        if not there:
            continue
        tops, sums = found.statistics[layer, row, :, : -(-there // 32)].unbind(-1)
        logits = found.weights[layer, row, :, :there].log()
        logits = logits + tops.repeat_interleave(32, 1)[:, :there]
        whole = tops + sums.log()
        torch.testing.assert_close(whole.logsumexp(1), logits.logsumexp(1), rtol=1e-5, atol=1e-5)
        shares = logits.softmax(1).view(kv, group, there).sum(1)
        torch.testing.assert_close(shares, given.rated(layer, row, there), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "sparsity",
    [ON_GPU, Sparsity(budget=64, long_budget=32, recent=90, sinks=40), Sparsity(recent=0, sinks=0)],
)
def test_no_token_reads_more_pages_than_are_said(sparsity: Sparsity) -> None:
    for length in range(sparsity.threshold, 3 * sparsity.long):
        complete = (length - 1) // PAGE
        budget = sparsity.budget_for(length)
        reads = naive.bounds(complete, length, budget, sparsity.recent, sparsity.sinks)[2]
        assert reads <= scores.most_pages(sparsity)


def test_a_gpu_reads_8192_tokens_of_a_long_sequence_with_those_of_the_page_being_filled() -> None:
    assert scores.most_pages(ON_GPU) == 255


@cuda_only
@pytest.mark.parametrize("size", [0.0, 300.0])
@pytest.mark.parametrize(
    ("pages", "filled", "behind"),
    [(1, 1, 0), (5, 30, 0), (41, 1, 1), (200, 7, 1), (1500, 1, 0), (1024, 1, 1)],
)
def test_selection_is_that_of_the_naive_scores(
    pages: int, filled: int, behind: int, size: float
) -> None:
    """Where the queries are those of the token before, a page completed since is taken besides."""
    given = layers(size, 2, 7, 64, pages, filled)
    first = given.cases[0]
    sparsity = Sparsity(threshold=256, budget=640, long=6_000, long_budget=1_280, recent=64)
    found = scores.select(
        given.query, given.summaries, first.table[: max(1, first.complete)], first.start, sparsity,
        COUNTED, behind=behind,
    )  # fmt: skip
    for layer, row in ((0, 0), (0, 1), (1, 0), (1, 1)):
        length = int(first.start) + row + 1
        there = (length - 1 - behind) // PAGE
        rated = given.rated(layer, row, there)
        rated = torch.nn.functional.pad(rated, (0, pages - there), value=9.0)  # none is higher
        expected = naive.select_pages(rated, length, sparsity.budget_for(length), 64, 32)
        assert int(found.count[row]) == expected.shape[1]
        pages_found = found.pages[layer, row, :, : expected.shape[1]].long()
        for kv in range(2):
            here = pages_found[kv].tolist()
            assert here == sorted(set(here))
            # Pages that score alike to the last bits may stand for each other.
            torch.testing.assert_close(
                rated[kv][pages_found[kv]].sort().values, rated[kv][expected[kv]].sort().values,
                rtol=1e-4, atol=1e-7,
            )  # fmt: skip
            assert len(set(here) & set(expected[kv].tolist())) >= len(here) - 1


def select_one(given: Case, sparsity: Sparsity, counted: Tensor = COUNTED) -> scores.Selection:
    """In one layer without a bias."""
    one = scores.Summaries.of([given.store], [None])
    found = scores.select(given.query[None], one, given.table, given.start, sparsity, counted)
    return found.layer(0)


@cuda_only
def test_of_a_sequence_without_complete_pages_none_is_selected() -> None:
    assert int(select_one(case(8, 2, 7, 64, 0, 3), Sparsity()).count[0]) == 0


@cuda_only
def test_of_equal_pages_as_many_are_taken_as_the_budget_holds() -> None:
    given = case(8, 1, 2, 16, 40, 1)
    given.query.zero_()
    found = select_one(given, Sparsity(threshold=256, budget=640, recent=64))
    assert int(found.count[0]) == 19
    here = found.pages[0, 0, :19].tolist()
    assert len(set(here)) == 19
    assert {0, 38, 39} <= set(here)


@cuda_only
def test_pages_are_counted_where_they_are_chosen() -> None:
    given = case(8, 2, 7, 64, 41, 1, rows=2)
    counted = torch.zeros(2, dtype=torch.int64, device=DEVICE)
    for _ in range(3):
        select_one(given, Sparsity(threshold=256, budget=640, recent=64), counted)
    assert counted.tolist() == [3 * 2 * 2 * 19, 3 * 2 * 2 * (41 - 19)]


def rotation(positions: int, dim: int) -> tuple[Tensor, Tensor]:
    angle = torch.arange(positions)[:, None] * THETA ** (-torch.arange(0, dim, 2) / dim)
    cos, sin = angle.cos().float(), angle.sin().float()
    return torch.cat((cos, cos), -1).to(DEVICE), torch.cat((-sin, sin), -1).to(DEVICE)


@pytest.mark.parametrize(("bits", "qwen3"), [(8, False), (8, True), (4, False)])
@pytest.mark.parametrize(
    ("filled", "rows", "splits"), [(0, 1, 1), (0, 9, 3), (5, 2, 1), (31, 1, 2)]
)
def test_append(bits: int, filled: int, rows: int, splits: int, qwen3: bool) -> None:
    kv, group, dim, pages = 2, 3, 64, 3
    heads = kv * group
    given = case(bits, kv, group, dim, pages, 32)
    # Page 2 was filled by the step before where `filled` is 0; in the store it is still poison.
    given.start.fill_((pages * PAGE) + filled)
    for part, seed in zip(given.tail, (4, 5), strict=True):
        part.copy_(random(kv, PAGE, dim, seed=seed) * 3)
    for tensor in given.store.tensors():
        tensor[:, given.table[2]] = 77
    sealed = torch.tensor([2 if filled == 0 else 3], dtype=torch.int32, device=DEVICE)
    parts = random(splits, rows, heads + 2 * kv, dim, seed=8)
    qkv = parts if splits > 1 else parts[0]
    bias = random(heads + 2 * kv, dim, seed=9).bfloat16()
    norms = append.HeadNorms(random(2, dim, seed=10).bfloat16(), 1e-6) if qwen3 else None
    cos, sin = rotation(200, dim)

    expected_store = QuantizedPages(*(tensor.clone() for tensor in given.store.tensors()))
    expected_tail = (given.tail[0].clone(), given.tail[1].clone())
    if filled == 0:
        expected_store.seal(given.table[2:3], expected_tail[0][:, None], expected_tail[1][:, None])
    x = parts.sum(0) + bias.float()
    query, key, value = x[:, :heads], x[:, heads : heads + kv], x[:, heads + kv :]
    if norms:
        query, key = (
            torch.nn.functional.rms_norm(part, (dim,), weight.float(), 1e-6)
            for part, weight in zip((query, key), norms.weights, strict=True)
        )
    at = slice(int(given.start), int(given.start) + rows)
    expected_tail[0][:, filled : filled + rows] = rotate(
        key, cos[at, None], sin[at, None]
    ).transpose(0, 1)
    expected_tail[1][:, filled : filled + rows] = value.transpose(0, 1)

    out = append.append(
        qkv, bias, norms, (cos, sin), given.store, given.table, given.tail, given.start, sealed
    )
    expected = rotate(query, cos[at, None], sin[at, None])
    torch.testing.assert_close(out.float(), expected, rtol=8e-3, atol=1e-3)
    for found, wanted in zip(given.tail, expected_tail, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)
    for field in fields(QuantizedPages):
        found, wanted = getattr(given.store, field.name), getattr(expected_store, field.name)
        if found.is_floating_point():
            # A sum in another order may round the other way.
            torch.testing.assert_close(found, wanted, rtol=8e-3, atol=1e-3, equal_nan=True)
        else:
            for a, b in zip(*(codes_of(t, bits, field.name) for t in (found, wanted)), strict=True):
                assert (a - b).abs().max() <= 1
                assert ((a - b) != 0).float().mean() < 2e-3


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("tokens", [1, 32, 75])
@pytest.mark.parametrize("qwen3", [False, True])
@pytest.mark.parametrize("size", [0.0, 100.0])
def test_a_chunk_is_appended(bits: int, tokens: int, qwen3: bool, size: float) -> None:
    kv, group, dim, before = 2, 3, 64, 3
    heads, start = kv * group, before * PAGE
    given = case(bits, kv, group, dim, before, 1)
    bias = bias_of(kv, dim, size) if size else None
    qkv = random(tokens, heads + 2 * kv, dim, seed=8).bfloat16()
    norms = append.HeadNorms(random(2, dim, seed=10).bfloat16(), 1e-6) if qwen3 else None
    cos, sin = (part[start : start + tokens] for part in rotation(200, dim))
    x = qkv.float()
    query, key, value = x[:, :heads], x[:, heads : heads + kv], x[:, heads + kv :]
    if norms:
        query, key = (
            torch.nn.functional.rms_norm(part, (dim,), weight.float(), 1e-6)
            for part, weight in zip((query, key), norms.weights, strict=True)
        )
    query, key = (rotate(part, cos[:, None], sin[:, None]) for part in (query, key))
    pages, rest = divmod(tokens, PAGE)
    own = given.table[before : before + pages]
    table = given.table[: before + pages]
    twin = QuantizedPages(*(tensor.clone() for tensor in given.store.tensors()))
    paged = (
        part[: pages * PAGE].transpose(0, 1).reshape(kv, pages, PAGE, dim) for part in (key, value)
    )
    twin.seal(own, *paged)
    tail = tuple(torch.full((kv, PAGE, dim), math.nan, device=DEVICE) for _ in range(2))

    found = prompt.append(
        qkv, norms, (cos, sin), given.store, table, (tail[0], tail[1]), start, bias
    )
    torch.testing.assert_close(found.query.float(), query, rtol=8e-3, atol=1e-3)
    for part, wanted in zip(tail, (key, value), strict=True):
        torch.testing.assert_close(
            part[:, :rest], wanted[pages * PAGE :].transpose(0, 1), rtol=1e-4, atol=1e-5
        )
        assert part[:, rest:].isnan().all()
    stored = zip(twin.read(own), (key, value), strict=True)
    keys, values = (
        torch.cat((sealed, part[pages * PAGE :].transpose(0, 1)), dim=1) for sealed, part in stored
    )
    if bias:
        keys = keys + bias.at(torch.arange(start, start + tokens, device=DEVICE))
    # A code may round the other way.
    torch.testing.assert_close(found.keys.float(), keys, rtol=8e-3, atol=0.03 + 4e-3 * size)
    torch.testing.assert_close(
        found.values.float(), values, rtol=8e-3, atol=0.3 if bits == 4 else 0.03
    )
    for sealed, wanted in zip(given.store.read(own), twin.read(own), strict=True):
        torch.testing.assert_close(sealed, wanted, rtol=8e-3, atol=0.3 if bits == 4 else 0.03)
        assert (sealed - wanted).abs().sum() <= 2e-3 * sealed.numel()
    for field in ("key_mean", "key_scale", "key_spread"):
        torch.testing.assert_close(
            getattr(given.store, field)[:, own].float(), getattr(twin, field)[:, own].float(),
            rtol=8e-3, atol=1.0 if field == "key_spread" else 1e-3,
        )  # fmt: skip


@cuda_only
@pytest.mark.parametrize("temperature", [0.0, 0.6])
@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
def test_logits_that_are_no_numbers_draw_a_token_of_the_vocabulary(
    odd: float, temperature: float
) -> None:
    from vademecum.model.interface import GenerationOptions
    from vademecum.model.kernels.triton.sampling import DeviceSampler

    sampler = DeviceSampler(2, DEVICE)
    sampler.set(GenerationOptions(temperature=temperature, top_p=0.9))
    logits = torch.full((2, 1001), odd, device=DEVICE)
    logits[1] = random(1001)
    logits[1, 77] = odd
    start, sealed = (torch.zeros(1, dtype=torch.int32, device=DEVICE) for _ in range(2))
    for _ in range(2):  # what the first leaves must be as it was
        tokens = torch.full((2,), -1, device=DEVICE)
        sampler.sample(logits, tokens, start, sealed, advance=False)
        assert all(0 <= token < 1001 for token in tokens.tolist())


def codes_of(stored: Tensor, bits: int, name: str) -> tuple[Tensor, ...]:
    """As numbers; values of 4 bit are two in a byte."""
    wide = stored.int()
    return (wide & 15, (wide >> 4) & 15) if bits == 4 and name == "value_codes" else (wide,)


@pytest.mark.parametrize("hidden", [63, 1536, 3584])
@pytest.mark.parametrize("splits", [0, 1, 3])
def test_add_norm(hidden: int, splits: int) -> None:
    x, weight = random(3, hidden, seed=1), random(hidden, seed=2).bfloat16()
    parts = random(splits, 3, hidden, seed=3)
    whole = x + parts.sum(0)
    given = x.clone()
    passed = {0: None, 1: parts[0].bfloat16() if splits else None}.get(splits, parts)
    if splits == 1:
        whole = x + parts[0].bfloat16().float()
    out = norm.add_norm(given, passed, weight, 1e-6)
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


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("size", [0.0, 300.0])
def test_pages_are_decoded(bits: int, size: float) -> None:
    given = case(bits, 2, 3, 64, 9, 5)
    bias = bias_of(2, 64, size) if size else None
    chosen = torch.tensor([[[0, 3, 8], [1, 2, 7]], [[2, 3, 4], [0, 1, 5]]], device=DEVICE)
    for which in (chosen, chosen[:1, :1].expand(1, 2, -1), chosen[:, :, :0]):
        found = prefill.read(given.store, given.table, which, bias, room=7)
        for n, one in enumerate(which):
            keys, values = (part[n, :, : one.shape[1] * PAGE].float() for part in found)
            expected = naive._read(given.store, given.table, one, bias)
            torch.testing.assert_close(keys, expected[0], rtol=8e-3, atol=1e-3 * (1 + size))
            torch.testing.assert_close(values, expected[1], rtol=8e-3, atol=1e-3)


def attended(query: Tensor, keys: Tensor, values: Tensor, causal: bool) -> tuple[Tensor, Tensor]:
    """What `flash.flash` is to give, float64."""
    tokens, heads, dim = query.shape[1:]
    kv_heads, n = keys.shape[1:3]
    keys, values = (x.double().repeat_interleave(heads // kv_heads, 1) for x in (keys, values))
    scores = query.double().transpose(1, 2) @ keys.mT * dim**-0.5
    if causal:
        row, column = torch.arange(tokens)[:, None], torch.arange(n)
        hidden = (column > row + n - tokens).to(DEVICE)
        scores = scores.masked_fill(hidden, -math.inf)
    return (scores.softmax(-1) @ values).transpose(1, 2), scores.logsumexp(-1)


def many(
    batch: int, tokens: int, n: int, kv: int, group: int, dim: int, size: float = 1.0
) -> tuple[Tensor, Tensor, Tensor]:
    query = random(batch, tokens, kv * group, dim, seed=1).bfloat16() * size
    return query, *(random(batch, kv, n, dim, seed=2 + s).bfloat16() for s in range(2))


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize(
    ("batch", "tokens", "n", "kv", "group", "dim"),
    [
        (1, 1, 1, 1, 1, 16), (1, 1, 300, 2, 3, 64), (2, 64, 64, 1, 2, 128), (1, 130, 130, 2, 7, 16),
        (3, 33, 97, 1, 1, 64), (1, 129, 256, 1, 2, 128), (1, 40, 100, 1, 1, 256),
    ],
)  # fmt: skip
def test_flash(
    batch: int, tokens: int, n: int, kv: int, group: int, dim: int, causal: bool
) -> None:
    query, keys, values = many(batch, tokens, n, kv, group, dim, size=4.0)
    out = torch.full_like(query, math.nan)
    found, weight = flash.flash(query, keys, values, causal=causal, out=out)
    assert found is out
    expected, denominator = attended(query, keys, values, causal)
    torch.testing.assert_close(out.double(), expected, rtol=2e-2, atol=2e-2)
    assert (out.double() - expected).norm() < 6e-3 * expected.norm()
    torch.testing.assert_close(weight.double(), denominator, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("tokens", [1, 21])
def test_parts_that_are_joined_are_the_whole(tokens: int) -> None:
    query, keys, values = many(2, tokens, 50 + tokens, 2, 3, 64)
    past = flash.flash(query, keys[:, :, :50], values[:, :, :50], causal=False)
    out, weight = flash.flash(query, keys[:, :, 50:], values[:, :, 50:], causal=True)
    flash.join(out, weight, *past)
    expected, denominator = attended(query, keys, values, causal=True)
    torch.testing.assert_close(out.double(), expected, rtol=2e-2, atol=2e-2)
    assert (out.double() - expected).norm() < 1e-2 * expected.norm()
    torch.testing.assert_close(weight.double(), denominator, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("size", [0.0, 30.0])
def test_chunks_choose_as_each_would_alone(size: float, monkeypatch: pytest.MonkeyPatch) -> None:
    kv, group, dim, past, tokens, chunks = 2, 3, 64, 9, 64, 3
    given = case(8, kv, group, dim, past + 2 * chunks, 1)
    bias = bias_of(kv, dim, size) if size else None
    sparsity = Sparsity(prefill_budget=160, recent=50, sinks=32, sampled=5, chunk=tokens)
    queries = random(chunks, tokens, kv * group, dim, seed=8).bfloat16()
    monkeypatch.setattr(choice, "LOGITS", 1_000)  # a chunk at a time
    found = choice.choose(queries, given.store, given.table, past, sparsity, bias)
    assert found.shape[2] == choice.taken(past, sparsity) == 5
    for n, query in enumerate(queries):
        before = past + n * tokens // PAGE
        some = query[torch.arange(tokens - 1, -1, -(tokens // 5), device=DEVICE)]
        rows = some.reshape(-1, kv, group, dim).transpose(0, 1).flatten(0, 2)
        rated = naive.score_pages(rows, given.store, given.table[:before], bias)
        expected = naive.select_pages(rated, before * PAGE, 160, 50, 32)
        assert torch.equal(found[n], expected)


@pytest.mark.skipif(not INTERPRETED, reason="its decoder is on the CPU")
@pytest.mark.parametrize("pages", [3, 4])
def test_looking_far_back_takes_what_only_long_prompts_do(
    decoder_of: Callable[..., Decoder], qwen2: ModelConfig, monkeypatch: pytest.MonkeyPatch,
    pages: int,
) -> None:  # fmt: skip
    """More pages than are decoded at a time are joined, and some are chosen."""
    sparsity = Sparsity(threshold=64, budget=64, prefill_budget=64, recent=32, chunk=32)
    decoder = decoder_of(qwen2, kv="int8", sparsity=sparsity)
    reader = Reader.__new__(Reader)  # its products are CUDA C++
    reader._decoder = decoder
    called: list[str] = []

    def noting(name: str, function: Callable[..., object]) -> Callable[..., object]:
        def noted(*arguments: object) -> object:
            called.append(name)
            return function(*arguments)

        return noted

    monkeypatch.setattr(prefill, "BLOCK", 2)
    monkeypatch.setattr(prefill, "join", noting("join", prefill.join))
    monkeypatch.setattr(choice, "choose", noting("choose", choice.choose))
    reader.look_far_back(decoder.new_cache(32 * pages))
    assert called == (["join", "choose"] if pages > 3 else [])
