"""What becomes of a document whose file is gone: `ingest` names it, `corpus forget` removes it."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest
from cli_support import Cli
from words_support import assert_sound, citation, pubmed

TEXTS = {
    "aspirin.txt": "Aspirin lowered fever in children.",
    "2020/iron.txt": "Iron was given to adults.",
    "2020/zinc.txt": "Zinc was given to nobody.",
}


@pytest.fixture
def folder(cli: Cli, tmp_path: Path) -> Path:
    """Three texts and a record, which are in the corpus `papers`."""
    made = tmp_path / "papers"
    (made / "2020").mkdir(parents=True)
    for name, text in TEXTS.items():
        (made / name).write_text(text)
    (made / "export.xml").write_text(pubmed(citation(1, "On statins", "Statins were given.")))
    assert cli("ingest", str(made), "--corpus", "papers").code == 0
    return made


def held(cli: Cli) -> set[str]:
    """The titles of what is found."""
    found = cli("search", "given aspirin zinc statins", "--corpus", "papers", "--json").json
    return {result["title"] for result in found["results"]}


def test_ingest_names_what_is_gone_and_removes_nothing(cli: Cli, folder: Path) -> None:
    (folder / "2020" / "zinc.txt").unlink()
    (folder / "export.xml").unlink()
    named = "2020/zinc.txt, export.xml"
    told = [
        f"2 files that papers was read from are not there any more: {named}; what was read stays",
        f"to remove it: vademecum corpus forget papers --gone {folder}",
    ]
    for arguments in (["--dry-run"], [], []):
        done = cli("ingest", str(folder), "--corpus", "papers", *arguments)
        assert (done.code, done.stderr.splitlines()[-2:]) == (0, told)
    report = cli("ingest", str(folder), "--corpus", "papers", "--json").json
    assert report["gone"] == 2
    assert report["gone_files"] == [str(folder / "2020" / "zinc.txt"), str(folder / "export.xml")]
    assert report["gone_from"] == [str(folder)]
    survey = cli("ingest", str(folder), "--corpus", "papers", "--dry-run", "--json").json
    assert survey["gone_files"] == report["gone_files"]
    assert_sound(cli, 4)
    other = cli("ingest", str(folder), "--corpus", "others")
    assert "not there any more" not in other.stderr  # it never was there


def test_nothing_is_named_where_nothing_is_gone(cli: Cli, folder: Path) -> None:
    (folder / "aspirin.txt").rename(folder / "2020" / "fever.txt")
    (folder / "export.xml").rename(folder / "other.xml")
    (folder / "2020").rename(folder / "2021")
    for arguments in (["--dry-run"], [], []):
        done = cli("ingest", str(folder), "--corpus", "papers", *arguments)
        assert "not there any more" not in done.stderr
    assert cli("corpus", "forget", "papers", "--gone", "--yes").stderr.splitlines() == [
        "papers: no file that it was read from is surely gone; nothing was removed"
    ]
    assert_sound(cli, 4)


def test_what_is_gone_is_removed_when_it_is_asked_for(
    cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "2020" / "zinc.txt").unlink()
    (folder / "export.xml").unlink()
    command = ("corpus", "forget", "papers", "--gone", str(folder))
    refused = cli(*command)
    assert (refused.code, refused.errors[1]) == (
        2,
        "hint: add --yes to remove them without being asked",
    )
    listed = refused.stdout.splitlines()
    assert listed[0] == "papers: 2 documents to be removed, from 2 files"
    assert {line.split(" (")[0] for line in listed[1:]} == {
        "  Zinc was given to nobody.",
        "  On statins",
    }
    monkeypatch.setattr("vademecum.app.cli_forget.can_ask", lambda: True)
    monkeypatch.setattr("typer.confirm", lambda *_, **__: False)
    assert cli(*command).stderr.splitlines()[-1] == "kept"
    assert_sound(cli, 4)
    before = cli("corpus", "show", "--json").json["snapshot"]
    done = cli(*command, "--yes")
    assert done.code == 0
    assert done.stderr.splitlines()[-1].startswith("papers: 2 documents removed, 2 left, snapshot")
    assert_sound(cli, 2)
    assert held(cli) == {"Aspirin lowered fever in children.", "Iron was given to adults."}
    changed = cli("corpus", "changes", "papers", before, "--json").json
    assert (changed["deleted"], changed["added"]) == (2, 0)
    assert "not there any more" not in cli("ingest", str(folder), "--corpus", "papers").stderr


def test_a_folder_that_may_only_not_be_mounted_costs_nothing(cli: Cli, folder: Path) -> None:
    for path in (folder / "2020").iterdir():
        path.unlink()
    told = cli("ingest", str(folder), "--corpus", "papers").stderr.splitlines()
    assert told[-1] == (
        "of a folder that is empty, as where no disk is mounted: "
        f"vademecum corpus forget papers {folder / '2020'}"
    )
    done = cli("corpus", "forget", "papers", "--gone", "--yes")
    assert done.code == 0
    assert done.stderr.splitlines()[-2:] == [
        f"to remove what came from there: vademecum corpus forget papers {folder / '2020'}",
        "papers: no file that it was read from is surely gone; nothing was removed",
    ]
    shutil.rmtree(folder)
    assert "2020/zinc.txt" in cli("corpus", "forget", "papers", "--gone", "--yes").stderr
    assert_sound(cli, 4)
    # Named, it goes.
    assert cli("corpus", "forget", "papers", str(folder / "2020"), "--yes").code == 0
    assert_sound(cli, 2)


def test_files_folders_and_documents_are_forgotten_by_name(
    cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    done = cli("corpus", "forget", "papers", "pmid:1", "2020/../2020", "--yes")
    assert done.stdout.splitlines()[0] == "papers: 3 documents to be removed, from 2 files"
    assert "still there, and read again when they are next ingested" in done.stderr
    assert "export.xml" in done.stderr
    assert held(cli) == {"Aspirin lowered fever in children."}
    assert_sound(cli, 1)
    again = cli("ingest", ".", "--corpus", "papers", "--json").json
    assert (again["kept"], again["unchanged"]) == (3, 1)
    assert_sound(cli, 4)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names of files are Unicode")
def test_files_and_folders_are_forgotten_whose_names_are_no_utf_8(cli: Cli, folder: Path) -> None:
    odd = folder / os.fsdecode(b"caf\xe9")
    odd.mkdir()
    (odd / os.fsdecode(b"th\xe9.txt")).write_text("Tea was given to all.")
    (odd / "coffee.txt").write_text("Coffee was given to some.")
    assert cli("ingest", str(folder), "--corpus", "papers").code == 0
    assert_sound(cli, 6)
    for named, left in ((odd / os.fsdecode(b"th\xe9.txt"), 5), (odd, 4)):
        done = cli("corpus", "forget", "papers", str(named), "--yes")
        assert done.code == 0, done.stderr
        assert_sound(cli, left)
    nowhere = str(folder / os.fsdecode(b"\xff"))
    assert cli("corpus", "forget", "papers", nowhere, "--yes").code == 2


def test_what_another_file_holds_stays_and_so_it_is_said(cli: Cli, folder: Path) -> None:
    shutil.copytree(folder / "2020", folder / "copy")
    cli("ingest", str(folder), "--corpus", "papers")
    done = cli("corpus", "forget", "papers", str(folder / "copy"))
    assert done.code == 0  # nothing is lost that somebody would have to be asked about
    assert done.stdout == "papers: 0 documents to be removed, from 2 files\n"
    assert "2 documents of them stay, as other files hold the same" in done.stderr
    (folder / "2020" / "iron.txt").unlink()
    cli("corpus", "forget", "papers", "--gone", "--yes")
    assert_sound(cli, 3)


def test_what_is_not_there_is_wrong_usage(cli: Cli, folder: Path) -> None:
    assert cli("corpus", "forget", "papers").code == 2
    unknown = cli("corpus", "forget", "papers", "pmid:9", "--yes")
    assert unknown.code == 2
    assert unknown.errors[0] == (
        "error: nothing in papers came from pmid:9, and no document has this id"
    )
    assert cli("corpus", "forget", "nosuch", "--gone").code == 2
    assert_sound(cli, 4)
