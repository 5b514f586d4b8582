"""The first is not the second."""

from __future__ import annotations

import pytest

from vademecum.rag import ordinals

DOSES = [
    "The first dose is given at birth.",
    "The second dose is given at six weeks, and the third dose at six months.",
]


@pytest.mark.parametrize(
    ("claim", "wrong"),
    [
        ("The second dose is given at six weeks.", False),
        ("At six months the third dose is given.", False),
        ("The 2nd dose is given at six weeks.", False),
        ("The third dose is given at six weeks.", True),
        ("The first dose is given at six weeks.", True),
        ("The 1st dose is given at six weeks.", True),
        ("The fourth dose is given at birth.", True),
        ("The dose is given at six weeks.", False),
        ("The second and third doses are given at six weeks and six months.", False),
        ("The second dose is free.", False),
    ],
)
def test_what_is_said_of_one_in_a_row(claim, wrong) -> None:
    assert ordinals.at_odds(claim, DOSES) == wrong


@pytest.mark.parametrize(
    ("passage", "right", "wrong"),
    [
        (
            "Die Miete ist bis zum dritten Werktag eines Monats zu zahlen.",
            "Bis zum dritten Werktag eines Monats ist die Miete zu zahlen.",
            "Die Miete ist bis zum fünften Werktag eines Monats zu zahlen.",
        ),
        (
            "In der ersten Woche erhalten die Patienten 10 mg, in der zweiten Woche 20 mg.",
            "In der zweiten Woche erhalten die Patienten 20 mg.",
            "In der dritten Woche erhalten die Patienten 10 mg.",
        ),
        (
            "第一次催告免费，第二次催告收费五元。",
            "第二次催告收费五元。",
            "第一次催告收费五元。",
        ),
    ],
)
def test_in_german_and_chinese(passage, right, wrong) -> None:
    assert ordinals.at_odds(wrong, [passage])
    assert not ordinals.at_odds(right, [passage])


@pytest.mark.parametrize(
    ("passage", "claim"),
    [
        ("Pain fell in one third of women.", "Pain fell in the first third of women."),
        ("The first drug lowered pain.", "The second trial lowered pain."),
        ("Rest for 30 second intervals helped knees.", "Rest for first intervals helped knees."),
        ("At first pain rose in most women.", "In the second week pain rose in most women."),
        ("Pain rose in the first or second week.", "Pain rose in the second week."),
    ],
)
def test_what_counts_no_place_in_a_row_and_other_rows(passage, claim) -> None:
    assert not ordinals.at_odds(claim, [passage])
