"""One batch into the library: skip what is stored, embed what is new, commit."""

from __future__ import annotations

import shlex
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from vademecum.corpora.document import Deletion, Document
from vademecum.corpora.jobs import FileProgress, FileState
from vademecum.corpora.library import Batch, Library
from vademecum.corpora.places import is_local
from vademecum.corpora.readers.stream import printable
from vademecum.corpora.revision import file_number
from vademecum.ingest.batch import Gathered
from vademecum.ingest.embedding import Embedding
from vademecum.ingest.failures import some
from vademecum.ingest.reading import Ended, Taken
from vademecum.ingest.report import Tally
from vademecum.ingest.unchanged import Unchanged
from vademecum.ingest.work import Work
from vademecum.progress import Progress

EMPTY = "empty, skipped"
Clash = tuple[int, str]  # a file, and the place of another that has rows of the same ids

TELL_S = 2.0  # between two looks from outside at a job that finds nothing new


@dataclass(frozen=True, slots=True)
class _Sifted:
    """What becomes of the documents of a batch: those to be embedded (cut), ids of those that give
    way to another record or copy, of those that came again later than they were read, and stored
    copies that give way to one of them."""

    needed: list[tuple[Taken, Document]]
    outdated: set[str]
    later: set[str]
    copied: list[str]


class Writer:
    """Writes batches of a job. `fingerprint` is of what splits and embeds; `unchanged` is set once
    the files were looked at."""

    unchanged: Unchanged

    def __init__(
        self,
        library: Library,
        work: Work,
        embedding: Embedding,
        fingerprint: str,
        tally: Tally,
        seconds: Callable[[], float],
        job: int,
        progress: Progress,
    ) -> None:
        self._library = library
        self._work = work
        self._embedding = embedding
        self._fingerprint = fingerprint
        self._tally = tally
        self._seconds = seconds
        self._job = job
        self._shown = progress
        self._written = time.monotonic()
        self._clashes: Counter[Clash] = Counter()

    def foresee(self, gathered: Gathered) -> list[str]:
        """Texts whose vectors the batch will need beside those of the library, as things stand."""
        gathered, _, _ = self._kept_apart(gathered)
        return self._embedding.missing(self._sift(gathered).needed)

    def commit(self, gathered: Gathered) -> None:
        """In one transaction, with how far it brings the job. Raises what the library does."""
        with self._tally.of_a_batch():
            batch, copied = self._prepared(gathered)
        news = batch.documents or batch.deletions or batch.confirmed or batch.held or batch.read
        if news or gathered.ended or time.monotonic() - self._written > TELL_S:
            written = self._library.commit(self._work.corpus, batch, progress=self._shown)
            # The deletions of a document that came again in the same batch are replacements.
            self._tally.report.deleted += written.deleted - copied
            self._tally.report.displaced += written.displaced
            self._written = time.monotonic()
        self._embedding.committed()
        for end in gathered.ended:
            self._tally.forget(end.file)
        if empty := [end.file for end in gathered.ended if end.empty]:
            names = [printable(self._work.paths[file].name) for file in empty]
            self._shown.note(f"{EMPTY}: {some(names)}")
        self._tell_clashes({end.file for end in gathered.ended})
        self._shown.advance(len(gathered.documents))
        supply = self._work.plan.supply
        if supply is not None:
            for file in _whole(gathered):
                supply.release(self._work.paths[file])

    def waiting(self) -> tuple[()]:
        """Nothing waits here."""
        return ()

    def finish(self) -> None:
        """Nothing waits here."""

    def _tell_clashes(self, ended: set[int]) -> None:
        """Of files that ended, that they may be others which were moved and changed at once: what
        those held is not replaced, as they may be gone for another reason."""
        for clash in [clash for clash in self._clashes if clash[0] in ended]:
            rows, (file, place) = self._clashes.pop(clash), clash
            if "://" not in place and not Path(place).exists():
                name = printable(self._work.paths[file].name)
                corpus = self._work.corpus
                self._shown.note(
                    f"{name}: {rows:,} of its rows differ from rows with the same ids of {place}, "
                    "which is not there any more; both are kept. If it was moved, the old ones go "
                    f"with `vademecum corpus forget {corpus} {shlex.quote(place)}`"
                )

    def _kept_apart(self, gathered: Gathered) -> tuple[Gathered, list[Taken], list[Clash]]:
        """The batch, as things stand, with longer ids for rows that another table has others of;
        those of its rows that are one with another of it; and where those others stand."""
        held = [
            (self._work.plan.place(self._work.paths[taken.file]), document)
            for taken, document in gathered.documents.values()
            if is_local(document)
        ]
        names = self._library.longer_ids(self._work.corpus, held) if held else {}
        clashes = [
            (gathered.documents[doc_id][0].file, place)
            for doc_id, longer in names.items()
            for place in longer.others
        ]
        renamed, same = gathered.renamed({doc_id: new.doc_id for doc_id, new in names.items()})
        return renamed, same, clashes

    def _sift(self, gathered: Gathered) -> _Sifted:
        library, corpus = self._library, self._work.corpus
        read = [document for _, document in gathered.documents.values()]
        outdated, later = library.sift(corpus, read)
        copies, copied = library.copies(corpus, read)
        outdated |= copies
        documents = [document for document in read if document.doc_id not in outdated]
        needed = library.needs(corpus, documents, self._fingerprint)
        for document in needed:  # looked at twice where it is embedded ahead: cut once
            taken, _ = gathered.documents[document.doc_id]
            gathered.documents[document.doc_id] = self._embedding.cut(taken, document), document
        kept = [gathered.documents[document.doc_id] for document in needed]
        return _Sifted(kept, outdated, later, copied)

    def _prepared(self, gathered: Gathered) -> tuple[Batch, int]:
        """What to write, and how many of its deletions are of copies."""
        plan = self._work.plan
        gathered, same, clashes = self._kept_apart(gathered)
        self._clashes.update(clashes)
        for taken in same:
            self._tally.count(taken.file, "superseded")
        deletions = [deletion for _, deletion in gathered.deletions.values()]
        too_late, _ = self._library.sift(self._work.corpus, deletions)
        sifted = self._sift(gathered)
        outdated = sifted.outdated
        new = {document.doc_id for _, document in sifted.needed}
        # What is deleted, comes again behind that, and is stored just so, stays.
        stays = gathered.documents.keys() - new - outdated
        for taken, document in gathered.documents.values():
            outcome = "kept" if document.doc_id in new else "skipped"
            self._tally.count(taken.file, "superseded" if document.doc_id in outdated else outcome)
        there: dict[int, list[str]] = {}
        for taken, document in gathered.documents.values():
            if document.doc_id not in outdated:
                for file in {taken.file, *gathered.also.get(document.doc_id, ())}:
                    there.setdefault(file, []).append(document.doc_id)
        embedded = self._embedding.embed(sifted.needed)
        for item in embedded:
            self._tally.count(item.taken.file, "titles_only", int(item.document.kind == "title"))
            self._tally.count(item.taken.file, "passages", len(item.passages))
            self._tally.count(item.taken.file, "embedded", item.new)
        for end in gathered.ended:
            if not (end.cut or end.unchanged):
                self._tally.ended(end.file)
        self._tally.report.seconds = self._seconds()
        whole = _whole(gathered)
        if plan.newest is not None:  # of a selection not all records are in the corpus
            whole = []
        # A record that cannot be read any more is not one that is gone.
        gaps = {end.file for end in gathered.ended if end.gaps}
        names = [self._work.paths[file].name for file in whole]
        batch = Batch(
            documents=[(item.document, item.passages, item.vectors) for item in embedded],
            fingerprint=self._fingerprint,
            deletions=[
                *(item for item in deletions if item.doc_id not in too_late | stays),
                *map(Deletion, sifted.copied),
            ],
            confirmed=[
                document
                for _, document in gathered.documents.values()
                if document.doc_id in sifted.later - new - outdated
            ],
            taken=[name for name in names if file_number(name)],
            job=self._job,
            held=gathered.held,
            read_places=[plan.place(self._work.paths[file]) for file in whole if file not in gaps],
            files=[self._progress(file, gathered.ended) for file in sorted(gathered.touched)],
            report=self._tally.report.to_dict(),
            read=self.unchanged.reads(gathered, there),
        )
        return batch, len(sifted.copied)

    def _progress(self, file: int, ended: Sequence[Ended]) -> FileProgress:
        end = next((end for end in ended if end.file == file and not end.cut), None)
        state: FileState = "pending"
        reason = ""
        if end is not None:
            state = "failed" if end.failure else "unchanged" if end.unchanged else "done"
            reason = EMPTY if end.empty else end.failure
        return FileProgress(file, self._tally.in_all(file), state, reason)


def _whole(gathered: Gathered) -> list[int]:
    """Files that were read to their end. What an empty one held before stays: it may have been cut
    by whatever writes it."""
    return [
        end.file
        for end in gathered.ended
        if not (end.failure or end.cut or end.empty or end.unchanged)
    ]
