"""The library: one folder, one owner, any number of corpora.

`library.sqlite` is the truth; vectors (in `chroma/`, or on a server) and `lexical/` are derived
from it and can be made again from it at any time. See `outbox` for how they follow.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from itertools import islice
from pathlib import Path
from types import TracebackType

from vademecum.corpora import (
    exchange,
    exporting,
    forgetting,
    importing,
    places,
    recovery,
    shard_folder,
    snapshots,
    writing,
)
from vademecum.corpora.batch import Batch, Written, check
from vademecum.corpora.catalogue import Catalogue, require_name
from vademecum.corpora.compaction import Compaction
from vademecum.corpora.database import Database
from vademecum.corpora.document import CorpusInfo
from vademecum.corpora.forgetting import Leaving
from vademecum.corpora.holdings import Holdings
from vademecum.corpora.indexes import Indexes, placed
from vademecum.corpora.job_list import ListedJob, listed
from vademecum.corpora.job_log import JobLog
from vademecum.corpora.jobs import Job
from vademecum.corpora.lock import LibraryLock
from vademecum.corpora.store import Store, chunks
from vademecum.corpora.vectors import Place
from vademecum.corpora.verify import Verification
from vademecum.corpora.verify import verify as run_verify
from vademecum.corpora.whole import WholeFiles
from vademecum.errors import IndexUnavailable, LibraryDamaged, OutOfSpace, UsageError
from vademecum.progress import Progress, Silent
from vademecum.settings import settings

__all__ = ["Batch", "Library", "Verification", "Written"]


class Library(Holdings):
    """Owns its folder until closed, and can be asked what it holds (`Holdings`). Safe to share
    between threads of one process."""

    def __init__(self, path: Path, lock: LibraryLock, database: Database, place: Place) -> None:
        self.path = path
        store = Store(database)
        super().__init__(store, Indexes(store, path, place), Catalogue(store, path))
        self._lock = lock
        self._jobs = JobLog(database)
        self._writing = self._indexes.writing
        self._whole_files = WholeFiles(database, self._catalogue)

    @classmethod
    def open(
        cls,
        path: Path | None = None,
        *,
        vectors: str | None = None,
        progress: Progress | None = None,
    ) -> Library:
        """Open the library in `path` (by default the one of the settings), or begin one there.

        `vectors` is where vectors are searched, as `Place` writes it; "" is where they are, None
        what the settings say. A library remembers it, and is not opened with another.
        What a killed process left undone is done now. Raises LibraryLocked, LibraryDamaged,
        OutOfSpace; UsageError if its vectors are elsewhere.
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
        with ExitStack() as undo:  # of what was done, if the rest fails
            lock = LibraryLock(folder)
            lock.acquire()
            undo.callback(lock.release)
            database = Database(folder / "library.sqlite")
            undo.callback(database.close)
            wanted = settings().vectors if vectors is None else vectors
            library = cls(folder, lock, database, placed(database, wanted))
            undo.pop_all()
            undo.callback(library.close)
            with library.at_work("bringing indexes up to date"):
                shown = progress or Silent()
                recovery.finish(library._store, library._jobs, library._indexes, shown)
            undo.pop_all()
        return library

    def close(self) -> None:
        """Let the next process in. Closing twice is no error."""
        with self._writing:
            self._indexes.close()
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
        """Before it closes, a block that ends in peace leaves the indexes as far as the store, but
        for more than a step of passages."""
        if error is None:
            with self.at_work("closing the library"):
                for row in self._store.corpora():
                    self._indexes.settle(row)
        self.close()

    def serving(self, page: str) -> None:
        """Say to whoever wants to open the library that it is asked on a page at this address."""
        with suppress(OSError):  # a full disk: they are told of the process alone
            self._lock.serving(page)

    def at_work(self, what: str) -> AbstractContextManager[None]:
        """Within the block whoever wants to open the library is told `what` its owner is doing, and
        an ingestion waits for its end, however long it takes: it must end by itself."""
        return self._lock.at(what)

    @property
    def id(self) -> str:
        """Its own for ever, wherever its folder is: 32 hexadecimal digits."""
        return str(self._database.read("SELECT value FROM facts WHERE name = 'id'")[0][0])

    # corpora

    def create_corpus(self, name: str, *, embedder: str, dim: int, fingerprint: str) -> CorpusInfo:
        """A corpus of that name, made if there is none.

        Another splitter (`fingerprint`) is taken over: `needs` then names every document split
        otherwise. Another embedder is a UsageError, for its vectors cannot be compared; so is a
        name of other than letters, digits, - _ and dots.
        """
        with self._writing:
            self._catalogue.make(name, embedder, dim, fingerprint, self._indexes.outbox)
            return self.corpus(name)

    def delete_corpus(self, name: str) -> None:
        """Remove a corpus with all its documents, and what waits for it; its jobs are not gone on
        with. Raises CorpusNotFound."""
        with self._writing:
            row = self._catalogue.row(name)
            for job in self._jobs.left(name):
                self._remove_shards(job)
            with self._database.transaction() as connection:
                connection.execute("INSERT INTO doomed VALUES (?)", (row.id,))
                connection.execute("DELETE FROM corpora WHERE id = ?", (row.id,))
                self._jobs.give_up(connection, name, f"the corpus {name} was deleted")
            self._catalogue.renewed()
            self._catalogue.changed(row.id)
            self._indexes.forget(row.id)

    # writing

    def commit(self, corpus: str, batch: Batch, *, progress: Progress | None = None) -> Written:
        """Write a batch, all or nothing.

        Once SQLite has it, it is safe. The indexes are fed when enough has come together, at the
        latest before the next search: a small step costs them almost as much as a large one.
        Raises OutOfSpace, LibraryDamaged; ValueError if passages or vectors do not
        belong to their documents.
        """
        row = self._catalogue.row(corpus)
        check(batch, row.dim)
        with self._writing:
            with self._database.transaction() as connection:
                written = writing.write(self._store, connection, row.id, batch)
                self._indexes.outbox.add(connection, row.id, written.touched)
                if batch.job:
                    self._jobs.advance(connection, batch.job, batch.files, batch.report)
                snapshots.bound(connection, row.id)
            self._catalogue.changed(row.id)
            self._indexes.follow(row, progress or Silent())
        return written

    def moved(self, corpus: str, gone: Sequence[str]) -> None:
        """Files that are not there any more: what others hold as well, those alone hold from now
        on, and it goes with what they become. Raises as `commit` does."""
        row = self._catalogue.row(corpus)
        with self._writing, self._database.transaction() as connection:
            if places.moved(connection, row.id, gone):
                forgetting.forget_jobs(connection, corpus)

    def forget(
        self,
        corpus: str,
        *,
        places: Iterable[str] = (),
        doc_ids: Iterable[str] = (),
        progress: Progress | None = None,
    ) -> Leaving:
        """Remove all that came from files (by their places), and documents by their ids.

        What other files hold as well stays. Files that are still there are read again when they
        are next ingested. Killed in between, what is left is removed by the same call. Raises as
        `commit` does.
        """
        row, shown = self._catalogue.row(corpus), progress or Silent()
        with self._writing, self.at_work(f"removing documents of {corpus}"):
            going = self.leaving(corpus, places=places, doc_ids=doc_ids)
            shown.start(f"removing from {corpus}", len(going.doc_ids), "documents")
            for chunk in chunks(going.doc_ids, forgetting.AT_ONCE):
                with self._database.transaction() as connection:
                    written = forgetting.write(self._store, connection, row, chunk)
                    self._indexes.outbox.add(connection, row.id, written.touched)
                    snapshots.bound(connection, row.id)
                self._catalogue.changed(row.id)
                self._indexes.follow(row, shown)
                shown.advance(len(chunk))
            with self._database.transaction() as connection:
                forgetting.end(connection, row, going.places)
            shown.finish()
        return going

    def index(self, corpus: str, *, progress: Progress | None = None) -> None:
        """Feed the indexes what they have yet to see, as the next search would.

        Raises LibraryDamaged and IndexUnavailable; nothing is lost then, and the next opening or
        search tries again.
        """
        row = self._catalogue.row(corpus)
        with self._writing, self.at_work(f"indexing {corpus}"):
            if self._indexes.outbox.pending(row.id):
                self._indexes.fill(row, progress or Silent())

    # jobs

    def jobs(self, most: int | None = None) -> list[Job]:
        """Every ingestion there was, the newest first, or so many of them."""
        return list(islice(self._jobs.all(), most))

    def job_list(self, most: int) -> Iterator[ListedJob]:
        """So many of them, the newest first, their files counted instead of read."""
        return listed(self._database, most)

    def cancel_job(self, job: Job) -> None:
        """A job that does not run will not be gone on with: what it left goes, but for what it
        committed."""
        self._remove_shards(job)
        self._jobs.cancel(job.id)

    @property
    def job_log(self) -> JobLog:
        """Where the pipeline writes what it does."""
        return self._jobs

    @property
    def whole_files(self) -> WholeFiles:
        """The files that need not be read again."""
        return self._whole_files

    # care

    def verify(self, corpus: str, *, progress: Progress | None = None) -> Verification:
        """Compare SQLite, Chroma and tantivy by id and hash, and every passage with its text."""
        row, indexes = self._catalogue.row(corpus), self._indexes
        with self._writing, self.at_work(f"verifying {corpus}"):
            with suppress(LibraryDamaged, IndexUnavailable):  # the comparison says what is wrong
                indexes.whole(row, Silent())
            return run_verify(
                self._store, row, indexes.vectors, indexes.lexical, progress or Silent()
            )

    def rebuild(self, corpus: str, *, progress: Progress | None = None) -> None:
        """Make both indexes of a corpus again from SQLite; nothing is embedded.

        Killed half-way, it goes on at the next opening.
        """
        row = self._catalogue.row(corpus)
        with self.at_work(f"rebuilding {corpus}"):
            self._indexes.remake(row, progress or Silent())

    def compact(self, *, progress: Progress | None = None) -> Compaction:
        """Give the room of what was replaced and deleted back to the disk.

        Killed or out of space in between, nothing is lost: the store is rewritten whole or not at
        all, and an index that is being made again goes on at the next opening.
        """
        with self.at_work("compacting the library"):
            return self._indexes.compact(progress or Silent())

    @property
    def place(self) -> str:
        """Where its vectors are searched, as `Place` writes it."""
        return str(self._indexes.place)

    def place_vectors(self, where: str, *, progress: Progress | None = None) -> None:
        """Have vectors searched elsewhere from now on; made there from SQLite, nothing is embedded.

        Killed half-way, it goes on at the next opening. Raises UsageError for what is no `Place`,
        IndexUnavailable before anything is changed.
        """
        place = Place.parse(where)
        with self.at_work("moving vectors"):
            self._indexes.move(place, progress or Silent())

    # exchange

    def export_corpus(
        self, name: str, folder: Path, *, progress: Progress | None = None
    ) -> exchange.Manifest:
        """Write a corpus into a new folder of Parquet files (`exchange`). All or nothing.

        Raises UsageError if there is something in the folder, OutOfSpace.
        """
        row = self._catalogue.row(name)
        with self._writing, self.at_work(f"exporting {name}"):
            return exporting.write(self._store, row, folder, progress or Silent())

    def import_corpus(
        self, folder: Path, name: str | None = None, *, progress: Progress | None = None
    ) -> CorpusInfo:
        """Read a corpus that `export_corpus` wrote, under its own name or another.

        All or nothing: a kill leaves none of it. Raises UsageError if there is a corpus of the
        name, HashMismatch if a file is not as it was written, DocumentRejected if its content
        makes no sense.
        """
        shown = progress or Silent()
        with self._writing, self.at_work("importing a corpus"):
            manifest = exchange.opened(folder)
            name = name or manifest.corpus
            if name in self._catalogue.rows():
                raise UsageError(
                    f"there is a corpus called {name!r} already",
                    "import it under another name: --name NAME",
                )
            require_name(name)
            importing.bring(self._store, self._indexes.outbox, manifest, folder, name, shown)
            self._catalogue.renewed()
            self._indexes.fill(self._catalogue.row(name), shown)
            return self.corpus(name)

    # inside

    def _remove_shards(self, job: Job) -> None:
        """Before the job is written off: killed in between, nothing is left that nobody knows."""
        shard_folder.remove(shard_folder.of(self.path, self.id, job.id, job.shards))
