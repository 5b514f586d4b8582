"""Sentences of answers and sources: the library's, joined where it cuts through one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vademecum.corpora.sentences import split_sentences
from vademecum.rag.sentences import sentences_of


def sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences_of(text)]


@pytest.mark.parametrize(
    "text",
    [
        "The lease began on 1. March 2024 in Leeds.",
        "It ran from 1. June to 30. September 2021.",
        "The ward round is on Tue. 5 May at noon.",
        "Drs. Roe and Doe disagreed.",
        "It was said before (Roe, A. (2000) J. Biol. Chem. 275, 16404).",
        "It was led by the Univ. Hosp. Bonn.",
        "Es waren mind. 20 Personen.",
        "Nach 2. Mahnung wird gekündigt.",
        "Zahlbar bis spätestens 3. Werktag eines Monats.",
        "There are three ways: 1. Sue, 2. Settle, 3. Give in.",
        "SECTION 16. Invalidity of a term.",
        "4.1. Shipment is free.",
        "## 3. Shipment of goods",
        "The changes in the value of hedges are\n\nrecognised in equity.",
    ],
)
def test_these_are_one_sentence(text: str) -> None:
    assert len(split_sentences(text)) > 1
    assert sentences(text) == [text]


@pytest.mark.parametrize(
    "parts",
    [
        ["It rose in group 1.", "March was colder."],
        ["They were aged 3, 4, 5.", "The others were older."],
        ["He changed his mind.", "20 others did not."],
        ["It went on till p. 3.", "The rest is lost."],
        ["Er las bis Seite 3.", "Danach schlief er."],
        ["The dose was 5.", "It rose."],
        ["They met on Fri.", "The others came later."],
        ["We studied biology and Chem.", "The exam was hard."],
        ["1. Take the tablet.", "2. Do not chew it."],
        ["Hedges and swaps", "What they are"],
        ["The following apply:", "notice in writing", "thirty days"],
        ["Wash your hands", "a) with soap"],
    ],
)
def test_these_are_not(parts: list[str]) -> None:
    between = " " if parts[0].endswith(".") else "\n\n"
    assert sentences(between.join(parts)) == parts


@given(st.text(alphabet="aA1.: \n(;,2"))
def test_every_sentence_begins_with_one_of_the_librarys_and_none_is_lost(text: str) -> None:
    theirs, ours = split_sentences(text), sentences_of(text)
    assert {start for start, _ in ours} <= {start for start, _ in theirs}
    assert {end for _, end in ours} <= {end for _, end in theirs}
    assert "".join("".join(map(str.strip, sentences(text))).split()) == "".join(text.split())
