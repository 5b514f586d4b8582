"""A corpus goes out as a folder and comes back as it was."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from exchange_support import papers
from library_support import NAME, assert_sound, batch, document, filled, prepared, vector_of
from pyarrow import parquet

from vademecum.corpora import exchange, exporting, importing
from vademecum.corpora.document import Deletion
from vademecum.corpora.library import Library


def test_a_round_trip_gives_the_same_corpus(tmp_path: Path, exported: Path) -> None:
    with Library.open(tmp_path / "a") as before, Library.open(tmp_path / "b") as after:
        info = after.import_corpus(exported)
        assert info == before.corpus(NAME)  # the snapshot, too
        ids = [item.doc_id for item in papers()]
        assert after.documents(NAME, ids) == before.documents(NAME, ids)
        assert after.document("pmid:3", NAME).retracted  # type: ignore[union-attr]
        for doc_id in ids:
            passages = after.passages(NAME, doc_id)
            assert passages == before.passages(NAME, doc_id)
            names = [passage.passage_id for passage in passages]
            mine, theirs = after.vectors(NAME, names), before.vectors(NAME, names)
            for name in names:
                np.testing.assert_array_equal(mine[name], theirs[name])
        assert_sound(after, info.passages)
        assert after.search_lexical(NAME, "高血压", 1)[0].passage.doc_id == "pmid:1"
        assert after.search_dense(NAME, vector_of(prepared(papers()[0])[1][0].text), 1)
        assert after.needs(NAME, papers(), "split-1") == []
        after.export_corpus(NAME, tmp_path / "again")
    first, second = exchange.opened(exported), exchange.opened(tmp_path / "again")
    assert first == second  # to the byte


def test_what_was_split_otherwise_keeps_saying_so(tmp_path: Path) -> None:
    with filled(tmp_path / "a", document(1)) as library:
        library.create_corpus(NAME, embedder="hash", dim=8, fingerprint="split-2")
        library.commit(NAME, replace(batch(document(2)), fingerprint="split-2"))
        library.export_corpus(NAME, tmp_path / "out")
    with Library.open(tmp_path / "b") as library:
        library.import_corpus(tmp_path / "out")
        both = [document(1), document(2)]
        assert library.needs(NAME, both, "split-2") == both[:1]


def test_what_sources_took_back_and_brought_is_remembered(tmp_path: Path) -> None:
    origin = "pubmed26n0002.xml.gz"
    with filled(tmp_path / "a", document(1), document(2)) as library:
        gone = Deletion("pmid:2", version="1", origin=origin)
        library.commit(NAME, replace(batch(), deletions=[gone], taken=[origin]))
        library.export_corpus(NAME, tmp_path / "out")
    with Library.open(tmp_path / "b") as library:
        library.import_corpus(tmp_path / "out")
        assert library.taken(NAME) == {origin}
        late = replace(document(2), version="1", origin="pubmed26n0001.xml.gz")
        assert library.sift(NAME, [late])[0] == {"pmid:2"}


def test_a_file_read_again_takes_the_place_of_what_it_held_before(tmp_path: Path) -> None:
    old, new = (replace(document(n), doc_id=f"file:{n}") for n in (1, 2))
    place = "/papers/report.txt"
    with filled(tmp_path / "a") as library:
        library.commit(NAME, replace(batch(old), job=7, held=[(place, old.doc_id)]))
        library.export_corpus(NAME, tmp_path / "out")
    with Library.open(tmp_path / "b") as library:
        library.import_corpus(tmp_path / "out")
        again = replace(batch(new), job=1, held=[(place, new.doc_id)], read_places=[place])
        library.commit(NAME, again)
        assert library.document(old.doc_id, NAME) is None
        assert library.document(new.doc_id, NAME) == new


def test_an_export_from_before_places_were_kept_is_imported(tmp_path: Path, exported: Path) -> None:
    (exported / "places.parquet").unlink()
    manifest = json.loads((exported / "manifest.json").read_text())
    manifest["files"] = [item for item in manifest["files"] if item["name"] != "places.parquet"]
    (exported / "manifest.json").write_text(json.dumps(manifest))
    with Library.open(tmp_path / "b") as library:
        assert library.import_corpus(exported).documents == len(papers())


def test_others_can_read_it(exported: Path) -> None:
    documents = parquet.read_table(exported / "documents-00000.parquet").to_pylist()
    assert [row["doc_id"] for row in documents] == [item.doc_id for item in papers()]
    assert documents[0]["text"] == papers()[0].text
    passages = parquet.read_table(exported / "passages-00000.parquet")
    assert passages.schema.field("vector").type == pa.list_(pa.float16(), 8)
    first = passages.slice(0, 1).to_pylist()[0]
    np.testing.assert_allclose(
        np.array(first["vector"], dtype=np.float32), prepared(papers()[0])[2][0], atol=1e-3
    )


def test_many_documents_go_into_several_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (exporting, importing):
        monkeypatch.setattr(module, "DOCUMENTS", 4)
    monkeypatch.setattr(exporting, "FILE_ROWS", 8)
    items = [document(n) for n in range(19)]
    with filled(tmp_path / "a", *items) as library:
        manifest = library.export_corpus(NAME, tmp_path / "out")
    rows = {item.name: item.rows for item in manifest.files}
    assert [rows[f"documents-{n:05}.parquet"] for n in range(3)] == [8, 8, 3]
    assert [rows[f"passages-{n:05}.parquet"] for n in range(3)] == [16, 16, 6]
    with Library.open(tmp_path / "b") as library:
        assert library.import_corpus(tmp_path / "out").documents == 19
        assert_sound(library, 38)


def test_an_empty_corpus_goes_out_and_comes_back(tmp_path: Path) -> None:
    with filled(tmp_path / "a") as library:
        library.export_corpus(NAME, tmp_path / "out")
    with Library.open(tmp_path / "b") as library:
        assert library.import_corpus(tmp_path / "out", "empty").documents == 0
