"""The corpora of a library by name, and what each holds: remembered until something changes."""

from __future__ import annotations

import re
from pathlib import Path

from vademecum.corpora import snapshots
from vademecum.corpora.document import CorpusInfo
from vademecum.corpora.outbox import Outbox
from vademecum.corpora.store import CorpusRow, Store
from vademecum.errors import CorpusNotFound, OutOfSpace, UsageError, did_you_mean

CORPUS_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class Catalogue:
    """Who writes a corpus says so: `changed`, or `renewed` where corpora come, go or are made
    otherwise."""

    def __init__(self, store: Store, folder: Path) -> None:
        self._store = store
        self._database = store.database
        self._folder = folder
        self._rows: dict[str, CorpusRow] = {}
        self._infos: dict[int, CorpusInfo] = {}
        self._sealed: dict[int, str] = {}  # the snapshot of a corpus that was last written down

    def rows(self) -> dict[str, CorpusRow]:
        """All of them, by name."""
        rows = self._rows
        if not rows:
            rows = self._rows = {row.name: row for row in self._store.corpora()}
        return rows

    def row(self, name: str) -> CorpusRow:
        """The corpus of that name. Raises CorpusNotFound."""
        rows = self.rows()
        if name in rows:
            return rows[name]
        if rows:
            hint = f"{did_you_mean(name, rows)}there are: {', '.join(rows)}"
        else:
            hint = f"the library is empty: vademecum ingest pubmed-sample --corpus {name}"
        raise CorpusNotFound(f"no corpus is called {name!r} in {self._folder}", hint)

    def make(self, name: str, embedder: str, dim: int, fingerprint: str, outbox: Outbox) -> None:
        """See `Library.create_corpus`."""
        require_name(name)
        row = self.rows().get(name)
        if row is None:
            with self._database.transaction() as connection:
                corpus = self._store.create_corpus(connection, name, embedder, dim, fingerprint)
                outbox.register(connection, corpus)
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
        self.renewed()

    def told(self, row: CorpusRow) -> CorpusInfo:
        """What a corpus holds; its snapshot is written down, for it may be named from now on."""
        with self._database.lock:
            info = self._info(row)
            if self._sealed.get(row.id) != info.snapshot:
                try:
                    with self._database.transaction() as connection:
                        snapshots.seal(connection, row.id, info.snapshot)
                except OutOfSpace:
                    return info  # to be told what is there must not need room
                self._sealed[row.id] = info.snapshot
            return info

    def changed(self, corpus: int) -> None:
        """Documents came or went."""
        self._infos.pop(corpus, None)

    def renewed(self) -> None:
        """There are other corpora, or other splitters."""
        self._rows = {}  # who reads the old ones goes on

    def _info(self, row: CorpusRow) -> CorpusInfo:
        with self._database.lock:
            if row.id not in self._infos:
                self._infos[row.id] = self._store.info(row)
            return self._infos[row.id]


def require_name(name: str) -> None:
    """Raises UsageError for what cannot be the name of a corpus."""
    if not CORPUS_NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot be the name of a corpus",
            "use letters, digits, '-', '_' and '.', and begin with a letter or a digit",
        )
