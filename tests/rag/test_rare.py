"""What a question names things by, and texts that have nothing of that name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from vademecum.rag.abstain import choose
from vademecum.rag.extractive import extract, nearest
from vademecum.rag.rare import RareWords, unheard_of
from vademecum.rag.retrieve import search

RARE = ("bisoprolol", "metoprolol", "reimplantation", "undertreated", "eczema", "clarithromycin")


@pytest.fixture
def cutting(embedder, monkeypatch):
    """An embedder whose tokenizer cuts these words as it does rare ones."""

    def counts(texts: Sequence[str]) -> list[int]:
        return [4 if text in RARE else 1 for text in texts]

    monkeypatch.setattr(embedder, "count_tokens", counts)
    return embedder


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("What is the dose of bisoprolol in heart failure?", ["bisoprolol"]),
        ("Is bisoprolol allowed?", ["bisoprolol"]),
        ("Does aspirin help against eczema?", ["eczema"]),
        ("Are the elderly undertreated?", []),  # what is done
        ("Is reimplantation of arteries a waste?", []),
        ("Who takes the bisoprolol tablets?", []),
        ("Wie hoch ist die Dosis von bisoprolol?", []),  # German weighs its words itself
        ("What is the dose of it in children?", []),
    ],
)
def test_what_stands_alone_between_small_words_is_a_name(
    cutting, question: str, names: list[str]
) -> None:
    assert RareWords((), cutting).names(question) == names


def test_a_thing_is_unheard_of_where_no_text_names_it_nor_nearly(cutting) -> None:
    question = "What is the dose of bisoprolol in heart failure?"
    other = "In heart failure the dose of metoprolol is 11.9 mg."
    assert unheard_of(question, [other], cutting)
    for written in ("Bisoprolol", "bisoprolols", "Bisoprolul"):
        assert not unheard_of(question, [other, f"{written} is not kept."], cutting)
    assert not unheard_of("What is the dose in heart failure?", [other], cutting)


def test_of_a_thing_that_no_text_names_nothing_is_in_the_library(shelf, cutting) -> None:
    for question, withheld in (
        ("Does aspirin reduce stroke in older women?", None),
        ("Does aspirin reduce stroke in older women with eczema?", "unnamed"),
    ):
        found = search(shelf, cutting, "test", question, 5)
        assert choose(question, found, "en", cutting)[1] == withheld


def test_a_source_that_does_not_name_it_is_not_quoted(source_of, cutting) -> None:
    own = replace(source_of(1, "In heart failure the dose is 11.9 mg."), title="Metoprolol tablets")
    listed = replace(source_of(2, "With clarithromycin the dose is halved."), title="Interactions")
    both = [own, listed]
    question = "What is the dose of bisoprolol in heart failure?"
    assert extract(question, "en", both, cutting).text == ""
    assert nearest(question, "en", both, cutting) == ()
    question = "What is the dose of clarithromycin in heart failure?"
    assert "11.9 mg" not in extract(question, "en", both, cutting).text
    question = "What is the dose of metoprolol in heart failure?"
    assert extract(question, "en", both, cutting).text == own.text
