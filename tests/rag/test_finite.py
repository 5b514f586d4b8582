"""The finite verb of a short clause, told by its form and its place."""

from __future__ import annotations

import pytest

from vademecum.rag.finite import tokens, verb_at


@pytest.mark.parametrize(
    ("clause", "verb"),
    [
        ("The key of the boathouse hangs behind the blue door", "hangs"),
        ("Kayaks cost 12 euros an hour", "cost"),
        ("Rowing boats lie on the upper rack", "lie"),
        ("Bleeding occurs", "occurs"),
        ("The eGFR falls below 30", "falls"),
        ("Paper is kept under the printer", "is"),
        ("Die Kamera wird gekühlt", "wird"),
        ("In adults with asthma", None),
        ("The opening hours differ", "differ"),
        ("is kept", None),
        ("", None),
    ],
)
def test_where_the_verb_of_a_clause_stands(clause: str, verb: str | None) -> None:
    words = [token.word for token in tokens(clause)]
    at = verb_at(words)
    assert (None if at is None else words[at]) == verb


def test_tokens_are_words_and_numbers_where_they_stand_without_articles() -> None:
    text = "The dose is 0.5 mg."
    assert [text[token.start : token.end] for token in tokens(text)] == ["dose", "is", "0.5", "mg"]
