"""What a library says and keeps when the disk is full, read-only or partly gone."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from library_support import NAME, assert_sound, batch, document, filled, vector_of

from vademecum.corpora import lexical
from vademecum.corpora.faults import explaining
from vademecum.corpora.layout import LAYOUT
from vademecum.corpora.library import Library
from vademecum.errors import LibraryDamaged, OutOfSpace


def limited(library: Library, extra_pages: int) -> None:
    """As if the disk had room for so many more pages of SQLite."""
    pages = library._database.read("PRAGMA page_count")[0][0]
    library._database.read(f"PRAGMA max_page_count = {pages + extra_pages}")


def test_a_full_disk_keeps_what_was_committed_and_nothing_of_the_rest(tmp_path: Path) -> None:
    with filled(tmp_path, document(1)) as library:
        before = library.corpus(NAME)
        limited(library, 2)
        with pytest.raises(OutOfSpace) as full:
            library.commit(NAME, batch(*[document(n, "Aspirin. " * 500) for n in range(2, 50)]))
        assert "free some space" in full.value.hint
        assert library.corpus(NAME) == before
        assert_sound(library, 2)
        library._database.read("PRAGMA max_page_count = 1073741823")
        library.commit(NAME, batch(*[document(n) for n in range(2, 50)]))
        assert_sound(library, 98)


@pytest.mark.parametrize("index", ["vectors", "lexical"])
def test_a_disk_that_fills_while_an_index_is_fed_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, index: str
) -> None:
    with filled(tmp_path, document(1)) as library:

        def full(*_: object) -> None:
            raise OutOfSpace("the disk is full", "free some space")

        with monkeypatch.context() as patch:
            patch.setattr(getattr(library._indexes, index), "apply", full)
            library.commit(NAME, batch(document(2)))  # what SQLite has is safe
            with pytest.raises(OutOfSpace):  # not an answer from half an index
                library.search_lexical(NAME, "aspirin", 5)
        assert len(library.search_lexical(NAME, "bleeding", 5)) == 2
        assert_sound(library, 4)


def test_a_read_only_library_says_so_and_stays_sound(tmp_path: Path) -> None:
    with filled(tmp_path, document(1)) as library:
        library._database.read("PRAGMA query_only = ON")
        with pytest.raises(OutOfSpace, match="cannot be written"):
            library.commit(NAME, batch(document(2)))
        library._database.read("PRAGMA query_only = OFF")
        assert_sound(library, 2)


def test_a_folder_that_cannot_be_made_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutOfSpace, match="cannot be made"):
        Library.open(tmp_path / "file" / "library")


def test_a_file_that_is_no_library_is_explained_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "library.sqlite").write_bytes(b"This is not a database. " * 100)
    with pytest.raises(LibraryDamaged) as damaged:
        Library.open(tmp_path)
    assert damaged.value.hint
    assert (tmp_path / "library.sqlite").read_bytes().startswith(b"This is not")
    with pytest.raises(LibraryDamaged):  # and the lock was let go
        Library.open(tmp_path)


def test_a_library_of_a_newer_version_is_not_touched(tmp_path: Path) -> None:
    filled(tmp_path, document(1)).close()
    connection = sqlite3.connect(tmp_path / "library.sqlite")
    connection.execute(f"PRAGMA user_version = {LAYOUT + 1}")
    connection.close()
    with pytest.raises(LibraryDamaged, match="newer") as newer:
        Library.open(tmp_path)
    assert "upgrade" in newer.value.hint


def break_chroma_database(path: Path) -> None:
    with (path / "chroma" / "chroma.sqlite3").open("r+b") as file:
        file.write(b"garbage " * 1000)


def break_tantivy(path: Path) -> None:
    for file in (path / "lexical" / "1").glob("*.term"):
        file.write_bytes(b"garbage")


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: shutil.rmtree(path / "chroma"),
        lambda path: (path / "chroma" / "chroma.sqlite3").unlink(),
        break_chroma_database,
        lambda path: shutil.rmtree(path / "lexical"),
        lambda path: (path / "lexical" / "1" / "meta.json").write_text("{"),
        break_tantivy,
    ],
    ids=["no chroma", "no chroma file", "chroma garbage", "no tantivy", "no meta", "no terms"],
)
def test_a_damaged_index_is_named_and_rebuilt_without_embedding(
    tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    filled(tmp_path, document(1), document(2)).close()
    damage(tmp_path)
    with Library.open(tmp_path) as library:
        with pytest.raises(LibraryDamaged) as damaged:
            library.search_dense(NAME, vector_of("x"), 5)
        assert f"vademecum corpus rebuild {NAME}" in damaged.value.hint
        found = library.verify(NAME)
        assert not found.sound
        assert found.documents == 2
        library.rebuild(NAME)
        assert len(library.search_dense(NAME, vector_of("x"), 5)) == 4
        assert len(library.search_lexical(NAME, "bleeding", 5)) == 2
        assert_sound(library, 4)


def test_a_damaged_index_does_not_stop_the_other_corpora(tmp_path: Path) -> None:
    with filled(tmp_path, document(1)) as library:
        library.create_corpus("other", embedder="hash", dim=8, fingerprint="f")
        library.commit("other", batch(document(2)))
    shutil.rmtree(tmp_path / "lexical" / "1")
    with Library.open(tmp_path) as library:
        with pytest.raises(LibraryDamaged):
            library.search_lexical(NAME, "aspirin", 5)
        assert library.search_lexical("other", "aspirin", 5)


def test_entries_lost_from_an_index_are_noticed(tmp_path: Path) -> None:
    with filled(tmp_path, document(1), document(2)) as library:
        library._indexes.lexical.apply(1, [], ["pmid:1#0"])
        problems = library.verify(NAME).problems
        assert any("pmid:1#0" in problem and "lexical" in problem for problem in problems)
    with Library.open(tmp_path) as library, pytest.raises(LibraryDamaged, match="3 of 4"):
        library.search_lexical(NAME, "aspirin", 5)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE documents SET text = replace(text, 'Aspirin', 'Arsenic')",
        "UPDATE documents SET record = replace(record, 'stroke', 'strike')",
        'UPDATE passages SET "end" = "end" - 1',
        "UPDATE passages SET vector = zeroblob(16)",
        "UPDATE corpora SET digest = '00'",
        "DELETE FROM passages WHERE ordinal = 0",
    ],
)
def test_verify_notices_any_change_behind_its_back(tmp_path: Path, sql: str) -> None:
    filled(tmp_path, document(1), document(2)).close()
    connection = sqlite3.connect(tmp_path / "library.sqlite")
    connection.execute(sql)
    connection.commit()
    connection.close()
    with Library.open(tmp_path) as library:
        assert not library.verify(NAME).sound


@pytest.mark.parametrize(("free", "expected"), [(4_096, OutOfSpace), (10_000_000, LibraryDamaged)])
def test_what_an_index_says_on_a_full_disk_is_taken_for_want_of_space(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, expected: type[Exception]
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=free)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(expected), explaining(tmp_path / "gone" / "chroma", ValueError):
        raise ValueError("Failed to apply logs to the metadata segment")


@pytest.mark.parametrize(
    "said",
    [
        "called `Result::unwrap()` on an `Err` value: Os { message: Too many open files }",
        "Failed to open file for write: IoError { kind: TooManyOpenFiles }",
    ],
)
def test_a_limit_of_open_files_is_no_damage(tmp_path: Path, said: str) -> None:
    with pytest.raises(OutOfSpace) as told, explaining(tmp_path, ValueError):
        raise ValueError(said)
    assert "ulimit -n" in told.value.hint
    assert "rebuild" not in told.value.hint


def test_an_index_that_may_not_be_looked_at_does_not_keep_the_library_shut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = filled(tmp_path, document(1))
    library.commit(NAME, batch(document(2)))
    library.close()  # not in peace: the next opening feeds the indexes
    found = Path.is_file

    def is_file(path: Path) -> bool:
        if path.name == "meta.json":
            raise PermissionError(13, "Permission denied", str(path))
        return found(path)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "is_file", is_file)
        with Library.open(tmp_path) as library:
            assert library.corpus(NAME).documents == 2
            with pytest.raises(OutOfSpace, match="Permission denied"):
                library.search_lexical(NAME, "aspirin", 5)
    with Library.open(tmp_path) as library:
        assert_sound(library, 4)


def test_what_an_index_holds_beyond_the_store_is_named(tmp_path: Path) -> None:
    with filled(tmp_path, document(1), document(2)) as library:
        library.verify(NAME)
        entries = list(library._store.entries(1, ["pmid:2"]))
        library.commit(NAME, batch(delete=[2]))
        library.verify(NAME)
        for index in (library._indexes.vectors, library._indexes.lexical):
            index.apply(1, entries, [])
        problems = library.verify(NAME).problems
        assert problems == [
            f"{name}: 2 passages only in the index: pmid:2#0, pmid:2#1"
            for name in ("vectors", "lexical")
        ]
        library.rebuild(NAME)
        assert_sound(library, 2)


def test_a_passage_that_an_index_holds_twice_is_named(tmp_path: Path) -> None:
    with filled(tmp_path, document(1)) as library:
        library.verify(NAME)
        index = library._indexes.lexical._index(1)
        writer = index.writer(heap_size=20_000_000, num_threads=1)
        writer.add_document(lexical._tantivy_document(next(library._store.entries(1, ["pmid:1"]))))
        writer.commit()
        index.reload()
        assert library.verify(NAME).problems == ["lexical: 1 passage in the index twice: pmid:1#0"]


def test_a_vector_that_is_not_the_stores_is_named(tmp_path: Path) -> None:
    with filled(tmp_path, document(1), document(2)) as library:
        library.verify(NAME)
        entry = next(library._store.entries(1, ["pmid:2"]))
        library._indexes.vectors.apply(1, [replace(entry, vector=-entry.vector)], [])
        assert library.verify(NAME).problems == [
            "vectors: 1 passage whose vector differs from SQLite's: pmid:2#0"
        ]


def test_a_notice_that_nobody_states_is_named(tmp_path: Path) -> None:
    with filled(tmp_path, document(1)) as library:
        library.verify(NAME)
        with library._database.transaction() as connection:
            for source in ("pmid:1", "pmid:7"):
                connection.execute(
                    "INSERT INTO notices VALUES (1, ?, 'pmid:9', 'erratum_in', '')", (source,)
                )
        (problem,) = library.verify(NAME).problems
        assert problem == (
            "SQLite: 2 documents whose notices are not as it states them: pmid:1, pmid:7"
        )
