"""From the truth to the indexes derived from it, in order, each as far as it got.

Every commit writes the ids of the passages it touched, in the same transaction. An index follows
that list: for each id it takes what SQLite holds now, or forgets the passage if SQLite holds it no
more, and then notes how far it is. Doing a step twice changes nothing, so a kill at any instant
costs one repeated step and no data.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from vademecum.corpora.store import CorpusRow, Entry, Store
from vademecum.progress import Progress

STEP = 1000  # passages applied at a time: bounds memory


class DerivedIndex(Protocol):
    """An index that can be rebuilt from SQLite. A corpus is named by its id.

    All but `create` raise LibraryDamaged where the index is missing or cannot be read, OutOfSpace
    where it cannot be written.
    """

    @property
    def name(self) -> str: ...

    def create(self, corpus: int, dim: int) -> None:
        """An empty index for the corpus; what was there goes."""
        ...

    def drop(self, corpus: int) -> None:
        """Remove the index of a corpus, if there is one."""
        ...

    def apply(self, corpus: int, upserts: Sequence[Entry], deletes: Sequence[str]) -> None:
        """Take in or replace `upserts`, forget `deletes`; durable on return, same if repeated."""
        ...

    def hashes(self, corpus: int) -> Iterator[tuple[str, str]]:
        """Every passage id held, with the hash it came with."""
        ...

    def count(self, corpus: int) -> int:
        """How many passages it holds."""
        ...

    def repair(self) -> None:
        """Make a folder that cannot even be opened empty, so that `create` works again."""
        ...

    def close(self) -> None: ...


class Outbox:
    """The list of touched passages and the position of every index in it."""

    def __init__(self, store: Store, indexes: Mapping[str, DerivedIndex]) -> None:
        self._store = store
        self._database = store.database
        self._indexes = indexes

    def register(self, connection: sqlite3.Connection, corpus: int) -> None:
        """A new corpus: each index is to be built."""
        connection.executemany(
            "INSERT INTO indexes (corpus, name, position, built) VALUES (?, ?, 0, 0)",
            [(corpus, name) for name in self._indexes],
        )

    def add(self, connection: sqlite3.Connection, corpus: int, passage_ids: Sequence[str]) -> None:
        """Passages that the indexes must look at."""
        connection.executemany(
            "INSERT INTO outbox (corpus, passage_id) VALUES (?, ?)",
            [(corpus, passage_id) for passage_id in passage_ids],
        )

    def refill(self, connection: sqlite3.Connection, corpus: int) -> None:
        """Every passage again, for indexes that are to be built anew."""
        connection.execute("DELETE FROM outbox WHERE corpus = ?", (corpus,))
        connection.execute(
            "INSERT INTO outbox (corpus, passage_id) SELECT d.corpus, d.doc_id || '#' || p.ordinal "
            "FROM documents d JOIN passages p ON p.document = d.id WHERE d.corpus = ? "
            "ORDER BY d.id, p.ordinal",
            (corpus,),
        )
        connection.execute("UPDATE indexes SET position = 0, built = 0 WHERE corpus = ?", (corpus,))

    def pending(self, corpus: int) -> int:
        """Steps still to take, over all indexes; an index not yet built counts as one."""
        return int(
            self._database.read(
                "SELECT COALESCE(SUM(NOT i.built + (SELECT COUNT(*) FROM outbox o "
                "WHERE o.corpus = i.corpus AND o.seq > i.position)), 0) "
                "FROM indexes i WHERE i.corpus = ?",
                (corpus,),
            )[0][0]
        )

    def feed(self, corpus: CorpusRow, progress: Progress) -> None:
        """Bring every index up to date. Advances `progress` by one a passage and index."""
        for index in self._indexes.values():
            self._feed(corpus, index, progress)

    def _feed(self, corpus: CorpusRow, index: DerivedIndex, progress: Progress) -> None:
        position, built = self._database.read(
            "SELECT position, built FROM indexes WHERE corpus = ? AND name = ?",
            (corpus.id, index.name),
        )[0]
        if not built:
            index.create(corpus.id, corpus.dim)
            with self._database.transaction() as connection:
                connection.execute(
                    "UPDATE indexes SET built = 1 WHERE corpus = ? AND name = ?",
                    (corpus.id, index.name),
                )
        while rows := self._database.read(
            "SELECT seq, passage_id FROM outbox WHERE corpus = ? AND seq > ? ORDER BY seq LIMIT ?",
            (corpus.id, position, STEP),
        ):
            wanted = dict.fromkeys(passage_id for _, passage_id in rows)
            owners = dict.fromkeys(passage_id.rpartition("#")[0] for passage_id in wanted)
            found = {
                entry.passage_id: entry
                for entry in self._store.entries(corpus.id, owners)
                if entry.passage_id in wanted
            }
            gone = [passage_id for passage_id in wanted if passage_id not in found]
            index.apply(corpus.id, list(found.values()), gone)
            position = rows[-1][0]
            self._advance(corpus.id, index.name, position)
            progress.advance(len(rows))

    def _advance(self, corpus: int, name: str, position: int) -> None:
        """Note how far an index is, and forget what all of them have done."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE indexes SET position = ? WHERE corpus = ? AND name = ?",
                (position, corpus, name),
            )
            connection.execute(
                "DELETE FROM outbox WHERE corpus = :corpus "
                "AND seq <= (SELECT MIN(position) FROM indexes WHERE corpus = :corpus)",
                {"corpus": corpus},
            )
