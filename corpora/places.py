"""Which documents a file or an address holds: what its next version no longer holds, goes.

A file without an identity of its own (a text, a page, a PDF, a row of a table) is known by the hash
of what it says, so that its next version is another document. The library therefore remembers where
each such document was read. Records that the world knows by a number (PMID, PMCID) are left alone:
other files may hold them, and their sources say themselves what is replaced or withdrawn.

A row that has an id has it from its table, and a table elsewhere may give it to another row: the
one that comes second is then known by a longer id.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from vademecum.corpora.document import UNIVERSAL, Document
from vademecum.corpora.store import Store, chunks

NUMBERED = ("pmid:", "pmcid:")


def is_held(document: Document) -> bool:
    """Whether a document is known by its place alone."""
    return not document.doc_id.startswith(NUMBERED)


def is_local(document: Document) -> bool:
    """Whether the id of a document is its file's, and may be of another document elsewhere."""
    return not document.doc_id.startswith(UNIVERSAL)


@dataclass(frozen=True, slots=True)
class Longer:
    """A longer id, and the other places that hold a different document under the shorter."""

    doc_id: str
    others: frozenset[str]


def longer_ids(
    store: Store, corpus: int, held: Sequence[tuple[str, Document]]
) -> dict[str, Longer]:
    """Of local documents (each with its place, no id twice) those whose id another place holds for
    a different one, by that id: what they are called instead.

    The longer id is made of the content, so it stays where a file is moved, and a place that has
    it keeps it: what was read before is not read as another document.
    """
    content = {document.doc_id: document.content_hash() for _, document in held}
    longer = {doc_id: f"{doc_id}~{digest[:8]}" for doc_id, digest in content.items()}
    places: dict[str, set[str]] = {}
    for chunk in chunks((*longer, *longer.values())):
        for doc_id, place in store.database.read(
            "SELECT doc_id, place FROM places "
            f"WHERE corpus = ? AND doc_id IN ({','.join('?' * len(chunk))})",
            (corpus, *chunk),
        ):
            places.setdefault(doc_id, set()).add(place)
    stored = store.states(corpus, content)
    found: dict[str, Longer] = {}
    for place, document in held:
        doc_id = document.doc_id
        differs = doc_id in stored and stored[doc_id][0] != content[doc_id]
        others = places.get(doc_id, set()) - {place} if differs else set()
        if others or place in places.get(longer[doc_id], ()):
            found[doc_id] = Longer(longer[doc_id], frozenset(others))
    return found


def read_from(store: Store, corpus: int, doc_ids: Sequence[str]) -> dict[str, str]:
    """Where these documents were read, by id, of those of which it is known; of several places of
    one the first of the alphabet."""
    found: dict[str, str] = {}
    for chunk in chunks(doc_ids):
        found |= store.database.read(
            "SELECT doc_id, min(place) FROM places "
            f"WHERE corpus = ? AND doc_id IN ({','.join('?' * len(chunk))}) GROUP BY doc_id",
            (corpus, *chunk),
        )
    return found


def tails(read: Mapping[str, str]) -> dict[str, str]:
    """As much of the end of each place as tells it from the others: "2021/notes.md"."""
    others = {place: set(read.values()) - {place} for place in set(read.values())}
    shortest = {place: _tail(place.split("/"), others[place]) for place in others}
    return {doc_id: shortest[place] for doc_id, place in read.items()}


def _tail(parts: list[str], others: set[str]) -> str:
    ends = ("/".join(parts[-n:]) for n in range(1, len(parts)))
    alone = (end for end in ends if not any(f"/{other}".endswith(f"/{end}") for other in others))
    return next(alone, "/".join(parts))


def remember(
    connection: sqlite3.Connection, corpus: int, job: int, held: Iterable[tuple[str, str]]
) -> None:
    """Documents (place, id) that a job has just read."""
    connection.executemany(
        "INSERT OR REPLACE INTO places (corpus, place, doc_id, job) VALUES (?, ?, ?, ?)",
        [(corpus, place, doc_id, job) for place, doc_id in held],
    )


def moved(connection: sqlite3.Connection, corpus: int, gone: Sequence[str]) -> bool:
    """Of files that are gone, the documents that a file which is there holds too: that one alone
    holds them now. What only files hold that are gone, they hold still. Whether there were any."""
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS gone_places (place TEXT PRIMARY KEY)")
    connection.execute("DELETE FROM gone_places")
    connection.executemany("INSERT INTO gone_places VALUES (?)", [(place,) for place in gone])
    lost = connection.execute(
        "DELETE FROM places WHERE corpus = ? AND place IN (SELECT place FROM gone_places) "
        "AND EXISTS (SELECT 1 FROM places other WHERE other.corpus = places.corpus "
        "AND other.doc_id = places.doc_id "
        "AND other.place NOT IN (SELECT place FROM gone_places)) RETURNING place",
        (corpus,),
    ).fetchall()
    # Should one come back, it is read, so that what it holds is written down again.
    connection.executemany(
        "UPDATE whole_files SET identity = '' WHERE corpus = ? AND place = ?",
        [(corpus, place) for (place,) in {*lost}],
    )
    lists = connection.execute(
        "DELETE FROM whole_files WHERE corpus = ? AND place IN (SELECT place FROM gone_places) "
        "AND NOT EXISTS (SELECT 1 FROM whole_documents w WHERE w.file = whole_files.id "
        "AND NOT EXISTS (SELECT 1 FROM whole_documents o JOIN whole_files f ON f.id = o.file "
        "WHERE o.document = w.document AND f.place NOT IN (SELECT place FROM gone_places)))",
        (corpus,),
    )
    return bool(lost or lists.rowcount)


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
