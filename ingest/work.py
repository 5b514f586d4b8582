"""What one run of a job is to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vademecum.corpora.jobs import Job, JobFile
from vademecum.ingest.engine import Engine
from vademecum.ingest.plan import Plan


@dataclass(slots=True)
class Work:
    """The files of a plan, for a new job, or as the `numbers` of an earlier one.

    `limit` is of the whole job, all its runs together; `engine` says where this run is done.
    """

    corpus: str
    plan: Plan
    limit: int | None = None
    job: Job | None = None
    numbers: Sequence[int] | None = None
    engine: Engine = field(default_factory=Engine)
    paths: dict[int, Path] = field(init=False)  # in the order of reading
    others: list[JobFile] = field(init=False)  # files of the job that are not read this time
    again: list[JobFile] = field(init=False)  # those that an earlier run has read, or begun to read

    def __post_init__(self) -> None:
        numbers = range(len(self.plan.files)) if self.numbers is None else self.numbers
        self.paths = dict(zip(numbers, self.plan.files, strict=True))
        known = self.job.files if self.job is not None else ()
        self.others = [file for file in known if file.number not in self.paths]
        self.again = [file for file in known if file.number in self.paths and file.counts]

    @property
    def before(self) -> Engine:
        """Where the run before this one was done."""
        return self.engine if self.job is None else Engine.of(self.job.source)

    @property
    def left(self) -> int | None:
        """Documents that the limit leaves to this run."""
        if self.limit is None:
            return None
        return max(0, self.limit - sum(file.counts.get("read", 0) for file in self.others))
