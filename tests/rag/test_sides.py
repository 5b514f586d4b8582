"""Before and after, with and without."""

from __future__ import annotations

import pytest

from vademecum.rag.sides import at_odds


@pytest.mark.parametrize(
    ("sentence", "part"),
    [
        ("Take it after breakfast.", "Take it 30 minutes before breakfast."),
        ("Es wird nach dem Frühstück genommen.", "Es wird vor dem Frühstück genommen."),
        ("It is taken without food.", "It is taken with food."),
        ("It failed in patients under 65 years.", "It failed in patients over 65 years."),
        ("早餐后服用。", "早餐前服用。"),
        ("Groups have at least 8 members.", "Groups have at most 8 members."),
        ("It keeps for four days or more.", "It keeps for up to four days."),
        ("Keep it at 8 degrees or more.", "Keep it at no more than 8 degrees."),
        ("On Saturdays it is open from 1 pm.", "On Saturdays it is open until 1 pm."),
        ("The stay is at most 2 nights.", "The minimum stay is 2 nights."),
        ("Die Gruppe hat mindestens 12 Plätze.", "Die Gruppe hat höchstens 12 Plätze."),
    ],
)
def test_the_other_side_is_at_odds(sentence: str, part: str) -> None:
    assert at_odds(sentence, [part])
    assert not at_odds(part, [part])


@pytest.mark.parametrize(
    ("sentence", "part"),
    [
        ("Groups have up to 8 members.", "Groups have at most 8 members."),
        ("Groups have 8 members or fewer.", "Groups have no more than 8 members."),
        ("Staff rest for at least 11 hours.", "Staff rest for no less than 11 hours."),
        ("The stay is at least 2 nights.", "The minimum stay is 2 nights."),
        ("Kinder müssen 6 Jahre und älter sein.", "Kinder müssen mindestens 6 Jahre alt sein."),
    ],
)
def test_the_same_side_in_other_words_is_not(sentence: str, part: str) -> None:
    assert not at_odds(sentence, [part])


def test_a_side_that_another_part_names_is_held() -> None:
    parts = ["Take it before surgery.", "After surgery take it again."]
    assert not at_odds("Take it after surgery.", parts)


def test_each_clause_has_its_own_side() -> None:
    parts = ["Stop warfarin 5 days before surgery and restart it on the evening after surgery."]
    assert at_odds("Stop warfarin 5 days after surgery.", parts)
    assert not at_odds("Stop warfarin 5 days before surgery.", parts)
    assert not at_odds("Restart it on the evening after surgery.", parts)
    assert not at_odds("The study said: stop before surgery and restart after surgery.", parts)


def test_another_matter_is_no_other_side() -> None:
    assert not at_odds("Aspirin is stopped after surgery.", ["Wash your hands before surgery."])


def test_a_clause_goes_on_with_the_words_of_the_one_before() -> None:
    parts = ["Infection came in 4% of operations with drains and 11% of operations without drains."]
    assert not at_odds("Infection came in 11% of operations without drains.", parts)
    parts = ["Drugs were given to nurses with asthma and vitamins to doctors without asthma."]
    assert at_odds("Drugs were given to nurses without asthma.", parts)
