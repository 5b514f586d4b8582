"""A prefix is found by its exact tokens; the longest unused page is the first to go."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vademecum.model.prefix import PrefixIndex

A, B, C, D = ((n,) * 32 for n in range(4))


def learned(index: PrefixIndex, blocks: list[tuple[int, ...]], pages: list[int]) -> None:
    assert index.add([], blocks, pages) == len(pages)
    index.back(pages)


def test_the_longest_known_prefix_is_found() -> None:
    index = PrefixIndex()
    learned(index, [A, B, C], [7, 3, 5])
    assert index.take([A, B, C, D]) == [7, 3, 5]
    assert index.take([A, B, D]) == [7, 3]
    assert index.take([B, C]) == []


def test_the_same_block_after_another_page_is_another_prefix() -> None:
    index = PrefixIndex()
    learned(index, [A, B], [0, 1])
    learned(index, [C, B], [2, 3])
    assert index.take([C, B]) == [2, 3]
    assert index.take([A, B]) == [0, 1]


def test_a_page_in_use_is_not_given_up() -> None:
    index = PrefixIndex()
    learned(index, [A, B], [0, 1])
    held = index.take([A])
    assert index.give_up(5) == [1]
    assert (index.idle, len(index)) == (0, 1)
    index.back(held)
    assert index.give_up(5) == [0]
    assert index.take([A]) == []


def test_what_two_use_stays_until_both_have_given_it_back() -> None:
    index = PrefixIndex()
    learned(index, [A, B], [0, 1])
    one, other = index.take([A, B]), index.take([A])
    index.back(one)
    assert index.give_up(5) == [1]
    index.back(other)
    assert index.give_up(5) == [0]


def test_the_longest_unused_goes_first_and_an_end_before_its_beginning() -> None:
    index = PrefixIndex()
    learned(index, [A, B], [0, 1])
    learned(index, [C, D], [2, 3])
    index.back(index.take([A, B]))
    assert index.give_up(3) == [3, 2, 1]


def test_what_became_known_meanwhile_is_not_learned_twice() -> None:
    index = PrefixIndex()
    learned(index, [A, B], [0, 1])
    assert index.add([], [A, C], [8, 9]) == 0
    assert len(index) == 2


@given(st.lists(st.tuples(st.lists(st.integers(0, 2), max_size=4), st.integers(0, 3)), max_size=30))
def test_every_page_is_known_once_or_free(steps: list[tuple[list[int], int]]) -> None:
    index = PrefixIndex()
    free = list(range(12))
    for numbers, give_up in steps:
        blocks = [(n,) * 32 for n in numbers]
        taken = index.take(blocks)
        rest = blocks[len(taken) :]
        free += index.give_up(len(rest) - len(free))
        fresh = [free.pop() for _ in rest[: len(free)]]
        count = index.add(taken, rest[: len(fresh)], fresh)
        index.back([*taken, *fresh[:count]])
        free += fresh[count:]
        free += index.give_up(give_up)
        assert len(index) + len(free) == 12
        assert index.idle == len(index)
