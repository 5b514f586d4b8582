"""The registry of readers: how one is chosen, added by another package, and kept from harm."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from vademecum.corpora.document import Document, Record
from vademecum.corpora.readers import (
    READERS,
    guides_of,
    reader_for,
    readers,
    registry,
    suffixes,
)
from vademecum.corpora.readers.pubmed import PubmedReader
from vademecum.errors import DocumentRejected, VademecumError


class NotesReader:
    """What another package would write."""

    suffixes = (".note", ".xml")

    def claims(self, beginning: bytes) -> bool:
        return beginning.startswith(b"<notes")

    def read(self, path: Path) -> Iterator[Record]:
        yield Document(doc_id="note:1", title="A note", text=path.read_text(), kind="full_text")


class ClumsyReader:
    """Fails in ways that readers must not."""

    suffixes = (".clumsy",)

    def read(self, path: Path) -> Iterator[Record]:
        yield Document(doc_id="c:1", title="Before", text="the fault", kind="full_text")
        raise KeyError("first\nsecond")


class Shapeless:
    suffixes = ".one"


@pytest.fixture
def added(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[EntryPoint]]:
    """Entry points as installed packages would declare them."""
    entries: list[EntryPoint] = []

    def found(group: str) -> list[EntryPoint]:
        return [entry for entry in entries if entry.group == group]

    monkeypatch.setattr(registry, "entry_points", found)
    registry._added.cache_clear()
    yield entries
    registry._added.cache_clear()


def entry(name: str, value: str = "") -> EntryPoint:
    return EntryPoint(name, f"{__name__}:{value or name}", "vademecum.readers")


def inside(path: Path) -> str:
    reader = reader_for(path)
    assert isinstance(reader, registry.Guarded)
    return type(reader.reader).__name__


def test_a_package_adds_a_reader(tmp_path: Path, added: list[EntryPoint]) -> None:
    added.append(entry("NotesReader"))
    path = tmp_path / "a.NOTE"
    path.write_text("Remember.")
    [document] = reader_for(path).read(path)
    assert isinstance(document, Document)
    assert document.text == "Remember."
    assert ".note" in suffixes()
    assert isinstance(readers()[0], NotesReader)
    assert len(readers()) == len(READERS) + 1


def test_of_several_readers_the_beginning_of_the_file_chooses(
    tmp_path: Path, added: list[EntryPoint]
) -> None:
    added.append(entry("NotesReader"))
    notes, packed, other = (tmp_path / name for name in ("n.xml", "p.xml.gz", "o.xml"))
    notes.write_text("<notes/>")
    packed.write_bytes(gzip.compress(b"<notes/>"))
    other.write_text("<PubmedArticleSet/>")
    assert inside(notes) == "NotesReader"
    assert inside(packed) == "PubmedReader"  # the other one does not take .xml.gz
    assert inside(other) == "PubmedReader"
    assert inside(tmp_path / "missing.xml") == "PubmedReader"
    os.mkfifo(tmp_path / "pipe.xml")
    assert inside(tmp_path / "pipe.xml") == "PubmedReader"  # and nothing waits for it
    (tmp_path / "cut.xml.gz").write_bytes(b"\x1f\x8b")
    assert inside(tmp_path / "cut.xml.gz") == "PubmedReader"


def test_a_fault_in_a_reader_costs_one_file(tmp_path: Path, added: list[EntryPoint]) -> None:
    added.append(entry("ClumsyReader"))
    path = tmp_path / "a.clumsy"
    path.write_text("x")
    kept: list[Record] = []
    with pytest.raises(DocumentRejected) as caught:
        kept.extend(reader_for(path).read(path))
    assert len(kept) == 1
    assert caught.value.message.startswith("a.clumsy: ClumsyReader failed (KeyError: ")
    assert "\n" not in caught.value.message
    assert __name__ in caught.value.hint


@pytest.mark.parametrize("value", ["Absent", "Shapeless", "os"])
def test_a_reader_that_cannot_be_loaded_is_told_at_once(
    tmp_path: Path, added: list[EntryPoint], value: str
) -> None:
    added.append(entry("broken", value))
    with pytest.raises(VademecumError, match=r"the reader 'broken' of .* cannot be loaded") as told:
        reader_for(tmp_path / "a.txt")
    assert "uninstall" in told.value.hint


def test_what_is_installed_is_looked_up() -> None:
    registry._added.cache_clear()
    assert readers()[-len(READERS) :] == READERS
    assert PubmedReader in map(type, READERS)


def test_the_endings_that_are_told_are_the_ones_that_are_read() -> None:
    for suffix in suffixes():
        assert suffix.startswith(".")
        assert suffix == suffix.lower()
        assert reader_for(Path(f"a{suffix}")).suffixes


def test_what_decides_how_a_table_is_read_lies_beside_it(tmp_path: Path) -> None:
    table, text = tmp_path / "a.csv", tmp_path / "a.txt"
    for path in (table, text):
        path.write_text("text\nAspirin.\n")
    assert guides_of(table) == ()
    (tmp_path / "fields.toml").write_text('text = "text"')
    (tmp_path / "a.csv.fields.toml").write_text('text = "text"')
    assert guides_of(table) == (tmp_path / "a.csv.fields.toml", tmp_path / "fields.toml")
    assert guides_of(text) == ()
    assert guides_of(tmp_path / "slides.pptx") == ()


def test_a_reader_that_is_added_changes_the_fingerprint(added: list[EntryPoint]) -> None:
    registry.fingerprint.cache_clear()
    before = registry.fingerprint()
    registry.fingerprint.cache_clear()
    assert registry.fingerprint() == before
    added.append(entry("notes", "NotesReader"))
    registry.fingerprint.cache_clear()
    assert registry.fingerprint() != before
    registry.fingerprint.cache_clear()
