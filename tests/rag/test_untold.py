"""What nobody knows, and those who were left out: a passage bears out neither yes nor no."""

from __future__ import annotations

import pytest

from vademecum.rag import at_odds as rag_at_odds
from vademecum.rag.told import Told
from vademecum.rag.untold import agrees, at_odds

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
            "It lowered fever by one degree in newborn infants.",
            ("Newborn infants were excluded from this trial.", "It lowered fever in toddlers."),
        ),
        (
            "The mRNA vaccine prevents transmission.",
            (
                "Whether the mRNA vaccine prevents transmission has not been studied.",
                "It prevents severe disease.",
            ),
        ),
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
        ("The trial did not include people with liver cirrhosis.", CIRRHOSIS),
        # A driver is no participant.
        ("Drivers pay a fine.", ("Drivers are excluded from the garage.",)),
        # What a pronoun stands for is said in the sentence before.
        (
            "The vaccine prevents severe disease.",
            (
                "Whether the vaccine prevents transmission has not been studied.",
                "It prevents severe disease in adults.",
            ),
        ),
        (
            "The tribunal held that the levy must be refunded.",
            (
                "The tribunal did not decide whether the levy is a tax.",
                "It held that the levy must be refunded.",
            ),
        ),
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


@pytest.mark.parametrize(
    ("sentence", "part"),
    [
        ("It is unknown whether tea prevents gout.", "Whether tea prevents gout was not studied."),
        ("It is unclear whether tea prevents gout.", "It is not clear whether tea prevents gout."),
        ("The court left open whether heirs are bound.", "It is undecided if heirs are bound."),
        ("The trial did not enrol men over 80.", "Men over 80 were excluded from the trial."),
        ("Ob Erben haften, ist unklar.", "Es ist nicht geklärt, ob Erben haften."),
    ],
)
def test_who_says_that_it_is_not_known_agrees_in_other_words(sentence: str, part: str) -> None:
    assert agrees(sentence, [part])
    assert not rag_at_odds.at_odds(sentence, [part], [part], "en")


@pytest.mark.parametrize(
    ("sentence", "part"),
    [
        ("It is unknown whether tea prevents gout.", "Tea does not prevent gout."),
        ("It is unknown whether tea prevents gout.", "It is unknown whether tea harms the liver."),
        ("It does not remain unclear whether tea helps.", "It remains unclear whether tea helps."),
        ("Men over 80 were excluded.", "Men over 80 were not excluded."),
        # What else it says is for other rules.
        ("It is unknown who pays, but heirs do not.", "It is unknown who pays, but heirs do."),
    ],
)
def test_of_what_is_known_or_of_another_thing_it_does_not(sentence: str, part: str) -> None:
    assert not agrees(sentence, [part])
