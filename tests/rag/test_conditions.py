"""A condition that a sentence leaves out."""

from __future__ import annotations

import pytest

from vademecum.rag.check import check
from vademecum.rag.conditions import left_out
from vademecum.rag.words import content_words

DRESSINGS = "Change dressings once a week, or twice a week if the exudate is heavy."
ROOF = "Should the roof leak, the tenant may reduce the rent."
KEY = "The key must not be passed on; if it is lost, 45 euros are paid for the new lock."
LETTER = "Members who are under 18 need a letter from a parent."
ROUNDS = "Ward rounds take place every morning except on Sundays."
BALCONY = "All but two of the rooms have a balcony."


@pytest.mark.parametrize(
    ("sentence", "part", "condition"),
    [
        ("The tenant may reduce the rent.", ROOF, "Should the roof leak"),
        ("The key costs 45 euros.", KEY, "if it is lost"),
        (
            "The boathouse key costs 45 euros.",
            "A lost key of the boathouse costs 45 euros.",
            "A lost key",
        ),
        ("Members need a letter from a parent.", LETTER, "who are under 18"),
        ("All members need a letter from a parent.", LETTER, "who are under 18"),
        ("Ward rounds take place every morning.", ROUNDS, "except on Sundays"),
        ("All of the rooms have a balcony.", BALCONY, "but two"),
        (
            "Subletting is allowed.",
            "Subletting is allowed with the landlord's consent.",
            "with the landlord's consent",
        ),
        (
            "The tenant may leave without notice.",
            "If the roof leaks, the tenant may leave without notice.",
            "If the roof leaks",
        ),
        ("Each hour costs 2 euros.", "Each further hour costs 2 euros.", "further"),
        ("Dressings are changed twice a week.", DRESSINGS, "if the exudate is heavy"),
        ("Fluids are given.", "If the child vomits, fluids are given.", "If the child vomits"),
        (
            "Die Schicht wird verlängert.",
            "Falls jemand erkrankt, wird die Schicht verlängert.",
            "Falls jemand erkrankt",
        ),
    ],
)
def test_the_condition_is_left_out(sentence: str, part: str, condition: str) -> None:
    assert left_out(sentence, [part]) == condition


@pytest.mark.parametrize(
    ("sentence", "part"),
    [
        ("If the roof leaks, the tenant may reduce the rent.", ROOF),
        ("With a leaking roof the tenant may reduce the rent.", ROOF),
        ("Losing the key costs 45 euros.", KEY),
        ("Dressings are changed once a week.", DRESSINGS),
        ("With a letter members may row.", "Members who have a letter may row."),
        ("Members under 18 need a letter from a parent.", LETTER),
        ("Ward rounds take place every morning, Sundays excepted.", ROUNDS),
        ("Ward rounds take place in the morning.", ROUNDS),  # it says so of no every
        ("Most rooms have a balcony.", BALCONY),
        ("After the first hour each hour costs 2 euros.", "Each further hour costs 2 euros."),
        ("The deposit is returned.", "The deposit, if any, is returned."),
        # It may, in some case; and what was so once is no rule.
        ("The tenant may reduce the rent.", "The tenant may reduce the rent if the roof leaks."),
        ("Fluids were given.", "Fluids were given if the child was dry."),
        (
            "Pain led 9% to stop.",
            "Of 2,300 patients who took a statin, 9% stopped because of pain.",
        ),
    ],
)
def test_it_is_told_or_there_is_none(sentence: str, part: str) -> None:
    assert not left_out(sentence, [part])


def test_the_question_may_tell_it() -> None:
    asked = frozenset(content_words("What may the tenant do if the roof leaks?"))
    assert not left_out("The tenant may reduce the rent.", [ROOF], asked)


def test_another_part_may_say_the_same_without() -> None:
    assert not left_out(
        "Fluids are given.", ["If it vomits, fluids are given.", "Fluids are given."]
    )


def test_it_is_overstated_with_the_condition(source_of, embedder) -> None:
    (checked,) = check("The tenant may reduce the rent.", [source_of(1, ROOF)], embedder).sentences
    assert checked.support == "overstated"
    assert "Should the roof leak" in checked.reason
