"""A day of the week is of what the passage says it is."""

from __future__ import annotations

import pytest

from vademecum.rag.weekdays import at_odds, days

CLINIC = ["The clinic is open on Mondays and Thursdays.", "The shop is open on Tuesdays."]
PAPER = ["Paper is collected every Wednesday, glass is collected every Friday."]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("Mondays and Thursdays", {0, 3}),
        ("montags und donnerstags", {0, 3}),
        ("Monday to Friday", {0, 1, 2, 3, 4}),
        ("Freitag bis Montag", {4, 5, 6, 0}),
        ("星期二和周日", {1, 6}),
        ("on most days", set()),
    ],
)
def test_days_are_known_in_each_language(text: str, named: set[int]) -> None:
    assert days(text) == named


@pytest.mark.parametrize(
    ("sentence", "parts"),
    [
        ("The clinic is open on Mondays and Wednesdays.", CLINIC),
        ("The clinic is open on Mondays and Tuesdays.", CLINIC),
        ("It is open on Mondays and Tuesdays.", ["Geöffnet ist montags und donnerstags."]),
        ("Paper is collected every Friday.", PAPER),
        # What is said of weekends leaves no room for a day of the week, nor what is closed then.
        (
            "The clinic is open on Tuesdays.",
            ["The clinic is open on Mondays.", "It is closed at weekends."],
        ),
        (
            "The clinic is open on Saturdays.",
            ["The clinic is open on Mondays.", "It is closed at weekends."],
        ),
        ("It is open on Sundays.", ["It is open on weekdays and on Saturdays."]),
        ("门诊时间为周一和周二。", ["门诊时间为周一和周四。"]),
    ],
)
def test_another_day_is_at_odds(sentence: str, parts: list[str]) -> None:
    assert at_odds(sentence, parts)


@pytest.mark.parametrize(
    ("sentence", "parts"),
    [
        ("The clinic is open on Thursdays.", CLINIC),
        ("It is open on Mondays and Thursdays.", ["Geöffnet ist montags und donnerstags."]),
        ("Paper is collected every Wednesday, glass is collected every Friday.", PAPER),
        ("It is open on Wednesday.", ["It is open from Monday to Friday."]),
        # What is closed on Sundays is open on the others.
        ("It is open from Monday to Saturday.", ["It is closed on Sundays."]),
        ("It is open on Mondays.", ["It is open on weekdays and on Saturdays."]),
        ("It is open on Mondays.", ["It is open in summer."]),
        ("It is closed on Sundays.", ["It is open on Mondays.", "It is closed at weekends."]),
        ("Es ist samstags offen.", ["Es ist freitags offen.", "Werktags ist es offen."]),
    ],
)
def test_its_own_day_and_one_that_may_be_meant_are_not(sentence: str, parts: list[str]) -> None:
    assert not at_odds(sentence, parts)
