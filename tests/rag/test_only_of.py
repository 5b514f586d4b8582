"""Of what "only" is said."""

from __future__ import annotations

import pytest

from vademecum.rag.only_of import at_odds, focus

SAUNA = "On Tuesdays only women are admitted to the sauna."
DOGS = "Dogs are allowed in the garden only on a lead."
TABLETS = "The tablets help only against nausea."
PARK = "Im Park dürfen Hunde nur mit Leine laufen."


@pytest.mark.parametrize(
    ("sentence", "part"),
    [
        ("Women are admitted to the sauna only on Tuesdays.", SAUNA),
        (
            "Women are admitted to the pool only on Tuesdays.",
            "On Tuesdays only women are admitted.",
        ),
        ("Only dogs are allowed in the garden.", DOGS),
        ("Dogs on a lead are allowed only in the garden.", DOGS),
        ("Only the tablets help against nausea.", TABLETS),
        ("Hunde dürfen nur im Park mit Leine laufen.", PARK),
    ],
)
def test_of_another_thing_is_at_odds(sentence: str, part: str) -> None:
    assert at_odds(sentence, [part])


@pytest.mark.parametrize(
    ("sentence", "part"),
    [
        ("Only women are admitted on Tuesdays.", SAUNA),
        ("In the garden dogs are allowed only on a lead.", DOGS),
        ("Against nausea only, the tablets help.", TABLETS),
        ("Women are admitted on Tuesdays.", SAUNA),  # `restrictions.py`
        ("Only cats are allowed in the house.", DOGS),
        ("Im Park dürfen Hunde nur mit Leine laufen.", PARK),
    ],
)
def test_of_the_same_is_not(sentence: str, part: str) -> None:
    assert not at_odds(sentence, [part])


def test_another_part_may_say_it_in_other_words() -> None:
    parts = [SAUNA, "On Tuesdays women alone are admitted to the sauna, as on no other day."]
    assert not at_odds("Women are admitted to the sauna only on Tuesdays.", parts)


def test_what_measures_or_stands_twice_has_no_focus() -> None:
    assert not focus("Only 4% relapsed.")
    assert not focus("Only women swim, and only on Tuesdays.")
