"""What people name, as files."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from mode_support import bound_by_modes

from vademecum.errors import UsageError
from vademecum.ingest.plan import SAMPLE_SIZE, Plan, job_key
from vademecum.ingest.sources import require, resolve
from vademecum.progress import Silent


def touched(folder: Path, *names: str) -> list[Path]:
    paths = [folder / name for name in names]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("text")
    return paths


def test_folders_are_walked_in_order_for_what_can_be_read(tmp_path: Path) -> None:
    names = ("b/2.xml.gz", "b/1.xml.gz", "a.txt", "c.md", "b/deep/er/z.xml")
    expected = touched(tmp_path, *names)
    touched(tmp_path, ".hidden/x.txt", ".x.txt", "slides.pptx", "md5")
    assert resolve([str(tmp_path)]).files == tuple(sorted(expected))


def test_what_is_passed_over_in_a_folder_is_told(tmp_path: Path) -> None:
    class Notes(Silent):
        def note(self, text: str) -> None:
            told.append(text)

    told: list[str] = []
    touched(tmp_path, "a.txt", "b.csv", "fields.toml", "b.csv.fields.toml", "a.txt.md5", ".x.png")
    resolve([str(tmp_path)], progress=Notes())
    assert told == []  # nothing is
    touched(tmp_path, *(f"{n}.png" for n in range(7)))
    resolve([str(tmp_path)], progress=Notes())
    [line] = told
    assert line.endswith("0.png, 1.png, 2.png, 3.png, 4.png and 2 more")


def test_a_link_that_leads_nowhere_is_told_as_such(tmp_path: Path) -> None:
    class Notes(Silent):
        def note(self, text: str) -> None:
            told.append(text)

    told: list[str] = []
    text, _ = touched(tmp_path, "a.txt", "x.png")
    (tmp_path / "b.md").symlink_to("gone.md")
    (tmp_path / "c.md").symlink_to("a.txt")
    assert resolve([str(tmp_path)], progress=Notes()).files == (text,)
    assert told == [
        f"{tmp_path}: passed over, links to what is not there: b.md",
        f"{tmp_path}: passed over, of no kind that can be read: x.png",
    ]


def test_a_link_to_a_folder_is_not_followed_and_told(tmp_path: Path) -> None:
    class Notes(Silent):
        def note(self, text: str) -> None:
            told.append(text)

    told: list[str] = []
    other, text = touched(tmp_path, "other/a.txt", "folder/b.txt")
    (text.parent / "round").symlink_to("..")
    (text.parent / "aside").symlink_to(other.parent)
    assert resolve([str(text.parent)], progress=Notes()).files == (text,)
    [line] = told
    assert line.startswith(f"{text.parent}: passed over, links to folders: aside, round; name ")
    assert resolve([str(text.parent / "aside")]).files == (text.parent / "aside" / "a.txt",)


def test_folders_may_be_nested_deeply(tmp_path: Path) -> None:
    folder = tmp_path
    folders = [folder := folder / "d" for _ in range(sys.getrecursionlimit() + 100)]
    try:
        for folder in folders:
            folder.mkdir()
        (file := folders[-1] / "a.txt").write_text("text")
        assert resolve([str(tmp_path)]).files == (file,)
    finally:  # whoever clears the folder may call itself for each
        (folders[-1] / "a.txt").unlink(missing_ok=True)
        for folder in reversed(folders):
            folder.rmdir()


def test_files_keep_the_order_given_and_come_once(tmp_path: Path) -> None:
    two, one = touched(tmp_path, "2.txt", "1.txt")
    link = tmp_path / "3.txt"
    link.symlink_to(one)
    plan = resolve([str(two), str(one), str(tmp_path), str(link)])
    assert plan == Plan((two, one))


@pytest.mark.parametrize("names", [("slides.pptx",), ("slides.pptx", "README")])
def test_files_of_no_kind_that_can_be_read_are_wrong_usage(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    odd = [str(path) for path in touched(tmp_path, *names)]
    for look in (resolve, require):
        with pytest.raises(UsageError, match=r"of no kind that can be read") as told:
            look(odd)
        assert told.value.message.startswith(", ".join(names))
        assert ".pdf" in told.value.hint


def test_among_others_such_a_file_is_passed_over_as_in_a_folder(tmp_path: Path) -> None:
    class Notes(Silent):
        def note(self, text: str) -> None:
            told.append(text)

    told: list[str] = []
    text, *odd = touched(tmp_path, "a.txt", "a.txt.md5", "slides.pptx", "x.png")
    named = [str(path) for path in (text, *odd)]  # as a shell writes out `*`
    require(named)
    assert resolve(named, progress=Notes()).files == (text,)
    assert told == ["passed over, of no kind that can be read: slides.pptx, x.png"]


def test_names_may_be_relative_or_below_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touched(tmp_path, "a.txt")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert resolve(["a.txt"]).files == (Path("a.txt"),)
    assert resolve(["~/a.txt"]).files == (tmp_path / "a.txt",)


@pytest.mark.parametrize("name", ["x" * 5000, "~nobody-of-that-name/a.txt", "a\0b", "a.txt/b"])
def test_a_name_that_cannot_be_is_wrong_usage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    touched(tmp_path, "a.txt")
    monkeypatch.chdir(tmp_path)
    for look in (resolve, require):
        with pytest.raises(UsageError) as told:
            look([name])
        assert len(told.value.message) < 200


def test_what_may_not_be_looked_at_is_told(tmp_path: Path) -> None:
    touched(tmp_path, "a.txt", "locked/b.txt")
    told: list[str] = []

    class Notes(Silent):
        def note(self, text: str) -> None:
            told.append(text)

    (tmp_path / "locked").chmod(0)
    try:
        with bound_by_modes():
            assert resolve([str(tmp_path)], progress=Notes()).files == (tmp_path / "a.txt",)
            with pytest.raises(UsageError, match="Permission denied"):
                resolve([str(tmp_path / "locked" / "b.txt")])
    finally:
        (tmp_path / "locked").chmod(0o700)
    assert told == [f"{tmp_path}/locked: passed over, it cannot be looked into: Permission denied"]


@pytest.mark.parametrize("names", [[], ["nowhere"], ["pubmed-sample", "a.txt"]])
def test_what_is_not_there_is_wrong_usage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as wrong:
        resolve(names)
    assert wrong.value.hint


def test_a_pipe_is_wrong_usage(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.txt")
    with pytest.raises(UsageError, match="pipe"):
        resolve([str(tmp_path / "fifo.txt")])


def test_a_folder_without_anything_to_read_is_wrong_usage(tmp_path: Path) -> None:
    touched(tmp_path, "slides.pptx")
    with pytest.raises(UsageError, match="holds no file"):
        resolve([str(tmp_path)])


def test_the_sample_is_one_file_of_which_the_newest_are_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("vademecum.ingest.sources.fetch", lambda *_, **__: Path("sample.xml.gz"))
    plan = resolve(["pubmed-sample"])
    assert plan == Plan((Path("sample.xml.gz"),), newest=SAMPLE_SIZE)
    assert plan.limited(10).newest == 10
    assert plan.limited(None) is plan
    os.mkdir("pubmed-sample")  # noqa: PTH102
    touched(tmp_path, "pubmed-sample/a.txt")
    assert resolve(["pubmed-sample"]).newest is None  # what lies there is meant


def test_the_key_tells_runs_apart() -> None:
    plan = Plan((Path("a"),))
    keys = {
        job_key(["x"], plan, None, "f"),
        job_key(["y"], plan, None, "f"),
        job_key(["x"], plan, 5, "f"),
        job_key(["x"], Plan((Path("a"),), newest=5), None, "f"),
        job_key(["x"], plan, None, "g"),
        job_key(["x", "x"], plan, None, "f"),
    }
    assert len(keys) == 6
    assert job_key(["x"], Plan((Path("b"),)), None, "f") in keys  # moved, not changed
