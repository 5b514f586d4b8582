"""Documents of one work find each other, in whatever order they come."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from library_support import NAME, assert_sound, batch, filled, to_first_layout

from vademecum.corpora.document import Deletion, Document, Filters, Link
from vademecum.corpora.library import Batch, Library
from vademecum.corpora.works import copies, identifiers, known_as, names, normal_doi, works


@pytest.mark.parametrize(
    "written",
    [
        "10.1000/ABC.1(2)",
        "https://doi.org/10.1000/abc.1(2)",
        "doi:10.1000/abc.1(2).",
        "http://dx.doi.org/10.1000%2Fabc.1(2)",
        "(10.1000/abc.1(2))",
    ],
)
def test_a_doi_is_compared_however_it_is_written(written: str) -> None:
    assert normal_doi(written) == "10.1000/abc.1(2)"


@pytest.mark.parametrize("written", ["", "n/a", "10.1/x", "doi"])
def test_what_is_no_doi_says_nothing(written: str) -> None:
    assert normal_doi(written) == ""


def test_a_document_says_by_what_else_its_work_is_known() -> None:
    links = (Link("update_in", "9", ""), Link("comment_in", "8", ""), Link("update_of", None, ""))
    paper = Document(
        "pmcid:PMC1", "t", "x", "full_text", doi="10.1000/X", pmcid="PMC1", pmid="1", links=links
    )
    assert identifiers(paper) == {"doi:10.1000/x": False, "pmid:1": False, "pmid:9": True}


ABSTRACT = Document("pmid:1", "A trial", "It helped.", "abstract", doi="10.1000/X", date="2020")
FULL_TEXT = Document(
    "pmcid:PMC1",
    "A trial",
    "It helped. Told at length.",
    "full_text",
    doi="10.1000/x",
    pmcid="PMC1",
    pmid="1",
)
COPY = Document("file:0a", "A trial", "It helped. A copy.", "full_text", doi="10.1000/x")
PREPRINT = Document(
    "pmid:2", "A trial", "It may help.", "abstract", links=(Link("update_in", "1", ""),)
)
OTHER = Document("pmid:3", "A letter", "It did not.", "abstract", doi="10.1000/x")
NOTICE = Document(
    "pmid:9",
    "Retraction: A trial",
    "We retract it.",
    "abstract",
    links=(Link("retraction_of", "1", ""),),
)
NOTICE_BY_DOI = Document(
    "doi:10.1000/r",
    "Retraction: A trial",
    "We retract it.",
    "full_text",
    doi="10.1000/r",
    links=(Link("retraction_of", None, "doi:10.1000/X"),),
)


def retracted(library: Library, *documents: Document) -> list[bool]:
    held = library.documents(NAME, [document.doc_id for document in documents])
    return [held[document.doc_id].retracted for document in documents]


@pytest.mark.parametrize(
    "order",
    [(ABSTRACT, FULL_TEXT, COPY), (FULL_TEXT, COPY, ABSTRACT), (COPY, ABSTRACT, FULL_TEXT)],
)
def test_documents_of_one_work_find_each_other_in_any_order(
    tmp_path: Path, order: tuple[Document, ...]
) -> None:
    with filled(tmp_path) as library:
        for document in order:
            library.commit(NAME, batch(document))
        found = library.works(NAME, ["pmid:1", "file:0a", "pmid:404"])
        assert found == {
            "pmid:1": ("file:0a", "pmcid:PMC1", "pmid:1"),
            "file:0a": ("file:0a", "pmcid:PMC1", "pmid:1"),
            "pmid:404": ("pmid:404",),
        }


def test_a_letter_that_shares_the_doi_is_another_work(tmp_path: Path) -> None:
    with filled(tmp_path, ABSTRACT, OTHER) as library:
        assert library.works(NAME, ["pmid:1"]) == {"pmid:1": ("pmid:1",)}


def test_what_goes_is_no_longer_of_the_work(tmp_path: Path) -> None:
    with filled(tmp_path, ABSTRACT, FULL_TEXT) as library:
        library.commit(NAME, batch(delete=[1]))
        assert library.works(NAME, ["pmcid:PMC1"]) == {"pmcid:PMC1": ("pmcid:PMC1",)}
        library.commit(NAME, batch(replace(FULL_TEXT, pmid="", doi="10.1000/other")))
        library.commit(NAME, batch(ABSTRACT))
        assert library.works(NAME, ["pmid:1"]) == {"pmid:1": ("pmid:1",)}


def test_a_preprint_is_of_the_work_but_not_retracted_with_it(tmp_path: Path) -> None:
    with filled(tmp_path, ABSTRACT, PREPRINT, NOTICE) as library:
        assert library.works(NAME, ["pmid:2"]) == {"pmid:2": ("pmid:1", "pmid:2")}
        assert retracted(library, ABSTRACT, PREPRINT) == [True, False]


@pytest.mark.parametrize("notice", [NOTICE, NOTICE_BY_DOI])
@pytest.mark.parametrize("first", [True, False])
def test_a_retraction_flags_every_document_of_the_work(
    tmp_path: Path, notice: Document, first: bool
) -> None:
    order = [notice, ABSTRACT, FULL_TEXT] if first else [ABSTRACT, FULL_TEXT, notice]
    with filled(tmp_path) as library:
        for document in order:
            library.commit(NAME, batch(document))
        assert retracted(library, ABSTRACT, FULL_TEXT, notice) == [True, True, False]
        assert library.corpus(NAME).counts["retracted"] == 2
        narrowed = Filters(exclude_retracted=True)
        assert library.search_lexical(NAME, "helped", 5, narrowed) == []
        assert_sound(library)
        library.commit(NAME, Batch([], "split-1", deletions=[Deletion(notice.doc_id)]))
        assert retracted(library, ABSTRACT, FULL_TEXT) == [False, False]
        assert len(library.search_lexical(NAME, "helped", 5, narrowed)) > 0
        assert_sound(library)


def test_a_full_text_that_says_it_is_retracted_flags_its_abstract(tmp_path: Path) -> None:
    withdrawn = replace(
        FULL_TEXT, retracted=True, links=(Link("retraction_in", None, "doi:10.1000/r"),)
    )
    with filled(tmp_path, ABSTRACT, withdrawn) as library:
        assert retracted(library, ABSTRACT) == [True]
        library.commit(NAME, batch(FULL_TEXT))
        assert retracted(library, ABSTRACT, FULL_TEXT) == [False, False]
        assert_sound(library)


def test_an_older_library_learns_of_its_works(tmp_path: Path) -> None:
    with filled(tmp_path, ABSTRACT, FULL_TEXT, NOTICE):
        pass
    to_first_layout(tmp_path)
    with Library.open(tmp_path) as library:
        assert library.works(NAME, ["pmid:1"]) == {"pmid:1": ("pmcid:PMC1", "pmid:1")}
        assert retracted(library, ABSTRACT, FULL_TEXT) == [True, True]
        assert_sound(library)


def test_a_notice_that_has_identifiers_survives_the_step_from_an_old_layout(
    tmp_path: Path,
) -> None:
    """It is known by its identifiers, and says something of another."""
    links = (Link("retraction_of", "1", ""),)
    notice = replace(ABSTRACT, doc_id="pmid:2", doi="10.1000/notice", links=links)
    with filled(tmp_path, ABSTRACT, notice):
        pass
    to_first_layout(tmp_path)
    with Library.open(tmp_path) as library:
        assert_sound(library)
        assert retracted(library, ABSTRACT) == [True]


@pytest.mark.parametrize(
    "harm",
    [
        "DELETE FROM identifiers WHERE doc_id = 'pmcid:PMC1' AND identifier = 'pmid:1'",
        "INSERT INTO identifiers VALUES (1, 'pmid:404', 'doi:10.1000/x', 0)",
    ],
)
def test_identifiers_that_are_not_a_documents_own_are_found(tmp_path: Path, harm: str) -> None:
    with filled(tmp_path, ABSTRACT, FULL_TEXT):
        pass
    with closing(sqlite3.connect(tmp_path / "library.sqlite")) as connection, connection:
        connection.execute(harm)
    with Library.open(tmp_path) as library:
        (problem,) = library.verify(NAME).problems
        assert "identifiers" in problem


def test_no_question_goes_through_a_whole_corpus(tmp_path: Path) -> None:
    with filled(tmp_path, ABSTRACT, FULL_TEXT):
        pass
    plans: list[str] = []
    with closing(sqlite3.connect(tmp_path / "library.sqlite")) as connection:

        def read(sql: str, values: Sequence[Any]) -> list[Any]:
            plans.extend(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", values))
            return connection.execute(sql, values).fetchall()

        assert works(read, 1, ["pmid:1"]) == {"pmid:1": ("pmcid:PMC1", "pmid:1")}
        assert known_as(read, 1, ["pmid:1"]) == ["pmcid:PMC1"]
        assert names(read, 1, ["pmid:1"]) == {"pmid:1": ["doi:10.1000/x"]}
        publishers = replace(FULL_TEXT, doc_id="doi:10.1000/x", pmcid="", pmid="")
        assert copies(read, 1, [publishers]) == ({"doi:10.1000/x"}, [])
        assert copies(read, 1, [FULL_TEXT, publishers]) == ({"doi:10.1000/x"}, [])
    assert len(plans) > 5
    assert not [plan for plan in plans if "(corpus=?)" in plan or plan.startswith("SCAN")]
