"""What nobody knows, and those who were left out: a passage bears out neither yes nor no."""

from __future__ import annotations

import pytest

from vademecum.rag.told import Told
from vademecum.rag.untold import at_odds

WARFARIN = (
    "Warfarin interacts with many drugs.",
    "We do not know whether warfarin harms the kidney.",
)
SAFETY = ("Adults tolerated the drug well.", "Its safety in pregnancy has not been studied.")
CIRRHOSIS = ("Ulcers healed in 91% of patients.", "People with liver cirrhosis were excluded.")


@pytest.mark.parametrize(
    ("sentence", "sentences"),
    [
        ("Warfarin does not harm the kidney.", WARFARIN),
        ("Warfarin harms the kidney.", WARFARIN),
        ("Tea prevents gout.", ("We don't know whether tea prevents gout.",)),
        ("The drug is safe in pregnancy.", SAFETY),
        ("The diet improved bone density.", ("The results on bone density were inconclusive.",)),
        (
            "The fee applies to charities.",
            ("It was left open whether the fee applies to charities.",),
        ),
        ("Der Vertrag bindet Erben.", ("Ob der Vertrag Erben bindet, ist ungeklärt.",)),
        ("Ulcers healed in people with liver cirrhosis.", CIRRHOSIS),
        (
            "It is safe with artificial valves.",
            ("Those with artificial valves or gout were excluded.",),
        ),
    ],
)
def test_what_is_left_open_is_not_told(sentence: str, sentences: tuple[str, ...]) -> None:
    assert at_odds(sentence, Told("", sentences))


@pytest.mark.parametrize(
    ("sentence", "sentences"),
    [
        ("It is not known whether warfarin harms the kidney.", WARFARIN),
        ("Warfarin interacts with many drugs.", WARFARIN),
        ("Further trials should study warfarin and the kidney.", WARFARIN),
        ("The drug is well tolerated by adults.", SAFETY),
        ("People with liver cirrhosis were excluded.", CIRRHOSIS),
        ("The trial excluded people with liver cirrhosis.", CIRRHOSIS),
        ("Ulcers healed in people without liver cirrhosis.", CIRRHOSIS),
        # What was not known before was found out.
        (
            "Tea prevents gout.",
            ("It was unclear whether tea prevents gout.", "Tea prevented gout in 90% of men."),
        ),
    ],
)
def test_what_is_said_of_it_or_told_elsewhere_stands(
    sentence: str, sentences: tuple[str, ...]
) -> None:
    assert not at_odds(sentence, Told("", sentences))


def test_a_title_tells() -> None:
    told = Told("Tea prevents gout", ("Whether tea prevents gout was unknown.",))
    assert not at_odds("Tea prevents gout.", told)
