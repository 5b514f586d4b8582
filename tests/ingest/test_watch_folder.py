"""A watched folder: complete files only, each change once."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from vademecum.errors import UsageError
from vademecum.ingest.watch import Watch


class Script:
    """Does one step whenever the watch would sleep; ends it when there are no more."""

    def __init__(self, *steps: Callable[[], object]) -> None:
        self.steps = list(steps)

    def __call__(self, seconds: float) -> None:
        if not self.steps:
            raise KeyboardInterrupt
        self.steps.pop(0)()


def watched(folder: Path, *steps: Callable[[], object]) -> list[list[str]]:
    found: list[list[str]] = []
    with suppress(KeyboardInterrupt):
        for files in Watch([folder], wait=Script(*steps)).changes():
            found.append([path.name for path in files])  # noqa: PERF401 - it ends with an error
    return found


def nothing() -> None:
    pass


def test_what_is_there_comes_first_and_then_what_changes(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one")
    (tmp_path / "unknown.bin").write_text("x")
    found = watched(
        tmp_path,
        nothing,
        lambda: (tmp_path / "b.md").write_text("two"),
        nothing,
        nothing,
        lambda: (tmp_path / "a.txt").write_text("three, changed"),
        nothing,
        nothing,
    )
    assert found == [["a.txt"], ["b.md"], ["a.txt"]]


def test_a_file_that_is_still_growing_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"

    def grow() -> None:
        with path.open("a") as file:
            file.write("more ")

    assert watched(tmp_path, grow, grow, grow, nothing, nothing) == [["a.txt"]]


def test_a_file_that_changes_while_it_is_read_comes_again(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("one")
    found = []
    with suppress(KeyboardInterrupt):
        for files in Watch([tmp_path], wait=Script(nothing, nothing, nothing)).changes():
            found.append(files)
            if len(found) == 1:
                path.write_text("changed meanwhile")
    assert len(found) == 2


def test_a_file_that_goes_is_no_change_and_one_that_returns_is(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("one")
    found = watched(
        tmp_path,
        nothing,
        path.unlink,
        nothing,
        lambda: (path.write_text("two, later"), os.utime(path, (1, 1))),
        nothing,
        nothing,
    )
    assert found == [["a.txt"], ["a.txt"]]


@pytest.mark.parametrize("guide", ["papers.csv.fields.toml", "fields.toml", "papers.csv.md5"])
def test_what_is_written_beside_a_file_to_mend_it_reads_it_again(
    tmp_path: Path, guide: str
) -> None:
    (tmp_path / "papers.csv").write_text("abc,def\n1,A finding.\n")
    (tmp_path / "other.txt").write_text("It has no part in this.")
    beside = tmp_path / guide
    found = watched(
        tmp_path,
        nothing,
        lambda: beside.write_text('text = "def"\n'),
        nothing,
        nothing,
        lambda: beside.write_text('text = ["def"]\n'),
        nothing,
        nothing,
        beside.unlink,
        nothing,
        nothing,
    )
    assert found == [["other.txt", "papers.csv"], *[["papers.csv"]] * 3]


@pytest.mark.parametrize(("kept", "again"), [(3, []), (1, [["a.txt", "b.txt"]])])
def test_of_files_that_are_gone_only_the_last_are_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: int, again: list[list[str]]
) -> None:
    monkeypatch.setattr("vademecum.ingest.watch.KEPT", kept)
    folder, away = tmp_path / "in", tmp_path / "away"
    folder.mkdir()
    away.mkdir()
    names = ["a.txt", "b.txt", "c.txt"]
    for name in names:
        (folder / name).write_text(name)

    def move(source: Path, target: Path) -> None:
        for name in names:
            (source / name).rename(target / name)

    found = watched(
        folder,
        nothing,
        lambda: move(folder, away),
        nothing,
        lambda: move(away, folder),
        nothing,
        nothing,
    )
    assert found == [names, *again]


def test_numbered_files_come_in_order(tmp_path: Path) -> None:
    for name in ("updates/pubmed26n0003.xml", "z/pubmed26n0002.xml", "b.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    assert watched(tmp_path, nothing) == [
        ["b.txt", "pubmed26n0002.xml", "pubmed26n0003.xml"],
    ]


def test_only_folders_are_watched(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one")
    for named in (tmp_path / "a.txt", tmp_path / "nowhere"):
        with pytest.raises(UsageError, match="not a folder"):
            Watch([named])
