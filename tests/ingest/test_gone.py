"""Files that are gone are told from those whose disk may only be elsewhere."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from vademecum.ingest.gone import Gone, below, folders_of, gone_from, is_missing, surely_gone


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """It holds a.txt, and 2020/b.txt; the places below name two more."""
    made = tmp_path / "papers"
    (made / "2020").mkdir(parents=True)
    (made / "a.txt").write_text("A.")
    (made / "2020" / "b.txt").write_text("B.")
    return made


def places(folder: Path) -> list[str]:
    names = ("a.txt", "gone.txt", "2020/b.txt", "2020/gone.txt")
    return [str(folder / name) for name in names]


def test_what_is_gone_from_a_folder_is_named(folder: Path) -> None:
    other = folder.with_name("papers-too") / "gone.txt"
    found = gone_from([folder], [*places(folder), str(other)])
    assert found.files == (str(folder / "2020" / "gone.txt"), str(folder / "gone.txt"))
    assert found.folders == (str(folder),)
    assert gone_from([folder / "2020"], places(folder)).files == found.files[:1]
    assert gone_from([folder], [str(folder / "a.txt")]) == gone_from([], places(folder))


def test_of_what_is_to_be_read_folders_alone_can_miss_something(folder: Path) -> None:
    named = [str(folder), str(folder / "a.txt"), "pubmed", "https://example.org/", "~nobody/x"]
    assert folders_of(named) == [folder]


def test_an_address_is_no_file_that_could_be_missing(folder: Path) -> None:
    assert not is_missing("https://example.org/a.html")
    assert not is_missing(str(folder / "a.txt"))
    assert not is_missing("/papers/\\udcff.txt")  # nobody knows what it was called
    assert is_missing(str(folder / "gone.txt"))
    assert is_missing(str(folder / "a.txt" / "gone.txt"))  # its folder is a file now


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_link_is_there_wherever_it_leads(folder: Path) -> None:
    (folder / "link.txt").symlink_to(folder / "nowhere.txt")
    assert not is_missing(str(folder / "link.txt"))


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_path_may_be_written_in_several_ways(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_of_them = places(folder)
    assert below(all_of_them, [str(folder)]) == all_of_them
    assert below(all_of_them, [f"{folder}/2020/../a.txt"]) == [str(folder / "a.txt")]
    monkeypatch.chdir(folder / "2020")
    assert below(all_of_them, ["gone.txt", ".."]) == all_of_them
    link = folder.with_name("link")
    link.symlink_to(folder)
    assert below(all_of_them, [str(link / "2020")]) == all_of_them[2:]
    assert below([str(link / "gone.txt")], [str(folder)]) == [str(link / "gone.txt")]
    address = "https://example.org/a/b"
    assert below([address], [address]) == [address]
    assert below([address], ["https://example.org/a", str(folder)]) == []


def test_a_file_is_gone_where_its_folder_holds_others(folder: Path) -> None:
    missing = [place for place in places(folder) if is_missing(place)]
    assert surely_gone(missing) == (missing, [])


def test_an_empty_folder_may_be_one_where_no_disk_is_mounted(folder: Path) -> None:
    (folder / "2020" / "b.txt").unlink()
    gone, unsure = str(folder / "gone.txt"), str(folder / "2020" / "gone.txt")
    assert surely_gone([gone, unsure]) == ([gone], [unsure])
    assert surely_gone([gone, unsure], [str(folder)]) == ([gone], [unsure])
    assert gone_from([folder], [unsure]) == Gone((unsure,), (), (str(folder / "2020"),))


def test_a_folder_that_is_gone_counts_only_below_one_that_was_named(folder: Path) -> None:
    shutil.rmtree(folder / "2020")
    gone, unsure = str(folder / "gone.txt"), str(folder / "2020" / "gone.txt")
    assert surely_gone([gone, unsure]) == ([gone], [unsure])
    assert surely_gone([gone, unsure], [str(folder)]) == ([gone, unsure], [])
    shutil.rmtree(folder)
    assert surely_gone([gone, unsure], [str(folder)]) == ([], [gone, unsure])
