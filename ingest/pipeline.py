"""plan -> read -> split -> embed -> commit, a batch at a time.

A batch is one transaction of the library, so a run that is killed goes on where its last batch
ended: `resume` reads the files that were not finished, and what is stored unchanged is skipped, not
embedded.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from vademecum.corpora.control import Control
from vademecum.corpora.document import Document
from vademecum.corpora.jobs import JobState
from vademecum.corpora.library import Library
from vademecum.corpora.memory import share_arena
from vademecum.corpora.places import is_held
from vademecum.corpora.readers.stream import printable
from vademecum.errors import LibraryError, VademecumError
from vademecum.ingest.batch import Gathered
from vademecum.ingest.embedding import Embedding
from vademecum.ingest.engine import Engine
from vademecum.ingest.failures import Failures
from vademecum.ingest.gone import folders_of, gone_from
from vademecum.ingest.in_order import InOrder
from vademecum.ingest.moved import forget_moved
from vademecum.ingest.newest import Newest
from vademecum.ingest.placing import Batches, placed
from vademecum.ingest.plan import Plan
from vademecum.ingest.reading import Ended, Event, Rejected, Source, Taken
from vademecum.ingest.record import JobRecord
from vademecum.ingest.report import IngestReport, Tally
from vademecum.ingest.shards import Shards
from vademecum.ingest.splitter import splitter_for
from vademecum.ingest.stopping import Stop, Stopped
from vademecum.ingest.unchanged import Unchanged
from vademecum.ingest.work import Work
from vademecum.ingest.writing import Writer
from vademecum.model.interface import TextEmbedder
from vademecum.progress import Progress, Silent

# A batch is embedded in order of length, written in one transaction, and lost if it is killed: the
# larger the faster, up to a few seconds of embedding.
BATCH_SIZE = 256  # documents
BATCH_PASSAGES = 512  # of full texts fewer documents make a batch


def ingest(
    library: Library,
    corpus: str,
    source: Plan | Sequence[Path],
    embedder: TextEmbedder,
    *,
    limit: int | None = None,
    batch_size: int = BATCH_SIZE,
    progress: Progress | None = None,
    stop: threading.Event | None = None,
    apart: bool | None = None,
    engine: Engine | None = None,
) -> IngestReport:
    """Read files into a corpus, which is made if it is new; only what changed is embedded.

    `limit` stops after so many documents (of a `Plan.newest`: chooses so many). A file that
    cannot be read is reported in `failed_files`, and the rest goes on. `stop` ends it after the
    batch under way; `apart` reads in a process of its own, by default where that pays; `engine`
    does all but the commit elsewhere. Raises UsageError if the corpus was made with another
    embedder, OutOfSpace, LibraryDamaged and ClusterUnavailable; what was committed before stays,
    and `resume` goes on from there. Threads that start later in this process share an arena of
    glibc's allocator, so that the memory of the indexes can go back (`memory.share_arena`).
    """
    if limit is not None and limit < 1:
        raise ValueError(f"limit must be at least 1, got {limit}")
    plan = (source if isinstance(source, Plan) else Plan(tuple(source))).limited(limit)
    most = None if plan.newest is not None else limit
    work = Work(corpus, plan, most, engine=engine or Engine())
    return resume(
        library, work, embedder, batch_size=batch_size, progress=progress, stop=stop, apart=apart
    )


def resume(
    library: Library,
    work: Work,
    embedder: TextEmbedder,
    *,
    batch_size: int = BATCH_SIZE,
    progress: Progress | None = None,
    stop: threading.Event | None = None,
    apart: bool | None = None,
) -> IngestReport:
    """Do what is left of a job (`again.left_of`); otherwise as `ingest`."""
    shown = progress or Silent()
    run = _Run(library, work, embedder, batch_size, shown)
    return run.run(stop, apart)


class _Run:
    """One run of a job."""

    def __init__(
        self,
        library: Library,
        work: Work,
        embedder: TextEmbedder,
        batch_size: int,
        progress: Progress,
    ) -> None:
        self._library = library
        self._work = work
        self._plan = work.plan
        self._embedder = embedder
        self._batch_size = batch_size
        self._progress = progress
        self._report = IngestReport(work.corpus)
        self._tally = Tally(self._report)
        self._gathered = Gathered()
        self._failures = Failures(progress)
        self._batches: Batches
        self._unchanged: Unchanged

    def run(self, event: threading.Event | None, apart: bool | None) -> IngestReport:
        """All stages; the job in the library says how it ended, whatever ends it."""
        share_arena()
        work, embedder = self._work, self._embedder
        splitter = splitter_for(embedder)
        fingerprint = f"{splitter.fingerprint}+title:{embedder.name}"
        self._library.create_corpus(
            work.corpus, embedder=embedder.name, dim=embedder.dim, fingerprint=fingerprint
        )
        control = Control(self._library.path)
        control.clear()  # what was asked of an earlier run
        record = JobRecord(self._library, work, self._tally, self._progress)
        folder, earlier = (
            engine.folder(self._library, record.id) for engine in (work.engine, work.before)
        )
        shards = Shards(folder, fingerprint, embedder.dim, earlier)
        writer = Writer(
            self._library,
            work,
            Embedding(self._library, work.corpus, embedder, splitter, fingerprint, shards),
            fingerprint,
            self._tally,
            record.seconds,
            record.id,
            self._progress,
        )
        self._stop = stop = Stop(control, record.id, event)
        state: JobState = "interrupted"
        reason = ""
        known = False
        try:
            folders = folders_of(work.plan.sources) if work.job is None else []
            forget_moved(self._library, work.corpus, folders)
            unchanged = record.begin(fingerprint, self._stop.check)
            known = unchanged is None
            if unchanged is not None:
                self._unchanged = writer.unchanged = unchanged
                place = placed(work, embedder, writer, shards, stop, self._progress, apart)
                with place as (source, self._batches):
                    self._read_all(source)
                forget_moved(self._library, work.corpus, folders)
                state = record.outcome()
                shards.clear()
            self._report.miss(gone_from(folders, self._library.places_named(work.corpus)))
        except Stopped as stopped:
            state = stopped.state
            if state == "cancelled":
                shards.clear()
        except VademecumError as error:
            state, reason = "failed", error.message
            raise
        finally:
            if not known:
                record.close(state, reason)
            self._failures.finish()  # after it: who is told may be gone
        if state in ("done", "failed"):
            self._index()
        return self._report

    def _read_all(self, source: Source) -> None:
        if self._plan.newest is not None:
            self._choose(source, self._plan.newest)
        else:
            left = self._work.left
            # Only all that NLM publishes surely holds as many as were asked for.
            whole = self._plan.supply is not None and self._plan.query is None
            total = left if whole else None
            most = f", up to {left:,}" if left is not None and total is None else ""
            self._progress.start(f"reading into {self._work.corpus}{most}", total, "documents")
            for event in self._events(source):
                self._stop.check()
                self._take(event)
        self._commit()
        self._batches.finish()
        self._progress.finish()

    def _index(self) -> None:
        """Of a large corpus an eighth may be waiting. The job is over: killed here, nothing of it
        is left to do, and the next opening goes on."""
        try:
            self._library.index(self._work.corpus, progress=self._progress)
        except LibraryError as error:
            self._progress.note(f"{error.message}; {error.hint}")

    def _events(self, source: Source) -> Iterator[Event]:
        def waiting() -> list[Gathered]:
            return [self._gathered, *self._batches.waiting()]

        return InOrder(self._work, source, self._unchanged, waiting).events()

    def _choose(self, source: Source, number: int) -> None:
        """The deletions, and the newest documents that have a text, newest first."""
        newest = Newest(number)
        deletions: list[Taken] = []
        ended: list[Ended] = []
        self._progress.start(f"choosing the newest {number:,}", None, "documents")
        for event in self._events(source):
            self._stop.check()
            if isinstance(event, Ended):
                ended.append(event)
            elif isinstance(event, Rejected):
                self._take(event)
            elif isinstance(event.record, Document):
                self._progress.advance(1)
                self._tally.count(event.file, "read")
                self._supersede(newest.add(event, event.record))
            else:
                self._supersede(newest.remove(event.record.doc_id))
                deletions.append(event)
        self._progress.finish()
        chosen = newest.taken()
        for file in self._work.paths:
            counts = self._tally.of(file)
            held = sum(taken.file == file for taken in chosen)
            passed = counts.get("read", 0) - counts.get("superseded", 0) - held
            self._tally.count(file, "passed_over", passed)
        self._progress.start(f"reading into {self._work.corpus}", len(chosen), "documents")
        for taken in [*deletions, *chosen]:
            self._stop.check()
            self._gather(taken)
        for end in ended:
            self._take(end)

    def _take(self, event: Event) -> None:
        """Count it, and put it into the batch."""
        if isinstance(event, Taken):
            self._gather(event)
            if isinstance(event.record, Document):
                self._tally.count(event.file, "read")
        elif isinstance(event, Rejected):
            self._tally.count(event.file, "rejected")
            self._report.reject(event.where, event.reason)
        else:
            if len(self._gathered.ended) >= self._batch_size:  # files that held nothing
                self._write()
            self._gathered.end(event)
            self._report.unchanged += event.unchanged
            if event.failure:
                self._tell_failure(self._work.paths[event.file], event.failure)

    def _gather(self, taken: Taken) -> None:
        """Into the batch, which is written first if it is full."""
        gathered = self._gathered
        is_full = gathered.records >= self._batch_size or gathered.passages >= BATCH_PASSAGES
        if is_full or gathered.clashes(taken):
            self._write()
        self._supersede(self._gathered.add(taken))
        if isinstance(taken.record, Document) and is_held(taken.record):
            place = self._plan.place(self._work.paths[taken.file])
            self._gathered.held.append((place, taken.record.doc_id))

    def _write(self) -> None:
        self._commit()
        self._stop.look()

    def _supersede(self, taken: Taken | None) -> None:
        if taken is not None and isinstance(taken.record, Document):
            self._tally.count(taken.file, "superseded")

    def _tell_failure(self, path: Path, reason: str) -> None:
        self._report.fail(printable(str(path)), reason)
        self._failures.tell(printable(path.name), reason)

    def _commit(self) -> None:
        gathered, self._gathered = self._gathered, Gathered()
        self._batches.commit(gathered)
