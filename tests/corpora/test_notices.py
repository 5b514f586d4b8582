"""A notice and the work it concerns find each other, whichever comes first."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from library_support import (
    NAME,
    assert_sound,
    batch,
    document,
    filled,
    to_first_layout,
    vector_of,
)
from pubmed_support import article_set, citation, read_text, record

from vademecum.corpora.document import Document, Filters, Link, LinkKind
from vademecum.corpora.library import Library

PAPER = document(1, "Aspirin cures all. Nobody bled.")


def notice(number: int, kind: LinkKind = "retraction_of", of: int | None = 1) -> Document:
    link = Link(kind, None if of is None else str(of), "J Test. 2020 May;1")
    plain = document(number, "The editors retract this paper.", title="Retraction", date="2021")
    return replace(plain, journal="Journal of tests", links=(link,))


def state(library: Library) -> dict[str, tuple[str, Document | None]]:
    """What the indexes and readers see of every passage: its hash and its document."""
    found = {}
    for entry in library._store.entries(1, library._store.doc_ids(1)):
        found[entry.passage_id] = (entry.hash, library.document(entry.document.doc_id, NAME))
    return found


def paper(library: Library) -> Document:
    found = library.document("pmid:1", NAME)
    assert found is not None
    return found


ORDERS: list[Sequence[Sequence[Document]]] = [
    ([PAPER], [notice(2)]),
    ([notice(2)], [PAPER]),
    ([notice(2), PAPER],),
    ([PAPER, notice(2)],),
    ([notice(2)], [PAPER], [PAPER]),
    ([notice(2, of=9)], [PAPER], [notice(2)]),
]


@pytest.mark.parametrize("commits", ORDERS)
def test_a_retraction_reaches_the_paper_in_every_order(
    tmp_path: Path, commits: Sequence[Sequence[Document]]
) -> None:
    with filled(tmp_path / "expected", PAPER, notice(2)) as library:
        expected, snapshot = state(library), library.corpus(NAME).snapshot
    with filled(tmp_path / "library") as library:
        for documents in commits:
            library.commit(NAME, batch(*documents))
        assert paper(library).retracted
        assert paper(library).links == (Link("retraction_in", "2", "Journal of tests. 2021"),)
        assert library.corpus(NAME).counts["retracted"] == 1
        sound = Filters(exclude_retracted=True)
        assert {hit.passage.doc_id for hit in library.search_lexical(NAME, "aspirin", 9)} == {
            "pmid:1"
        }
        assert library.search_lexical(NAME, "aspirin", 9, sound) == []
        near = library.search_dense(NAME, vector_of("x"), 9, sound)
        assert {hit.passage.doc_id for hit in near} == {"pmid:2"}
        assert state(library) == expected
        assert library.corpus(NAME).snapshot == snapshot
        assert_sound(library)


@pytest.mark.parametrize(
    ("kind", "told"),
    [("erratum_for", "erratum_in"), ("concern_for", "concern_in"), ("update_of", "update_in")],
)
def test_other_notices_leave_the_work_standing(
    tmp_path: Path, kind: LinkKind, told: LinkKind
) -> None:
    with filled(tmp_path, notice(2, kind), PAPER) as library:
        assert [link.kind for link in paper(library).links] == [told]
        assert not paper(library).retracted
        assert_sound(library)


def test_what_the_paper_says_itself_is_not_said_twice(tmp_path: Path) -> None:
    own = replace(PAPER, links=(Link("retraction_in", "2", "its own words"),), retracted=True)
    with filled(tmp_path, own) as library:
        before = state(library)
        library.commit(NAME, batch(notice(2)))
        assert paper(library) == own
        assert {key: value for key, value in state(library).items() if key in before} == before


@pytest.mark.parametrize("way", ["deleted", "revised"])
def test_a_notice_that_goes_leaves_the_paper_as_it_was(tmp_path: Path, way: str) -> None:
    with filled(tmp_path, PAPER) as library:
        before = state(library)
        library.commit(NAME, batch(notice(2), notice(3, "concern_for")))
        assert paper(library).retracted
        change = batch(delete=[2, 3]) if way == "deleted" else batch(document(2), document(3))
        library.commit(NAME, change)
        assert paper(library) == PAPER
        assert state(library)["pmid:1#0"] == before["pmid:1#0"]
        assert_sound(library)


def test_a_paper_that_comes_back_is_still_retracted(tmp_path: Path) -> None:
    with filled(tmp_path, PAPER, notice(2)) as library:
        library.commit(NAME, batch(delete=[1]))
        library.commit(NAME, batch(PAPER))
        assert paper(library).retracted
        assert library.needs(NAME, [PAPER], "split-1") == []  # not new for what others say of it


def test_a_notice_without_a_number_or_of_itself_concerns_nobody(tmp_path: Path) -> None:
    with filled(tmp_path, PAPER, notice(2, of=None), notice(3, of=3)) as library:
        assert not paper(library).retracted
        assert library.corpus(NAME).counts["retracted"] == 0
        assert_sound(library)


def test_a_corpus_knows_only_its_own_notices(tmp_path: Path) -> None:
    with filled(tmp_path, PAPER) as library:
        library.create_corpus("other", embedder="hash", dim=8, fingerprint="split-1")
        library.commit("other", batch(notice(2)))
        assert not paper(library).retracted
        library.delete_corpus("other")
        assert library._database.read("SELECT * FROM notices") == []


def test_verify_sees_a_notice_that_was_lost(tmp_path: Path) -> None:
    with filled(tmp_path, PAPER, notice(2)) as library:
        with library._database.transaction() as connection:
            connection.execute("DELETE FROM notices")
        problems = library.verify(NAME).problems
        assert any("notices are not as it states them: pmid:2" in problem for problem in problems)


def test_a_library_of_the_first_layout_learns_its_notices(tmp_path: Path) -> None:
    with filled(tmp_path, PAPER, notice(2), document(3)) as library:
        expected = state(library)
    with filled(tmp_path / "plain", PAPER) as library:
        plain = library._database.read("SELECT hash FROM passages ORDER BY ordinal")
    old = sqlite3.connect(tmp_path / "library.sqlite")  # as the first layout would have left it
    with old:
        old.execute("UPDATE documents SET retracted = 0 WHERE doc_id = 'pmid:1'")
        for ordinal, (digest,) in enumerate(plain):
            old.execute(
                "UPDATE passages SET hash = ? WHERE ordinal = ? AND document = "
                "(SELECT id FROM documents WHERE doc_id = 'pmid:1')",
                (digest, ordinal),
            )
    old.close()
    to_first_layout(tmp_path)
    with Library.open(tmp_path) as library:
        assert paper(library).retracted
        assert state(library) == expected
        assert_sound(library)
        assert library.search_lexical(NAME, "cures", 9, Filters(exclude_retracted=True)) == []


def test_an_interrupted_step_leaves_the_old_layout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with filled(tmp_path, PAPER):
        pass
    to_first_layout(tmp_path)
    old = sqlite3.connect(tmp_path / "library.sqlite")

    def interrupted(connection: sqlite3.Connection) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("vademecum.corpora.notices.gather", interrupted)
        with pytest.raises(KeyboardInterrupt):
            Library.open(tmp_path)
    assert old.execute("PRAGMA user_version").fetchone() == (1,)
    assert old.execute("SELECT name FROM sqlite_master WHERE name = 'notices'").fetchall() == []
    old.close()
    with Library.open(tmp_path) as library:
        assert_sound(library, 2)


@pytest.mark.parametrize("wording", ["Retraction of Publication", "Retraction Notice"])
def test_both_wordings_of_a_notice_are_read(tmp_path: Path, wording: str) -> None:
    body = citation(
        '<PMID Version="1">2</PMID>',
        title="<ArticleTitle>Retraction.</ArticleTitle>",
        abstract="",
        article=f'<PublicationTypeList><PublicationType UI="D016440">{wording}</PublicationType>'
        "</PublicationTypeList>",
        more='<CommentsCorrectionsList><CommentsCorrections RefType="RetractionOf">'
        "<RefSource>J Test. 2020</RefSource><PMID>0001</PMID></CommentsCorrections>"
        '<CommentsCorrections RefType="ExpressionOfConcernFor"><RefSource>No number</RefSource>'
        "</CommentsCorrections></CommentsCorrectionsList>",
    )
    (found,) = read_text(tmp_path, article_set(record(body)))
    assert isinstance(found, Document)
    assert found.notice_of == "retraction"
    assert not found.retracted
    with filled(tmp_path / "library", PAPER, found) as library:
        assert paper(library).retracted


def test_real_notices_reach_their_papers(real_data: Path, tmp_path: Path) -> None:
    from vademecum.corpora.readers.pubmed import PubmedReader

    folder = real_data / "pubmed"
    paths = [
        folder / "retracted" / "pubmedsample_2019.xml",
        folder / "baseline2026" / "baseline" / "pubmed26n1334.xml.gz",
    ]
    found = [
        item for path in paths for item in PubmedReader().read(path) if isinstance(item, Document)
    ]
    notices = [item for item in found if item.notice_of == "retraction"]
    assert {"Retraction of Publication", "Retraction Notice"} == {
        name for item in notices for name in item.publication_types if "etract" in name
    }
    concerned = {
        link.pmid for item in notices for link in item.links if link.kind == "retraction_of"
    }
    assert len(concerned) == 3
    with filled(tmp_path, *notices) as library:
        for pmid in concerned:
            assert pmid is not None
            library.commit(NAME, batch(document(int(pmid))))
            held = library.document(f"pmid:{pmid}", NAME)
            assert held is not None
            assert held.retracted
        assert_sound(library)
