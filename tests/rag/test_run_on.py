"""Two sentences of a passage that a sentence runs together."""

from __future__ import annotations

import time

import pytest

from vademecum.rag.at_odds import at_odds as any_way
from vademecum.rag.check import check
from vademecum.rag.run_on import at_odds, said_of_another, statements

BOATHOUSE = [
    "The key of the boathouse hangs behind the blue door.",
    "A lost key costs 45 euros.",
    "Kayaks cost 12 euros an hour.",
    "Rowing boats must be back by six.",
]
OFFICE = [
    "The printer stands in room 12.",
    "When the toner is empty, the office orders a new one.",
    "The greenhouse is aired at noon.",
    "If the hose leaks, the caretaker is called.",
]
DRUGS = ["Codeine causes constipation.", "Tramadol lowers the seizure threshold."]
MIETE = ["Die Miete beträgt 800 Euro.", "Die Kaution liegt auf einem Sparbuch."]


@pytest.mark.parametrize(
    ("sentence", "parts"),
    [
        ("The key of the boathouse hangs behind the blue door is lost.", BOATHOUSE),
        ("The key hangs behind the blue door is lost, and 45 euros are paid.", BOATHOUSE),
        ("The printer stands in room 12 is empty, and the office orders a new one.", OFFICE),
        ("Yes, the printer stands in room 12 is empty.", OFFICE),
        ("The greenhouse is aired at noon leaks, and the caretaker is called.", OFFICE),
        ("Die Miete beträgt 800 Euro liegt auf einem Sparbuch.", MIETE),
    ],
)
def test_a_whole_clause_is_no_subject_of_another_verb(sentence: str, parts: list[str]) -> None:
    assert at_odds(sentence, parts)
    assert any_way(sentence, parts, parts, "en")


@pytest.mark.parametrize(
    ("sentence", "parts"),
    [
        ("The key that hangs behind the blue door is lost.", BOATHOUSE),
        ("The key hanging behind the blue door is lost.", BOATHOUSE),
        ("The key of the boathouse is lost.", BOATHOUSE),
        ("The key of the boathouse hangs behind the blue door and is lost.", BOATHOUSE),
        ("The key of the boathouse hangs behind the blue door.", BOATHOUSE),
        ("The club says the key of the boathouse hangs behind the blue door.", BOATHOUSE),
        (
            "The pool opens at seven closes at nine.",
            ["The pool opens at seven.", "The pool closes at nine."],
        ),
        (
            "The pool opens at seven closes at nine.",
            ["The pool opens at seven.", "It closes at nine."],
        ),
        ("The reason he is late has to do with rain.", ["The reason he is late is the rain."]),
        ("", BOATHOUSE),
        ("The key is lost.", []),
    ],
)
def test_what_is_joined_or_told_of_the_subject_is_no_matter_of_this_rule(
    sentence: str, parts: list[str]
) -> None:
    assert not at_odds(sentence, parts)


def test_further_verbs_are_statements_about_the_subject() -> None:
    sentence = "Kayaks cost 12 euros an hour and must be back by six and are red."
    assert statements(sentence, BOATHOUSE) == ("Kayaks must be back by six", "Kayaks are red")
    between = "Codeine, which lowers the seizure threshold, causes constipation."
    assert statements(between, DRUGS) == (
        "Codeine lowers the seizure threshold",
        "Codeine causes constipation.",
    )
    assert statements("The key of the shed, which is red, is lost.", BOATHOUSE) == ()


@pytest.mark.parametrize(
    ("sentence", "parts"),
    [
        ("Kayaks cost 12 euros an hour and must be back by six.", BOATHOUSE),
        ("Codeine, which lowers the seizure threshold, causes constipation.", DRUGS),
    ],
)
def test_what_is_said_of_another_thing_is_not_joined_to_the_first(
    sentence: str, parts: list[str]
) -> None:
    assert said_of_another(sentence, parts)
    assert any_way(sentence, parts, parts, "en")


@pytest.mark.parametrize(
    "other",
    ["All boats must be back by six.", "Boats of every kind must be back by six.", "Six is late."],
)
def test_what_is_said_of_all_may_be_said_of_one(other: str) -> None:
    parts = ["Kayaks cost 12 euros an hour.", other]
    assert not said_of_another("Kayaks cost 12 euros an hour and must be back by six.", parts)


def test_such_a_sentence_is_not_supported(source_of, embedder) -> None:
    source = source_of(1, " ".join(BOATHOUSE), "Rules of the boathouse")
    claims = (
        "The key of the boathouse hangs behind the blue door is lost, and 45 euros are paid.",
        "The key of the boathouse hangs behind the blue door, and a lost key costs 45 euros.",
    )
    assert [check(claim, [source], embedder).sentences[0].support for claim in claims] == [
        "unsupported",
        "supported",
    ]


def test_a_long_sentence_is_read_in_time() -> None:
    start = time.process_time()
    assert at_odds("the key hangs behind the blue door is lost, " * 2000, BOATHOUSE)
    assert not at_odds(", ".join("a" * 20000), BOATHOUSE)
    assert time.process_time() - start < 10  # minutes, if it were not linear


def test_the_animal_may_be_the_cat() -> None:
    parts = ["The cat sleeps in the barn.", "The animal is fed by the neighbour."]
    assert not said_of_another("The cat sleeps in the barn and is fed by the neighbour.", parts)
    parts[1] = "The horse is fed by the neighbour."
    assert said_of_another("The cat sleeps in the barn and is fed by the neighbour.", parts)
