"""What a document promises: it survives storage, and its hash means "nothing changed"."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vademecum.corpora.document import Document, Filters, Link, MeshHeading, Passage, Section

FULL = Document(
    doc_id="pmid:1",
    title="A β-blocker in 急性 heart failure",
    text="METHODS: We measured.\n\nIt fell.",
    kind="abstract",
    sections=(Section("METHODS", 9, 21),),
    authors=("Doe Jane", "The Study Group"),
    journal="J Tests",
    date="2020-05",
    publication_types=("Journal Article", "Randomized Controlled Trial"),
    mesh=(
        MeshHeading("Humans", "D006801", False, ("blood", "urine")),
        MeshHeading("Rats", "", True),
    ),
    keywords=("one", "two"),
    links=(Link("retraction_in", "2", "J Tests. 2021"), Link("comment_on", None, "")),
    language="eng",
    retracted=True,
    origin="a.xml.gz",
)


def test_json_gives_back_an_equal_document() -> None:
    assert Document.from_json(FULL.to_json()) == FULL
    bare = Document(doc_id="pmid:2", title="T", text="T", kind="title")
    assert Document.from_json(bare.to_json()) == bare


def test_content_hash_ignores_only_where_and_when_it_came() -> None:
    later = replace(FULL, origin="b.xml.gz", revised="2026-01-13")
    assert later.content_hash() == FULL.content_hash()
    for change in (
        {"text": "x"},
        {"retracted": False},
        {"version": "2"},
        {"mesh": ()},
        {"links": FULL.links[:1]},
    ):
        assert replace(FULL, **change).content_hash() != FULL.content_hash(), change


@pytest.mark.parametrize(
    ("date", "year"), [("2020", 2020), ("1999-12", 1999), ("2001-02-03", 2001), ("", None)]
)
def test_year(date: str, year: int | None) -> None:
    assert replace(FULL, date=date).year == year


@pytest.mark.parametrize(
    ("doc_id", "file"),
    [
        ("pmid:1", ""),
        ("pmcid:PMC1", ""),
        ("doi:10.1/x", ""),
        ("file:0a1b", "a.xml.gz"),
        ("row:0a1b", "a.xml.gz"),
        ("papers:17", "a.xml.gz"),
    ],
)
def test_a_file_names_what_no_number_names(doc_id: str, file: str) -> None:
    assert replace(FULL, doc_id=doc_id).file == file


def test_evidence_level_names_the_strongest_design() -> None:
    both = replace(FULL, publication_types=("Review", "Meta-Analysis", "Case Reports"))
    assert FULL.evidence_level == "randomised trial"
    assert both.evidence_level == "systematic review"
    assert replace(FULL, publication_types=("Journal Article",)).evidence_level == ""


def test_filters_admit() -> None:
    assert not Filters()
    assert Filters().admits(FULL)
    assert Filters(year_from=2020, year_to=2020).admits(FULL)
    assert not Filters(year_from=2021).admits(FULL)
    assert not Filters(year_to=2019).admits(FULL)
    assert not Filters(year_to=2030).admits(replace(FULL, date="")), "an undated work fails a year"
    assert Filters(mesh=("Humans", "Rats")).admits(FULL), "all headings"
    assert not Filters(mesh=("Humans", "Mice")).admits(FULL)
    assert Filters(publication_types=("Review", "Journal Article")).admits(FULL), "any type"
    assert not Filters(publication_types=("Review",)).admits(FULL)
    assert not Filters(languages=("chi",)).admits(FULL)
    assert not Filters(exclude_retracted=True).admits(FULL)


def test_passage_id_names_document_and_place() -> None:
    assert Passage("pmid:1", 3, 0, 1, "x").passage_id == "pmid:1#3"
