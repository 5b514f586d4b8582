"""A sentence may say two things of two subjects; what joins nouns parts no clauses."""

from __future__ import annotations

import pytest

from vademecum.rag.clauses import clauses, subject


@pytest.mark.parametrize(
    ("sentence", "parts"),
    [
        (
            "Noradrenaline is the first choice; vasopressin may be added.",
            ("Noradrenaline is the first choice", "vasopressin may be added."),
        ),
        (
            "Cloud services contributed 62% of revenue, while hardware was loss-making.",
            ("Cloud services contributed 62% of revenue", "hardware was loss-making."),
        ),
        # No form tells these verbs: the comma before "and" does.
        (
            "Adrenaline causes lactic acidosis, and noradrenaline causes bradycardia.",
            ("Adrenaline causes lactic acidosis", "noradrenaline causes bradycardia."),
        ),
        # "Who" is the last thing named.
        (
            "The consultant leads the registrar, who leads the house officer.",
            ("The consultant leads the registrar", "the registrar leads the house officer."),
        ),
        ("He saw Dr Amari, who advised rest.", ("He saw Dr Amari", "Dr Amari advised rest.")),
        # What begins with a verb is said of the subject before it.
        (
            "The board appoints the directors and sets their pay.",
            ("The board appoints the directors", "The board sets their pay."),
        ),
        # Nor does the comma: the noun before each verb does.
        (
            "Members pay 40 percent of the fee and the club pays the rest.",
            ("Members pay 40 percent of the fee", "the club pays the rest."),
        ),
        *(
            (whole, (whole,))
            for whole in (
                "Adrenaline and noradrenaline are given by infusion.",
                "Fever, cough, and headache were frequent.",
                "In adults, and in children, it lowers fever.",
                "The patient lies flat with the legs raised.",
                "The rate of heart attacks and the number of strokes rise.",
            )
        ),
    ],
)
def test_clauses(sentence: str, parts: tuple[str, ...]) -> None:
    assert clauses(sentence) == parts


def test_the_subject_stands_before_the_verb() -> None:
    assert subject("In septic shock noradrenaline is the first choice.") == (
        "In septic shock noradrenaline"
    )
    assert subject("Salbutamol relieves wheeze.") == "Salbutamol relieves wheeze."
