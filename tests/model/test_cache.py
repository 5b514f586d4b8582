"""Sequences borrow pages and give them back; what does not fit is refused before anything is."""

from __future__ import annotations

import pytest
import torch

from vademecum.errors import ContextTooLong
from vademecum.model.cache import PagedCache


def cache_of(pages: int) -> PagedCache:
    return PagedCache(layers=2, kv_heads=2, head_dim=8, pages=pages, dtype=torch.float32)


@pytest.mark.parametrize(("tokens", "pages"), [(1, 1), (31, 1), (32, 1), (33, 2), (128, 4)])
def test_a_sequence_borrows_whole_pages(tokens: int, pages: int) -> None:
    cache = cache_of(4)
    sequence = cache.open(tokens)
    assert sequence.table.ids.tolist() == list(range(pages))
    assert sequence.table.first == 0
    assert sequence.capacity == 32 * pages
    assert cache.free_tokens == 32 * (4 - pages)


def test_too_long_is_refused_and_borrows_nothing() -> None:
    cache = cache_of(4)
    cache.open(40)
    with pytest.raises(ContextTooLong, match="65 tokens"):
        cache.open(65)
    assert cache.free_tokens == 64
    cache.open(64)


def test_pages_come_back_and_rows_of_them_are_found_again() -> None:
    cache = cache_of(6)
    first, second, third = cache.open(64), cache.open(64), cache.open(64)
    cache.close(third)
    cache.close(first)
    scattered = cache.open(128)
    assert scattered.table.ids.tolist() == [0, 1, 4, 5]
    assert scattered.table.first is None
    cache.close(scattered)
    cache.close(second)
    assert cache.open(192).table.first == 0


def test_one_page_is_never_in_two_sequences() -> None:
    cache = cache_of(5)
    taken = [int(cache.open(32).table.ids) for _ in range(5)]
    assert sorted(taken) == [0, 1, 2, 3, 4]
    with pytest.raises(ContextTooLong):
        cache.open(1)


def test_only_some_layers_keep_summaries() -> None:
    cache = PagedCache(
        layers=4,
        kv_heads=2,
        head_dim=8,
        pages=3,
        dtype=torch.bfloat16,
        summarized=frozenset({2}),
    )
    shapes = [None if s is None else tuple(s.shape) for s in cache.summaries]
    assert shapes == [None, None, (2, 2, 3, 8), None]


def test_bytes_per_token_is_what_the_tensors_hold() -> None:
    cache = cache_of(3)
    held = sum(t.numel() * t.element_size() for t in (*cache.keys, *cache.values))
    assert held == 3 * 32 * PagedCache.bytes_per_token(2, 2, 8, torch.float32)
