"""Who did it."""

from __future__ import annotations

import pytest

from vademecum.rag.persons import at_odds, doing

MINUTES = [
    "Present: Dr Helen Osei (chair), Dr Samuel Whitlock, Priya Nair.",
    "Priya Nair reported the incident to the health board the next day.",
    "Grace Adeyemi has passed her phlebotomy examination.",
    "Tom Becker has asked to reduce his hours.",
    "Dr Osei proposed to stop the Saturday clinic.",
    "The proposal was carried with three votes to one; Dr Whitlock voted against.",
    "It was decided to take Voxtel; Linda Marsh signs the contract.",
    "Frau Abel teilt kritische Werte telefonisch mit.",
]


@pytest.mark.parametrize(
    "sentence",
    [
        "Dr Osei reported the fridge incident.",
        "Linda Marsh reported the incident to the health board.",
        "Tom Becker has passed his phlebotomy examination.",
        "Dr Whitlock proposed to stop the Saturday clinic.",
        "Dr Osei voted against the proposal.",
        "Dr. Whitlock signs the contract.",
        "Herr Wiesner teilt kritische Werte telefonisch mit.",
    ],
)
def test_another_person_is_at_odds(sentence: str) -> None:
    assert at_odds(sentence, MINUTES)


@pytest.mark.parametrize(
    "sentence",
    [
        "Priya Nair reported the fridge incident.",
        "Ms Nair reported the incident.",
        "Dr Helen Osei proposed to stop the Saturday clinic.",
        "Dr Osei did not report the incident.",
        "Tom Becker has asked for fewer hours.",
        "The practice reported the incident.",
        "Dr Osei chaired the meeting.",
        "Nobody signs the contract.",
        "",
    ],
)
def test_the_same_person_and_what_nobody_is_said_to_do_are_not(sentence: str) -> None:
    assert not at_odds(sentence, MINUTES)


@pytest.mark.parametrize(
    "more",
    [
        "She reported the theft.",
        "Both reported the theft.",
        "The theft was reported by Anna Berg.",
        "They all quickly reported the theft.",
    ],
)
def test_one_who_may_be_meant_is_not_another(more: str) -> None:
    parts = ["Anna Berg came on Monday.", "Tom Fox reported the theft."]
    assert at_odds("Anna Berg reported the theft.", parts)
    assert not at_odds("Anna Berg reported the theft.", [*parts, more])


def test_a_person_is_known_by_a_title_or_by_two_names() -> None:
    assert [found.start for found in doing("Dr Osei left; Ann Lee has now come.")] == [
        "Dr Osei",
        "Ann Lee",
    ]
    # Not one to whom it is done, or of whom it is.
    assert doing("The letter to Dr Osei reported a loss.") == ()
    assert doing("Aspirin reduced strokes, and Vitamin D did not.") == ()
