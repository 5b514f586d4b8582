"""What is not changed is not said to be changed, in whatever words."""

from __future__ import annotations

import pytest

from vademecum.rag.unaffected import at_odds, changed

CARE = [
    "Statins were associated with a reduced need for ventilation and lower mortality.",
    "They did not prevent patients from needing care in the intensive care unit.",
]
GERMAN = [
    "Die Schulung senkte die Zahl der Stürze.",
    "Auf die Aufnahmen ins Krankenhaus hatte sie keinen Einfluss.",
]


@pytest.mark.parametrize(
    ("sentence", "what"),
    [
        ("Tea was linked to a lower risk of gout in men.", [{"gout"}]),
        (
            "Letters improved attendance and viral suppression.",
            [{"attendan"}, {"viral", "suppress"}],
        ),
        ("Pain was lower than with aspirin.", [{"pain"}]),
        ("Itching was relieved by steroids and by ointment.", [{"itch"}]),
        ("Tea lessened gout.", [{"gout"}]),
        ("Women wait longer, which raises their risk.", []),
        ("The clinic is in the old town.", []),
    ],
)
def test_what_a_sentence_says_is_changed(sentence: str, what: list[set[str]]) -> None:
    assert [set(names) for names in changed(sentence)] == what


@pytest.mark.parametrize(
    ("sentence", "parts"),
    [
        ("Statins are associated with a reduced need for intensive care.", CARE),
        ("Statins lowered mortality and intensive care.", CARE),
        ("Cameras lowered vandalism.", ["Cameras lowered theft.", "Vandalism was not affected."]),
        (
            "The scheme cut noise and lowered fines.",
            ["It cut noise.", "It had no effect on fines."],
        ),
        ("Die Schulung senkte die Zahl der Aufnahmen ins Krankenhaus.", GERMAN),
    ],
)
def test_it_is_at_odds_with_a_passage_that_only_denies_it(sentence: str, parts: list[str]) -> None:
    assert at_odds(sentence, parts)


@pytest.mark.parametrize(
    ("sentence", "parts"),
    [
        ("Statins were associated with a reduced need for ventilation.", CARE),
        ("Statins did not lower the need for intensive care.", CARE),
        ("Statins might lower the need for intensive care.", CARE),
        # Denied of the one, and told of the other.
        (
            "Tea prevented gout.",
            ["Coffee did not prevent gout.", "With tea gout was rarer than ever."],
        ),
        ("Die Schulung senkte die Zahl der Stürze.", GERMAN),
        ("Stay was longer with gout.", ["Stay was longer with gout than without gout."]),
    ],
)
def test_what_another_clause_tells_of_may_be_changed(sentence: str, parts: list[str]) -> None:
    assert not at_odds(sentence, parts)
