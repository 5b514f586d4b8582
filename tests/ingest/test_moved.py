"""A file that was moved is the same file: what it said before goes when it changes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from ingest_support import FakeEmbedder

from vademecum.corpora.library import Library
from vademecum.ingest.pipeline import ingest
from vademecum.ingest.report import IngestReport
from vademecum.ingest.sources import resolve

NAME = "notes"
TABLE = "id,text\n1,One finding.\n2,Another finding.\n"


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library.open(tmp_path / "library") as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "notes"
    made.mkdir()
    return made


def run(library: Library, folder: Path) -> IngestReport:
    return ingest(library, NAME, resolve([str(folder)]), FakeEmbedder())


def texts(library: Library) -> set[str]:
    assert library.verify(NAME).problems == []
    return {text for (text,) in library._database.read("SELECT text FROM documents")}


def test_a_renamed_file_that_changes_leaves_no_old_text(library: Library, folder: Path) -> None:
    old = folder / "pump.txt"
    old.write_text("The pump is in room 301.")
    run(library, folder)
    new = old.rename(folder / "infusion.txt")
    run(library, folder)
    assert [place for place, _ in library._database.read("SELECT place, doc_id FROM places")] == [
        str(new)
    ]
    new.write_text("The pump is in room 999.")
    assert run(library, folder).displaced == 1
    assert texts(library) == {"The pump is in room 999."}


def test_so_do_the_rows_of_a_table(library: Library, folder: Path) -> None:
    old = folder / "t.csv"
    old.write_text(TABLE)
    run(library, folder)
    (folder / "new").mkdir()
    new = old.rename(folder / "new" / "t.csv")
    assert run(library, folder).kept == 0
    new.write_text(TABLE.replace("Another", "A third"))
    run(library, folder)
    assert texts(library) == {"One finding.", "A third finding."}


def test_of_two_copies_one_may_change(library: Library, folder: Path) -> None:
    (folder / "a.txt").write_text("Both say so.")
    (folder / "b.txt").write_text("Both say so.")
    run(library, folder)
    (folder / "b.txt").write_text("This says otherwise.")
    assert run(library, folder).displaced == 0
    assert texts(library) == {"Both say so.", "This says otherwise."}


def test_a_file_that_comes_back_is_read_again(library: Library, folder: Path) -> None:
    old, new = folder / "a.txt", folder / "b.txt"
    old.write_text("What it said.")
    run(library, folder)
    old.rename(new)
    run(library, folder)
    shutil.copy(new, old)
    new.write_text("What it says.")
    report = run(library, folder)
    assert (report.unchanged, report.displaced) == (0, 0)
    assert texts(library) == {"What it said.", "What it says."}


def test_where_the_folder_is_gone_too_its_disk_may_be_elsewhere(
    library: Library, folder: Path, tmp_path: Path
) -> None:
    (folder / "a.txt").write_text("What it said.")
    run(library, folder)
    shutil.copytree(folder, tmp_path / "copy")
    shutil.rmtree(folder)
    run(library, tmp_path / "copy")
    (tmp_path / "copy" / "a.txt").write_text("What it says.")
    assert run(library, tmp_path / "copy").displaced == 0
    assert texts(library) == {"What it said.", "What it says."}
