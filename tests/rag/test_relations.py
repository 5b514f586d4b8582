from __future__ import annotations

import pytest

from vademecum.rag.check import check
from vademecum.rag.relations import by_its_loss, only_denied, related, relations
from vademecum.rag.told import Told

CLINIC = Told(
    "Obesity and gout",
    (
        "Obesity was present in 31% and gout in 44% of 880 adults.",
        "Gout was treated with rest, and its risk factors were discussed.",
    ),
)


@pytest.mark.parametrize(
    "claim",
    [
        "Obesity increases the risk of gout.",
        "Obesity does not increase the risk of gout.",
        "Obesity may increase the risk of gout.",
        "Obesity is associated with gout in adults.",
        "Obesity is a risk factor for gout.",
        "There was no association between obesity and gout.",
        "Gout is caused by obesity.",
    ],
)
def test_that_both_occur_relates_nothing(claim: str) -> None:
    assert related(claim, CLINIC, set()) == "apart"


@pytest.mark.parametrize(
    "part",
    [
        "Obesity increased the risk of gout.",
        "Gout was more frequent in adults with obesity than in others.",
        "The odds ratio of gout with obesity was 2.1.",
        "Obesity had no effect on gout.",
        "Gout depended on obesity.",
    ],
)
def test_a_sentence_that_relates_them_states_it(part: str) -> None:
    claim = "Obesity increases the risk of gout."
    assert related(claim, Told("", ("Adults were asked.", part)), set()) == "stated"


@pytest.mark.parametrize(
    "parts",
    [
        ("Obesity may increase the risk of gout.",),
        ("Obesity was recorded.", "Gout was more frequent in men than in women."),
        ("Overweight increased the risk of gout.",),
    ],
)
def test_what_may_be_is_near(parts: tuple[str, ...]) -> None:
    assert related("Obesity increases the risk of gout.", Told("", parts), set()) == "near"


def test_what_is_said_of_nothing_else_is_said_of_what_came_before() -> None:
    told = Told("", ("Home visits were offered.", "Quality of life improved."))
    assert related("Home visits improved quality of life.", told, set()) == "stated"
    told = Told("", ("Home visits were offered.", "Diets improved quality of life."))
    assert related("Home visits improved quality of life.", told, set()) == "apart"


def test_a_name_from_another_passage_is_no_other_name_of_the_same() -> None:
    told = Told("", ("Iron reduced fatigue.",))
    assert related("Ferrum reduced fatigue.", told, set()) == "near"
    assert related("Vitamins reduced fatigue.", told, {"vitamin"}) == "apart"


@pytest.mark.parametrize(
    "part",
    [
        "The authors examined whether the effect of obesity is on gout.",
        "To study the effect of obesity on gout.",
        "Gout was more frequent in men after adjustment for obesity.",
    ],
)
def test_what_was_done_or_reckoned_out_states_nothing(part: str) -> None:
    told = Told("", (part, "All adults were weighed."))
    assert related("Obesity increases the risk of gout.", told, set()) != "stated"


def test_a_title_relates_only_with_a_verb() -> None:
    claim = "Aspirin reduces stroke."
    assert related(claim, Told("Effect of aspirin on stroke", ()), set()) != "stated"
    assert related(claim, Told("Aspirin reduces stroke in women", ()), set()) == "stated"


def test_what_is_left_open_claims_no_relation() -> None:
    assert relations("It is unknown whether tea prevents gout.") == ()
    assert relations("Obesity was present in 31%.") == ()


def test_what_the_loss_of_a_thing_does() -> None:
    parts = ["Blockade of IL-9 reduced weight loss.", "IL-9 promoted growth."]
    assert by_its_loss("IL-9 reduced weight loss.", parts)
    assert not by_its_loss("IL-9 blockade reduced weight loss.", parts)
    assert not by_its_loss("IL-9 promoted growth.", parts)


def test_the_check_holds_it(source_of, embedder) -> None:
    source = source_of(1, " ".join(CLINIC.sentences), CLINIC.title)
    (sentence,) = check("Obesity increases the risk of gout.", [source], embedder).sentences
    assert sentence.support == "unsupported"


def test_what_all_that_speak_of_it_deny_is_denied() -> None:
    parts = [
        "Adults with gout took cherries or none for a year.",
        "The data do not support the use of cherries to prevent gout.",
    ]
    assert only_denied("Cherries prevent gout in adults.", parts)
    assert not only_denied("Cherries prevent gout in adults.", [*parts, "Cherries prevented gout."])
    assert not only_denied("Cherries did not prevent gout in adults.", parts)
    assert not only_denied("Cherries prevent asthma in adults.", parts)
