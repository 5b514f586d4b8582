"""What was ingested, when, from which files, and how it went.

Here it is read; `job_log` writes it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

# planned: its files are being looked at; paused: asked to stop, to go on later; interrupted:
# killed, or stopped with Ctrl-C; failed: an error ended it, or some of its files were not read.
JobState = Literal["planned", "running", "paused", "interrupted", "failed", "cancelled", "done"]
# unchanged: not read, as the corpus held all of it; gone: it failed, and is not there any more;
# nobody waits for it.
FileState = Literal["pending", "done", "unchanged", "failed", "gone"]

ACTIVE: tuple[JobState, ...] = ("planned", "running")
OPEN: tuple[JobState, ...] = ("paused", "interrupted", "failed")  # not at work, and not over
COLUMNS = (
    *("id", "corpus", "source", "key", "state", "reason", "started", "finished", "snapshot"),
    "report",
)


@dataclass(frozen=True, slots=True)
class JobFile:
    """One file of a job, by its place in the order of reading; `reason` says why it failed, or
    that it was empty.

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


def jobs_of(rows: Rows, condition: str = "", parameters: Sequence[Any] = ()) -> Iterator[Job]:
    """The jobs that a condition names, the newest first. Each is read when its turn comes: it may
    have hundreds of thousands of files."""
    ids = rows.read(f"SELECT id FROM jobs {condition} ORDER BY id DESC", parameters)
    return (job for (job_id,) in ids if (job := job_of(rows, job_id)) is not None)


def job_of(rows: Rows, job_id: int) -> Job | None:
    """The job of that number."""
    told = told_of(rows, job_id)
    return None if told is None else Job(**told, files=files_of(rows, job_id))


def told_of(rows: Rows, job_id: int) -> dict[str, Any] | None:
    """What a `Job` says of itself, but for its files; None for one that was forgotten."""
    found = rows.read(f"SELECT {', '.join(COLUMNS)} FROM jobs WHERE id = ?", (job_id,))
    if not found:
        return None
    told = dict(zip(COLUMNS, found[0], strict=True))
    return {**told, "source": json.loads(told["source"]), "report": json.loads(told["report"])}


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


def among(states: Sequence[JobState]) -> str:
    """A condition: the job is in one of these states, which are its parameters."""
    return f"state IN ({','.join('?' * len(states))})"
