"""The library as its callers see it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from library_support import DIM, NAME, assert_sound, batch, document, filled, prepared, vector_of

from vademecum.corpora.document import Filters
from vademecum.corpora.library import Batch, Library
from vademecum.errors import CorpusNotFound, UsageError


def test_a_document_comes_back_as_it_went_in(tmp_path: Path) -> None:
    item = document(1, mesh=["Aspirin"], types=["Review"], title="Äther 高血压 \U0001f9e0")
    with filled(tmp_path, item) as library:
        assert library.document("pmid:1", NAME) == item
        assert library.document("pmid:2", NAME) is None
        passages = library.passages(NAME, "pmid:1")
        assert passages == prepared(item)[1]
        vectors = library.vectors(NAME, ["pmid:1#0", "pmid:1#7", "pmid:9#0"])
        assert list(vectors) == ["pmid:1#0"]
        np.testing.assert_allclose(vectors["pmid:1#0"], vector_of(passages[0].text), atol=1e-3)
        assert vectors["pmid:1#0"].dtype == np.float32
    with Library.open(tmp_path) as library:
        assert library.document("pmid:1", NAME) == item
        assert_sound(library, 2)


def test_offsets_count_characters_even_of_unusual_text(tmp_path: Path) -> None:
    item = document(1, "a\x00b \U0001f9e0 e\u0301 高血压\r\n end of the text")
    with filled(tmp_path, item) as library:
        for passage in library.passages(NAME, "pmid:1"):
            assert item.text[passage.start : passage.end] == passage.text
        assert_sound(library)


def test_dense_search_finds_the_nearest_passage_first(tmp_path: Path) -> None:
    items = [document(n, f"Text number {n} about the heart.") for n in range(30)]
    with filled(tmp_path, *items) as library:
        wanted = prepared(items[17])[1][0]  # the second halves are all alike
        hits = library.search_dense(NAME, vector_of(wanted.text), 5)
        assert hits[0].passage == wanted
        assert hits[0].score == pytest.approx(1.0, abs=1e-3)
        scores = [hit.score for hit in hits]
        assert scores == sorted(scores, reverse=True)
        assert len(library.search_dense(NAME, vector_of("x"), 1000)) == 60


def test_dense_search_agrees_with_a_plain_loop(tmp_path: Path) -> None:
    items = [document(n, f"Text {n} is of the heart, number {n}.") for n in range(50)]
    with filled(tmp_path, *items) as library:
        query = vector_of("a question")
        scores = {
            passage.passage_id: float(vector @ query)
            for item in items
            for passage, vector in zip(*prepared(item)[1:], strict=True)
        }
        best = sorted(scores, key=lambda name: -scores[name])[:10]
        hits = library.search_dense(NAME, query, 10)
        assert [hit.passage.passage_id for hit in hits] == best
        for hit in hits:
            assert hit.score == pytest.approx(scores[hit.passage.passage_id], abs=2e-3)


def test_a_query_vector_of_another_size_is_refused(tmp_path: Path) -> None:
    with filled(tmp_path, document(1)) as library, pytest.raises(ValueError, match="8 numbers"):
        library.search_dense(NAME, np.ones(3, dtype=np.float32), 5)


def test_an_empty_corpus_finds_nothing(tmp_path: Path) -> None:
    with filled(tmp_path) as library:
        assert library.search_dense(NAME, vector_of("x"), 5) == []
        assert library.search_lexical(NAME, "aspirin", 5) == []
        info = library.corpus(NAME)
        assert (info.documents, info.passages, info.newest) == (0, 0, "")
        assert_sound(library, 0)


def test_a_new_version_replaces_the_old_one_everywhere(tmp_path: Path) -> None:
    with filled(tmp_path, document(1, "Aspirin. " * 8), document(2)) as library:
        changed = document(1, "Warfarin is compared with heparin.")
        written = library.commit(NAME, batch(changed, pieces=1))
        assert (written.added, written.replaced, written.deleted) == (0, 1, 0)
        assert library.document("pmid:1", NAME) == changed
        assert [p.passage_id for p in library.passages(NAME, "pmid:1")] == ["pmid:1#0"]
        hits = library.search_lexical(NAME, "warfarin", 5)
        assert [hit.passage.doc_id for hit in hits] == ["pmid:1"]
        assert_sound(library, 3)


def test_facts_that_a_new_version_lacks_are_filtered_by_no_more(tmp_path: Path) -> None:
    with filled(tmp_path, document(1, mesh=["Stroke"], types=["Review"])) as library:
        library.commit(NAME, batch(document(1, date="", language="chi")))
        query = vector_of("x")
        for filters in (
            Filters(mesh=("Stroke",)),
            Filters(publication_types=("Review",)),
            Filters(year_from=1900),
            Filters(languages=("eng",)),
        ):
            assert library.search_dense(NAME, query, 5, filters) == []
            assert library.search_lexical(NAME, "aspirin", 5, filters) == []
        assert len(library.search_dense(NAME, query, 5, Filters(languages=("chi",)))) == 2


def test_a_deleted_document_is_gone_everywhere(tmp_path: Path) -> None:
    with filled(tmp_path, document(1), document(2)) as library:
        written = library.commit(NAME, batch(delete=[1, 77]))
        assert written.deleted == 1
        assert library.document("pmid:1", NAME) is None
        hits = library.search_lexical(NAME, "aspirin", 9)
        assert {hit.passage.doc_id for hit in hits} == {"pmid:2"}
        assert_sound(library, 2)


def test_needs_names_what_is_new_changed_or_split_otherwise(tmp_path: Path) -> None:
    same, changed = document(1), document(2)
    with filled(tmp_path, same, changed) as library:
        changed = replace(changed, retracted=True)
        moved = replace(same, origin="another file.xml")  # not part of the content
        new = document(3)
        assert library.needs(NAME, [moved, changed, new], "split-1") == [changed, new]
        assert library.needs(NAME, [same], "split-2") == [same]


def test_a_document_comes_from_the_file_that_had_it_last(tmp_path: Path) -> None:
    with filled(tmp_path, replace(document(1), origin="old.txt")) as library:
        again = replace(document(1), origin="new.txt")
        library.commit(NAME, replace(batch(), confirmed=[again]))
        found = library.document("pmid:1", NAME)
        assert found is not None
        assert found.origin == "new.txt"


def test_the_snapshot_names_the_content_and_not_its_history(tmp_path: Path) -> None:
    one, two, three = document(1), document(2), document(3)
    with filled(tmp_path / "a", one, two) as library:
        before = library.corpus(NAME).snapshot
        library.commit(NAME, batch(three))
        after = library.corpus(NAME).snapshot
        assert after != before
        library.commit(NAME, batch(delete=[3]))
        assert library.corpus(NAME).snapshot == before
        library.commit(NAME, batch(replace(two, retracted=True)))
        assert library.corpus(NAME).snapshot not in {before, after}
    with filled(tmp_path / "b", two) as library:
        library.commit(NAME, batch(one, pieces=1))
        assert library.corpus(NAME).snapshot == before


def test_a_corpus_says_what_it_holds(tmp_path: Path) -> None:
    items = [document(1, date="2019"), document(2, date="2020-11-02", retracted=True)]
    items.append(replace(document(3, "Only a title", title="Only a title"), kind="title"))
    with filled(tmp_path, *items) as library:
        info = library.corpus(NAME)
        assert (info.documents, info.passages, info.newest) == (3, 6, "2020-11-02")
        assert info.counts == {"abstract": 2, "title": 1, "retracted": 1}
        assert library.corpora() == [info]


def test_a_corpus_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    with Library.open(tmp_path) as library:
        with pytest.raises(CorpusNotFound) as missing:
            library.corpus("lungs")
        assert "vademecum ingest" in missing.value.hint
        library.create_corpus("liver", embedder="hash", dim=DIM, fingerprint="f")
        with pytest.raises(CorpusNotFound) as missing:
            library.search_lexical("lungs", "x", 1)
        assert "liver" in missing.value.hint


@pytest.mark.parametrize("name", ["", "a b", "../up", "a/b", ".hidden", "-x", "é", "a" * 101])
def test_a_name_that_is_no_name_is_refused(tmp_path: Path, name: str) -> None:
    with Library.open(tmp_path) as library, pytest.raises(UsageError):
        library.create_corpus(name, embedder="hash", dim=DIM, fingerprint="f")


def test_creating_again_is_the_same_corpus_but_not_with_another_embedder(tmp_path: Path) -> None:
    with filled(tmp_path, document(1)) as library:
        again = library.create_corpus(NAME, embedder="hash", dim=DIM, fingerprint="split-2")
        assert again.documents == 1
        with pytest.raises(UsageError, match="embedded with hash"):
            library.create_corpus(NAME, embedder="other", dim=DIM, fingerprint="split-1")


def test_deleting_a_corpus_leaves_nothing_of_it_and_all_of_the_others(tmp_path: Path) -> None:
    with filled(tmp_path, document(1)) as library:
        library.create_corpus("other", embedder="hash", dim=DIM, fingerprint="f")
        library.commit("other", batch(document(2)))
        library.delete_corpus(NAME)
        with pytest.raises(CorpusNotFound):
            library.corpus(NAME)
        assert library.verify("other").sound
        assert [path.name for path in (tmp_path / "lexical").iterdir()] == ["2"]
        library.create_corpus(NAME, embedder="other", dim=DIM, fingerprint="f")
        assert library.corpus(NAME).documents == 0
        assert_sound(library, 0)


def test_a_batch_that_is_not_sound_is_refused_whole(tmp_path: Path) -> None:
    good, bad = prepared(document(1)), prepared(document(2))
    shifted = [replace(bad[1][0], start=1), bad[1][1]]
    for wrong in (
        (bad[0], shifted, bad[2]),
        (bad[0], bad[1], bad[2][:1]),
        (bad[0], bad[1][1:], bad[2][1:]),
        (bad[0], bad[1], bad[2] * np.nan),
        (good[0], bad[1], bad[2]),
    ):
        with filled(tmp_path) as library:
            with pytest.raises(ValueError):
                library.commit(NAME, Batch([good, wrong], fingerprint="f"))
            assert library.corpus(NAME).documents == 0
