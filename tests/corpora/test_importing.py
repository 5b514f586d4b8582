"""A folder that is not what it was is refused whole."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest
from exchange_support import killed, papers
from library_support import NAME, assert_sound
from pyarrow import parquet

from vademecum.corpora import exchange
from vademecum.corpora.library import Library
from vademecum.errors import DocumentRejected, HashMismatch, OutOfSpace, UsageError
from vademecum.progress import Silent


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


def test_an_import_that_fills_the_disk_leaves_nothing_on_it(tmp_path: Path, exported: Path) -> None:
    with Library.open(tmp_path / "b") as library:
        pages = library._database.read("PRAGMA page_count")[0][0]
        library._database.read(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(OutOfSpace):
            library.import_corpus(exported)
        library._database.read("PRAGMA max_page_count = 1073741823")
        assert library.corpora() == []
        assert library.import_corpus(exported).documents == len(papers())
