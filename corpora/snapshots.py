"""The states that a corpus was told to be in, and what changed between two of them.

An answer names the snapshot that it was found in. A snapshot is written down when it is told for
the first time; the documents that changed since the one before are kept beside it, each once, with
the hashes it had before and after. Both are bounded: what a first ingestion adds is not listed
document by document, and the oldest lists go.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

Read = Callable[[str, Sequence[Any]], list[Any]]
What = Literal["added", "changed", "deleted"]

BEGIN = "INSERT INTO snapshots (corpus, snapshot, made, kept) VALUES (?, '', '', 1)"
MOST_CHANGES = 100_000  # documents listed, over all snapshots of a corpus
MOST_SNAPSHOTS = 1_000  # of a corpus
SHORTEST = 8  # characters of an id's beginning that may stand for it


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One state. `documents` and `passages` are None where it is older than the counting."""

    snapshot: str
    made: str  # ISO 8601, UTC
    documents: int | None
    passages: int | None
    kept: bool  # whether the changes that led to it can be listed


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to one document between two snapshots.

    `title` is its last one that is known. A file that is known by what it says (`places`) changes
    its id with its text: `was` is the one before, "" where the id is the same.
    """

    doc_id: str
    what: What
    title: str = ""
    was: str = ""


def snapshot_of(digest: str) -> str:
    """A short name for a state: equal for equal documents, whatever their order or history."""
    return hashlib.sha256(bytes.fromhex(digest)).hexdigest()[:16]


def added(
    connection: sqlite3.Connection,
    corpus: int,
    doc_id: str,
    content: bytes,
    passages: int,
    title: str,
) -> None:
    """A document comes in: count it, and list it with the snapshot that is in the making."""
    _count(connection, corpus, 1, passages)
    if (seq := _open(connection, corpus)) is not None:
        connection.execute(
            "INSERT INTO changes (corpus, seq, doc_id, before, after, title) "
            "VALUES (?, ?, ?, NULL, ?, ?) "
            "ON CONFLICT DO UPDATE SET after = excluded.after, title = excluded.title",
            (corpus, seq, doc_id, content, title),
        )
        connection.execute(
            "DELETE FROM changes WHERE corpus = ? AND seq = ? AND doc_id = ? AND before = after",
            (corpus, seq, doc_id),
        )


def removed(
    connection: sqlite3.Connection,
    corpus: int,
    doc_id: str,
    content: bytes,
    passages: int,
    title: str,
) -> None:
    """A document goes, or its earlier version does."""
    _count(connection, corpus, -1, -passages)
    if (seq := _open(connection, corpus)) is not None:
        connection.execute(
            "INSERT INTO changes (corpus, seq, doc_id, before, after, title) "
            "VALUES (?, ?, ?, ?, NULL, ?) "
            "ON CONFLICT DO UPDATE SET after = NULL, title = excluded.title",
            (corpus, seq, doc_id, content, title),
        )
        connection.execute(
            "DELETE FROM changes WHERE corpus = ? AND seq = ? AND doc_id = ? "
            "AND before IS NULL AND after IS NULL",
            (corpus, seq, doc_id),
        )


def placed(connection: sqlite3.Connection, corpus: int, held: Iterable[tuple[str, str]]) -> None:
    """Where documents (place, id) are known by their place: of those that came or went."""
    if (seq := _open(connection, corpus)) is not None:
        connection.executemany(
            "UPDATE changes SET place = ? WHERE corpus = ? AND seq = ? AND doc_id = ?",
            [(place, corpus, seq, doc_id) for place, doc_id in held],
        )


def bound(connection: sqlite3.Connection, corpus: int) -> None:
    """Of a snapshot in the making that has become too long a list, keep only that it was."""
    seq = _open(connection, corpus)
    if seq is not None and _listed(connection, corpus, seq) > MOST_CHANGES:
        _forget(connection, corpus, seq)


def seal(connection: sqlite3.Connection, corpus: int, snapshot: str) -> None:
    """The state of the corpus is told as `snapshot`: write it down, unless it is the last one."""
    last = connection.execute(
        "SELECT snapshot FROM snapshots WHERE corpus = ? AND snapshot != '' "
        "ORDER BY seq DESC LIMIT 1",
        (corpus,),
    ).fetchone()
    if last is not None and last[0] == snapshot:
        return
    made = datetime.now(UTC).isoformat(timespec="seconds")
    _open(connection, corpus)  # nothing may have led to it: a corpus that is empty yet
    connection.execute(
        "UPDATE snapshots SET snapshot = ?, made = ?, (documents, passages) = "
        "(SELECT documents, passages FROM corpora WHERE id = snapshots.corpus) "
        "WHERE corpus = ? AND snapshot = ''",
        (snapshot, made, corpus),
    )
    _trim(connection, corpus)


def listed(read: Read, corpus: int) -> list[Snapshot]:
    """All that are written down, the newest first."""
    rows = read(
        "SELECT snapshot, made, documents, passages, kept FROM snapshots "
        "WHERE corpus = ? AND snapshot != '' ORDER BY seq DESC",
        (corpus,),
    )
    return [
        Snapshot(snapshot, made, documents, passages, bool(kept))
        for snapshot, made, documents, passages, kept in rows
    ]


def between(read: Read, corpus: int, first: str, second: str) -> Iterator[Change] | None:
    """What leads from one snapshot to the other, by document id, with the titles of what went;
    None where it was not kept.

    An id may be cut short, as answers show it, to no fewer than `SHORTEST` characters. Raises
    KeyError with the id that is not written down, or that several begin with. Between equal ids is
    nothing.
    """
    ends = []
    for snapshot in (first, second):
        rows = read(
            "SELECT MAX(seq) FROM snapshots WHERE corpus = ? AND "
            "(snapshot = ? OR (length(?) >= ? AND substr(snapshot, 1, length(?)) = ?)) "
            "GROUP BY snapshot",
            (corpus, snapshot, snapshot, SHORTEST, snapshot, snapshot),
        )
        if len(rows) != 1:
            raise KeyError(snapshot)
        ends.append(int(rows[0][0]))
    start, end = sorted(ends)
    span = (corpus, start, end)
    if read("SELECT 1 FROM snapshots WHERE corpus = ? AND seq > ? AND seq <= ? AND NOT kept", span):
        return None
    return _changes(read, span, backwards=ends[0] > ends[1])


def gather(connection: sqlite3.Connection) -> None:
    """Of a library that kept none: the states in which jobs left a corpus, and that of today."""
    for corpus, name, digest in connection.execute(
        "SELECT id, name, digest FROM corpora"
    ).fetchall():
        now = snapshot_of(digest)
        connection.execute(
            "INSERT INTO snapshots (corpus, snapshot, made, kept) "
            "SELECT ?, snapshot, MAX(finished), 0 FROM jobs "
            "WHERE corpus = ? AND snapshot NOT IN ('', ?) GROUP BY snapshot ORDER BY MAX(id)",
            (corpus, name, now),
        )
        seal(connection, corpus, now)
        connection.execute("UPDATE snapshots SET kept = 0 WHERE corpus = ?", (corpus,))


def _changes(read: Read, span: tuple[int, int, int], *, backwards: bool) -> Iterator[Change]:
    edits: dict[str, tuple[str, str] | None] = {}  # by place
    last = ""
    while rows := read(
        "SELECT DISTINCT doc_id FROM changes WHERE corpus = ? AND seq > ? AND seq <= ? "
        "AND doc_id > ? ORDER BY doc_id LIMIT 1000",
        (*span, last),
    ):
        last = rows[-1][0]
        for (doc_id,) in rows:
            what, title, place = _net(read, span, doc_id, backwards=backwards)
            if what is None:
                continue
            if place and place not in edits:
                edits[place] = _edit(read, span, place, backwards=backwards)
            old, new = edits.get(place) or ("", "")
            if doc_id == new:
                yield Change(doc_id, "changed", title, was=old)
            elif doc_id != old:
                yield Change(doc_id, what, title)


def _net(
    read: Read, span: tuple[int, int, int], doc_id: str, *, backwards: bool
) -> tuple[What | None, str, str]:
    """What all changes of a document come to, None for nothing; its title and place, if known."""
    rows = read(
        "SELECT before, after, title, place FROM changes "
        "WHERE corpus = ? AND seq > ? AND seq <= ? AND doc_id = ? ORDER BY seq",
        (*span, doc_id),
    )
    before, after = rows[0][0], rows[-1][1]
    if backwards:
        before, after = after, before
    what: What = "added" if before is None else "deleted" if after is None else "changed"
    title, place = (next((row[at] for row in reversed(rows) if row[at]), "") for at in (2, 3))
    return None if before == after else what, title, place


def _edit(
    read: Read, span: tuple[int, int, int], place: str, *, backwards: bool
) -> tuple[str, str] | None:
    """The ids before and after where one document went from a place and one came to it."""
    found: dict[What | None, list[str]] = {}
    for (doc_id,) in read(
        "SELECT DISTINCT doc_id FROM changes "
        "WHERE corpus = ? AND seq > ? AND seq <= ? AND place = ? AND place != ''",
        (*span, place),
    ):
        what, _, _ = _net(read, span, doc_id, backwards=backwards)
        found.setdefault(what, []).append(doc_id)
    match found.get("deleted"), found.get("added"):
        case [old], [new]:
            return old, new
    return None


def _count(connection: sqlite3.Connection, corpus: int, documents: int, passages: int) -> None:
    connection.execute(
        "UPDATE corpora SET documents = documents + ?, passages = passages + ? WHERE id = ?",
        (documents, passages, corpus),
    )


def _open(connection: sqlite3.Connection, corpus: int) -> int | None:
    """The snapshot in the making, begun now if there is none; None if it is not listed."""
    row = connection.execute(
        "SELECT seq, kept FROM snapshots WHERE corpus = ? AND snapshot = ''", (corpus,)
    ).fetchone()
    if row is not None:
        return row[0] if row[1] else None
    return connection.execute(BEGIN, (corpus,)).lastrowid


def _listed(connection: sqlite3.Connection, corpus: int, seq: int) -> int:
    count = connection.execute(
        "SELECT COUNT(*) FROM changes WHERE corpus = ? AND seq = ?", (corpus, seq)
    ).fetchone()[0]
    return int(count)


def _forget(connection: sqlite3.Connection, corpus: int, seq: int) -> None:
    """Keep the snapshot, but not what led to it."""
    connection.execute("DELETE FROM changes WHERE corpus = ? AND seq = ?", (corpus, seq))
    connection.execute("UPDATE snapshots SET kept = 0 WHERE seq = ?", (seq,))


def _trim(connection: sqlite3.Connection, corpus: int) -> None:
    """Forget the oldest lists and the oldest snapshots, as far as there are too many."""
    rows = connection.execute(
        "SELECT seq, kept FROM snapshots WHERE corpus = ? ORDER BY seq DESC", (corpus,)
    ).fetchall()
    total = 0
    for at, (seq, kept) in enumerate(rows):
        total += _listed(connection, corpus, seq) if kept else 0
        if kept and total > MOST_CHANGES:
            _forget(connection, corpus, seq)
        if at >= MOST_SNAPSHOTS:
            connection.execute("DELETE FROM snapshots WHERE seq = ?", (seq,))
            connection.execute("DELETE FROM changes WHERE corpus = ? AND seq = ?", (corpus, seq))
