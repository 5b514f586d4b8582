"""What is said under one condition is not said under another."""

from __future__ import annotations

import pytest

from vademecum.rag.conditionals import at_odds

WARD = (
    "If the temperature rises above 38 degrees, the dose is withheld.",
    "If the rash spreads, the drug is stopped.",
)
SWAB = (
    "Where the swab is positive, the patient is isolated.",
    "Where it is negative, nothing is done.",
)
SCHULE = ("Wenn es schneit, fällt der Sport aus.", "Wenn es stürmt, bleibt die Schule geschlossen.")
BOTH = ("If it rains, the match is moved.", "If it snows, the match is moved, too.")


@pytest.mark.parametrize(
    ("sentence", "parts"),
    [
        ("The drug is stopped if the temperature rises above 38 degrees.", WARD),
        ("If the rash spreads, the dose is withheld.", WARD),
        ("Where the swab is negative, the patient is isolated.", SWAB),
        ("Wenn es stürmt, fällt der Sport aus.", SCHULE),
    ],
)
def test_of_another_condition(sentence: str, parts: tuple[str, ...]) -> None:
    assert at_odds(sentence, parts)


@pytest.mark.parametrize(
    ("sentence", "parts"),
    [
        ("The drug is stopped if the rash spreads.", WARD),
        ("If the temperature rises, the dose is withheld.", WARD),
        ("Where the swab is positive, the patient is isolated.", SWAB),
        ("Wenn es schneit, fällt der Sport aus.", SCHULE),
        ("If it snows, the match is moved.", BOTH),
        ("The drug is stopped.", WARD),  # `conditions.py`
        ("If the child vomits, the drug is stopped.", WARD),  # a condition that none of them has
    ],
)
def test_of_its_own_condition(sentence: str, parts: tuple[str, ...]) -> None:
    assert not at_odds(sentence, parts)
