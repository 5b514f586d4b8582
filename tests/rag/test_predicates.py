"""What is done, and how."""

from __future__ import annotations

import pytest

from vademecum.rag.predicates import at_odds

STOPPED = "Metformin is stopped two days before contrast and restarted when creatinine is stable."
BATH = "The dressing is changed after the bath, and the tablets are counted at night."


@pytest.mark.parametrize(
    ("sentence", "part"),
    [
        ("Metformin is stopped when creatinine is stable.", STOPPED),
        ("Metformin is restarted two days before contrast.", STOPPED),
        ("The dressing is changed at night.", BATH),
        ("Bread is baked after six.", "Bread is baked before dawn and delivered after six."),
    ],
)
def test_the_verb_of_one_and_the_rest_of_the_other_are_at_odds(sentence: str, part: str) -> None:
    assert at_odds(sentence, [part])


@pytest.mark.parametrize(
    ("sentence", "part"),
    [
        ("Metformin is stopped two days before contrast.", STOPPED),
        ("Metformin is restarted when creatinine is stable.", STOPPED),
        ("Metformin is stopped before contrast and restarted when creatinine is stable.", STOPPED),
        ("The tablets are counted at night.", BATH),
        ("Bread is baked before dawn.", "Bread is baked before dawn and delivered after six."),
        ("Metformin is stopped.", STOPPED),
        ("Metformin is withheld when creatinine is stable.", STOPPED),  # another verb
    ],
)
def test_a_verb_with_its_own_is_not(sentence: str, part: str) -> None:
    assert not at_odds(sentence, [part])


def test_another_part_may_say_it() -> None:
    parts = [STOPPED, "It is early, and metformin is stopped when creatinine is stable."]
    assert not at_odds("Metformin is stopped when creatinine is stable.", parts)
