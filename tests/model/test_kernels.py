"""The naive kernels mean what attention over a paged cache should mean."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from vademecum.model.kernels import naive
from vademecum.model.kernels.naive import PageTable, Score

KV, GROUP, DIM, PAGES = 2, 3, 8, 12
LENGTHS = (1, 31, 32, 33, 63, 65, 111)
TABLES = {
    "in a row": PageTable(torch.arange(4, 10), first=4),
    "scattered": PageTable(torch.tensor([7, 2, 11, 0, 5, 4]), first=None),
}


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def poisoned() -> tuple[Tensor, Tensor]:
    shape = (KV, PAGES, naive.PAGE, DIM)
    return torch.full(shape, float("nan")), torch.full(shape, float("nan"))


def written(table: PageTable, length: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """A NaN-filled cache with `length` tokens in it, and these tokens: `[tokens, KV, DIM]`."""
    keys, values = poisoned()
    k, v = random(length, KV, DIM, seed=1), random(length, KV, DIM, seed=2)
    naive.append(keys, values, k, v, table, 0)
    return keys, values, k, v


def plain_attention(query: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """One query `[heads, dim]` over `[tokens, kv_heads, dim]`, written out."""
    out = torch.empty_like(query)
    for head in range(query.shape[0]):
        kv = head // GROUP
        weights = (k[:, kv] @ query[head] / math.sqrt(DIM)).softmax(0)
        out[head] = weights @ v[:, kv]
    return out


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("length", LENGTHS)
def test_what_is_appended_is_gathered(name: str, length: int) -> None:
    keys, values, k, v = written(TABLES[name], length)
    assert torch.equal(naive.gather(keys, TABLES[name], length), k.transpose(0, 1))
    assert torch.equal(naive.gather(values, TABLES[name], length), v.transpose(0, 1))
    assert int(keys.isfinite().sum()) == length * KV * DIM  # and nothing else was written


@pytest.mark.parametrize("name", TABLES)
def test_appending_in_pieces_is_appending_at_once(name: str) -> None:
    keys, values, k, v = written(TABLES[name], 111)
    other, others = poisoned()
    for start, end in ((0, 31), (31, 32), (32, 97), (97, 111)):
        naive.append(other, others, k[start:end], v[start:end], TABLES[name], start)
    assert torch.equal(keys.nan_to_num(9), other.nan_to_num(9))
    assert torch.equal(values.nan_to_num(9), others.nan_to_num(9))


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("length", LENGTHS)
def test_dense_attention(name: str, length: int) -> None:
    keys, values, k, v = written(TABLES[name], length)
    query = random(KV * GROUP, DIM)
    out = naive.dense_attention(query, keys, values, TABLES[name], length)
    torch.testing.assert_close(out, plain_attention(query, k, v))


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize(
    ("start", "tokens"), [(0, 1), (0, 33), (0, 111), (31, 2), (32, 33), (63, 48)]
)
def test_prefill_attention_is_causal(name: str, start: int, tokens: int) -> None:
    keys, values, k, v = written(TABLES[name], start + tokens)
    queries = random(tokens, KV * GROUP, DIM)
    mask = naive.causal_mask(tokens, start, queries.device)
    out = naive.prefill_attention(queries, keys, values, TABLES[name], start, mask)
    for row in range(tokens):
        seen = start + row + 1
        torch.testing.assert_close(out[row], plain_attention(queries[row], k[:seen], v[:seen]))


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("length", LENGTHS)
def test_sparse_attention_over_every_page_is_dense_to_the_bit(name: str, length: int) -> None:
    keys, values, _, _ = written(TABLES[name], length)
    query = random(KV * GROUP, DIM)
    every = torch.arange(-(-length // naive.PAGE)).expand(KV, -1)
    assert torch.equal(
        naive.sparse_attention(query, keys, values, TABLES[name], every, length),
        naive.dense_attention(query, keys, values, TABLES[name], length),
    )


@pytest.mark.parametrize("name", TABLES)
def test_sparse_attention_reads_each_heads_own_pages(name: str) -> None:
    keys, values, k, v = written(TABLES[name], 111)
    query = random(KV * GROUP, DIM)
    selected = torch.tensor([[0, 3], [1, 3]])
    out = naive.sparse_attention(query, keys, values, TABLES[name], selected, 111)
    for kv in range(KV):
        tokens = torch.cat([torch.arange(111).split(32)[page] for page in selected[kv].tolist()])
        heads = slice(kv * GROUP, (kv + 1) * GROUP)
        expected = plain_attention(query, k[tokens], v[tokens])[heads]
        torch.testing.assert_close(out[heads], expected)


def summarized(table: PageTable, length: int, score: Score) -> tuple[Tensor, Tensor]:
    """Summaries of the complete pages, NaN elsewhere; and the keys `[tokens, KV, DIM]`."""
    keys, _, k, _ = written(table, length)
    summaries = torch.full((2, KV, PAGES, DIM), float("nan"))
    naive.summarize(keys, summaries, table, 0, length // naive.PAGE, score)
    return summaries, k


@pytest.mark.parametrize("name", TABLES)
def test_summaries_are_of_complete_pages(name: str) -> None:
    table = TABLES[name]
    page = slice(32, 64)
    summaries, k = summarized(table, 65, "mean_std")
    at = int(table.ids[1])
    torch.testing.assert_close(summaries[0][:, at], k[page].mean(0))
    torch.testing.assert_close(summaries[1][:, at], k[page].std(0, correction=0))
    assert summaries[:, :, int(table.ids[2])].isnan().all()
    summaries, k = summarized(table, 65, "min_max")
    assert torch.equal(summaries[0][:, at], k[page].amin(0))
    assert torch.equal(summaries[1][:, at], k[page].amax(0))


@pytest.mark.parametrize("name", TABLES)
def test_min_max_bounds_every_score_in_the_page(name: str) -> None:
    summaries, k = summarized(TABLES[name], 96, "min_max")
    query = random(KV * GROUP, DIM)
    scores = naive.score_pages(query, summaries, TABLES[name], 3, "min_max")
    for kv in range(KV):
        heads = query[kv * GROUP : (kv + 1) * GROUP]
        for page in range(3):
            actual = (k[32 * page : 32 * page + 32, kv] @ heads.T).max()
            assert scores[kv, page] >= actual - 1e-5


@pytest.mark.parametrize("name", TABLES)
def test_mean_std_is_its_formula(name: str) -> None:
    summaries, k = summarized(TABLES[name], 96, "mean_std")
    query = random(KV * GROUP, DIM)
    scores = naive.score_pages(query, summaries, TABLES[name], 3, "mean_std")
    for kv in range(KV):
        heads = query[kv * GROUP : (kv + 1) * GROUP]
        for page in range(3):
            block = k[32 * page : 32 * page + 32, kv]
            spread = block.std(0, correction=0)
            expected = (heads @ block.mean(0) + heads.abs() @ spread).max()
            torch.testing.assert_close(scores[kv, page], expected)


def select(scores: list[float], length: int, budget: int, recent: int) -> list[int]:
    both = torch.tensor([scores, [-s for s in scores]])
    chosen = naive.select_pages(both, length, budget, recent)
    assert chosen.shape[0] == 2
    return [int(page) for page in chosen[0]]


NAN = float("nan")


def test_selection_keeps_the_first_the_newest_and_the_best() -> None:
    # 300 tokens: pages 0 to 9, the last holds 12; the newest 64 begin in page 7.
    scores = [-9.0, 1, 5, 2, 8, 3, 0, 0, 0, NAN]
    assert select(scores, 300, budget=160, recent=64) == [0, 4, 7, 8, 9]
    assert select(scores, 300, budget=192, recent=64) == [0, 2, 4, 7, 8, 9]


def test_selection_keeps_what_it_must_whatever_the_budget() -> None:
    assert select([0.0] * 9 + [NAN], 300, budget=32, recent=64) == [0, 7, 8, 9]


def test_selection_never_needs_the_score_of_a_page_being_filled() -> None:
    assert select([0.0, 1, NAN], 65, budget=64, recent=0) == [0, 2]
    assert select([0.0, 1, 2], 96, budget=64, recent=0) == [0, 2]


@pytest.mark.parametrize("length", LENGTHS)
def test_a_budget_of_the_length_selects_every_page(length: int) -> None:
    pages = -(-length // naive.PAGE)
    assert select([0.0] * pages, length, budget=length, recent=32) == list(range(pages))
