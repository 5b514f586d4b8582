"""A corpus goes out as a folder and comes back as it was, or not at all."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from library_support import NAME, assert_sound, batch, document, filled, prepared, vector_of
from pyarrow import parquet

from vademecum.corpora import exchange, exporting, importing
from vademecum.corpora.document import Deletion, Document, Link
from vademecum.corpora.library import Library
from vademecum.errors import DocumentRejected, HashMismatch, OutOfSpace, UsageError
from vademecum.progress import Silent

HERE = Path(__file__).parent


def papers() -> list[Document]:
    """Texts of all kinds, one of them retracted by another that comes later."""
    notice = replace(
        document(9, "This paper is retracted."), links=(Link("retraction_of", "3", "Trials"),)
    )
    return [
        document(
            1, "Aspirin 高血压 \U0001f9e0 e\u0301.\r\nIt helps.", mesh=["Stroke"], types=["Review"]
        ),
        *[document(n) for n in range(2, 8)],
        replace(document(8, "Only a title", title="Only a title"), kind="title"),
        notice,
    ]


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    with filled(tmp_path / "a", *papers()) as library:
        library.export_corpus(NAME, tmp_path / "out")
    return tmp_path / "out"


class Told(Silent):
    """Progress that remembers what was begun."""

    def __init__(self) -> None:
        self.started: list[str] = []

    def start(self, task: str, total: int | None, unit: str) -> None:
        self.started.append(task)


def rewritten(folder: Path, name: str) -> None:
    """Somebody made the manifest fit what they changed in a file."""
    manifest = json.loads((folder / "manifest.json").read_text())
    for item in manifest["files"]:
        if item["name"] == name:
            path = folder / name
            item["sha256"], item["size"] = exchange.sha256_of(path), path.stat().st_size
    (folder / "manifest.json").write_text(json.dumps(manifest))


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


def test_another_name_may_be_given_and_must_be_where_one_is_taken(
    tmp_path: Path, exported: Path
) -> None:
    with Library.open(tmp_path / "a") as library:
        with pytest.raises(UsageError, match="already") as taken:
            library.import_corpus(exported)
        assert "--name" in taken.value.hint
        with pytest.raises(UsageError, match="name of a corpus"):
            library.import_corpus(exported, "a b")
        shown = Told()
        info = library.import_corpus(exported, "copy", progress=shown)
        assert "importing copy" in shown.started
        assert info.snapshot == library.corpus(NAME).snapshot
        assert [item.name for item in library.corpora()] == ["copy", NAME]


def test_nothing_is_written_over(tmp_path: Path, exported: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "void").mkdir()
    with Library.open(tmp_path / "a") as library:
        for place in (exported, tmp_path / "file"):
            with pytest.raises(UsageError, match="already"):
                library.export_corpus(NAME, place)
        library.export_corpus(NAME, tmp_path / "void")
        with pytest.raises(OutOfSpace):
            library.export_corpus(NAME, tmp_path / "file" / "below")
    assert (tmp_path / "file").read_text() == "mine"
    assert (tmp_path / "void" / "manifest.json").is_file()


@pytest.mark.parametrize(
    "name", ["documents-00000.parquet", "passages-00000.parquet", "taken.parquet"]
)
def test_a_file_that_changed_on_the_way_is_found_before_anything_is_read(
    tmp_path: Path, exported: Path, name: str
) -> None:
    content = bytearray((exported / name).read_bytes())
    content[len(content) // 2] ^= 1
    (exported / name).write_bytes(content)
    with Library.open(tmp_path / "b") as library:
        with pytest.raises(HashMismatch, match=name):
            library.import_corpus(exported)
        assert library.corpora() == []
        (exported / name).unlink()
        with pytest.raises(HashMismatch, match=name):
            library.import_corpus(exported)


@pytest.mark.parametrize(
    ("file", "column", "value", "expected"),
    [
        ("documents-00000.parquet", "text", "Arsenic lowers the risk.", HashMismatch),
        ("documents-00000.parquet", "record", "{", DocumentRejected),
        ("documents-00000.parquet", "record", "{}", DocumentRejected),
        ("documents-00000.parquet", "passages", 1, DocumentRejected),
        ("passages-00000.parquet", "ordinal", 7, DocumentRejected),
        ("passages-00000.parquet", "doc_id", "pmid:2", DocumentRejected),
        ("passages-00000.parquet", "end", 10_000, DocumentRejected),
    ],
)
def test_a_folder_that_was_made_to_fit_is_refused_whole(
    tmp_path: Path, exported: Path, file: str, column: str, value: object, expected: type[Exception]
) -> None:
    table = parquet.read_table(exported / file)
    rows = table.to_pylist()
    rows[0][column] = value
    parquet.write_table(pa.Table.from_pylist(rows, table.schema), exported / file)
    rewritten(exported, file)
    with Library.open(tmp_path / "b") as library:
        with pytest.raises(expected) as refused:
            library.import_corpus(exported)
        assert refused.value.hint  # type: ignore[attr-defined]
        assert library.corpora() == []
        assert library._database.read("SELECT COUNT(*) FROM documents") == [(0,)]


def test_a_document_that_was_left_out_is_noticed(tmp_path: Path, exported: Path) -> None:
    documents = parquet.read_table(exported / "documents-00000.parquet")
    passages = parquet.read_table(exported / "passages-00000.parquet")
    parquet.write_table(documents.slice(1), exported / "documents-00000.parquet")
    parquet.write_table(passages.slice(2), exported / "passages-00000.parquet")
    for name in ("documents-00000.parquet", "passages-00000.parquet"):
        rewritten(exported, name)
    with Library.open(tmp_path / "b") as library:
        with pytest.raises(HashMismatch, match="not those of its manifest"):
            library.import_corpus(exported)
        assert library.corpora() == []


@pytest.mark.parametrize(
    "places",
    [
        {"place": ["/a", None], "doc_id": ["file:1", "file:2"]},
        {"place": ["/a", "/a"], "doc_id": ["file:1", "file:1"]},
        {"place": ["/a"]},
        {"place": [["/a"]], "doc_id": ["file:1"]},
        {"place": [b"/a"], "doc_id": [b"file:1"]},
        {"place": [1], "doc_id": [2]},
    ],
    ids=["null", "twice", "a column missing", "lists", "bytes", "numbers"],
)
def test_lists_that_make_no_sense_are_refused(
    tmp_path: Path, exported: Path, places: dict[str, list[object]]
) -> None:
    parquet.write_table(pa.table(places), exported / "places.parquet")
    rewritten(exported, "places.parquet")
    with Library.open(tmp_path / "b") as library:
        with pytest.raises(DocumentRejected, match=r"makes no sense: places\.parquet"):
            library.import_corpus(exported)
        assert library.corpora() == []
        assert library._database.read("SELECT COUNT(*) FROM documents") == [(0,)]


@pytest.mark.parametrize(
    "manifest",
    [None, "", "{}", "[]", '{"format": 2}', '{"format": 1, "corpus": "x"}'],
    ids=["none", "empty", "no fields", "a list", "newer", "incomplete"],
)
def test_a_folder_that_is_no_export_is_refused(tmp_path: Path, manifest: str | None) -> None:
    if manifest is not None:
        (tmp_path / "manifest.json").write_text(manifest)
    with Library.open(tmp_path / "b") as library, pytest.raises(UsageError) as refused:
        library.import_corpus(tmp_path)
    assert refused.value.hint


def test_a_manifest_does_not_reach_out_of_its_folder(tmp_path: Path, exported: Path) -> None:
    manifest = (exported / "manifest.json").read_text()
    (exported / "manifest.json").write_text(manifest.replace("taken.parquet", "../taken.parquet"))
    with Library.open(tmp_path / "b") as library, pytest.raises(UsageError):
        library.import_corpus(exported)


SCRIPT = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {here!r})
from vademecum.corpora import exporting, importing, outbox, writing
from vademecum.corpora.library import Library

exporting.DOCUMENTS = importing.DOCUMENTS = 2
calls = 0

def dying(owner, name, at):
    whole = getattr(owner, name)
    def then_die(*args, **kwargs):
        global calls
        calls += 1
        if calls == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return whole(*args, **kwargs)
    setattr(owner, name, then_die)

library = Library.open(Path({path!r}))
dying({fault})
{action}
"""


def killed(path: Path, fault: str, action: str) -> None:
    script = SCRIPT.format(here=str(HERE), path=str(path), fault=fault, action=action)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.mark.parametrize(
    ("fault", "there"),
    [
        ("writing, 'write', 1", False),
        ("writing, 'write', 4", False),
        ("importing, '_read_lists', 1", False),
        ("outbox.Outbox, 'register', 1", False),  # inside the transaction that shows it
        ("outbox.Outbox, 'feed', 1", True),  # whole in SQLite; its indexes are made when opened
    ],
)
def test_an_import_that_is_killed_leaves_all_or_nothing(
    tmp_path: Path, exported: Path, fault: str, there: bool
) -> None:
    snapshot = exchange.opened(exported).snapshot
    killed(tmp_path / "b", fault, f"library.import_corpus(Path({str(exported)!r}))")
    with Library.open(tmp_path / "b") as library:
        assert [info.name for info in library.corpora()] == ([NAME] if there else [])
        assert library._database.read("SELECT COUNT(*) FROM corpora") == [(int(there),)]
        if not there:
            assert library._database.read("SELECT COUNT(*) FROM documents") == [(0,)]
            library.import_corpus(exported)
        assert library.corpus(NAME).snapshot == snapshot
        assert_sound(library)


def test_an_export_that_is_killed_leaves_no_folder(tmp_path: Path, exported: Path) -> None:
    action = f"library.export_corpus({NAME!r}, Path({str(tmp_path / 'new')!r}))"
    killed(tmp_path / "a", "exporting, '_described', 2", action)
    assert not (tmp_path / "new").exists()
    assert [path for path in tmp_path.glob(".new*") if any(path.iterdir())]
    other = tmp_path / ".new.0123456789ab.half"  # another library's
    other.mkdir()
    with Library.open(tmp_path / "a") as library:
        assert list(tmp_path.glob(".new*")) == [other]
        other.rmdir()
        library.export_corpus(NAME, tmp_path / "new")
        assert_sound(library)
    assert exchange.opened(tmp_path / "new") == exchange.opened(exported)
    shutil.rmtree(tmp_path / "new")
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("said", ["no JSON", "PRECIOUS", ""])
def test_no_folder_goes_that_is_not_named_as_a_half_export(tmp_path: Path, said: str) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    if said == "PRECIOUS":
        said = json.dumps(str(precious))
    with filled(tmp_path / "library") as library, library._database.transaction() as connection:
        connection.execute("INSERT INTO facts VALUES ('exporting', ?)", (said,))
    with Library.open(tmp_path / "library") as library:
        assert library._database.read("SELECT * FROM facts WHERE name = 'exporting'") == []
    assert precious.is_dir()


def test_a_disk_that_fills_takes_nothing_with_it(
    tmp_path: Path, exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Library.open(tmp_path / "b") as library:
        pages = library._database.read("PRAGMA page_count")[0][0]
        library._database.read(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(OutOfSpace):
            library.import_corpus(exported)
        library._database.read("PRAGMA max_page_count = 1073741823")
        assert library.corpora() == []
        assert library.import_corpus(exported).documents == len(papers())

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(exporting, "_to_disk", full)
            with pytest.raises(OutOfSpace, match="No space left"):
                library.export_corpus(NAME, tmp_path / "full")
        assert not (tmp_path / "full").exists()
        assert list(tmp_path.glob(".full*")) == []
        left = library._database.read("SELECT name FROM facts WHERE name = 'exporting'")
        assert left == []
