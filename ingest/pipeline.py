"""plan -> read -> split -> embed -> commit, a batch at a time.

A batch is one transaction of the library, so a run that is killed goes on where its last batch
ended when the same command is given again: what is stored unchanged is skipped, not embedded.
"""

from __future__ import annotations

import stat
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from vademecum.corpora.document import Deletion, Document, Passage, Record, Rejection
from vademecum.corpora.jobs import JobState
from vademecum.corpora.library import Batch, Library
from vademecum.corpora.readers import reader_for
from vademecum.corpora.readers.stream import printable
from vademecum.corpora.revision import Revision, file_number
from vademecum.errors import DocumentRejected, HashMismatch, LibraryError, VademecumError
from vademecum.ingest.checksum import md5_problem
from vademecum.ingest.newest import Newest
from vademecum.ingest.plan import Plan, file_hash, job_key
from vademecum.ingest.report import IngestReport
from vademecum.ingest.splitter import Splitter
from vademecum.model.interface import TextEmbedder
from vademecum.progress import Progress, Silent

BATCH_SIZE = 64  # documents: a few seconds of embedding on a small machine
PASSAGE_TOKENS = 384  # more would be too much to cite as one passage
TITLE_TOKENS = 64  # left free for the title, which is embedded with every passage


def embedding_text(document: Document, passage: Passage) -> str:
    """What is embedded for a passage: the title, an empty line, the passage.

    The title says what "this drug" in the middle of an abstract is. A document that is only a
    title is embedded as it is.
    """
    if document.kind == "title" or not document.title:
        return passage.text
    return f"{document.title}\n\n{passage.text}"


def splitter_for(embedder: TextEmbedder) -> Splitter:
    """Passages that fit the embedder together with the title of their document."""
    room = embedder.max_tokens - min(TITLE_TOKENS, embedder.max_tokens // 4)
    return Splitter(embedder.count_tokens, max_tokens=min(room, PASSAGE_TOKENS))


def ingest(
    library: Library,
    corpus: str,
    source: Plan | Sequence[Path],
    embedder: TextEmbedder,
    *,
    limit: int | None = None,
    batch_size: int = BATCH_SIZE,
    progress: Progress | None = None,
) -> IngestReport:
    """Read files into a corpus, which is made if it is new; only what changed is embedded.

    `limit` stops after so many documents (of a `Plan.newest`: chooses so many). A file that
    cannot be read is reported in `failed_files`, and the rest goes on. Raises UsageError if the
    corpus was made with another embedder, OutOfSpace and LibraryDamaged; what was committed
    before stays, and the same call goes on from there.
    """
    if limit is not None and limit < 1:
        raise ValueError(f"limit must be at least 1, got {limit}")
    plan = source if isinstance(source, Plan) else Plan(tuple(source))
    run = _Run(library, corpus, plan, limit, embedder, batch_size, progress or Silent())
    return run.run()


class _Run:
    """The state of one ingestion."""

    def __init__(
        self,
        library: Library,
        corpus: str,
        plan: Plan,
        limit: int | None,
        embedder: TextEmbedder,
        batch_size: int,
        progress: Progress,
    ) -> None:
        self._library = library
        self._corpus = corpus
        self._plan = plan.limited(limit)
        self._limit = limit if plan.newest is None else None
        self._embedder = embedder
        self._batch_size = batch_size
        self._progress = progress
        self._splitter = splitter_for(embedder)
        self._fingerprint = f"{self._splitter.fingerprint}+title:{embedder.name}"
        self._report = IngestReport(corpus, files=len(self._plan.files))
        self._documents: dict[str, Document] = {}
        self._deletions: dict[str, Deletion] = {}
        self._finished: list[str] = []  # files read to their end, their records not yet committed
        self._whole: list[Path] = []  # those of which nothing was passed over
        self._cut = False  # the limit ended a file before its end
        self._job = 0

    def run(self) -> IngestReport:
        """All stages; the job in the library says how it ended, whatever ends it."""
        started = time.monotonic()
        self._library.create_corpus(
            self._corpus,
            embedder=self._embedder.name,
            dim=self._embedder.dim,
            fingerprint=self._fingerprint,
        )
        key = self._key()
        if self._done_before(key):
            self._report.seconds = time.monotonic() - started
            return self._report
        jobs = self._library.job_log
        self._job = jobs.start(
            self._corpus,
            {**self._plan.to_dict(), "limit": self._limit},
            key,
            [printable(str(path)) for path in self._plan.files],
        )
        self._report.job = self._job
        state: JobState = "interrupted"
        try:
            self._read_all()
            state = "failed" if self._report.failed_files else "done"
        except VademecumError:
            state = "failed"
            raise
        finally:
            self._report.seconds = time.monotonic() - started
            self._close_job(state)
        return self._report

    def _close_job(self, state: JobState) -> None:
        report = self._report
        try:
            report.snapshot = self._library.corpus(self._corpus).snapshot
            self._library.job_log.finish(self._job, state, report.to_dict(), report.snapshot)
        except LibraryError as error:
            # A full disk cannot take this either; the next opening marks the job interrupted.
            self._progress.note(f"how the job ended could not be written: {error.message}")

    # plan

    def _key(self) -> str:
        """ "" where a file cannot be read: such a run is not remembered."""
        total = 0
        for path in self._plan.files:
            try:
                found = path.stat()
            except OSError:
                return ""
            if not stat.S_ISREG(found.st_mode):
                return ""
            total += found.st_size
        self._progress.start("checking files", total, "B")
        try:
            hashes = [file_hash(path, self._progress.advance) for path in self._plan.files]
        except OSError:
            return ""
        finally:
            self._progress.finish()
        return job_key(hashes, self._plan, self._limit, self._fingerprint)

    def _done_before(self, key: str) -> bool:
        """Whether the corpus is just as an earlier run over the same bytes left it."""
        if not key:
            return False
        info = self._library.corpus(self._corpus)
        job = self._library.job_log.done_before(self._corpus, key, info.snapshot)
        if job is None:
            return False
        earlier = job.report
        report = self._report
        report.read = earlier["read"]
        report.superseded = earlier["superseded"]
        report.passed_over = earlier["passed_over"]
        report.skipped = earlier["kept"] + earlier["skipped"]
        report.rejected = earlier["rejected"]
        report.rejections = [(where, reason) for where, reason in earlier["rejections"]]
        report.job = job.id
        report.snapshot = info.snapshot
        self._progress.note(
            f"these files were read into {self._corpus} by job {job.id}, and nothing has changed"
        )
        return True

    # read

    def _read_all(self) -> None:
        task = f"reading into {self._corpus}"
        if self._plan.newest is not None:
            records = self._newest(self._plan.newest)
            chosen = sum(isinstance(record, Document) for record in records)
            self._progress.start(task, chosen, "documents")
            self._take(records)
            failed = {name for name, _ in self._report.failed_files}
            names = [printable(str(path)) for path in self._plan.files]
            self._finished += [name for name in names if name not in failed]
        else:
            self._progress.start(task, self._limit, "documents")
            for path in self._plan.files:
                failures = len(self._report.failed_files)
                self._take(self._records(path))
                if len(self._report.failed_files) == failures and not self._cut:
                    self._finished.append(printable(str(path)))
                    self._whole.append(path)
                if self._limit is not None and self._report.read >= self._limit:
                    break
        self._commit()
        self._progress.finish()

    def _take(self, records: Iterable[Record]) -> None:
        """Into the batch, and out of it when it is full; of two records the later one."""
        for record in records:
            if isinstance(record, Rejection):
                continue
            waiting = self._documents.get(record.doc_id)
            if waiting is not None and Revision.of(record).precedes(Revision.of(waiting)):
                self._report.superseded += isinstance(record, Document)
                continue
            if self._documents.pop(record.doc_id, None) is not None:
                self._report.superseded += 1
            if isinstance(record, Deletion):
                self._deletions[record.doc_id] = record
            else:
                self._documents[record.doc_id] = record
            if len(self._documents) + len(self._deletions) >= self._batch_size:
                self._commit()

    def _records(self, path: Path) -> Iterator[Record]:
        """Documents and deletions of one file; rejections are counted, a failure is kept."""
        report = self._report
        rejected = report.rejected
        any_record = False
        try:
            if self._plan.supply is not None:
                self._plan.supply.bring(path)
            if not stat.S_ISREG(path.stat().st_mode):  # to open a pipe may wait for ever
                self._fail(path, "it is not a regular file")
                return
            if problem := md5_problem(path):
                self._fail(path, problem)
                return
            for record in reader_for(path).read(path):
                if isinstance(record, Rejection):
                    report.reject(printable(record.where), printable(record.reason))
                    continue
                any_record = True
                if isinstance(record, Document):
                    if self._limit is not None and report.read >= self._limit:
                        self._cut = True
                        return
                    report.read += 1
                    if not record.url and path in self._plan.addresses:
                        record = replace(record, url=self._plan.addresses[path])
                yield record
        except (DocumentRejected, HashMismatch) as error:
            self._fail(path, error.message)
        except OSError as error:
            self._fail(path, f"it cannot be read: {error.strerror or error}")
        else:
            if not any_record:
                count = report.rejected - rejected
                reason = f"none of its {count:,} records could be taken" if count else "no records"
                self._fail(path, f"it holds nothing to read: {reason}")

    def _fail(self, path: Path, reason: str) -> None:
        reason, name = printable(reason), printable(path.name)
        self._report.failed_files.append((printable(str(path)), reason))
        self._library.job_log.file_failed(self._job, printable(str(path)), reason)
        named = reason.startswith(f"{name}: ")  # as a reader names the file it rejects
        self._progress.note(reason if named else f"{name}: {reason}")

    def _newest(self, number: int) -> list[Record]:
        """The deletions, and the newest documents that have a text, newest first."""
        newest = Newest(number)
        deletions: list[Record] = []
        self._progress.start(f"choosing the newest {number:,}", None, "documents")
        for path in self._plan.files:
            for record in self._records(path):
                if isinstance(record, Deletion):
                    self._report.superseded += newest.remove(record.doc_id)
                    deletions.append(record)
                elif isinstance(record, Document):
                    self._progress.advance(1)
                    self._report.superseded += newest.add(record)
        self._progress.finish()
        self._report.passed_over = self._report.read - self._report.superseded - len(newest)
        return [*deletions, *newest.documents()]

    # split, embed, commit

    def _commit(self) -> None:
        """One batch: skip, split, embed what is new, write."""
        read, deletions = list(self._documents.values()), list(self._deletions.values())
        outdated, later = self._library.sift(self._corpus, read)
        too_late, _ = self._library.sift(self._corpus, deletions)
        deletions = [deletion for deletion in deletions if deletion.doc_id not in too_late]
        documents = [document for document in read if document.doc_id not in outdated]
        needed = self._library.needs(self._corpus, documents, self._fingerprint)
        new = {document.doc_id for document in needed}
        confirmed = [item for item in documents if item.doc_id in later - new]
        if needed or deletions or confirmed or self._finished:
            names = [path.name for path in self._whole if file_number(path.name)]
            batch = replace(self._embedded(needed, deletions), confirmed=confirmed, taken=names)
            written = self._library.commit(self._corpus, batch)
            # The deletions of a document that came again in the same batch are replacements.
            self._report.deleted += written.deleted
        self._report.superseded += len(read) - len(documents)
        self._report.skipped += len(documents) - len(needed)
        self._report.kept += len(needed)
        self._report.titles_only += sum(document.kind == "title" for document in needed)
        self._documents.clear()
        self._deletions.clear()
        self._finished.clear()
        if self._plan.supply is not None:
            for path in self._whole:
                self._plan.supply.release(path)
        self._whole.clear()
        self._progress.advance(len(read))

    def _embedded(self, documents: Sequence[Document], deletions: Sequence[Deletion]) -> Batch:
        """Split and embed, over the whole batch so that the embedder can sort by length."""
        passages = [self._splitter.split(document) for document in documents]
        texts = [
            embedding_text(document, passage)
            for document, parts in zip(documents, passages, strict=True)
            for passage in parts
        ]
        vectors = self._known_vectors(documents)
        new = [text for text in dict.fromkeys(texts) if text not in vectors]
        if new:
            vectors.update(zip(new, self._embedder.embed_passages(new), strict=True))
        self._report.passages += len(texts)
        self._report.embedded += len(new)
        rows = iter(texts)
        return Batch(
            documents=[
                (
                    document,
                    parts,
                    np.asarray([vectors[next(rows)] for _ in parts], dtype=np.float32).reshape(
                        len(parts), self._embedder.dim
                    ),
                )
                for document, parts in zip(documents, passages, strict=True)
            ],
            fingerprint=self._fingerprint,
            deletions=deletions,
            job_id=self._job,
            files_done=tuple(self._finished),
        )

    def _known_vectors(self, documents: Sequence[Document]) -> dict[str, np.ndarray]:
        """Vectors that stored versions of these documents have, by the text they stand for.

        Most updates of PubMed change a heading or a status, not the abstract.
        """
        known: dict[str, np.ndarray] = {}
        ids = [document.doc_id for document in documents]
        for document in self._library.documents(self._corpus, ids).values():
            parts = {
                passage.passage_id: embedding_text(document, passage)
                for passage in self._library.passages(self._corpus, document.doc_id)
            }
            for passage_id, vector in self._library.vectors(self._corpus, parts).items():
                known[parts[passage_id]] = vector
        return known
