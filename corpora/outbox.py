"""From the truth to the indexes derived from it, in order, each as far as it got.

Every commit writes the ids of the passages it touched, in the same transaction. An index follows
that list: for each id it takes what SQLite holds now, or forgets the passage if SQLite holds it no
more, and then notes how far it is. Doing a step twice changes nothing, so a kill at any instant
costs one repeated step and no data.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Protocol

from vademecum.corpora.store import CorpusRow, Entry, Store
from vademecum.progress import Progress

END = 1 << 62  # behind every row
STEP = 2_000  # passages applied at a time: with its document one takes 16 KB of memory


class DerivedIndex(Protocol):
    """An index that can be rebuilt from SQLite. A corpus is named by its id.

    All but `create` raise LibraryDamaged where the index is missing or cannot be read, OutOfSpace
    where it cannot be written, IndexUnavailable where a server does not answer.
    """

    @property
    def name(self) -> str: ...

    def create(self, corpus: int, dim: int) -> None:
        """An empty index for the corpus; what was there goes."""
        ...

    def drop(self, corpus: int) -> None:
        """Remove the index of a corpus, if there is one."""
        ...

    def expect(self, corpus: int, passages: int) -> None:
        """So many passages are about to be applied: prepare for them. 0: they are all there,
        and must be found from now on."""
        ...

    def apply(self, corpus: int, upserts: Sequence[Entry], deletes: Sequence[str]) -> None:
        """Take in or replace `upserts`, forget `deletes`; durable on return, same if repeated."""
        ...

    def held(self, corpus: int, passage_ids: Sequence[str]) -> list[tuple[str, str]]:
        """Those of the passages that it holds, each with the hash it came with; twice if it holds
        one twice."""
        ...

    def hashes(self, corpus: int) -> Iterator[tuple[str, str]]:
        """Every passage id held, with its hash."""
        ...

    def count(self, corpus: int) -> int:
        """How many passages it holds."""
        ...

    def compact(self) -> None:
        """Give the room of what was deleted back to the disk."""
        ...

    def size(self) -> int:
        """Bytes on this machine's disk."""
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

    def refill(
        self, connection: sqlite3.Connection, corpus: int, names: Collection[str] | None = None
    ) -> None:
        """Every passage again: all indexes are to be built anew, or those of these names.

        The others must have nothing pending.
        """
        connection.execute("DELETE FROM outbox WHERE corpus = ?", (corpus,))
        connection.execute(
            "INSERT INTO outbox (corpus, passage_id) SELECT d.corpus, d.doc_id || '#' || p.ordinal "
            "FROM documents d JOIN passages p ON p.document = d.id WHERE d.corpus = ? "
            "ORDER BY d.id, p.ordinal",
            (corpus,),
        )
        connection.execute(
            "UPDATE indexes SET position = "
            "(SELECT COALESCE(MAX(seq), 0) FROM outbox WHERE corpus = :corpus) "
            "WHERE corpus = :corpus",
            {"corpus": corpus},
        )
        connection.executemany(
            "UPDATE indexes SET position = 0, built = 0, dead = 0 WHERE corpus = ? AND name = ?",
            [(corpus, name) for name in (self._indexes if names is None else names)],
        )

    def pending(self, corpus: int) -> int:
        """Passages that the index furthest behind has yet to see; to be built counts as one."""
        states = self._states(corpus).values()
        return max((max(waiting, not built) for _, built, waiting in states), default=0)

    def made(self, corpus: int) -> bool:
        """Whether every index was built, however far it is."""
        sql = "SELECT MIN(built) FROM indexes WHERE corpus = ?"
        return bool(self._database.read(sql, (corpus,))[0][0])

    def dead(self, corpus: int, name: str) -> int:
        """Passages that an index was told to forget since it was built: they may still fill it."""
        return int(
            self._database.read(
                "SELECT dead FROM indexes WHERE corpus = ? AND name = ?", (corpus, name)
            )[0][0]
        )

    def feed(
        self, corpus: CorpusRow, progress: Progress, names: Collection[str] | None = None
    ) -> None:
        """Bring every index up to date, or those of these names. Advances `progress` by one a
        passage that the index furthest behind has seen.

        Indexes that are equally far are fed together: a passage is read once for all of them.
        """
        states = self._states(corpus.id)
        behind = {
            name: position
            for name, (position, built, waiting) in states.items()
            if (waiting or not built) and (names is None or name in names)
        }
        for name in behind:
            _, built, waiting = states[name]
            if not built:
                self._build(corpus, name)
            self._indexes[name].expect(corpus.id, waiting)
        while behind:
            position, *others = sorted(set(behind.values()))
            later = others[0] if others else END
            rows = self._rows(corpus.id, position, later)
            if not rows and later == END:
                break
            end = rows[-1][0] if rows else later
            entries, gone = self._changed(corpus.id, [passage_id for _, passage_id in rows])
            for name in [name for name, at in behind.items() if at == position]:
                self._indexes[name].apply(corpus.id, entries, gone)
                self._advance(corpus.id, name, end, len(gone))
                behind[name] = end
            progress.advance(len(rows))
        for name in behind:
            self._indexes[name].expect(corpus.id, 0)

    def _states(self, corpus: int) -> dict[str, tuple[int, bool, int]]:
        """Of each index: its position, whether it was built, passages that it has yet to see."""
        rows = self._database.read(
            "SELECT i.name, i.position, i.built, (SELECT COUNT(*) FROM outbox o "
            "WHERE o.corpus = i.corpus AND o.seq > i.position) "
            "FROM indexes i WHERE i.corpus = ?",
            (corpus,),
        )
        return {name: (position, bool(built), waiting) for name, position, built, waiting in rows}

    def _build(self, corpus: CorpusRow, name: str) -> None:
        self._indexes[name].create(corpus.id, corpus.dim)
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE indexes SET built = 1 WHERE corpus = ? AND name = ?", (corpus.id, name)
            )

    def _rows(self, corpus: int, position: int, later: int) -> list[tuple[int, str]]:
        """The next step after a position, but not beyond the position of another index."""
        return self._database.read(
            "SELECT seq, passage_id FROM outbox WHERE corpus = ? AND seq > ? AND seq <= ? "
            "ORDER BY seq LIMIT ?",
            (corpus, position, later, STEP),
        )

    def _changed(self, corpus: int, passage_ids: list[str]) -> tuple[list[Entry], list[str]]:
        """What these passages are now, and which of them are no more."""
        wanted = dict.fromkeys(passage_ids)
        owners = dict.fromkeys(passage_id.rpartition("#")[0] for passage_id in wanted)
        found = {
            entry.passage_id: entry
            for entry in self._store.entries(corpus, owners)
            if entry.passage_id in wanted
        }
        return list(found.values()), [item for item in wanted if item not in found]

    def _advance(self, corpus: int, name: str, position: int, gone: int) -> None:
        """Note how far an index is, and forget what all of them have done."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE indexes SET position = ?, dead = dead + ? WHERE corpus = ? AND name = ?",
                (position, gone, corpus, name),
            )
            connection.execute(
                "DELETE FROM outbox WHERE corpus = :corpus "
                "AND seq <= (SELECT MIN(position) FROM indexes WHERE corpus = :corpus)",
                {"corpus": corpus},
            )
