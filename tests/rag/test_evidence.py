from __future__ import annotations

import pytest

from vademecum.rag.answer import Source
from vademecum.rag.evidence import bearing, behind_heading, evidence

TEXT = "Cohorts were pooled. Mortality fell by 12% under statins. Mortality fell by 30% in women."
SOURCE = Source(
    n=1,
    doc_id="pmid:1",
    passage_id="pmid:1#0",
    title="Statins",
    year=2020,
    journal="J",
    url="",
    kind="abstract",
    retracted=False,
    evidence_level="",
    text=TEXT,
    start=100,
    end=100 + len(TEXT),
    score=1.0,
)


def test_it_is_the_sentence_that_shares_most_words_counted_in_the_document() -> None:
    at = evidence("The cohorts were pooled.", SOURCE)
    assert at == 100


def test_of_two_like_sentences_it_is_the_one_with_the_number() -> None:
    at = evidence("Mortality fell by 30%.", SOURCE)
    assert at is not None
    assert TEXT[at - 100 :].startswith("Mortality fell by 30%")


def test_no_sentence_is_singled_out_for_a_claim_it_does_not_share() -> None:
    assert evidence("Bananas ripen faster beside apples.", SOURCE) is None


LEAFLET = (
    "Metoprolol tablets: information for the counter\n\n"
    "What it is used for\nMetoprolol tablets are used for angina and for high blood pressure.\n\n"
    "Dose\nThe tablets may be divided, but they must not be crushed."
)


def test_a_heading_with_as_many_words_is_not_the_sentence_that_says_it() -> None:
    start, end = bearing("Metoprolol tablets must not be crushed.", LEAFLET) or (0, 0)
    assert LEAFLET[start:end] == "The tablets may be divided, but they must not be crushed."


def test_a_heading_is_where_no_sentence_says_as_much() -> None:
    start, end = bearing("Information for the counter is given.", LEAFLET) or (0, 0)
    assert LEAFLET[start:end] == "Metoprolol tablets: information for the counter"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "What it is used for\nMetoprolol is used for angina.",
            "Metoprolol is used for angina.",
        ),
        ("House rules of\nThe gate is locked at ten.", "The gate is locked at ten."),
        # A line that was wrapped, that says something itself, or that is an item of a list.
        ("The key was handed to the boat warden of the rowing club by\nAnna.", None),
        ("The gate is locked at\nTen Bells every night.", None),
        ("- towels\nThe gate is locked.", None),
        ("Opening hours\nMon 9-12", None),
    ],
)
def test_a_heading_stays_out_of_the_sentence_below(text: str, sentence: str | None) -> None:
    assert text[behind_heading(text, 0, len(text)) :] == (sentence or text)
