"""What an ingestion did, as numbers that add up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from vademecum.ingest.gone import Gone

TOLD = 20  # rejected records, files that failed and files that are gone: the library has all files

# Counted for each file of a job, and again from nothing where the file is read again.
BY_FILE = (
    "read",
    "kept",
    "skipped",
    "superseded",
    "passed_over",
    "titles_only",
    "rejected",
    "passages",
    "embedded",
)
WRITTEN = ("kept", "titles_only", "passages", "embedded")  # of these, what is in the library now
OUTCOMES = ("kept", "skipped", "superseded", "passed_over")  # of a document that was read


@dataclass
class IngestReport:
    """`read == kept + skipped + superseded + passed_over`, in documents.

    Counts are of the whole job, over all its runs; `job` is its number in the library, or that of
    the earlier job that had done all of it already, and `state` how it stands.
    """

    corpus: str
    files: int = 0
    unchanged: int = 0  # files that were not read, as the corpus holds all of each
    read: int = 0
    kept: int = 0  # new or changed, and written
    skipped: int = 0  # there already, just so: from before the job, or from another of its files
    superseded: int = 0  # another record of the same document is there, a later one or a copy
    passed_over: int = 0  # not among the newest that were asked for
    titles_only: int = 0  # of those kept
    deleted: int = 0  # withdrawn by their source
    displaced: int = 0  # of earlier versions of the files, and gone from them
    rejected: int = 0  # records a reader could not take
    rejections: list[tuple[str, str]] = field(default_factory=list)  # where, reason: the first few
    failed: int = 0  # files that could not be read to their end
    failed_files: list[tuple[str, str]] = field(default_factory=list)  # name, reason: the first few
    gone: int = 0  # files that are not there any more in the folders that were read
    gone_files: list[str] = field(default_factory=list)  # their paths: the first few
    gone_from: list[str] = field(default_factory=list)  # those folders
    gone_empty: list[str] = field(default_factory=list)  # folders in them that are empty: a few
    passages: int = 0
    embedded: int = 0  # of the passages; the others kept the vectors they had
    seconds: float = 0.0
    job: int | None = None
    state: str = ""
    snapshot: str = ""
    by_run: dict[str, int] = field(default_factory=dict)  # of BY_FILE, what the last run counted

    def reject(self, where: str, reason: str) -> None:
        """Tell of a rejected record, if it is one of the first few."""
        if len(self.rejections) < TOLD:
            self.rejections.append((where, reason))

    def fail(self, name: str, reason: str) -> None:
        """Count a file that could not be read, and tell of it, if it is one of the first few."""
        self.failed += 1
        if len(self.failed_files) < TOLD:
            self.failed_files.append((name, reason))

    def miss(self, gone: Gone) -> None:
        """Count files that are not there any more, and tell of the first few."""
        self.gone = len(gone.files)
        self.gone_files, self.gone_from = list(gone.files[:TOLD]), list(gone.folders)
        self.gone_empty = list(gone.empty[:TOLD])

    def to_dict(self) -> dict[str, Any]:
        """Plain data, as `vademecum ingest --json` prints it; without what one run counted."""
        plain = asdict(self)
        del plain["by_run"]
        return plain


class Tally:
    """Counts in a report, and of each file that is being read."""

    def __init__(self, report: IngestReport) -> None:
        self.report = report
        self._files: dict[int, dict[str, int]] = {}
        self._earlier: dict[int, Mapping[str, int]] = {}

    def before(self, counts: Iterable[Mapping[str, int]]) -> None:
        """Files of the job that are not read this time."""
        for file in counts:
            self._add({}, file)

    def begun(self, file: int, counts: Mapping[str, int]) -> None:
        """An earlier run of the job has counted this of a file that is read from its beginning."""
        self._add({}, counts)
        self._earlier[file] = counts

    def count(self, file: int, name: str, amount: int = 1) -> None:
        """So much more of a file."""
        if amount:
            run = self.report.by_run
            run[name] = run.get(name, 0) + amount
            before = self.in_all(file)
            counts = self._files.setdefault(file, {})
            counts[name] = counts.get(name, 0) + amount
            if file in self._earlier:
                self._add(before, self.in_all(file))
            else:
                self._add({}, {name: amount})

    def ended(self, file: int) -> None:
        """All of a file was read: of what earlier runs counted only what they wrote still counts,
        for the file may have been another then."""
        if file in self._earlier:
            before, earlier = self.in_all(file), self._earlier[file]
            self._earlier[file] = {name: earlier.get(name, 0) for name in WRITTEN}
            self._add(before, self.in_all(file))

    @contextmanager
    def of_a_batch(self) -> Iterator[None]:
        """What is counted meanwhile counts only if the batch comes about: if nothing is raised."""
        report, files = replace(self.report), {n: dict(one) for n, one in self._files.items()}
        earlier, run = dict(self._earlier), dict(self.report.by_run)
        try:
            yield
        except BaseException:
            for name in BY_FILE:
                setattr(self.report, name, getattr(report, name))
            self._files, self._earlier, self.report.by_run = files, earlier, run
            raise

    def of(self, file: int) -> dict[str, int]:
        """The counts of a file so far, in this run."""
        return self._files.get(file, {})

    def in_all(self, file: int) -> dict[str, int]:
        """The counts of a file over all runs of the job: what an earlier one wrote, and this one
        finds unchanged, was kept."""
        now, earlier = self.of(file), self._earlier.get(file)
        if earlier is None:
            return now
        counts = {name: max(now.get(name, 0), earlier.get(name, 0)) for name in BY_FILE}
        for name in WRITTEN:
            counts[name] = now.get(name, 0) + earlier.get(name, 0)
        found = now.get("skipped", 0) - earlier.get("kept", 0)
        counts["skipped"] = max(0, found, earlier.get("skipped", 0))
        counts["read"] = max(counts["read"], sum(counts[name] for name in OUTCOMES))
        return {name: count for name, count in counts.items() if count}

    def forget(self, file: int) -> None:
        """All of a file is in the library, its counts, too."""
        self._files.pop(file, None)
        self._earlier.pop(file, None)

    def _add(self, before: Mapping[str, int], after: Mapping[str, int]) -> None:
        for name in {*before, *after}:
            more = after.get(name, 0) - before.get(name, 0)
            setattr(self.report, name, getattr(self.report, name) + more)
