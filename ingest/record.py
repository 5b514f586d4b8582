"""The job in the library: how it begins, whether it was done before, how it ends."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from vademecum.corpora.jobs import Job, JobFile, JobState
from vademecum.corpora.library import Library
from vademecum.corpora.readers import fingerprint as readers_fingerprint
from vademecum.corpora.readers.stream import printable
from vademecum.errors import LibraryError
from vademecum.ingest.plan import identity_of, job_key, size_of, stamp_of
from vademecum.ingest.report import BY_FILE, IngestReport, Tally
from vademecum.ingest.unchanged import Unchanged
from vademecum.ingest.work import Work
from vademecum.progress import Progress

OF_ALL_RUNS = ("deleted", "displaced", "seconds")  # not counted again where a file is read again


class JobRecord:
    """Opened, the job is planned; `id` is its number from then on."""

    def __init__(self, library: Library, work: Work, tally: Tally, progress: Progress) -> None:
        self._began = time.monotonic()
        self._library = library
        self._log = library.job_log
        self._work = work
        self._tally = tally
        self._report = tally.report
        self._progress = progress
        self._report.files = len(work.paths) + len(work.others)
        self._report.unchanged = sum(file.state == "unchanged" for file in work.others)
        for file in work.others:
            if file.state == "failed":
                self._report.fail(file.path, file.reason)
        tally.before(file.counts for file in work.others)
        if work.job is None:
            self._source = work.plan.to_dict(work.limit) | work.engine.to_dict()
            self.id = self._log.plan(work.corpus, self._source, self._files())
        else:
            self.id = work.job.id
            self._source = work.job.source | work.engine.to_dict()
            self._log.reopen(self.id, work.paths, self._source)
            for file in work.again:
                tally.begun(file.number, file.counts)
            for name in OF_ALL_RUNS:
                setattr(self._report, name, work.job.report.get(name, 0))
        self._earlier_s = self._report.seconds
        self._report.job = self.id

    def _files(self) -> list[JobFile]:
        return [
            JobFile(number, printable(str(path)), size=size_of(path))
            for number, path in self._work.paths.items()
        ]

    def seconds(self) -> float:
        """Of all runs of the job so far."""
        return self._earlier_s + time.monotonic() - self._began

    def begin(self, fingerprint: str, check: Callable[[], None]) -> Unchanged | None:
        """Look at the files: which of them need not be read, None if the corpus is just as an
        earlier job over the same files left it. `check` may raise, to end it early."""
        identities, stamps = self._looked_at(check)
        others = {f.number: f.identity for f in self._work.others if f.state != "gone"}
        named = others | identities
        readers = readers_fingerprint()
        key = ""
        if all(named.values()):
            files, addresses = self._source["files"], self._source.get("addresses", {})
            # Where it lies, a document is known by.
            places = [(addresses.get(files[n], files[n]), named[n]) for n in sorted(named)]
            key = job_key(places, self._work.plan, self._work.limit, f"{fingerprint}/{readers}")
        if key and self._work.job is None and self._known(key):
            return None
        self._log.begin(self.id, key, identities)
        return Unchanged(
            self._library, self._work, self._tally, fingerprint, readers, identities, stamps
        )

    def _looked_at(self, check: Callable[[], None]) -> tuple[dict[int, str], dict[int, int]]:
        """Identities and stamps by number; "" and none where a file is not here or cannot be read:
        such a run is not known again."""
        identities = dict.fromkeys(self._work.paths, "")
        stamps: dict[int, int] = {}
        if self._work.plan.supply is not None:
            return identities, stamps
        sizes = {number: size_of(path) for number, path in self._work.paths.items()}
        total = sum(size for size in sizes.values() if size is not None)

        def advance(count: int) -> None:
            self._progress.advance(count)
            check()

        self._progress.start("checking files", total, "B")
        try:
            for number, path in self._work.paths.items():
                if sizes[number] is None or path in self._work.plan.unavailable:
                    continue
                with suppress(OSError):  # to read it will say what is wrong
                    stamp = stamp_of(path)
                    identities[number] = identity_of(path, advance)
                    stamps[number] = stamp
        finally:
            self._progress.finish()
        return identities, stamps

    def _known(self, key: str) -> bool:
        corpus = self._work.corpus
        snapshot = self._library.corpus(corpus).snapshot
        earlier = self._log.done_before(corpus, key, snapshot)
        if earlier is not None:
            self._log.forget(self.id)
            self._progress.note(
                f"these files were read into {corpus} by job {earlier.id}, and nothing has changed"
            )
            _take_over(self._report, earlier)
            self._report.seconds = self.seconds()
            return True
        left = self._log.left_undone(corpus, key)
        if left is not None:
            self._progress.note(
                f"job {left.id} began with these files: `vademecum jobs resume {left.id}` "
                "would not read again what it has read"
            )
        return False

    def outcome(self) -> JobState:
        """The state of the job once all of this run is read."""
        if self._report.failed:
            return "failed"
        left = any(file.state == "pending" for file in self._work.others)
        return "interrupted" if left and self._work.left != 0 else "done"

    def close(self, state: JobState, reason: str) -> None:
        """How the run ended."""
        report = self._report
        report.state = state
        report.seconds = self.seconds()
        try:
            if reason:  # of the batch that was under way only the library knows whether it has it
                committed = self._log.report(self.id)
                for name in BY_FILE:
                    setattr(report, name, committed.get(name, 0))
            report.snapshot = self._library.corpus(self._work.corpus).snapshot
            self._log.finish(
                self.id, state, report.to_dict(), reason=reason, snapshot=report.snapshot
            )
        except LibraryError as error:
            # A full disk cannot take this either; the next opening marks the job interrupted.
            self._progress.note(f"how the job ended could not be written: {error.message}")


def of_this_run(report: IngestReport, work: Work) -> IngestReport:
    """What the last run of a job did by itself, of a report over all its runs."""
    before = work.job.report if work.job is not None else {}
    failed = sum(file.state == "failed" for file in work.others)  # and told first
    alone: dict[str, Any] = {name: report.by_run.get(name, 0) for name in BY_FILE}
    for name in OF_ALL_RUNS:
        alone[name] = getattr(report, name) - before.get(name, 0)
    return replace(
        report,
        files=len(work.paths),
        unchanged=report.unchanged - sum(file.state == "unchanged" for file in work.others),
        failed=report.failed - failed,
        failed_files=report.failed_files[failed:],
        **alone,
    )


def _take_over(report: IngestReport, job: Job) -> None:
    """Nothing is to be done: the report is of the job that did it, and repeats what it rejected."""
    report.unchanged = report.files
    report.rejected = job.report["rejected"]
    report.rejections = [(where, reason) for where, reason in job.report["rejections"]]
    report.job, report.state, report.snapshot = job.id, "done", job.snapshot
