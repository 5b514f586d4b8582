"""So many of so many."""

from __future__ import annotations

import pytest

from vademecum.rag.out_of import at_odds, out_of

USED = ["On average 11 of 18 appointments were used.", "In May 9 of 20 were."]
GERMAN = ["Von den Proben waren 3 von 12 verunreinigt."]


@pytest.mark.parametrize(
    ("sentence", "parts"),
    [
        ("On average 18 of 18 appointments were used.", USED),
        ("On average eleven of 20 appointments were used.", USED),
        ("On average 11 out of the 12 appointments were used.", USED),
        ("Von den Proben waren 5 von 12 verunreinigt.", GERMAN),
    ],
)
def test_another_number_is_at_odds(sentence: str, parts: list[str]) -> None:
    assert at_odds(sentence, parts)


@pytest.mark.parametrize(
    "sentence",
    [
        "On average eleven of the 18 appointments were used.",
        "On average 11/18 appointments were used.",
        "Of 18 appointments some were used on average.",
        "The 3 of 4 rooms upstairs are damp.",
    ],
)
def test_the_same_numbers_and_those_of_other_things_are_not(sentence: str) -> None:
    assert not at_odds(sentence, USED)


def test_a_pair_is_read_in_digits_and_words() -> None:
    assert out_of("Three of 12 and 4/5, of the six.") == (("3", "12"), ("4", "5"))
    assert out_of("") == ()
