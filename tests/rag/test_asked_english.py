"""Which words of an English question say what it is about, and whether a text holds them."""

from __future__ import annotations

import pytest

from vademecum.rag.asked_english import (
    asked_words,
    holds,
    share_held,
    subject,
    weights,
    words_of,
)


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        ("How often is the carbon filter replaced?", {"carbon", "filter", "replac"}),
        ("What happens if two inspections are failed?", {"two", "inspecti", "fail"}),
        ("Is it allowed to use the lift?", {"lift"}),
        ("How wide is the gate?", {"wid", "gat"}),  # a text may well say how wide
        ("How long does it take?", {"tak"}),
        ("What is needed?", {"need"}),  # all of it asks
        ("Was anybody harmed?", {"harm"}),
        ("What is done when something leaks?", {"leak"}),
        ("What happens if aspirin is taken with iron?", {"aspirin", "iron"}),
        ("Who looks after the garden?", {"garden"}),
        ("Did anyone find a wallet?", {"wallet"}),  # "found" carries no meaning in texts
        ("What happened to the wallet?", {"wallet"}),
    ],
)
def test_what_only_asks_is_left_out(question: str, asked: set[str]) -> None:
    assert set(asked_words(question)) == asked


def test_what_kind_of_thing_is_asked_for_counts_little() -> None:
    asked = asked_words("Which drugs must not be given together with aspirin?")
    assert asked == {"drug": 0.25, "giv": 1.0, "aspirin": 1.0}


@pytest.mark.parametrize(
    ("question", "word"),
    [
        ("How often is the carbon filter replaced?", "carbon"),
        ("Which drugs are given with aspirin?", "giv"),
        ("Why?", ""),
    ],
)
def test_what_a_question_is_about_comes_first(question: str, word: str) -> None:
    assert subject(question) == word


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("What was given?", "Heparin: do not give it."),
        ("When was it stopped?", "Stop it at once."),
        ("Is it insured?", "The insurance covers it."),
        ("Who threw it?", "It is thrown away."),
        ("Who may lend it?", "It is never lent."),
        ("Who drives?", "driver: Owen Grady"),
        ("Does it start?", "It begins at nine."),
        ("Is a dog allowed?", "Pets may be kept."),
        ("Are pets allowed?", "Dogs may be kept."),
    ],
)
def test_a_word_is_held_in_another_form(question: str, text: str) -> None:
    (word,) = asked_words(question)
    assert holds(words_of(text), word)


@pytest.mark.parametrize(
    ("word", "text"), [("tech", "A technique."), ("dose", "A door."), ("cat", "A dog.")]
)
def test_another_word_does_not_hold_it(word: str, text: str) -> None:
    assert not holds(words_of(text), *words_of(word))


def test_what_few_texts_hold_tells_more() -> None:
    texts = [words_of(text) for text in ("The pump and the filter.", "The pump.", "A pump stops.")]
    counts = weights(asked_words("Does the pump have a filter or a valve?"), texts)
    assert counts["pump"] < counts["filter"] < counts["valv"]
    assert share_held(counts, texts[0]) > share_held(counts, texts[1]) > 0
    assert share_held({}, texts[0]) == 0.0
