"""The library: one folder, one owner, any number of corpora.

`library.sqlite` is the truth; `chroma/` and `lexical/` are derived from it and can be made again
from it at any time. See `outbox` for how they follow.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import numpy as np

from vademecum.corpora.database import Database
from vademecum.corpora.document import CorpusInfo, Deletion, Document, Filters, Hit, Passage
from vademecum.corpora.jobs import Job, Jobs
from vademecum.corpora.lexical import LexicalIndex
from vademecum.corpora.lock import LibraryLock
from vademecum.corpora.outbox import DerivedIndex, Outbox
from vademecum.corpora.revision import Revision
from vademecum.corpora.store import Batch, CorpusRow, Store, Vectors, Written
from vademecum.corpora.vectors import ChromaStore, VectorStore
from vademecum.corpora.verify import Verification
from vademecum.corpora.verify import verify as run_verify
from vademecum.corpora.works import works
from vademecum.errors import (
    CorpusNotFound,
    LibraryDamaged,
    LibraryError,
    OutOfSpace,
    UsageError,
)
from vademecum.progress import Progress, Silent
from vademecum.settings import settings

__all__ = ["Batch", "Library", "Verification", "Written"]

CORPUS_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class Library:
    """Owns its folder until closed. Safe to share between threads of one process."""

    def __init__(self, path: Path, lock: LibraryLock, database: Database) -> None:
        self.path = path
        self._lock = lock
        self._database = database
        self._store = Store(database)
        self._jobs = Jobs(database)
        self._vectors: VectorStore = ChromaStore(path / "chroma")
        self._lexical = LexicalIndex(path / "lexical")
        self._indexes: dict[str, DerivedIndex] = {
            index.name: index for index in (self._vectors, self._lexical)
        }
        self._outbox = Outbox(self._store, self._indexes)
        self._writing = threading.RLock()
        self._checked: set[int] = set()  # corpora whose indexes were found whole
        self._infos: dict[int, CorpusInfo] = {}
        self._rows: dict[str, CorpusRow] = {}

    @classmethod
    def open(cls, path: Path | None = None, *, progress: Progress | None = None) -> Library:
        """Open the library in `path` (by default the one of the settings), or begin one there.

        What a killed process left undone is done now. Raises LibraryLocked, LibraryDamaged,
        OutOfSpace.
        """
        folder = Path(path) if path is not None else settings().library
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutOfSpace(
                f"the library folder {folder} cannot be made: {error.strerror}",
                "check its permissions and free space, or set VADEMECUM_HOME to another folder",
            ) from error
        folder = folder.resolve()
        lock = LibraryLock(folder)
        lock.acquire()
        try:
            library = cls(folder, lock, Database(folder / "library.sqlite"))
        except BaseException:
            lock.release()
            raise
        try:
            library._recover(progress or Silent())
        except BaseException:
            library.close()
            raise
        return library

    def close(self) -> None:
        """Let the next process in. Closing twice is no error."""
        with self._writing:
            for index in self._indexes.values():
                index.close()
            self._database.close()
            self._lock.release()

    def __enter__(self) -> Library:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    # corpora

    def corpora(self) -> list[CorpusInfo]:
        """All of them, by name."""
        return [self._info(row) for row in self._store.corpora()]

    def corpus(self, name: str) -> CorpusInfo:
        """What a corpus holds now. Raises CorpusNotFound."""
        return self._info(self._row(name))

    def create_corpus(self, name: str, *, embedder: str, dim: int, fingerprint: str) -> CorpusInfo:
        """A corpus of that name, made if there is none.

        Another splitter (`fingerprint`) is taken over: `needs` then names every document split
        otherwise. Another embedder is a UsageError, for its vectors cannot be compared; so is a
        name of other than letters, digits, - _ and dots.
        """
        if not CORPUS_NAME.fullmatch(name):
            raise UsageError(
                f"{name!r} cannot be the name of a corpus",
                "use letters, digits, '-', '_' and '.', and begin with a letter or a digit",
            )
        with self._writing:
            row = self._rows_by_name().get(name)
            if row is None:
                with self._database.transaction() as connection:
                    corpus = self._store.create_corpus(connection, name, embedder, dim, fingerprint)
                    self._outbox.register(connection, corpus)
            elif (row.embedder, row.dim) != (embedder, dim):
                raise UsageError(
                    f"the corpus {name!r} was embedded with {row.embedder} ({row.dim} dimensions), "
                    f"not with {embedder} ({dim})",
                    f"use that embedder or another name, or delete it first: "
                    f"vademecum corpus delete {name}",
                )
            elif row.fingerprint != fingerprint:
                with self._database.transaction() as connection:
                    connection.execute(
                        "UPDATE corpora SET fingerprint = ? WHERE id = ?", (fingerprint, row.id)
                    )
            self._rows.clear()
            return self.corpus(name)

    def delete_corpus(self, name: str) -> None:
        """Remove a corpus with all its documents. Raises CorpusNotFound."""
        with self._writing:
            row = self._row(name)
            with self._database.transaction() as connection:
                connection.execute("INSERT INTO doomed VALUES (?)", (row.id,))
                connection.execute("DELETE FROM corpora WHERE id = ?", (row.id,))
            self._rows.clear()
            self._infos.pop(row.id, None)
            self._checked.discard(row.id)
            self._bury()

    # reading

    def document(self, doc_id: str, corpus: str) -> Document | None:
        """One document, None if the corpus does not hold it."""
        return self.documents(corpus, [doc_id]).get(doc_id)

    def documents(self, corpus: str, doc_ids: Iterable[str]) -> dict[str, Document]:
        """Those that the corpus holds, by id."""
        return self._store.documents(self._row(corpus).id, doc_ids)

    def works(self, corpus: str, doc_ids: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """The ids of all documents of the same work, in order, by each of these ids: an abstract
        and its full text, a preprint and its paper."""
        return works(self._database.read, self._row(corpus).id, doc_ids)

    def passages(self, corpus: str, doc_id: str) -> list[Passage]:
        """The passages of a document in order, none if the corpus does not hold it."""
        return [passage for passage, _ in self._store.passages(self._row(corpus).id, [doc_id])]

    def vectors(self, corpus: str, passage_ids: Iterable[str]) -> dict[str, Vectors]:
        """The stored vectors, float32 `[dim]` (kept as float16), of those that exist."""
        row = self._row(corpus)
        wanted = set(passage_ids)
        owners = dict.fromkeys(passage_id.rpartition("#")[0] for passage_id in wanted)
        return {
            entry.passage_id: entry.vector
            for entry in self._store.entries(row.id, owners)
            if entry.passage_id in wanted
        }

    def search_dense(
        self, corpus: str, vector: Vectors, k: int, filters: Filters | None = None
    ) -> list[Hit]:
        """The `k` passages nearest to `vector` (float32 `[dim]`), scored by cosine, best first."""
        row = self._row(corpus)
        vector = np.asarray(vector, dtype=np.float32)
        if vector.shape != (row.dim,):
            raise ValueError(f"a vector of {row.dim} numbers is needed, not of {vector.shape}")
        if k < 1 or not self._searchable(row):
            return []
        wanted = filters or Filters()
        with _hinting(row.name):
            return self._hits(row, self._vectors.query(row.id, vector, k, wanted), wanted)

    def search_lexical(
        self, corpus: str, query: str, k: int, filters: Filters | None = None
    ) -> list[Hit]:
        """The `k` best passages by BM25 over title and text. The query is text, not syntax."""
        row = self._row(corpus)
        if k < 1 or not self._searchable(row):
            return []
        wanted = filters or Filters()
        with _hinting(row.name):
            return self._hits(row, self._lexical.query(row.id, query, k, wanted), wanted)

    def taken(self, corpus: str) -> set[str]:
        """Names of the numbered files that were read to their end; none of a corpus to be."""
        row = self._rows_by_name().get(corpus)
        rows = (
            []
            if row is None
            else self._database.read("SELECT name FROM taken WHERE corpus = ?", (row.id,))
        )
        return {name for (name,) in rows}

    # writing

    def needs(self, corpus: str, documents: Sequence[Document], fingerprint: str) -> list[Document]:
        """Those that are new, changed, or were split or embedded otherwise; in order."""
        states = self._store.states(self._row(corpus).id, (item.doc_id for item in documents))
        return [
            document
            for document in documents
            if states.get(document.doc_id) != (document.content_hash(), fingerprint)
        ]

    def sift(
        self, corpus: str, records: Sequence[Document | Deletion]
    ) -> tuple[set[str], set[str]]:
        """Ids of those that come too late, as the corpus knows a later record or deletion of the
        same work, and of those that are later than what it knows."""
        known = self._store.revisions(self._row(corpus).id, (item.doc_id for item in records))
        outdated: set[str] = set()
        later: set[str] = set()
        for item in records:
            if (held := known.get(item.doc_id)) is not None:
                new = Revision.of(item)
                if new.precedes(held):
                    outdated.add(item.doc_id)
                elif held.precedes(new):
                    later.add(item.doc_id)
        return outdated, later

    def commit(self, corpus: str, batch: Batch, *, progress: Progress | None = None) -> Written:
        """Write a batch, all or nothing, then feed the indexes.

        Once SQLite has it, it is safe: if an index cannot be fed now, it is fed at the next
        opening. Raises OutOfSpace, LibraryDamaged; ValueError if passages or vectors do not
        belong to their documents.
        """
        row = self._row(corpus)
        _check(batch, row.dim)
        with self._writing:
            with self._database.transaction() as connection:
                written = self._store.write(connection, row.id, batch)
                self._outbox.add(connection, row.id, written.touched)
                if batch.job:
                    self._jobs.advance(connection, batch.job, batch.files, batch.report)
            self._infos.pop(row.id, None)
            self._whole(row, progress or Silent())
        return written

    # jobs

    def jobs(self) -> list[Job]:
        """Every ingestion there was, the newest first."""
        return self._jobs.all()

    @property
    def job_log(self) -> Jobs:
        """Where the pipeline writes what it does."""
        return self._jobs

    # care

    def verify(self, corpus: str, *, progress: Progress | None = None) -> Verification:
        """Compare SQLite, Chroma and tantivy by id and hash, and every passage with its text."""
        row = self._row(corpus)
        with self._writing:
            try:
                self._outbox.feed(row, Silent())
            except LibraryDamaged:
                self._checked.discard(row.id)  # the comparison says what is wrong
            return run_verify(self._store, row, self._vectors, self._lexical, progress or Silent())

    def rebuild(self, corpus: str, *, progress: Progress | None = None) -> None:
        """Make both indexes of a corpus again from SQLite; nothing is embedded.

        Killed half-way, it goes on at the next opening.
        """
        row = self._row(corpus)
        shown = progress or Silent()
        with self._writing:
            self._checked.discard(row.id)
            for index in self._indexes.values():
                index.repair()
            with self._database.transaction() as connection:
                self._outbox.refill(connection, row.id)
            shown.start(f"rebuilding {corpus}", self._outbox.pending(row.id), "passages")
            self._whole(row, shown)
            shown.finish()

    # inside

    def _recover(self, progress: Progress) -> None:
        """Finish what a killed process began. An index that cannot be mended waits for its use."""
        self._jobs.interrupt_running()
        try:
            self._bury()
        except LibraryError as error:
            progress.note(f"the indexes of a deleted corpus are still there: {error.message}")
        for row in self._store.corpora():
            if (pending := self._outbox.pending(row.id)) == 0:
                continue
            progress.start(f"bringing the indexes of {row.name} up to date", pending, "passages")
            try:
                self._whole(row, progress)
            except LibraryError as error:
                progress.note(f"{error.message}; {error.hint}")
            progress.finish()

    def _bury(self) -> None:
        """Remove the indexes of deleted corpora."""
        for (corpus,) in self._database.read("SELECT corpus FROM doomed"):
            for index in self._indexes.values():
                try:
                    index.drop(corpus)
                except LibraryDamaged:
                    continue  # what cannot be read goes when it is rebuilt
            with self._database.transaction() as connection:
                connection.execute("DELETE FROM doomed WHERE corpus = ?", (corpus,))

    def _whole(self, row: CorpusRow, progress: Progress) -> None:
        """Feed the indexes what is pending and count what they hold."""
        with self._writing, _hinting(row.name):
            try:
                self._outbox.feed(row, progress)
            except BaseException:
                self._checked.discard(row.id)  # the next use tries again
                raise
            passages = self._info(row).passages
            for index in self._indexes.values():
                if (held := index.count(row.id)) != passages:
                    self._checked.discard(row.id)
                    raise LibraryDamaged(
                        f"the {index.name} index holds {held:,} of {passages:,} passages"
                    )
            self._checked.add(row.id)

    def _searchable(self, row: CorpusRow) -> bool:
        """Whether there is anything to find; checks the indexes on first use."""
        if row.id not in self._checked:
            self._whole(row, Silent())
        return self._info(row).passages > 0

    def _hits(
        self, row: CorpusRow, found: Sequence[tuple[str, float]], filters: Filters
    ) -> list[Hit]:
        """With texts from SQLite; `Filters.admits` has the last word."""
        owners = [passage_id.rpartition("#")[0] for passage_id, _ in found]
        held = {pair[0].passage_id: pair for pair in self._store.passages(row.id, owners)}
        return [
            Hit(held[passage_id][0], score)
            for passage_id, score in found
            if passage_id in held and filters.admits(held[passage_id][1])
        ]

    def _info(self, row: CorpusRow) -> CorpusInfo:
        with self._database.lock:
            if row.id not in self._infos:
                self._infos[row.id] = self._store.info(row)
            return self._infos[row.id]

    def _rows_by_name(self) -> dict[str, CorpusRow]:
        if not self._rows:
            self._rows = {row.name: row for row in self._store.corpora()}
        return self._rows

    def _row(self, name: str) -> CorpusRow:
        rows = self._rows_by_name()
        if name in rows:
            return rows[name]
        if rows:
            hint = f"there are: {', '.join(rows)}"
        else:
            hint = f"the library is empty: vademecum ingest pubmed-sample --corpus {name}"
        raise CorpusNotFound(f"no corpus is called {name!r} in {self.path}", hint)


@contextmanager
def _hinting(corpus: str) -> Iterator[None]:
    """Name the corpus in what an index says is damaged, and the way on."""
    try:
        yield
    except LibraryDamaged as error:
        if error.hint:
            raise
        raise LibraryDamaged(
            f"corpus {corpus!r}: {error.message}",
            "its documents are safe; make the indexes again, without embedding: "
            f"vademecum corpus rebuild {corpus}",
        ) from error


def _check(batch: Batch, dim: int) -> None:
    """A batch that would not be sound is a programming mistake."""
    seen: set[str] = set()
    for document, passages, vectors in batch.documents:
        if document.doc_id in seen:
            raise ValueError(f"{document.doc_id} comes twice in a batch")
        seen.add(document.doc_id)
        if vectors.shape != (len(passages), dim):
            raise ValueError(
                f"{document.doc_id}: {len(passages)} passages need vectors "
                f"[{len(passages)}, {dim}], not {list(vectors.shape)}"
            )
        if not np.isfinite(vectors).all():
            raise ValueError(f"{document.doc_id}: a vector is not finite")
        for ordinal, passage in enumerate(passages):
            if passage.doc_id != document.doc_id or passage.ordinal != ordinal:
                raise ValueError(f"{document.doc_id}: its passages are not numbered from 0")
            if document.text[passage.start : passage.end] != passage.text:
                raise ValueError(f"{passage.passage_id}: its text is not at its offsets")
