"""A figure per hour is none per minute."""

from __future__ import annotations

import pytest

from vademecum.rag.rates import at_odds

PUMP = ("The infusion runs at 50 ml per hour.",)
RENT = ("Die Miete beträgt 800 Euro im Monat.",)
DOSE = ("Give 5 mg/kg at first.", "Later 5 mg per day is enough.")


@pytest.mark.parametrize(
    ("sentence", "parts"),
    [
        ("The infusion runs at 50 ml per minute.", PUMP),
        ("The infusion runs at 50 ml/min.", PUMP),
        ("Die Miete beträgt 800 Euro pro Woche.", RENT),
        ("Give 5 mg per week.", DOSE),
    ],
)
def test_another_measure_is_at_odds(sentence: str, parts: tuple[str, ...]) -> None:
    assert at_odds(sentence, parts)


@pytest.mark.parametrize(
    ("sentence", "parts"),
    [
        ("The infusion runs at 50 ml/h.", PUMP),
        ("The infusion runs at 50 ml.", PUMP),
        ("Die Miete beträgt monatlich 800 Euro.", RENT),
        ("Give 5 mg a day.", DOSE),
        ("Give 5 mg per kg.", DOSE),
        ("The bag lasts 20 ml per minute.", PUMP),  # a figure that it does not have
    ],
)
def test_the_same_measure_is_not(sentence: str, parts: tuple[str, ...]) -> None:
    assert not at_odds(sentence, parts)
