"""What is told of a library that another process has open."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from job_support import FILES, SOURCE, progress
from library_support import NAME, filled, to_first_layout

from vademecum.corpora.database import ReadOnly
from vademecum.corpora.jobs import FileProgress
from vademecum.corpora.library import Library
from vademecum.corpora.look import Active, Look
from vademecum.errors import LibraryDamaged


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
