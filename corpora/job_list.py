"""The jobs of a library as a list: of each what is told in a few lines.

A job may have hundreds of thousands of files, and a library thousands of jobs: here they are
counted, not read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from vademecum.corpora.jobs import JobFile, JobState, Rows, files_of, told_of

OF_FILES = ("files", "addresses")  # what the source of a job says of each


@dataclass(frozen=True, slots=True)
class ListedJob:
    """As `Job`, with the number of its files, and those that failed alone; `source` without what
    it says of each file."""

    id: int
    corpus: str
    source: dict[str, Any]
    state: JobState
    reason: str
    started: str
    finished: str
    snapshot: str
    files: int
    failed: tuple[JobFile, ...]
    report: dict[str, Any] = field(repr=False)


def listed(rows: Rows, most: int) -> Iterator[ListedJob]:
    """So many of them, the newest first, each read when its turn comes."""
    ids = rows.read("SELECT id FROM jobs ORDER BY id DESC LIMIT ?", (most,))
    return (job for (job_id,) in ids if (job := _job(rows, job_id)) is not None)


def _job(rows: Rows, job_id: int) -> ListedJob | None:
    """None for one that was forgotten meanwhile."""
    told = told_of(rows, job_id)
    if told is None:
        return None
    del told["key"]
    for name in OF_FILES:
        told["source"].pop(name, None)
    ((files,),) = rows.read("SELECT COUNT(*) FROM job_files WHERE job = ?", (job_id,))
    return ListedJob(**told, files=files, failed=files_of(rows, job_id, "failed"))
