from __future__ import annotations

import pytest

from vademecum.rag.names import Held, names


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Serum IL-6 and IL6 fell.", {"il-6", "il6"}),
        ("Type 2 diabetes, grade III toxicity, 2型糖尿病.", {"type 2", "grade 3", "型 2"}),
        ("types 1 and 2 of it", {"type 1", "type 2"}),
        ("The Aspirin trial gave no CI.", set()),
    ],
)
def test_names_are_known_by_their_form(text: str, found: set[str]) -> None:
    assert names(text) == found


@pytest.mark.parametrize(
    ("sentence", "source", "missing"),
    [
        ("IL-8 fell.", "IL-6 fell.", {"il-8"}),
        ("IL6 fell.", "IL-6 fell.", set()),
        ("MERS spread.", "COVID-19 spread.", {"mers"}),
        ("Type I diabetes.", "Type 2 diabetes.", {"type 1"}),
        ("Type II diabetes.", "Type 2 diabetes.", set()),
        ("BMI rose.", "The body mass index rose.", set()),
        ("T2DM rose.", "Type 2 diabetes mellitus rose.", set()),
        ("1型糖尿病。", "2型糖尿病。", {"型 1"}),
    ],
)
def test_a_source_must_hold_the_very_name(sentence: str, source: str, missing: set[str]) -> None:
    assert Held(source).missing(sentence) == missing
