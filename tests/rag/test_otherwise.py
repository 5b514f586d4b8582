"""What is said of one thing and otherwise of another."""

from __future__ import annotations

import pytest

from vademecum.rag.otherwise import agrees, at_odds

TWO_TIMES = ["Pain was less on day 1.", "On day 3 pain was greater."]
TWO_BOUNDS = ["The drug reduced death within 3 hours; after 3 hours it increased death."]
TWO_GROUPS = ["Screening halved deaths in men.", "In women no change was seen."]
TWO_DRUGS = ["Ramipril senkte den Blutdruck, Prednisolon erhöhte ihn."]
WITH_AND_WITHOUT = ["Stroke was rarer in patients with asthma but not in those without asthma."]
ON_NOTHING = [
    "Steroids lowered deaths among ventilated patients, but not among those receiving no oxygen."
]
CHINESE = ["筛查使男性的死亡率降低了一半，女性的死亡率没有变化。"]


@pytest.mark.parametrize(
    ("wrong", "right", "parts"),
    [
        ("On day 3 pain was less.", "On day 3 pain was greater.", TWO_TIMES),
        (
            "The drug reduced death after 3 hours.",
            "The drug increased death after 3 hours.",
            TWO_BOUNDS,
        ),
        ("Screening halved deaths in women.", "In men screening halved deaths.", TWO_GROUPS),
        ("Ramipril erhöhte den Blutdruck.", "Ramipril senkte den Blutdruck.", TWO_DRUGS),
        (
            "Stroke was rarer in patients without asthma.",
            "Stroke was rarer in patients with asthma.",
            WITH_AND_WITHOUT,
        ),
        (
            "Among patients receiving no oxygen, steroids lowered deaths.",
            "Among ventilated patients, steroids lowered deaths.",
            ON_NOTHING,
        ),
        ("筛查使女性的死亡率降低了一半。", "男性的死亡率降低了一半。", CHINESE),
    ],
)
def test_the_direction_of_one_is_not_that_of_the_other(
    wrong: str, right: str, parts: list[str]
) -> None:
    assert at_odds(wrong, parts)
    assert not at_odds(right, parts)
    assert not agrees(wrong, parts)


def test_what_names_its_own_and_not_the_other_agrees() -> None:
    assert agrees("On day 3 pain was greater.", TWO_TIMES)
    assert not agrees("Pain was greater.", TWO_TIMES)


def test_another_statement_may_say_just_that() -> None:
    parts = [*TWO_GROUPS, "In women aged 75 screening halved deaths."]
    assert not at_odds("Screening halved deaths in women.", parts)


def test_both_together_are_at_odds_with_neither() -> None:
    assert not at_odds("Screening halved deaths in men, and not in women.", TWO_GROUPS)


LONGER = ["Survival was longer in patients with a donor than in those without a donor."]


def test_what_is_longer_on_one_side_is_shorter_on_the_other() -> None:
    assert at_odds("Survival was longer in patients without a donor.", LONGER)
    assert at_odds("Survival was shorter in patients with a donor.", LONGER)
    assert agrees("Survival was shorter in patients without a donor.", LONGER)
    assert agrees("Survival was longer in patients with a donor.", LONGER)


def test_a_comparative_that_no_list_has() -> None:
    parts = ["Die Heilung war mit Verband schneller als ohne Verband."]
    assert at_odds("Ohne Verband war die Heilung schneller.", parts)
    assert not at_odds("Mit Verband war die Heilung schneller.", parts)


def test_parentheses_between_two_halves_name_neither() -> None:
    parts = ["Statins reduced deaths among outpatients (3% vs 7%), but not among inpatients (12%)."]
    assert at_odds("Statins reduced deaths among inpatients.", parts)
    assert not at_odds("Statins reduced deaths among outpatients.", parts)
