"""A file that was moved is the same file: what it said before goes when it changes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from ingest_support import FakeEmbedder, article, write_pubmed

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


def test_a_folder_that_was_moved_below_the_one_that_is_read(library: Library, folder: Path) -> None:
    (folder / "2020").mkdir()
    (folder / "2020" / "pump.txt").write_text("The pump is in room 301.")
    (folder / "other.txt").write_text("What else is said.")
    run(library, folder)
    (folder / "2020").rename(folder / "old")
    assert run(library, folder).gone == 0
    (folder / "old" / "pump.txt").write_text("The pump is in room 999.")
    assert run(library, folder).displaced == 1
    assert texts(library) == {"The pump is in room 999.", "What else is said."}


def test_a_folder_that_was_moved_as_a_whole(library: Library, folder: Path, tmp_path: Path) -> None:
    (folder / "pump.txt").write_text("The pump is in room 301.")
    write_pubmed(folder / "export.xml", article(1))
    run(library, folder)
    new = folder.rename(tmp_path / "elsewhere")
    run(library, new)
    assert library.places_named(NAME) == [str(new / "export.xml"), str(new / "pump.txt")]
    (new / "pump.txt").write_text("The pump is in room 999.")
    assert run(library, new).displaced == 1
    assert library.forget(NAME, places=[str(new / "export.xml")]).doc_ids == ("pmid:1",)
    assert texts(library) == {"The pump is in room 999."}


def test_records_of_pubmed_are_of_the_file_that_is_there(library: Library, folder: Path) -> None:
    old = write_pubmed(folder / "old.xml", article(1), article(2))
    run(library, folder)
    new = old.rename(folder / "new.xml")
    assert run(library, folder).gone == 0
    assert library.places_named(NAME) == [str(new)]
    write_pubmed(folder / "old.xml", article(1), article(2))
    assert run(library, folder).unchanged == 1  # the new one; the old one came back
    assert library.leaving(NAME, places=[str(new)]).held == 2


def test_of_copies_that_are_read_together_each_holds_all_of_it(
    library: Library, folder: Path
) -> None:
    for name in ("a.xml", "b.xml", "c.xml"):
        write_pubmed(folder / name, article(1))
    run(library, folder)
    for name in ("c.xml", "a.xml"):
        assert library.forget(NAME, places=[str(folder / name)]).held == 1
    assert library.forget(NAME, places=[str(folder / "b.xml")]).doc_ids == ("pmid:1",)


def test_of_versions_that_are_read_together_the_last_alone_is_held(
    library: Library, folder: Path
) -> None:
    write_pubmed(folder / "a.xml", article(1, "One version."))
    write_pubmed(folder / "b.xml", article(1, "Another version."))
    run(library, folder)
    assert library.forget(NAME, places=[str(folder / "b.xml")]).doc_ids == ("pmid:1",)
    assert ingest(library, NAME, [folder / "a.xml"], FakeEmbedder()).kept == 1


def test_of_a_file_that_is_moved_and_changed_at_once_the_old_text_is_told(
    library: Library, folder: Path
) -> None:
    old = folder / "pump.txt"
    old.write_text("The pump is in room 301.")
    run(library, folder)
    old.rename(folder / "infusion.txt").write_text("The pump is in room 999.")
    report = run(library, folder)
    assert (report.displaced, report.gone, report.gone_files) == (0, 1, [str(old)])
    library.forget(NAME, places=report.gone_files)
    assert texts(library) == {"The pump is in room 999."}
    assert run(library, folder).gone == 0


def test_the_same_ingestion_is_not_taken_for_done_once_a_file_was_moved(
    library: Library, folder: Path
) -> None:
    old, new = folder / "a.txt", folder / "b.txt"
    old.write_text("What it said.")
    run(library, old)
    old.rename(new)
    run(library, new)
    shutil.copy(new, old)
    run(library, old)
    new.write_text("What it says.")
    run(library, new)
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


def test_where_the_folder_is_empty_no_disk_may_be_mounted_there(
    library: Library, folder: Path, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    for there in (folder, disk):
        (there / "a.txt").write_text("What both said.")
        run(library, there)
    (disk / "a.txt").unlink()
    (folder / "a.txt").write_text("What it says.")
    assert run(library, folder).displaced == 0
    assert texts(library) == {"What both said.", "What it says."}


def test_a_file_that_leaves_an_empty_folder_is_known_where_it_was_moved(
    library: Library, folder: Path, tmp_path: Path
) -> None:
    (folder / "a.txt").write_text("What it said.")
    run(library, folder)
    new = (folder / "a.txt").rename(tmp_path / "b.txt")
    run(library, new)
    new.write_text("What it says.")
    assert run(library, new).displaced == 1
    assert texts(library) == {"What it says."}
