"""The life of a job, written down as it goes: planned, begun, advanced, ended, gone on with."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from vademecum.corpora.database import Database
from vademecum.corpora.jobs import (
    OPEN,
    FileProgress,
    Job,
    JobFile,
    JobState,
    among,
    job_of,
    jobs_of,
    told_of,
)


class JobLog:
    """The jobs of a library."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def interrupt_running(self) -> None:
        """At opening: nobody else has the library, so what still runs was killed."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE jobs SET state = 'interrupted', finished = ? "
                "WHERE state IN ('planned', 'running')",
                (_now(),),
            )

    # the life of a job

    def plan(self, corpus: str, source: Mapping[str, Any], files: Iterable[JobFile]) -> int:
        """A new job, its files not looked at yet; returns its id."""
        with self._database.transaction() as connection:
            job = connection.execute(
                "INSERT INTO jobs "
                "(corpus, source, key, state, reason, started, finished, snapshot, report) "
                "VALUES (?, ?, '', 'planned', '', ?, '', '', '{}')",
                (corpus, json.dumps(source), _now()),  # ASCII: a path may hold any byte
            ).lastrowid
            assert job is not None
            _insert_files(connection, job, files)
        return job

    def replan(self, job_id: int, source: Mapping[str, Any], files: Iterable[JobFile]) -> None:
        """Other files for a job that goes on: what its source gives now."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM job_files WHERE job = ?", (job_id,))
            _insert_files(connection, job_id, files)
            connection.execute(
                "UPDATE jobs SET source = ?, report = '{}' WHERE id = ?",
                (json.dumps(source), job_id),
            )

    def reopen(self, job_id: int, files: Iterable[int], source: Mapping[str, Any]) -> None:
        """A job goes on with these of its files, from the beginning of each. What was counted of
        them stays until more is."""
        with self._database.transaction() as connection:
            connection.executemany(
                "UPDATE job_files SET state = 'pending', reason = '' WHERE job = ? AND number = ?",
                [(job_id, number) for number in files],
            )
            connection.execute(
                "UPDATE jobs SET state = 'planned', reason = '', finished = '', snapshot = '', "
                "source = ? WHERE id = ?",
                (json.dumps(source), job_id),
            )
            # What an unfinished reading held counts as held before: the file may have changed.
            connection.execute("UPDATE places SET job = 0 WHERE job = ?", (job_id,))

    def drop(self, job_id: int, files: Iterable[int]) -> None:
        """Files of a job that are gone, and will not be read again. What was read of them stays."""
        with self._database.transaction() as connection:
            connection.executemany(
                "UPDATE job_files SET state = 'gone', reason = 'gone since' "
                "WHERE job = ? AND number = ?",
                [(job_id, number) for number in files],
            )

    def begin(self, job_id: int, key: str, identities: Mapping[int, str]) -> None:
        """Reading begins; by what it and its files are known."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE jobs SET state = 'running', key = ? WHERE id = ?", (key, job_id)
            )
            connection.executemany(
                "UPDATE job_files SET identity = ? WHERE job = ? AND number = ?",
                [(identity, job_id, number) for number, identity in identities.items()],
            )

    def advance(
        self,
        connection: sqlite3.Connection,
        job_id: int,
        files: Iterable[FileProgress],
        report: Mapping[str, Any],
    ) -> None:
        """In the transaction that holds the records: how far they bring the job."""
        connection.executemany(
            "UPDATE job_files SET state = ?, reason = ?, counts = ? WHERE job = ? AND number = ?",
            [
                (file.state, file.reason, json.dumps(dict(file.counts)), job_id, file.number)
                for file in files
            ],
        )
        connection.execute(
            "UPDATE jobs SET report = ? WHERE id = ?",
            (json.dumps(report, ensure_ascii=False), job_id),
        )

    def finish(
        self,
        job_id: int,
        state: JobState,
        report: Mapping[str, Any],
        *,
        reason: str = "",
        snapshot: str = "",
    ) -> None:
        """How it ended."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE jobs SET state = ?, reason = ?, finished = ?, snapshot = ?, report = ? "
                "WHERE id = ?",
                (state, reason, _now(), snapshot, json.dumps(report, ensure_ascii=False), job_id),
            )

    def cancel(self, job_id: int) -> None:
        """A job that does not run will not be gone on with."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE jobs SET state = 'cancelled' WHERE id = ?", (job_id,))

    def give_up(self, connection: sqlite3.Connection, corpus: str, reason: str) -> None:
        """In the transaction that deletes a corpus: none of its jobs is gone on with. What they had
        committed is gone, and what is left of them would be taken for the whole."""
        connection.execute(
            f"UPDATE jobs SET state = 'cancelled', reason = ? WHERE corpus = ? AND {among(OPEN)}",
            (reason, corpus, *OPEN),
        )

    def forget(self, job_id: int) -> None:
        """A job that turned out to have nothing to do leaves no trace."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM jobs WHERE id = ?", (job_id,))

    # what is known

    def find(self, job_id: int) -> Job | None:
        """The job of that number."""
        return job_of(self._database, job_id)

    def report(self, job_id: int) -> Mapping[str, Any]:
        """What was counted in the batches that the library has of a job."""
        told = told_of(self._database, job_id)
        return {} if told is None else told["report"]

    def all(self) -> Iterator[Job]:
        """The newest first, each read when its turn comes."""
        return jobs_of(self._database)

    def done_before(self, corpus: str, key: str, snapshot: str) -> Job | None:
        """The latest finished job of that key that left the corpus just as it is now."""
        found = jobs_of(
            self._database,
            "WHERE corpus = ? AND key = ? AND snapshot = ? AND state = 'done'",
            (corpus, key, snapshot),
        )
        return next(found, None)

    def left(self, corpus: str | None = None) -> Iterator[Job]:
        """Those that are not at work and not over, of a corpus or of all, the newest first."""
        return jobs_of(
            self._database,
            f"WHERE corpus = COALESCE(?, corpus) AND {among(OPEN)}",
            (corpus, *OPEN),
        )

    def left_undone(self, corpus: str, key: str) -> Job | None:
        """The latest job of that key that could be gone on with."""
        found = next(jobs_of(self._database, "WHERE corpus = ? AND key = ?", (corpus, key)), None)
        return found if found is not None and found.can_resume else None


def _insert_files(connection: sqlite3.Connection, job: int, files: Iterable[JobFile]) -> None:
    connection.executemany(
        "INSERT INTO job_files (job, number, path, state, reason, size, identity, counts) "
        "VALUES (?, ?, ?, 'pending', '', ?, ?, '{}')",
        [(job, file.number, file.path, file.size, file.identity) for file in files],
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
