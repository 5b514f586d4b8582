"""Which documents a file or an address holds: what its next version no longer holds, goes.

A file without an identity of its own (a text, a page, a PDF, a row of a table) is known by the hash
of what it says, so that its next version is another document. The library therefore remembers where
each such document was read. Records that the world knows by a number (PMID, PMCID) are left alone:
other files may hold them, and their sources say themselves what is replaced or withdrawn.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

from vademecum.corpora.document import Document

NUMBERED = ("pmid:", "pmcid:")


def is_held(document: Document) -> bool:
    """Whether a document is known by its place alone."""
    return not document.doc_id.startswith(NUMBERED)


def remember(
    connection: sqlite3.Connection, corpus: int, job: int, held: Iterable[tuple[str, str]]
) -> None:
    """Documents (place, id) that a job has just read."""
    connection.executemany(
        "INSERT OR REPLACE INTO places (corpus, place, doc_id, job) VALUES (?, ?, ?, ?)",
        [(corpus, place, doc_id, job) for place, doc_id in held],
    )


def displaced(
    connection: sqlite3.Connection, corpus: int, job: int, read: Sequence[str]
) -> list[tuple[str, str]]:
    """Places that the job has read to their end: documents (place, id) that they held before, and
    that no place holds now. They are forgotten here; the caller removes them."""
    gone: list[tuple[str, str]] = []
    for place in read:
        earlier = connection.execute(
            "DELETE FROM places WHERE corpus = ? AND place = ? AND job <> ? RETURNING doc_id",
            (corpus, place, job),
        ).fetchall()
        gone += [
            (place, doc_id)
            for (doc_id,) in earlier
            if connection.execute(
                "SELECT 1 FROM places WHERE corpus = ? AND doc_id = ? LIMIT 1", (corpus, doc_id)
            ).fetchone()
            is None
        ]
    return gone
