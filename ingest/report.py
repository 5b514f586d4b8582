"""What an ingestion did, as numbers that add up."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

REJECTIONS_TOLD = 20


@dataclass
class IngestReport:
    """`read == kept + skipped + superseded + passed_over`, in documents.

    Counts are of this run; `job` is its number in the library, or that of the earlier run that
    had done all of it already.
    """

    corpus: str
    files: int = 0
    read: int = 0
    kept: int = 0  # new or changed, and written
    skipped: int = 0  # unchanged since an earlier run
    superseded: int = 0  # a later record of the same document is there
    passed_over: int = 0  # not among the newest that were asked for
    titles_only: int = 0  # of those kept
    deleted: int = 0  # withdrawn by their source
    rejected: int = 0  # records a reader could not take
    rejections: list[tuple[str, str]] = field(default_factory=list)  # where, reason: the first few
    failed_files: list[tuple[str, str]] = field(default_factory=list)  # name, reason
    passages: int = 0
    embedded: int = 0  # of the passages; the others kept the vectors they had
    seconds: float = 0.0
    job: int | None = None
    snapshot: str = ""

    def reject(self, where: str, reason: str) -> None:
        """Count a rejected record; the first few are told."""
        self.rejected += 1
        if len(self.rejections) < REJECTIONS_TOLD:
            self.rejections.append((where, reason))

    def to_dict(self) -> dict[str, Any]:
        """Plain data, as `vademecum ingest --json` prints it."""
        return asdict(self)
