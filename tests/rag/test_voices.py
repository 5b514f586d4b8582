"""A passive that names its doer says what an active says; other sentences are left as they are."""

from __future__ import annotations

import time

import pytest

from vademecum.rag.voices import Active, active


@pytest.mark.parametrize(
    ("passive", "turned"),
    [
        ("Dabigatran is reversed by andexanet", Active("andexanet", "reversed", "Dabigatran")),
        (
            "All other repairs are paid by the Landlord within a week.",
            Active("the Landlord", "paid", "All other repairs within a week."),
        ),
        (
            "The policy must also be renewed each year by the Tenant",
            Active("the Tenant", "renewed", "The policy must also each year"),
        ),
        (
            "Blood pressure was measured at each visit by a research nurse",
            Active("a research nurse", "measured", "Blood pressure at each visit"),
        ),
        (
            "Deaths were independently adjudicated by two physicians, who were blinded",
            Active("two physicians", "adjudicated", "Deaths , who were blinded"),
        ),
    ],
)
def test_a_passive_is_turned_round(passive: str, turned: Active | None) -> None:
    assert active(passive) == turned


@pytest.mark.parametrize(
    "sentence",
    [
        "Andexanet reverses dabigatran.",
        "Mortality fell by 20%.",
        "The clinic is in a house by the river.",
        "Dabigatran is reversed within minutes.",
    ],
)
def test_without_a_doer_nothing_is_turned(sentence: str) -> None:
    assert active(sentence) is None


def test_a_long_sentence_is_read_in_time() -> None:
    start = time.process_time()
    assert active("x is done in y " * 4000) is None
    assert time.process_time() - start < 10  # minutes, if it were not linear
