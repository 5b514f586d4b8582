"""Jobs in the library: their life, and how they are read."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from job_support import FILES, SOURCE, progress
from library_support import NAME, filled

from vademecum.corpora.job_list import listed
from vademecum.corpora.jobs import FileProgress, JobFile, JobState, Rows, jobs_of
from vademecum.corpora.library import Library
from vademecum.corpora.look import Look


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
    assert (job.state, job.finished, job.files[1].counts) == ("planned", "", {"read": 1})
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


def test_what_is_left_to_do_is_found_without_the_jobs_that_are_over(library: Library) -> None:
    states: list[JobState] = ["failed", "done", "cancelled", "paused", "done"]
    for state in states:
        number = library.job_log.plan(NAME, SOURCE, FILES)
        library.job_log.finish(number, state, {})
    library.job_log.finish(library.job_log.plan("another", SOURCE, FILES), "interrupted", {})
    assert [job.id for job in library.job_log.left()] == [6, 4, 1]
    assert [job.id for job in library.job_log.left(NAME)] == [4, 1]


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
