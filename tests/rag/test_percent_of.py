"""A percentage is one of something."""

from __future__ import annotations

import pytest

from vademecum.rag.percent_of import at_odds

DEPOSIT = (
    "The deposit is 20 percent of the total price.",
    "A late fee of 2% of the rent is charged.",
)
NURSES = ("Of the 80 nurses 25 percent smoke.", "The doctors do not.")
PROVISION = ("Die Provision beträgt 3 Prozent des Kaufpreises.", "Die Miete bleibt gleich.")


@pytest.mark.parametrize(
    ("sentence", "parts"),
    [
        ("The deposit is 20% of the rent.", DEPOSIT),
        ("The late fee is 2 percent of the price.", DEPOSIT),
        ("25 percent of the doctors smoke.", NURSES),
        ("Die Provision beträgt 3 % der Miete.", PROVISION),
    ],
)
def test_of_another_thing_is_at_odds(sentence: str, parts: tuple[str, ...]) -> None:
    assert at_odds(sentence, parts)


@pytest.mark.parametrize(
    ("sentence", "parts"),
    [
        ("The deposit is 20% of the price.", DEPOSIT),
        ("25% of the nurses smoke.", NURSES),
        ("25% of the smokers are nurses.", NURSES),  # smokers are no name that they have
        ("Die Provision beträgt 3 % des Kaufpreises.", PROVISION),
        ("12% of the women smoked.", ("12% smoked.", "The women were older.")),
        ("20% of the rent is heating.", (*DEPOSIT, "Heating is 20 % of the rent.")),
    ],
)
def test_of_the_same_or_of_what_is_not_said(sentence: str, parts: tuple[str, ...]) -> None:
    assert not at_odds(sentence, parts)
