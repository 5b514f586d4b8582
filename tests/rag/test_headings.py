"""Headings of an answer that a source has as well, and those that the model made up."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vademecum.corpora.document import Section
from vademecum.rag.answer import Answer, CorpusRef, ModelRef, Sentence, Source, Timings
from vademecum.rag.headings import copied_headings


def answer(text: str, uncited: str, *sources: Source) -> Answer:
    at = text.index(uncited)
    return Answer(
        question="What is shock?",
        answer=text,
        thinking="",
        status="answered",
        reason="",
        sentences=(Sentence(uncited, at, at + len(uncited), (), "uncited", 0.0),),
        quotes=(),
        sources=sources,
        corpus=CorpusRef("guides", "9f31", 1, ""),
        model=ModelRef("r1-qwen-7b", "nf4", "dense"),
        seed=0,
        timings=Timings(0.1, 1.0, 20.0, 5.0),
        audit_id="a1",
    )


@pytest.mark.parametrize(
    "passage",
    ["## Shock ##\n\nIt is grave.", "# shock:\nIt is grave.", "Shock\nIt is grave.", "## 2. Shock"],
)
def test_a_heading_of_a_passage_is_known(source_of, passage: str) -> None:
    for heading in ("Shock", "SHOCK", "2. Shock", "Shock:"):
        said = answer(f"It is this.\n\n{heading}\nIt is grave.", heading, source_of(1, passage))
        assert copied_headings(said) == {13}


def test_so_is_one_that_the_passage_stands_below(source_of) -> None:
    below = replace(source_of(1, "It is grave."), section="Sepsis > Shock")
    spanned = replace(source_of(1, "It is grave."), sections=(Section("Shock", 0, 12),))
    cited = replace(source_of(1, "It is grave."), cited_sections=("Shock",))
    for source in (below, spanned, cited):
        assert copied_headings(answer("Shock\nIt is grave.", "Shock", source)) == {0}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Shock kills\nIt is grave.", "Shock kills"),  # of the model's own
        ("Ask a doctor. Shock\nIt is grave.", "Shock"),  # within a line
        ("Shock, it says\nIt is grave.", "Shock"),
        ("1.\nIt is grave.", "1."),
    ],
)
def test_nothing_else_is_taken_for_one(source_of, text: str, words: str) -> None:
    assert copied_headings(answer(text, words, source_of(1, "## Shock\n\nIt is grave."))) == set()


def test_what_was_judged_is_no_heading(source_of) -> None:
    said = answer("Shock\nIt is grave.", "Shock", source_of(1, "## Shock\n\nIt is grave."))
    judged = replace(said.sentences[0], support="unsupported")
    assert copied_headings(replace(said, sentences=(judged,))) == set()


@pytest.mark.parametrize(
    ("heading", "known"),
    [
        ("Methotrexate is safe in pregnancy", False),
        ("**Aspirin prevents cancer**", False),
        ("Methotrexat ist sicher", False),
        ("他汀是安全的", False),
        ("Dose in renal failure", True),
    ],
)
def test_one_that_states_something_is_none(source_of, heading: str, known: bool) -> None:
    """It may be the name of a myth."""
    source = source_of(1, f"## {heading}\n\nThis claim is false.")
    said = answer(f"{heading}\nIt is grave.", heading, source)
    assert bool(copied_headings(said)) == known
