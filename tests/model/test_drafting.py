"""A draft is what followed when the last tokens came before; its length follows its success."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vademecum.model.drafting import LONGEST, PAUSE, NgramDrafter


def test_what_followed_before_is_proposed() -> None:
    drafter = NgramDrafter([1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2])
    assert drafter.propose(8) == [3, 4, 5, 6]
    assert drafter.propose(2) == [3, 4]


def test_nothing_is_proposed_for_what_never_came() -> None:
    assert NgramDrafter([1, 2, 3, 4]).propose(8) == []
    assert NgramDrafter([]).propose(8) == []
    assert NgramDrafter([7]).propose(8) == []


def test_the_longest_match_counts_and_then_the_latest() -> None:
    # "2 3" came twice; "1 2 3" only once, and before.
    assert NgramDrafter([1, 2, 3, 8, 9, 2, 3, 7, 7, 1, 2, 3]).propose(1) == [8]
    assert NgramDrafter([1, 2, 3, 8, 9, 2, 3, 7, 7, 5, 2, 3]).propose(1) == [7]


def test_what_was_written_is_drafted_from_too() -> None:
    drafter = NgramDrafter([9])
    for token in (1, 2, 3, 1, 2):
        drafter.append(token)
    assert drafter.propose(1) == [3]


def test_drafts_have_the_lengths_that_are_allowed() -> None:
    drafter = NgramDrafter([*list(range(40)), 0, 1], (1, 2, 4, 8))
    lengths = []
    for accepted in (4, 8, 3, 2, 4):
        lengths.append(len(drafter.propose(99)))
        drafter.learn(accepted)
    assert lengths == [4, 8, 8, 4, 2]
    assert len(drafter.propose(3)) == 2


def test_drafts_that_are_right_grow_and_those_that_are_wrong_shrink() -> None:
    drafter = NgramDrafter([*list(range(40)), 0, 1])
    lengths = []
    for accepted in (4, 8, 3, 0, 0):
        lengths.append(len(drafter.propose(99)))
        drafter.learn(min(accepted, lengths[-1]))
    assert lengths == [4, 8, LONGEST, 4, 2]


def test_after_many_wrong_drafts_it_pauses_and_tries_again() -> None:
    drafter = NgramDrafter([1, 2] * 20)
    for _ in range(3):
        assert drafter.propose(8)
        drafter.learn(0)
    assert drafter.propose(8) == []
    for _ in range(PAUSE):
        drafter.append(1)
        drafter.append(2)
    assert drafter.propose(8)


@given(st.lists(st.integers(0, 3), max_size=60), st.lists(st.integers(0, 9), max_size=10))
def test_a_draft_always_continues_an_earlier_occurrence(
    tokens: list[int], accepted: list[int]
) -> None:
    drafter = NgramDrafter(tokens)
    for count in [*accepted, 0]:
        draft = drafter.propose(8)
        assert len(draft) <= 8
        if draft:
            last = tokens[-2:]
            places = [
                at for at in range(2, len(tokens))
                if tokens[at - 2 : at] == last and tokens[at : at + len(draft)] == draft
            ]  # fmt: skip
            assert places
        drafter.learn(min(count, len(draft)))
