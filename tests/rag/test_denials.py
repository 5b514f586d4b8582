from __future__ import annotations

import pytest

from vademecum.rag.denials import at_odds, denied_too


@pytest.mark.parametrize(
    ("sentence", "parts"),
    [
        ("Vitamins prevented colds.", ["Vitamins shortened colds.", "They did not prevent them."]),
        ("Iron had an effect on sleep.", ["No effect on sleep was seen."]),
        ("The alarm has arrived.", ["An alarm has been ordered but has not yet arrived."]),
        (
            "Progress to gout differed between those with and without tea.",
            ["No differences in weight, pain or progress to gout were found."],
        ),
        ("Ferritin differed.", ["There was no significant difference in ferritin."]),
        (
            "Moulds were associated with wheeze.",
            ["Mites were associated with wheeze, but moulds were not."],
        ),
        (
            "Night work was associated with gout.",
            ["Night work was not associated with gout.", "It was associated with debts."],
        ),
    ],
)
def test_what_is_denied_is_not_affirmed(sentence: str, parts: list[str]) -> None:
    assert at_odds(sentence, parts)


@pytest.mark.parametrize(
    ("sentence", "parts"),
    [
        ("Vitamins did not prevent colds.", ["Vitamins did not prevent colds."]),
        (
            "Mites were associated with wheeze.",
            ["Mites were associated with wheeze, but moulds were not."],
        ),
        ("Tea prevented gout.", ["Tea prevented gout.", "Coffee did not prevent gout."]),
        ("Tea prevented gout.", ["Coffee did not prevent colds."]),
        ("Not only tea prevented gout.", ["Not only tea prevented gout."]),
        (
            "A difference was seen in treatment: nurses advised juice with milk for faints.",
            [
                "No differences in treatment of faints by nurses with milk were seen.",
                "A difference was seen in treatment: nurses advised juice with milk for faints.",
            ],
        ),
    ],
)
def test_what_is_affirmed_or_of_other_things(sentence: str, parts: list[str]) -> None:
    assert not at_odds(sentence, parts)


def test_a_denial_that_the_source_makes_as_well() -> None:
    parts = ["Vitamins shortened colds.", "They did not prevent them."]
    assert denied_too("Vitamins did not prevent colds.", parts)
    assert not denied_too("Vitamins did not shorten colds.", parts)
    assert not denied_too("Vitamins shortened colds.", parts)
