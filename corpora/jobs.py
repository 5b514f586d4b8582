"""What was ingested, when, from which files, and how it ended."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from vademecum.corpora.database import Database

JobState = Literal["running", "done", "failed", "interrupted"]
FileState = Literal["pending", "done", "failed"]


@dataclass(frozen=True, slots=True)
class JobFile:
    """One file of a job; `reason` says why it failed."""

    path: str
    state: FileState
    reason: str


@dataclass(frozen=True, slots=True)
class Job:
    """One run of an ingestion. Times are ISO 8601, UTC; `snapshot` is set when it is done."""

    id: int
    corpus: str
    source: dict[str, Any]
    key: str
    state: JobState
    started: str
    finished: str
    snapshot: str
    report: dict[str, Any] = field(repr=False)
    files: tuple[JobFile, ...] = ()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


class Jobs:
    """The jobs of a library."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def interrupt_running(self) -> None:
        """At opening: nobody else has the library, so what still runs was killed."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE jobs SET state = 'interrupted', finished = ? WHERE state = 'running'",
                (_now(),),
            )

    def start(self, corpus: str, source: Mapping[str, Any], key: str, files: Sequence[str]) -> int:
        """A new job; returns its id."""
        with self._database.transaction() as connection:
            job = connection.execute(
                "INSERT INTO jobs "
                "(corpus, source, key, state, started, finished, snapshot, report) "
                "VALUES (?, ?, ?, 'running', ?, '', '', '{}')",
                (corpus, json.dumps(source, ensure_ascii=False), key, _now()),
            ).lastrowid
            connection.executemany(
                "INSERT OR IGNORE INTO job_files VALUES (?, ?, 'pending', '')",
                [(job, path) for path in files],
            )
        assert job is not None
        return job

    def files_done(self, connection: sqlite3.Connection, job_id: int, files: Sequence[str]) -> None:
        """In the transaction that holds their last records."""
        connection.executemany(
            "UPDATE job_files SET state = 'done' WHERE job = ? AND path = ?",
            [(job_id, path) for path in files],
        )

    def file_failed(self, job_id: int, path: str, reason: str) -> None:
        """It could not be read to its end."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE job_files SET state = 'failed', reason = ? WHERE job = ? AND path = ?",
                (reason, job_id, path),
            )

    def finish(
        self, job_id: int, state: JobState, report: Mapping[str, Any], snapshot: str = ""
    ) -> None:
        """How it ended."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE jobs SET state = ?, finished = ?, snapshot = ?, report = ? WHERE id = ?",
                (state, _now(), snapshot, json.dumps(report, ensure_ascii=False), job_id),
            )

    def done_before(self, corpus: str, key: str, snapshot: str) -> Job | None:
        """The latest finished job of that key that left the corpus just as it is now."""
        rows = self._database.read(
            "SELECT id FROM jobs WHERE corpus = ? AND key = ? AND snapshot = ? "
            "AND state = 'done' ORDER BY id DESC LIMIT 1",
            (corpus, key, snapshot),
        )
        return self._jobs("WHERE id = ?", (rows[0][0],))[0] if rows else None

    def all(self) -> list[Job]:
        """The newest first."""
        return self._jobs("", ())

    def _jobs(self, condition: str, parameters: Sequence[Any]) -> list[Job]:
        found = []
        for (
            id_,
            corpus,
            source,
            key,
            state,
            started,
            finished,
            snapshot,
            report,
        ) in self._database.read(
            "SELECT id, corpus, source, key, state, started, finished, snapshot, report "
            f"FROM jobs {condition} ORDER BY id DESC",
            parameters,
        ):
            files = self._database.read(
                "SELECT path, state, reason FROM job_files WHERE job = ? ORDER BY rowid", (id_,)
            )
            found.append(
                Job(
                    id=id_,
                    corpus=corpus,
                    source=json.loads(source),
                    key=key,
                    state=state,
                    started=started,
                    finished=finished,
                    snapshot=snapshot,
                    report=json.loads(report),
                    files=tuple(JobFile(*row) for row in files),
                )
            )
        return found
