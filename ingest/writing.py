"""One batch into the library: skip what is stored, embed what is new, commit."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from vademecum.corpora.document import Deletion
from vademecum.corpora.jobs import FileProgress, FileState
from vademecum.corpora.library import Batch, Library
from vademecum.corpora.revision import file_number
from vademecum.ingest.batch import Gathered
from vademecum.ingest.embedding import Embedding
from vademecum.ingest.reading import Ended
from vademecum.ingest.report import Tally
from vademecum.ingest.work import Work

TELL_S = 2.0  # between two looks from outside at a job that finds nothing new


class Writer:
    """Writes batches of a job. `fingerprint` is of what splits and embeds."""

    def __init__(
        self,
        library: Library,
        work: Work,
        embedding: Embedding,
        fingerprint: str,
        tally: Tally,
        seconds: Callable[[], float],
        job: int,
    ) -> None:
        self._library = library
        self._work = work
        self._embedding = embedding
        self._fingerprint = fingerprint
        self._tally = tally
        self._seconds = seconds
        self._job = job
        self._written = time.monotonic()

    def commit(self, gathered: Gathered) -> None:
        """In one transaction, with how far it brings the job. Raises what the library does."""
        batch, copied = self._prepared(gathered)
        news = batch.documents or batch.deletions or batch.confirmed or batch.held
        if news or gathered.ended or time.monotonic() - self._written > TELL_S:
            written = self._library.commit(self._work.corpus, batch)
            # The deletions of a document that came again in the same batch are replacements.
            self._tally.report.deleted += written.deleted - copied
            self._tally.report.displaced += written.displaced
            self._written = time.monotonic()
        supply = self._work.plan.supply
        if supply is not None:
            for file in _whole(gathered):
                supply.release(self._work.paths[file])

    def _prepared(self, gathered: Gathered) -> tuple[Batch, int]:
        """What to write, and how many of its deletions are of copies."""
        library, corpus, plan = self._library, self._work.corpus, self._work.plan
        read = [document for _, document in gathered.documents.values()]
        deletions = [deletion for _, deletion in gathered.deletions.values()]
        outdated, later = library.sift(corpus, read)
        too_late, _ = library.sift(corpus, deletions)
        copies, copied = library.copies(corpus, read)
        outdated |= copies
        documents = [document for document in read if document.doc_id not in outdated]
        needed = library.needs(corpus, documents, self._fingerprint)
        new = {document.doc_id for document in needed}
        for taken, document in gathered.documents.values():
            outcome = "kept" if document.doc_id in new else "skipped"
            self._tally.count(taken.file, "superseded" if document.doc_id in outdated else outcome)
        embedded = self._embedding.embed([gathered.documents[item.doc_id] for item in needed])
        for item in embedded:
            self._tally.count(item.taken.file, "titles_only", int(item.document.kind == "title"))
            self._tally.count(item.taken.file, "passages", len(item.passages))
            self._tally.count(item.taken.file, "embedded", item.new)
        self._tally.report.seconds = self._seconds()
        whole = [self._work.paths[file] for file in _whole(gathered)]
        if plan.newest is not None:  # of a selection not all records are in the corpus
            whole = []
        batch = Batch(
            documents=[(item.document, item.passages, item.vectors) for item in embedded],
            fingerprint=self._fingerprint,
            deletions=[
                *(item for item in deletions if item.doc_id not in too_late),
                *map(Deletion, copied),
            ],
            confirmed=[item for item in documents if item.doc_id in later - new],
            taken=[path.name for path in whole if file_number(path.name)],
            job=self._job,
            held=gathered.held,
            read_places=[plan.place(path) for path in whole],
            files=[self._progress(file, gathered.ended) for file in sorted(gathered.touched)],
            report=self._tally.report.to_dict(),
        )
        return batch, len(copied)

    def _progress(self, file: int, ended: Sequence[Ended]) -> FileProgress:
        end = next((end for end in ended if end.file == file and not end.cut), None)
        state: FileState = "pending"
        if end is not None:
            state = "failed" if end.failure else "done"
        return FileProgress(file, self._tally.of(file), state, end.failure if end else "")


def _whole(gathered: Gathered) -> list[int]:
    """Files that were read to their end."""
    return [end.file for end in gathered.ended if not (end.failure or end.cut)]
