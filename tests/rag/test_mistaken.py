"""A mistake is no rule, nor is what was so before."""

from __future__ import annotations

import pytest

from vademecum.rag.mistaken import at_odds

MISS = (
    "A patient received methotrexate 10 mg to be taken daily instead of weekly.",
    "The error was noticed before the first tablet was taken.",
)
DOUBLED = ("The dose was mistakenly doubled.", "The patient was observed overnight.")
FEE = ("The fee was raised from 20 to 25 euros in May.",)
BEITRAG = ("Der Beitrag wurde von 20 auf 25 Euro erhöht.",)
BINS = ("The bins were put out on Monday instead of on Tuesday.",)
OFFICE = ("Formerly the office was in Main Street.", "Now it is in Mill Lane.")


@pytest.mark.parametrize(
    ("sentence", "parts"),
    [
        ("Methotrexate 10 mg is to be taken daily.", MISS),
        ("Methotrexate 10 mg is taken daily.", MISS),
        ("It was to be taken daily.", MISS),
        ("The dose should be doubled.", DOUBLED),
        ("The fee is 20 euros.", FEE),
        ("Der Beitrag beträgt 20 Euro.", BEITRAG),
        ("The bins are to be put out on Monday.", BINS),
        ("The office is in Main Street.", OFFICE),
    ],
)
def test_a_mistake_or_what_was_before_does_not_hold(sentence: str, parts: tuple[str, ...]) -> None:
    assert at_odds(sentence, parts)


@pytest.mark.parametrize(
    ("sentence", "parts"),
    [
        ("A patient received methotrexate 10 mg daily.", MISS),  # so it was
        ("The dose was doubled.", DOUBLED),
        ("The fee is 25 euros.", FEE),
        ("The fee was 20 euros.", FEE),
        ("Der Beitrag beträgt 25 Euro.", BEITRAG),
        ("The bins were put out on Monday.", BINS),
        ("The office is in Mill Lane.", OFFICE),
        ("The dose should not be doubled.", DOUBLED),
        ("The gate is locked at ten.", MISS),
        ("The dose should be doubled.", (*DOUBLED, "After a week the dose should be doubled.")),
        ("The club is open from 9 to 5.", ("The club is open from 9 to 5.",)),
    ],
)
def test_what_was_so_may_be_told(sentence: str, parts: tuple[str, ...]) -> None:
    assert not at_odds(sentence, parts)
