"""A day is the same day however it is written."""

from __future__ import annotations

import pytest

from vademecum.rag import asked_english as english
from vademecum.rag import asked_german as german
from vademecum.rag.dates import asks_of_days, by_days, days_of, with_days


@pytest.mark.parametrize(
    "written",
    [
        "30 November 2026",
        "30th of November",
        "November 30, 2026",
        "Nov 30th",
        "30. November",
        "30 november",
        "2026-11-30",
        "30.11.2026",
        "30.11.",
    ],
)
def test_a_day_is_one_word(written: str) -> None:
    assert days_of(f"It is on {written} at noon") == {"Day1130"}
    assert by_days(f"Who works on {written}?").split() == ["Who", "works", "on", "Day1130", "?"]


@pytest.mark.parametrize(
    "text",
    [
        "November 2026",
        "You may 5 times",
        "version 10.11.12.13",
        "chapter 3.4 of 2026",
        "0151-44-10",
        "November 30:12",
        "2026-13-01",
    ],
)
def test_what_is_no_day(text: str) -> None:
    assert days_of(text) == set()
    assert by_days(text) == with_days(text) == text


def test_a_day_in_digits_has_the_name_of_its_month_in_a_text() -> None:
    assert with_days("due 2026-12-01") == "due 2026-12-01 Day1201 December Dezember"
    assert with_days("due 1 December") == "due 1 December Day1201"


@pytest.mark.parametrize(
    ("question", "asks"),
    [
        ("Who works on 2026-11-30?", True),
        ("Who works in November?", True),
        ("Wer arbeitet am 30.11.?", True),
        ("May I work at 9?", True),  # nothing is lost by reading the days of texts in vain
        ("Who may work at 9?", False),
    ],
)
def test_whether_a_question_names_a_day_or_a_month(question: str, asks: bool) -> None:
    assert asks_of_days(question) == asks


def test_the_words_of_questions_and_texts_have_their_days() -> None:
    (day,) = english.asked_words("What happens on 30 November 2026?")
    assert english.holds(english.words_of("due: 2026-11-30"), day)
    assert not english.holds(english.words_of("due: 2026-11-29"), day)
    assert english.holds(english.words_of("due: 2026-11-29"), "november")
    (day,) = german.asked_words("Was ist am 30. November 2026?")
    assert german.share_held(day, german.stems("fällig: 2026-11-30")) == 1.0
    assert german.share_held(day, german.stems("fällig: 29.11.2026")) == 0.0
