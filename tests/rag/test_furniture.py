"""What is printed on a page and says nothing: it is never the sentence that is quoted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vademecum.rag.extractive import extract, nearest
from vademecum.rag.furniture import Furniture

QUESTION = "Does aspirin reduce stroke?"


@pytest.mark.parametrize(
    "line",
    [
        "Page 3 of 12",
        "Aspirin and stroke - page 3 of 12",
        "3 / 12",
        "- 3 -",
        "Seite 4 von 9",
        "Merkblatt Aspirin und Schlaganfall, Seite 4",
        "Vertraulich - Stand 2024",
        "Vertraulich",
        "Nur für den internen Gebrauch",
        "Merkblatt Aspirin, Stand: Januar 2024",
        "DRAFT - aspirin and stroke",
        "Aspirin guideline version 2.1",
        "CONFIDENTIAL TREATMENT REQUESTED",
        "© 2016 The Authors.",
        "Copyright 2019 Stroke Society. All rights reserved.",
        "J Stroke 2017; 17: 785-790.",
        "ISSN 1234-5678",
        "Downloaded from stroke.example on 3 May",
        "第3页 共12页",
        "内部资料 阿司匹林",
    ],
)
def test_a_notice_is_furniture(source_of, line) -> None:
    source = source_of(1, line)
    assert Furniture(QUESTION, [source]).holds(source, 0, len(line))


@pytest.mark.parametrize(
    "line",
    [
        "Aspirin reduced stroke (p. 3).",
        "The dose is given on page 3.",
        "Page 3 is about stroke",
        "Confidential data are kept for ten years",
        "Version 2 reduced stroke.",
        "The draft was rejected.",
        "Drafted rules apply to wards",
        "Stroke fell in 2016; 17 died.",
        "Die Daten werden vertraulich behandelt",
        "Aspirin 100 mg | once daily",
        "dose: 5 mg",
        "保密资料应当销毁",
        "Of 40 women on aspirin, 3 of 12 with migraine and 5 of 28 without it had a stroke",
    ],
)
def test_a_sentence_is_none(source_of, line) -> None:
    source = source_of(1, line)
    assert not Furniture(QUESTION, [source]).holds(source, 0, len(line))


@pytest.mark.parametrize(
    ("question", "line"),
    [
        ("On which page is the dose?", "Dose, page 3"),
        ("Which version is valid?", "Aspirin guideline version 2.1"),
        ("Welchen Stand hat das Merkblatt?", "Merkblatt Aspirin, Stand: Januar 2024"),
    ],
)
def test_who_asks_for_a_page_or_a_version_is_told(source_of, question, line) -> None:
    source = source_of(1, line)
    assert not Furniture(question, [source]).holds(source, 0, len(line))


HEAD = "Aspirin and stroke in older women"
SAID = "Fewer women on aspirin had a stroke."


def test_a_line_above_two_passages_of_a_document_is_its_running_head(source_of) -> None:
    first = source_of(1, f"Rest helped.\n\n{HEAD}  7\n\n{SAID}")
    second = replace(source_of(2, f"{HEAD} 8\n\nSleep helped."), doc_id=first.doc_id, start=4_000)
    at = first.text.index(HEAD)
    held = Furniture(QUESTION, [first, second])
    assert held.holds(first, at, at + len(HEAD) + 3)
    assert held.holds(second, 0, len(HEAD) + 2)
    assert not held.holds(first, first.text.index(SAID), len(first.text))


@pytest.mark.parametrize("line", ["Aspirin reduces stroke.", "- Aspirin daily", "dose: 5 mg"])
def test_sentences_items_and_rows_may_repeat(source_of, line) -> None:
    source = source_of(1, f"{line}\n\nRest helped.\n\n{line}")
    assert not Furniture(QUESTION, [source]).holds(source, 0, len(line))


def test_a_line_is_a_head_of_its_own_document_only_and_of_one_place_only_once(source_of) -> None:
    first, other = source_of(1, f"{HEAD}\n\n{SAID}"), source_of(2, f"{HEAD}\n\nSleep helped.")
    again = replace(first, n=3)
    assert not Furniture(QUESTION, [first, other, again]).holds(first, 0, len(HEAD))


def test_furniture_is_neither_quoted_nor_extracted(source_of, embedder) -> None:
    notice = "Aspirin and stroke: does aspirin reduce stroke - page 3 of 12"
    source = source_of(1, f"{notice}\n\nAspirin reduced stroke in women.")
    (quotation,) = nearest(QUESTION, "en", [source], embedder)
    assert quotation.text == "Aspirin reduced stroke in women."
    assert extract(QUESTION, "en", [source], embedder).text == "Aspirin reduced stroke in women."
