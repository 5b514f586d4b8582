"""All that is derived from a library's SQLite: fed, counted, made again, moved, compacted."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vademecum.corpora.compaction import Compaction, compact
from vademecum.corpora.database import Database, closed
from vademecum.corpora.lexical import LexicalIndex
from vademecum.corpora.memory import trim
from vademecum.corpora.outbox import DerivedIndex, Outbox
from vademecum.corpora.store import CorpusRow, Store
from vademecum.corpora.vectors import Place, VectorStore, open_vectors
from vademecum.errors import LibraryDamaged, LibraryError, OutOfSpace, UsageError
from vademecum.progress import Progress, Silent

ENOUGH = 5_000  # passages for which the indexes are opened while more is coming
SHARE = 8  # of its passages a corpus has at most one in so many waiting, once it has 40,000
LONG = 50_000  # passages that take the indexes more than a minute


class Indexes:
    """The indexes of all corpora of a library. `writing` is held while they are changed."""

    def __init__(self, store: Store, folder: Path, place: Place) -> None:
        self._store = store
        self._database = store.database
        self._folder = folder
        self.place = place
        self.vectors: VectorStore = self._opened(place)
        self.lexical = LexicalIndex(folder / "lexical")
        self._all: dict[str, DerivedIndex] = {
            index.name: index for index in (self.vectors, self.lexical)
        }
        self.outbox = Outbox(store, self._all)
        self.writing = threading.RLock()
        self._checked: set[int] = set()  # corpora whose indexes were found whole
        self._gate = threading.Condition()  # held for moments
        self._searches = 0  # under way
        self._closed = False

    def close(self) -> None:
        """Let go of files and servers for good, once the searches under way are done: whoever
        wants to search from now on gets LibraryClosed."""
        with self._gate:
            self._closed = True
            self._gate.wait_for(lambda: not self._searches)
            self._let_go()

    def follow(self, row: CorpusRow, progress: Progress) -> None:
        """After a commit: feed them if they are still to be made, so that what hinders it is known
        before much is embedded, or if enough has come together; else before the next search.

        Then they are closed until the next time. Chroma's graph in this process is as large as its
        vectors, and whoever ingests needs it for a tenth of the time. It is read from disk again
        each time, so the larger it is, the more has to come together.
        """
        enough = ENOUGH
        if self.place.kind == "chroma":
            enough = max(enough, self._store.passages_of(row.id) // SHARE)
        waiting = self.outbox.pending(row.id)
        if waiting < enough and self.outbox.made(row.id):
            self._checked.discard(row.id)
        else:
            if waiting > LONG:
                progress.note(f"indexing {waiting:,} passages of {row.name}")
            self.whole(row, Silent())
            self._rest()
            self._database.forget()
        trim()

    @contextmanager
    def searching(self) -> Iterator[None]:
        """While it lasts they are not closed. Raises LibraryClosed."""
        with self._gate:
            self._require_open()
            self._searches += 1
        try:
            yield
        finally:
            with self._gate:
                self._searches -= 1
                self._gate.notify_all()

    def _rest(self) -> None:
        """Nobody needs them for a while."""
        with self._gate:
            if not self._searches:
                self._let_go()

    def _let_go(self) -> None:
        for index in self._all.values():
            index.close()

    def _require_open(self) -> None:
        """An index that was closed would open itself again, and nobody would close it."""
        if self._closed:
            raise closed(self._folder)

    def settle(self, row: CorpusRow) -> None:
        """Before they are closed: feed them what is pending, if that is a moment's work. More
        waits for the next opening, which shows how far it is."""
        if 0 < self.outbox.pending(row.id) <= ENOUGH:
            with suppress(LibraryError):  # nothing is lost: the next opening tries again
                self.whole(row, Silent())

    def whole(self, row: CorpusRow, progress: Progress) -> None:
        """Feed them what is pending and count what they hold.

        Raises LibraryDamaged where they hold more or less than SQLite, and what `DerivedIndex`
        says.
        """
        with self.writing, hinting(row.name):
            self._require_open()
            self._checked.discard(row.id)  # if this fails, the next use tries again
            self.outbox.feed(row, progress)
            passages = self._store.passages_of(row.id)
            for index in self._all.values():
                if (held := index.count(row.id)) != passages:
                    raise LibraryDamaged(
                        f"the {index.name} index holds {held:,} of {passages:,} passages"
                    )
            self._checked.add(row.id)

    def searchable(self, row: CorpusRow) -> bool:
        """Whether there is anything to find; brings them up to date first. On a full disk they
        cannot be counted, which does not matter where nothing is pending."""
        if row.id not in self._checked:
            try:
                self.whole(row, Silent())
            except OutOfSpace:
                if self.outbox.pending(row.id):
                    raise  # no answer comes from half an index
        return self._store.passages_of(row.id) > 0

    def remake(
        self, row: CorpusRow, progress: Progress, names: Collection[str] | None = None
    ) -> None:
        """Make them, or those of these names, again from SQLite.

        Killed half-way, it goes on at the next opening.
        """
        with self.writing:
            self._require_open()
            self._checked.discard(row.id)
            if names is None:
                for index in self._all.values():
                    index.repair()
            with self._database.transaction() as connection:
                self.outbox.refill(connection, row.id, names)
            self.fill(row, progress)

    def fill(self, row: CorpusRow, progress: Progress) -> None:
        """Feed them what is pending, where it is much and somebody waits for it."""
        waiting = self.outbox.pending(row.id)
        rest = "the rest of " * (waiting < self._store.passages_of(row.id))
        progress.start(f"indexing {rest}{row.name}", waiting, "passages")
        self.whole(row, progress)
        progress.finish()

    def forget(self, corpus: int) -> None:
        """A corpus was deleted."""
        self._checked.discard(corpus)
        self.bury()

    def bury(self) -> None:
        """Remove what is left of deleted corpora."""
        for (corpus,) in self._database.read("SELECT corpus FROM doomed"):
            for index in self._all.values():
                try:
                    index.drop(corpus)
                except LibraryDamaged:
                    continue  # what cannot be read goes when it is rebuilt
            with self._database.transaction() as connection:
                connection.execute("DELETE FROM doomed WHERE corpus = ?", (corpus,))

    def move(self, place: Place, progress: Progress) -> None:
        """Have vectors searched elsewhere from now on. See `Library.place_vectors`."""
        with self.writing:
            if place == self.place:
                return
            fresh = self._opened(place)
            fresh.repair()  # is anybody there?
            rows = self._store.corpora()
            for row in rows:
                self.outbox.feed(row, progress, {self.lexical.name})
            with self._database.transaction() as connection:
                connection.execute(
                    "UPDATE facts SET value = ? WHERE name = 'vectors'", (str(place),)
                )
                for row in rows:
                    self.outbox.refill(connection, row.id, {fresh.name})
            stale, self.vectors, self.place = self.vectors, fresh, place
            self._all[fresh.name] = fresh
            for row in rows:
                self.fill(row, progress)
            try:
                for row in rows:
                    stale.drop(row.id)
                stale.compact()
            except LibraryError as error:
                progress.note(f"the vectors that were there are still there: {error.message}")
            stale.close()

    def compact(self, progress: Progress) -> Compaction:
        """Give the room of what is dead back to the disk, SQLite's too."""
        with self.writing:
            for row in self._store.corpora():
                self.whole(row, progress)
            return compact(self._store, self.outbox, self._all, self.remake, self._folder, progress)

    def _opened(self, place: Place) -> VectorStore:
        ((owner,),) = self._database.read("SELECT value FROM facts WHERE name = 'id'")
        return open_vectors(place, self._folder, owner)


def placed(database: Database, wanted: str) -> Place:
    """Where the vectors of a library are; a new one has them where they are wanted.

    Raises UsageError where they are not where they are wanted ("": wherever they are).
    """
    asked = Place.parse(wanted) if wanted else None
    rows = database.read("SELECT value FROM facts WHERE name = 'vectors'")
    if rows:
        place = Place.parse(rows[0][0])
    else:
        any_corpus = database.read("SELECT 1 FROM corpora LIMIT 1")
        place = Place("chroma") if any_corpus or asked is None else asked
        with database.transaction() as connection:
            connection.execute("INSERT INTO facts VALUES ('vectors', ?)", (str(place),))
    if asked is not None and asked != place:
        raise UsageError(
            f"the vectors of this library are in {place}, not in {asked}",
            f"unset VADEMECUM_VECTORS, or move them: vademecum corpus vectors {asked}",
        )
    return place


@contextmanager
def hinting(corpus: str) -> Iterator[None]:
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
