from __future__ import annotations

import pytest

from vademecum.rag.names import names, names_missing, populations


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Serum IL-6 and IL6 fell.", {"il6"}),
        ("COVID-19 and MERS in HbA1c carriers of BRCA1.", {"covid19", "mer", "hba1c", "brca1"}),
        ("Type 2 diabetes, grade III toxicity, 2型糖尿病.", {"type 2", "grade 3", "型 2"}),
        ("The Aspirin trial. RESULTS: no CI was given.", set()),
    ],
)
def test_names_are_known_by_their_form(text: str, found: set[str]) -> None:
    assert names(text) == found


@pytest.mark.parametrize(
    ("sentence", "source", "missing"),
    [
        ("IL-8 fell.", "IL-6 fell.", {"il8"}),
        ("IL6 fell.", "IL-6 fell.", set()),
        ("MERS spread.", "COVID-19 spread.", {"mer"}),
        ("Type I diabetes.", "Type 2 diabetes.", {"type 1"}),
        ("Type II diabetes.", "Type 2 diabetes.", set()),
        ("BMI rose.", "The body mass index rose.", set()),
        ("ASPIRIN helped.", "Aspirin helped.", set()),
    ],
)
def test_a_source_must_hold_the_very_name(sentence: str, source: str, missing: set[str]) -> None:
    assert names_missing(sentence, source) == missing


@pytest.mark.parametrize(
    ("sentence", "source", "found"),
    [
        ("Risk rose in men.", "Risk rose in women.", "opposed"),
        ("Risk rose in women.", "Risk rose in women and men.", "held"),
        ("Risk rose in men.", "Risk rose.", "missing"),
        ("Risk rose in children.", "Risk rose in hospitalised adults.", "opposed"),
        ("Tumours shrank in mice.", "Tumours shrank in patients.", "opposed"),
        ("Patients improved.", "Risk fell in mice.", "held"),
        ("男性风险更高。", "女性风险更高。", "opposed"),
        ("Older women did well.", "Women above 65 did well.", "missing"),
    ],
)
def test_groups_of_people_exclude_one_another(sentence: str, source: str, found: str) -> None:
    assert populations(sentence, source) == found
