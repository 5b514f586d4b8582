"""Scores of pages and their choice mean what the naive kernels mean: on a GPU, or in Triton's
interpreter.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor
from triton_support import DEVICE, Case, bias_of, case, cuda_only, quiet, random

from vademecum.model.kernels import naive
from vademecum.model.kernels.naive import KeyBias
from vademecum.model.kernels.pages import PAGE
from vademecum.model.kernels.triton import choice, scores
from vademecum.model.sparsity import ON_GPU, Sparsity

pytestmark = quiet
COUNTED = torch.zeros(2, dtype=torch.int64, device=DEVICE)


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
def test_eight_heads_choose_among_the_pages_of_a_million_tokens() -> None:
    """As many as a block can choose from."""
    given = case(8, 1, 8, 64, 1_024 * scores.MOST_EACH - 1, 5)
    one = scores.Summaries.of([given.store], [None])
    found = scores.select(given.query[None], one, given.own, given.start, ON_GPU, COUNTED)
    length = int(given.start) + 1
    rated = naive.score_pages(given.query[0], given.store, given.own, None)
    expected = naive.select_pages(
        rated, length, ON_GPU.budget_for(length), ON_GPU.recent, ON_GPU.sinks
    )
    here = found.layer(0).pages[0, 0, : expected.shape[1]].tolist()
    assert int(found.count[0]) == expected.shape[1]
    assert here == sorted(set(here))
    assert len(set(here) & set(expected[0].tolist())) >= len(here) - 1


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
