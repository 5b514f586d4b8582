"""Files of which all is in a corpus, just as it was read: those need not be read again.

A file is written down with the rows of its documents. A document that is deleted or replaced loses
its row, whatever the cause, and with it (ON DELETE CASCADE) its place in the lists of files: a file
whose list has become short is not whole any more. The list says as well which documents came from
the file (`forgetting`): so it is kept where not all is there, or where an earlier reading gave more
than the last one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from vademecum.corpora.catalogue import Catalogue
from vademecum.corpora.database import Database
from vademecum.corpora.layout import IS_WHOLE
from vademecum.corpora.store import chunks

Read = Callable[[str, Sequence[Any]], list[Any]]


@dataclass(frozen=True, slots=True)
class FileRead:
    """What a batch brings of a file: documents that are in the corpus once it is written, as the
    file has them.

    `begun`: it is the first batch of a reading of the file; `ended`: it is the last. `documents` is
    how many the file holds in all, 0 where not all of them are there as it has them, and then it is
    not whole. `number` is that of the file in its job, which knows its identity; `how` says
    what has read it, and `node` by what its disk knows it, wherever it is moved there.
    """

    number: int
    place: str
    doc_ids: Sequence[str]
    begun: bool
    ended: bool
    documents: int
    how: str
    node: str = ""


def remember(
    connection: sqlite3.Connection, corpus: int, job: int, read: Iterable[FileRead]
) -> None:
    """In the transaction that writes the batch, behind its documents. To the list of an earlier
    reading nothing is added."""
    for file in read:
        here = (corpus, file.place)
        if file.begun:
            connection.execute(
                "INSERT INTO whole_files (corpus, place, identity, how, documents) "
                "VALUES (?, ?, '', '', 0) ON CONFLICT DO UPDATE SET identity = ''",
                here,
            )
            connection.execute(
                "UPDATE whole_documents SET seen = 0 WHERE file = "
                "(SELECT id FROM whole_files WHERE corpus = ? AND place = ?)",
                here,
            )
        connection.executemany(
            "INSERT INTO whole_documents (file, document) SELECT f.id, d.id "
            "FROM whole_files f JOIN documents d ON d.corpus = f.corpus "
            "WHERE f.corpus = ? AND f.place = ? AND f.identity = '' AND d.doc_id = ? "
            "ON CONFLICT DO UPDATE SET seen = 1",
            [(*here, doc_id) for doc_id in file.doc_ids],
        )
        if file.ended and file.documents:
            connection.execute(
                "UPDATE whole_files SET how = ?, documents = ?, node = ?, identity = "
                "(SELECT identity FROM job_files WHERE job = ? AND number = ?) "
                "WHERE corpus = ? AND place = ? AND identity = ''",
                (file.how, file.documents, file.node, job, file.number, *here),
            )


def forget(connection: sqlite3.Connection, corpus: int, gone: Iterable[str]) -> None:
    """Files that hold nothing any more: where they are there, they are read."""
    connection.executemany(
        "DELETE FROM whole_files WHERE corpus = ? AND place = ?",
        [(corpus, place) for place in gone],
    )


def find(read: Read, corpus: int, place: str, identity: str, how: str) -> int | None:
    """The number under which the file at a place is written down, if it is whole, what it was and
    read as it would be now."""
    rows = read(
        "SELECT id FROM whole_files f WHERE corpus = ? AND place = ? AND identity = ? AND how = ? "
        f"AND {IS_WHOLE}",
        (corpus, place, identity, how),
    )
    return rows[0][0] if rows else None


class WholeFiles:
    """Those of a library."""

    def __init__(self, database: Database, catalogue: Catalogue) -> None:
        self._database = database
        self._catalogue = catalogue

    def find(self, corpus: str, place: str, identity: str, how: str) -> int | None:
        """As `find`."""
        row = self._catalogue.row(corpus)
        return find(self._database.read, row.id, place, identity, how)

    def is_whole(self, number: int) -> bool:
        """Whether nothing of the file of that number was replaced or deleted."""
        sql = f"SELECT 1 FROM whole_files f WHERE id = ? AND {IS_WHOLE}"
        return bool(self._database.read(sql, (number,)))

    def nodes(self, corpus: str) -> dict[str, tuple[str, str]]:
        """What is in each file that was read to its end, and by what its disk knows it, by its
        place."""
        rows = self._database.read(
            "SELECT place, identity, node FROM whole_files "
            "WHERE corpus = ? AND identity != '' AND node != ''",
            (self._catalogue.row(corpus).id,),
        )
        return {place: (identity, node) for place, identity, node in rows}

    def holding(self, corpus: str, doc_ids: Iterable[str]) -> set[int]:
        """The numbers of files that hold documents of these ids."""
        row = self._catalogue.row(corpus)
        found: set[int] = set()
        for chunk in chunks(doc_ids):
            rows = self._database.read(
                "SELECT DISTINCT w.file FROM documents d JOIN whole_documents w "
                f"ON w.document = d.id WHERE d.corpus = ? AND d.doc_id IN ({_marks(chunk)})",
                (row.id, *chunk),
            )
            found.update(number for (number,) in rows)
        return found


def _marks(items: Sequence[str]) -> str:
    return ",".join("?" * len(items))
