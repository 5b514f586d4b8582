"""Sequences borrow pages and give them back; beginnings are kept; what cannot fit is refused."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from vademecum.errors import ContextTooLong
from vademecum.model.cache import PagedCache, Sequence


def cache_of(pages: int, **more: object) -> PagedCache:
    return PagedCache(
        layers=2, kv_heads=2, head_dim=8, pages=pages, kind="int8", dtype=torch.float32,
        **more,  # type: ignore[arg-type]
    )  # fmt: skip


def used(cache: PagedCache, prompt: list[int], tokens: int, answered: int = 0) -> Sequence:
    """A sequence whose prompt was read and whose answer has some tokens."""
    sequence = cache.open(prompt, tokens)
    sequence.length = len(prompt) + answered
    return sequence


@pytest.mark.parametrize(("tokens", "pages"), [(1, 1), (31, 1), (32, 1), (33, 2), (128, 4)])
def test_a_sequence_borrows_whole_pages(tokens: int, pages: int) -> None:
    cache = cache_of(4)
    sequence = cache.open([1], tokens)
    assert len(set(sequence.table.tolist())) == pages
    assert sequence.capacity == 32 * pages
    assert cache.free_tokens == 32 * (4 - pages)


def test_too_long_is_refused_and_borrows_nothing() -> None:
    cache = cache_of(4)
    cache.open([1], 40)
    with pytest.raises(ContextTooLong, match="65 tokens"):
        cache.open([1], 65)
    assert cache.free_tokens == 64
    cache.open([1], 64)


@pytest.mark.parametrize("error", [MemoryError, KeyboardInterrupt])
def test_a_sequence_that_gets_no_memory_borrows_nothing(
    error: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = cache_of(8)
    prompt = list(range(100))
    cache.close(used(cache, prompt, 120))

    def refuse() -> Tensor:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(cache, "_new_tail", refuse)
        with pytest.raises(error):
            cache.open(prompt, 120)
    assert cache.free_tokens == 8 * 32
    assert cache.open(prompt, 8 * 32).reused == 3


def test_a_prompt_that_begins_alike_borrows_what_is_known() -> None:
    cache = cache_of(8)
    first = used(cache, list(range(100)), 120, answered=20)
    pages = first.table.tolist()
    cache.close(first)
    assert cache.kept_tokens == 96  # the whole pages of the prompt, not those of the answer
    second = cache.open([*range(80), 7, 7, 7], 100)
    assert second.table.tolist()[:2] == pages[:2]
    assert (second.length, second.reused) == (64, 2)


@pytest.mark.parametrize("at", [0, 1, 30, 31, 32, 63])
def test_a_chunk_is_borrowed_for_all_of_its_tokens_only(at: int) -> None:
    cache = cache_of(8)
    prompt = list(range(70))
    cache.close(used(cache, prompt, 70))
    other = [n if place != at else 99 for place, n in enumerate(prompt)]
    assert cache.open(other, 80).length == at // 32 * 32


def test_the_last_token_of_a_prompt_is_always_read() -> None:
    cache = cache_of(8)
    cache.close(used(cache, list(range(64)), 64))
    assert cache.open(list(range(64)), 80).length == 32
    assert cache.open(list(range(65)), 80).length == 64


def test_a_prompt_that_was_not_read_to_its_end_keeps_what_was() -> None:
    cache = cache_of(8)
    sequence = cache.open(list(range(100)), 120)
    sequence.length = 64
    cache.close(sequence)
    assert cache.kept_tokens == 64


def test_kept_pages_make_room_for_a_prompt_that_needs_it() -> None:
    cache = cache_of(4)
    cache.close(used(cache, list(range(100)), 128))
    assert (cache.kept_tokens, cache.free_tokens) == (96, 128)
    cache.open([9] * 60, 64)
    assert cache.kept_tokens == 64  # one page was free, one given up: the end of the prefix


def test_pages_in_use_are_never_given_up() -> None:
    cache = cache_of(4)
    cache.close(used(cache, list(range(96)), 96))
    held = cache.open(list(range(96)), 96)
    assert held.reused == 2
    with pytest.raises(ContextTooLong):
        cache.open([5], 64)
    assert cache.open([5], 32).table.tolist()[0] not in held.table.tolist()


def test_whole_steps_are_borrowed_only() -> None:
    cache = cache_of(16, step=128)
    cache.close(used(cache, list(range(230)), 230))
    again = cache.open(list(range(230)), 240)
    assert again.length == 128
    cache.close(again)
    assert cache.free_tokens == 16 * 32


def test_a_beginning_shared_in_part_hinders_nobody() -> None:
    cache = cache_of(40, step=128)
    system = [1] * 60
    for own, tokens in ((2, 50), (3, 300), (4, 400)):  # the first is shorter than a step
        cache.close(used(cache, [*system, *[own] * tokens], 512))
    assert cache.kept_tokens == 256 + 384
    assert cache.open([*system, *[3] * 300], 512).length == 256
    assert cache.open([*system, *[4] * 400], 512).length == 384


def test_steps_make_room_as_a_whole() -> None:
    cache = cache_of(10, step=128)
    cache.close(used(cache, list(range(260)), 260))
    assert (cache.kept_tokens, cache.free_tokens) == (256, 320)
    sequence = cache.open([9] * 90, 96)  # two pages were free: a step is given up for the third
    assert (cache.kept_tokens, cache.free_tokens) == (128, 224)
    cache.close(sequence)
    assert cache.free_tokens == 320


def test_two_alike_at_once_leave_one_copy() -> None:
    cache = cache_of(8)
    one, other = used(cache, list(range(64)), 64), used(cache, list(range(64)), 64)
    cache.close(one)
    cache.close(other)
    assert cache.kept_tokens == 64
    assert cache.free_tokens == 8 * 32


def test_bytes_per_page_is_what_the_tensors_hold() -> None:
    cache = cache_of(3)
    held = sum(t.numel() * t.element_size() for store in cache.stores for t in store.tensors())
    assert held == 3 * PagedCache.bytes_per_page(2, 2, 8, "int8", torch.float32)


REQUESTS = st.lists(
    st.tuples(
        st.lists(st.integers(0, 1), min_size=1, max_size=5),  # a prompt, 20 tokens to a number
        st.integers(0, 90),  # tokens of an answer
        st.integers(0, 200),  # tokens computed before it was given up
        st.booleans(),  # closed before the next one opens?
    ),
    max_size=20,
)


@given(REQUESTS, st.sampled_from([32, 64, 96]))
def test_no_page_is_lost_or_lent_twice(
    requests: list[tuple[list[int], int, int, bool]], step: int
) -> None:
    cache = cache_of(9, step=step)
    running: list[Sequence] = []
    for numbers, answer, computed, close in requests:
        prompt = [n for number in numbers for n in [number] * 20]
        try:
            sequence = cache.open(prompt, len(prompt) + answer)
        except ContextTooLong:
            while running:
                cache.close(running.pop())
            continue
        sequence.length = max(sequence.length, min(computed, len(prompt) + answer))
        running.append(sequence)
        own = [page for s in running for page in s.table.tolist()[s.reused :]]
        assert len(own) == len(set(own))
        if close:
            cache.close(running.pop(0))
    while running:
        cache.close(running.pop())
    assert cache.free_tokens == 9 * 32
