"""How many of a thing there are."""

from __future__ import annotations

import pytest

from vademecum.rag.counts import at_odds

CLUB = "The club owns five boats and two jetties."
HOUSE = "Im Haus wohnen sechs Familien mit zusammen neun Kindern."
KIT = "The kit contains four large bandages and two small bandages."
TRIALS = "Of eleven trials, two reported on pain."


@pytest.mark.parametrize(
    ("sentence", "part"),
    [
        ("The club owns six boats.", CLUB),
        ("The club owns two boats.", CLUB),
        ("The club owns two old boats.", CLUB),
        ("Three trials reported on pain.", TRIALS),
        ("The kit contains three bandages.", KIT),
        ("Four children recovered.", "Of 12 children, 9 children recovered, the rest did not."),
        ("Im Haus wohnen sieben Familien.", HOUSE),
        ("Im Haus wohnen sechs Kinder.", HOUSE),
        ("Die Wohnung hat vier Zimmer.", "Die Wohnung hat drei helle Zimmer."),
    ],
)
def test_another_number_of_a_thing(sentence: str, part: str) -> None:
    assert at_odds(sentence, [part])


@pytest.mark.parametrize(
    ("sentence", "part"),
    [
        ("The club owns five boats.", CLUB),
        ("The club owns seven oars.", CLUB),
        ("Two trials reported on pain.", TRIALS),
        ("The kit contains six bandages.", KIT),
        ("Three children died.", "Of 12 children, 9 children recovered."),
        ("Two nurses signed.", "Both nurses signed; the four nurses met at noon."),
        ("At least three boats are there.", CLUB),
        ("The two boats differ.", "Of three boats one is red and one is blue."),
        ("It takes three days.", "It takes five days."),  # a quantity, with its unit
        ("One of the boats is red.", CLUB),
        ("Im Haus wohnen neun Kinder.", HOUSE),
        ("Im Haus wohnen sieben Hunde.", HOUSE),
    ],
)
def test_the_same_number_or_one_that_may_be(sentence: str, part: str) -> None:
    assert not at_odds(sentence, [part])


def test_another_part_may_count_it_so() -> None:
    assert not at_odds("The club owns six boats.", [CLUB, "A year later there were six boats."])
