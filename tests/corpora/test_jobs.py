"""Jobs in the library: their life, what others see of them, and libraries of before."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from library_support import NAME, batch, document, filled, prepared, to_first_layout

from vademecum.corpora.control import Control
from vademecum.corpora.database import ReadOnly
from vademecum.corpora.document import Document
from vademecum.corpora.job_list import listed
from vademecum.corpora.jobs import FileProgress, JobFile, JobState, Rows, jobs_of
from vademecum.corpora.library import Batch, Library
from vademecum.corpora.look import Active, Look
from vademecum.corpora.waiting import Line
from vademecum.errors import LibraryDamaged

FILES = [JobFile(0, "a.xml", size=10), JobFile(1, "b.xml", size=20)]
SOURCE = {"sources": ["a.xml", "b.xml"], "files": ["/a.xml", "/b.xml"], "limit": None}


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with filled(tmp_path / "library") as opened:
        yield opened


def progress(library: Library, job: int, *files: FileProgress) -> None:
    report = {"read": sum(file.counts.get("read", 0) for file in files)}
    library.commit(NAME, Batch([], "split-1", job=job, files=files, report=report))


def test_a_job_is_planned_then_runs_then_ends(library: Library) -> None:
    log = library.job_log
    number = log.plan(NAME, SOURCE, FILES)
    job = library.jobs()[0]
    assert (job.id, job.state, job.source) == (number, "planned", SOURCE)
    assert [(file.path, file.size, file.state) for file in job.files] == [
        ("a.xml", 10, "pending"),
        ("b.xml", 20, "pending"),
    ]
    log.begin(number, "key", {0: "hash-a", 1: "hash-b"})
    progress(library, number, FileProgress(0, {"read": 3}, "done"), FileProgress(1, {"read": 1}))
    job = library.jobs()[0]
    assert (job.state, job.key, job.report) == ("running", "key", {"read": 4})
    assert [(file.identity, file.state, file.counts) for file in job.files] == [
        ("hash-a", "done", {"read": 3}),
        ("hash-b", "pending", {"read": 1}),
    ]
    log.finish(number, "paused", {"read": 4})
    job = library.jobs()[0]
    assert job.can_resume
    assert [file.number for file in job.pending] == [1]
    log.reopen(number, [1], SOURCE | {"engine": "ray"})
    job = library.jobs()[0]
    assert job.source["engine"] == "ray"
    assert (job.state, job.finished, job.files[1].counts) == ("planned", "", {})
    assert job.files[0].counts == {"read": 3}


def test_what_failed_is_kept_with_its_reason(library: Library) -> None:
    number = library.job_log.plan(NAME, SOURCE, FILES)
    progress(library, number, FileProgress(1, {"read": 1}, "failed", "no end"))
    library.job_log.finish(number, "failed", {}, reason="why")
    job = library.jobs()[0]
    assert job.reason == "why"
    assert [(file.path, file.reason) for file in job.failed] == [("b.xml", "no end")]
    library.job_log.cancel(number)
    assert not library.jobs()[0].can_resume


def test_only_a_finished_job_over_the_same_bytes_was_done_before(library: Library) -> None:
    log = library.job_log
    number = log.plan(NAME, SOURCE, FILES)
    log.begin(number, "key", {})
    log.finish(number, "failed", {}, snapshot="s")
    assert log.done_before(NAME, "key", "s") is None
    assert log.left_undone(NAME, "key") == library.jobs()[0]
    log.finish(number, "done", {}, snapshot="s")
    assert log.done_before(NAME, "key", "s") == library.jobs()[0]
    assert log.done_before(NAME, "key", "t") is None
    assert log.left_undone(NAME, "key") is None


def test_what_ran_when_its_process_died_is_interrupted(tmp_path: Path) -> None:
    with filled(tmp_path) as library:
        first = library.job_log.plan(NAME, SOURCE, FILES)
        library.job_log.begin(first, "key", {})
        library.job_log.plan(NAME, SOURCE, FILES)
    with Library.open(tmp_path) as opened:
        assert [job.state for job in opened.jobs()] == ["interrupted", "interrupted"]


def test_a_path_of_any_bytes_comes_back(library: Library) -> None:
    path = "/" + os.fsdecode(b"n\xff.txt")
    library.job_log.plan(NAME, {"files": [path]}, [JobFile(0, "n\\udcff.txt")])
    assert library.jobs()[0].source == {"files": [path]}


class Counting:
    """Counts the rows that are read."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self.read_so_far = 0

    def read(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        found = self._rows.read(sql, parameters)
        self.read_so_far += len(found)
        return found


def test_a_list_of_jobs_counts_their_files_and_reads_those_that_failed(library: Library) -> None:
    paths = [f"/{n}.xml" for n in range(1000)]
    source = {"sources": ["/"], "files": paths, "addresses": {paths[0]: "http://a"}, "limit": None}
    for _ in range(3):
        files = [JobFile(n, path) for n, path in enumerate(paths)]
        number = library.job_log.plan(NAME, source, files)
    progress(library, number, FileProgress(7, {"read": 1}, "failed", "no end"))
    library.job_log.finish(number, "failed", {"kept": 1})
    counting = Counting(library._database)
    latest, before = listed(counting, 2)
    assert counting.read_so_far < 10
    assert (latest.id, latest.state, latest.files) == (number, "failed", 1000)
    assert latest.failed == library.jobs(1)[0].failed
    assert [file.reason for file in latest.failed] == ["no end"]
    assert latest.source == {"sources": ["/"], "limit": None}
    assert (before.id, before.files, before.failed) == (number - 1, 1000, ())
    assert list(Look(library.path).job_list(2)) == [latest, before]


def test_the_files_of_a_corpus_are_told_those_of_the_newest_job_first(library: Library) -> None:
    log = library.job_log
    first = log.plan(NAME, SOURCE, FILES)
    log.begin(first, "key", {0: "hash-a", 1: "hash-b"})
    progress(library, first, FileProgress(0, {}, "done"), FileProgress(1, {}, "failed", "no end"))
    log.plan("another", SOURCE, FILES)
    log.plan(NAME, SOURCE | {"files": ["/c.xml"]}, FILES[:1])
    assert list(Look(library.path).files(NAME)) == [
        ("/c.xml", "pending", ""),
        ("/a.xml", "done", "hash-a"),
        ("/b.xml", "failed", "hash-b"),
    ]


def test_what_is_left_to_do_is_found_without_the_jobs_that_are_over(library: Library) -> None:
    states: list[JobState] = ["failed", "done", "cancelled", "paused", "done"]
    for state in states:
        number = library.job_log.plan(NAME, SOURCE, FILES)
        library.job_log.finish(number, state, {})
    library.job_log.finish(library.job_log.plan("another", SOURCE, FILES), "interrupted", {})
    assert [job.id for job in library.job_log.left()] == [6, 4, 1]
    assert [job.id for job in library.job_log.left(NAME)] == [4, 1]


# what others see


def test_others_see_the_jobs_of_a_library_that_is_open(library: Library) -> None:
    number = library.job_log.plan(NAME, SOURCE, FILES)
    library.job_log.begin(number, "key", {})
    look = Look(library.path)
    assert look.active() == Active(number, NAME, "running")
    progress(library, number, FileProgress(0, {"read": 3}, "done"))
    found = look.job(number)
    assert found is not None
    assert found.files[0].state == "done"
    library.job_log.finish(number, "done", {})
    assert (look.active(), look.state(number), look.state(99)) == (None, "done", None)
    assert [job.state for job in look.jobs()] == ["done"]


def test_files_of_a_job_are_read_when_its_turn_comes(library: Library) -> None:
    """A library may have hundreds of jobs, each of a hundred thousand files."""
    numbers = [library.job_log.plan(NAME, SOURCE, FILES) for _ in range(3)]
    asked: list[str] = []

    class Rows:
        def read(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
            asked.append(sql)
            return library._database.read(sql, parameters)

    jobs = jobs_of(Rows())
    assert next(jobs).id == numbers[-1]
    assert sum("job_files" in sql for sql in asked) == 1
    assert [job.id for job in library.jobs(2)] == numbers[:0:-1]
    assert [job.id for job in jobs] == numbers[1::-1]


def test_who_waits_for_a_job_reads_none_of_its_files(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = library.job_log.plan(NAME, SOURCE, FILES)
    look, asked = Look(library.path), []

    def noted(self: ReadOnly, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        asked.append(sql)
        return library._database.read(sql, parameters)

    monkeypatch.setattr(ReadOnly, "read", noted)
    assert look.active() == Active(number, NAME, "planned")
    assert look.state(number) == "planned"
    assert len(asked) == 2
    assert not [sql for sql in asked if "job_files" in sql or "source" in sql]


def test_where_there_is_no_library_there_is_nothing_to_see(tmp_path: Path) -> None:
    look = Look(tmp_path / "none")
    assert list(look.jobs()) == []
    assert (look.active(), look.job(1), look.state(1), look.taken(NAME)) == (
        None,
        None,
        None,
        set(),
    )
    assert list(tmp_path.iterdir()) == []


def test_a_library_of_before_is_told_and_brought_up_to_date(tmp_path: Path) -> None:
    with filled(tmp_path):
        pass
    to_first_layout(tmp_path)
    old = sqlite3.connect(tmp_path / "library.sqlite")
    with old:
        old.execute(
            "INSERT INTO jobs VALUES (7, ?, ?, 'k', 'failed', '2026-01-01', '', '', '{}')",
            (NAME, json.dumps({"files": ["b", "a"], "newest": None})),
        )
        old.executemany(
            "INSERT INTO job_files VALUES (7, ?, ?, ?)", [("b", "done", ""), ("a", "failed", "why")]
        )
    old.close()
    with pytest.raises(LibraryDamaged, match="layout 1") as error:
        Look(tmp_path).jobs()
    assert "vademecum jobs" in error.value.hint
    with Library.open(tmp_path) as opened:
        [job] = opened.jobs()
        assert (job.id, job.state, job.reason) == (7, "failed", "")
        told = [(file.number, file.path, file.state, file.reason) for file in job.files]
        assert told == [(0, "b", "done", ""), (1, "a", "failed", "why")]


def test_a_wish_reaches_the_job_it_is_for(tmp_path: Path) -> None:
    control = Control(tmp_path)
    assert control.wish(3) is None
    control.ask(3, "pause")
    control.ask(3, "cancel")
    assert (control.wish(3), control.wish(4)) == ("cancel", None)
    control.clear()
    control.clear()
    assert control.wish(3) is None
    (tmp_path / "library.control").write_text("{half")
    assert control.wish(3) is None


STAND = """
import sys
from pathlib import Path
from vademecum.corpora.waiting import Line
with Line(Path(sys.argv[1])).standing("ingest"):
    print("standing", flush=True)
    sys.stdin.read()
"""


def test_who_waits_stands_in_line_until_it_goes_or_dies(tmp_path: Path) -> None:
    line = Line(tmp_path)
    assert line.standing_now() == []
    with subprocess.Popen(
        [sys.executable, "-c", STAND, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "standing\n"
        with line.standing("retry job 3") as ticket:
            both = line.standing_now()
            assert [(one.pid, one.wants) for one in both] == [
                (first.pid, "ingest"),
                (os.getpid(), "retry job 3"),
            ]
            assert both[1].name == ticket
            first.kill()
            first.wait()
            assert [one.pid for one in line.standing_now()] == [os.getpid()]
    assert line.standing_now() == []
    assert list((tmp_path / "queue").iterdir()) == []


# places


def held(*documents: tuple[str, int], job: int, read: tuple[str, ...] = ()) -> Batch:
    """Documents at places, as a job has read them; of `read` the whole."""
    return Batch(
        [prepared(file(number)) for _, number in documents],
        "split-1",
        job=job,
        held=[(place, f"file:{number}") for place, number in documents],
        read_places=read,
    )


def file(number: int) -> Document:
    return replace(document(number), doc_id=f"file:{number}")


def ids(library: Library) -> set[str]:
    return set(library.documents(NAME, [f"file:{n}" for n in range(9)]))


def test_what_a_place_no_longer_holds_goes_once_it_is_read_whole(library: Library) -> None:
    library.commit(NAME, held(("/a", 1), ("/a", 2), ("/b", 3), job=1, read=("/a", "/b")))
    written = library.commit(NAME, held(("/a", 2), ("/a", 4), job=2))
    assert (written.displaced, ids(library)) == (0, {"file:1", "file:2", "file:3", "file:4"})
    written = library.commit(NAME, Batch([], "split-1", job=2, read_places=["/a"]))
    assert (written.displaced, written.deleted) == (1, 0)
    assert ids(library) == {"file:2", "file:3", "file:4"}
    assert library.verify(NAME).problems == []


def test_what_another_place_holds_stays(library: Library) -> None:
    library.commit(NAME, held(("/a", 1), job=1, read=("/a",)))
    library.commit(NAME, held(("/copy", 1), job=2, read=("/copy",)))
    library.commit(NAME, held(("/a", 2), job=3, read=("/a",)))
    assert ids(library) == {"file:1", "file:2"}
    library.commit(NAME, held(("/copy", 2), job=4, read=("/copy",)))
    assert ids(library) == {"file:2"}


def test_a_job_that_goes_on_may_find_a_file_changed(library: Library) -> None:
    number = library.job_log.plan(NAME, SOURCE, FILES)
    library.commit(NAME, held(("/a", 1), job=number))
    library.job_log.reopen(number, [0], SOURCE)
    library.commit(NAME, held(("/a", 2), job=number, read=("/a",)))
    assert ids(library) == {"file:2"}


def test_a_batch_of_no_job_holds_nothing(library: Library) -> None:
    library.commit(NAME, batch(document(1)))
    assert library._database.read("SELECT * FROM places") == []
