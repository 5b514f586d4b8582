"""What was ingested, when, from which files, and how it went."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Protocol

from vademecum.corpora.database import Database

# planned: its files are being looked at; paused: asked to stop, to go on later; interrupted:
# killed, or stopped with Ctrl-C; failed: an error ended it, or some of its files were not read.
JobState = Literal["planned", "running", "paused", "interrupted", "failed", "cancelled", "done"]
# gone: it failed, and is not there any more; nobody waits for it.
FileState = Literal["pending", "done", "failed", "gone"]

ACTIVE: tuple[JobState, ...] = ("planned", "running")
OPEN: tuple[JobState, ...] = ("paused", "interrupted", "failed")  # not at work, and not over


@dataclass(frozen=True, slots=True)
class JobFile:
    """One file of a job, by its place in the order of reading; `reason` says why it failed.

    `size` in bytes, None where it was not there yet; `identity` is the hash of all that decides
    what is read from it, "" if not known; `counts` are documents and passages of it, by what
    became of them.
    """

    number: int
    path: str
    state: FileState = "pending"
    reason: str = ""
    size: int | None = None
    identity: str = ""
    counts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FileProgress:
    """Where the reading of a file stands once a batch is written."""

    number: int
    counts: Mapping[str, int]
    state: FileState = "pending"
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """One ingestion. Times are ISO 8601, UTC; `snapshot` is set when it is done.

    `source` is what was asked for, enough to go on from; `reason` says what ended it.
    """

    id: int
    corpus: str
    source: dict[str, Any]
    key: str
    state: JobState
    reason: str
    started: str
    finished: str
    snapshot: str
    report: dict[str, Any] = field(repr=False)
    files: tuple[JobFile, ...] = ()

    @property
    def pending(self) -> tuple[JobFile, ...]:
        """Files not read to their end yet."""
        return tuple(file for file in self.files if file.state == "pending")

    @property
    def failed(self) -> tuple[JobFile, ...]:
        """Files that could not be read."""
        return tuple(file for file in self.files if file.state == "failed")

    @property
    def shards(self) -> Path | None:
        """The folder that was named for vectors that wait for their commit."""
        named = self.source.get("shards")
        return None if named is None else Path(named)

    @property
    def can_retry(self) -> bool:
        """Whether files failed that `retry` would read, or were dropped by one that did not end:
        then nothing but that end is left."""
        dropped = not self.pending and any(file.state == "gone" for file in self.files)
        return self.state in OPEN and (bool(self.failed) or dropped)

    @property
    def can_resume(self) -> bool:
        """Whether something is left that `resume` would read."""
        return self.state in OPEN and bool(self.pending)


class Rows(Protocol):
    """What can be asked for rows: a `Database`, or a look at one that another process has open."""

    def read(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]: ...


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def jobs_of(rows: Rows, condition: str = "", parameters: Sequence[Any] = ()) -> Iterator[Job]:
    """The jobs that a condition names, the newest first. Each is read when its turn comes: it may
    have hundreds of thousands of files."""
    ids = rows.read(f"SELECT id FROM jobs {condition} ORDER BY id DESC", parameters)
    return (job for (job_id,) in ids if (job := job_of(rows, job_id)) is not None)


def job_of(rows: Rows, job_id: int) -> Job | None:
    """The job of that number."""
    found = rows.read(
        "SELECT corpus, source, key, state, reason, started, finished, snapshot, report "
        "FROM jobs WHERE id = ?",
        (job_id,),
    )
    if not found:
        return None
    corpus, source, key, state, reason, started, finished, snapshot, report = found[0]
    return Job(
        id=job_id,
        corpus=corpus,
        source=json.loads(source),
        key=key,
        state=state,
        reason=reason,
        started=started,
        finished=finished,
        snapshot=snapshot,
        report=json.loads(report),
        files=files_of(rows, job_id),
    )


def files_of(rows: Rows, job_id: int, state: FileState | None = None) -> tuple[JobFile, ...]:
    """The files of a job in the order of reading, or those in one state."""
    found = rows.read(
        "SELECT number, path, state, reason, size, identity, counts FROM job_files "
        "WHERE job = ? AND state = COALESCE(?, state) ORDER BY number",
        (job_id, state),
    )
    return tuple(_file(*row) for row in found)


def _file(
    number: int,
    path: str,
    state: FileState,
    reason: str,
    size: int | None,
    identity: str,
    counts: str,
) -> JobFile:
    return JobFile(number, path, state, reason, size, identity, json.loads(counts))


class Jobs:
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
        """A job goes on with these of its files, from the beginning of each."""
        with self._database.transaction() as connection:
            connection.executemany(
                "UPDATE job_files SET state = 'pending', reason = '', counts = '{}' "
                "WHERE job = ? AND number = ?",
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


def among(states: Sequence[JobState]) -> str:
    """A condition: the job is in one of these states, which are its parameters."""
    return f"state IN ({','.join('?' * len(states))})"


def _insert_files(connection: sqlite3.Connection, job: int, files: Iterable[JobFile]) -> None:
    connection.executemany(
        "INSERT INTO job_files (job, number, path, state, reason, size, identity, counts) "
        "VALUES (?, ?, ?, 'pending', '', ?, ?, '{}')",
        [(job, file.number, file.path, file.size, file.identity) for file in files],
    )
