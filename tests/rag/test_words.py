from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vademecum.rag.words import (
    containment,
    content_words,
    language_of,
    numbers,
    stem,
    without_ending,
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1,000 adults", {"1000"}),
        ("12.50%", {"12.5"}),
        (".5 mg", {"0.5"}),
        ("0 of 30", {"0", "30"}),
        ("0·3 (Lancet)", {"0.3"}),
        ("p<0.001", {"0.001"}),
        ("2.5-fold", {"2.5"}),
        ("10–20 mg", {"10", "20"}),
        ("５０％", {"50"}),
        ("共纳入1204例", {"1204"}),
        ("COVID-19, IL-6, PD1, HbA1c and B12", set()),
        ("no figures", set()),
    ],
)
def test_numbers_have_one_spelling(text: str, found: set[str]) -> None:
    assert numbers(text) == found


@pytest.mark.parametrize(
    ("one", "other"),
    [("treated", "treating"), ("treatments", "treat"), ("studies", "study"), ("risk", "risks")],
)
def test_forms_of_a_word_meet(one: str, other: str) -> None:
    assert stem(one) == stem(other)


def test_names_are_whole() -> None:
    assert stem("vasopressin") == stem("vasopressor")
    assert without_ending("vasopressin") != without_ending("vasopressors")
    assert without_ending("vasopressors") == without_ending("vasopressor")


def test_content_words_leave_out_what_carries_no_meaning() -> None:
    assert content_words("Does the aspirin of it help?") == {stem("aspirin"), stem("help")}


def test_chinese_is_compared_by_pairs_of_characters() -> None:
    assert content_words("二甲双胍") == {"二甲", "甲双", "双胍"}


def test_hyphenated_words_meet_their_parts() -> None:
    assert content_words("placebo") <= content_words("placebo-controlled")


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Does metformin help?", "en"),
        ("二甲双胍有什么副作用？", "zh"),
        ("COVID-19 的 mRNA 疫苗有效吗", "zh"),
        ("What does 二甲双胍 mean in English?", "en"),
    ],
)
def test_language_goes_by_script(text: str, language: str) -> None:
    assert language_of(text) == language


@given(st.sets(st.text(max_size=3)), st.sets(st.text(max_size=3)))
def test_containment_is_a_share(words: set[str], within: set[str]) -> None:
    assert 0 <= containment(words, within) <= 1
    assert containment(words, within | words) == (1.0 if words else 0.0)


@given(st.text())
def test_any_text_can_be_read(text: str) -> None:
    content_words(text)
    assert all(float(number) >= 0 for number in numbers(text))
