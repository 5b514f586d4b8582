"""What a notice says of another work, kept by the work it concerns.

A retraction, an erratum or an expression of concern is a record of its own, and may reach a corpus
before the paper, after it, or years later in another file. So what a record says of another is a
row of its own here, and a paper is read together with the rows that name it. Which links a paper
has is then a matter of what the corpus holds, not of the order in which it came.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, cast

from vademecum.corpora.document import Document, Link, LinkKind, Passage
from vademecum.corpora.hashes import noticed_hash, passage_hash

Read = Callable[[str, Sequence[Any]], list[Any]]
Row = tuple[str, str, str]  # of the work concerned: its id, the kind of its link, the citation

# What a record says of another, as the other says it. Comments say nothing about its standing.
TOLD_AS: dict[LinkKind, LinkKind] = {
    "retraction_of": "retraction_in",
    "erratum_for": "erratum_in",
    "concern_for": "concern_in",
    "update_of": "update_in",
    "republished_from": "republished_in",
}


def stated(document: Document) -> set[Row]:
    """What a record says of other works."""
    citation = ". ".join(filter(None, (document.journal, document.date)))
    return {
        (f"pmid:{link.pmid}", TOLD_AS[link.kind], citation)
        for link in document.links
        if link.kind in TOLD_AS and link.pmid and f"pmid:{link.pmid}" != document.doc_id
    }


def noticed(document: Document, notices: Iterable[Link]) -> Document:
    """A document as its own record and the notices say it is."""
    known = {(link.kind, link.pmid) for link in document.links}
    added = tuple(link for link in notices if (link.kind, link.pmid) not in known)
    if not added:
        return document
    retracted = document.retracted or any(link.kind == "retraction_in" for link in added)
    return replace(document, links=document.links + added, retracted=retracted)


def concerning(read: Read, corpus: int, doc_ids: Sequence[str]) -> dict[str, list[Link]]:
    """The notices that name these documents, in an order that depends on them alone."""
    found: dict[str, list[Link]] = {}
    for target, source, kind, citation in read(
        "SELECT target, source, kind, citation FROM notices "
        f"WHERE corpus = ? AND target IN ({','.join('?' * len(doc_ids))}) "
        "ORDER BY target, source, kind",
        (corpus, *doc_ids),
    ):
        pmid = source.removeprefix("pmid:") if source.startswith("pmid:") else None
        found.setdefault(target, []).append(Link(cast(LinkKind, kind), pmid, citation))
    return found


def remember(connection: sqlite3.Connection, corpus: int, document: Document) -> list[str]:
    """Keep what a record says; the ids of the works that it names."""
    rows = sorted(stated(document))
    connection.executemany(
        "INSERT OR IGNORE INTO notices (corpus, source, target, kind, citation) "
        "VALUES (?, ?, ?, ?, ?)",
        [(corpus, document.doc_id, *row) for row in rows],
    )
    return [target for target, _, _ in rows]


def forget(connection: sqlite3.Connection, corpus: int, doc_id: str) -> list[str]:
    """A record goes, and what it said with it; the ids of the works that it named."""
    rows = connection.execute(
        "DELETE FROM notices WHERE corpus = ? AND source = ? RETURNING target", (corpus, doc_id)
    ).fetchall()
    return [target for (target,) in rows]


def refresh(connection: sqlite3.Connection, corpus: int, doc_ids: Iterable[str]) -> list[str]:
    """Bring documents in line with the notices that name them now; the passages that changed."""
    touched: list[str] = []
    for doc_id in dict.fromkeys(doc_ids):
        row = connection.execute(
            "SELECT id, record, text, hash FROM documents WHERE corpus = ? AND doc_id = ?",
            (corpus, doc_id),
        ).fetchone()
        if row is not None:
            touched += _refreshed(connection, corpus, doc_id, *row)
    return touched


def _refreshed(
    connection: sqlite3.Connection, corpus: int, doc_id: str, key: int, *row: Any
) -> list[str]:
    record, text, content = row
    plain = Document.from_json(record)
    read = lambda sql, values: connection.execute(sql, values).fetchall()  # noqa: E731
    document = noticed(plain, concerning(read, corpus, [doc_id]).get(doc_id, ()))
    state = noticed_hash(content.hex(), document.links[len(plain.links) :])
    connection.execute(
        "UPDATE documents SET retracted = ? WHERE id = ?", (int(document.retracted), key)
    )
    changed = []
    for ordinal, start, end, held, vector in connection.execute(
        'SELECT ordinal, start, "end", hash, vector FROM passages WHERE document = ? '
        "ORDER BY ordinal",
        (key,),
    ).fetchall():
        fresh = passage_hash(state, Passage(doc_id, ordinal, start, end, text[start:end]), vector)
        if fresh != held:
            changed.append((fresh, key, ordinal))
    connection.executemany(
        "UPDATE passages SET hash = ? WHERE document = ? AND ordinal = ?", changed
    )
    return [f"{doc_id}#{ordinal}" for _, _, ordinal in changed]


def gather(connection: sqlite3.Connection) -> None:
    """Fill the table of a library that was written before there was one."""
    last = -1
    targets: dict[int, dict[str, None]] = {}
    while rows := connection.execute(
        "SELECT id, corpus, record FROM documents WHERE id > ? ORDER BY id LIMIT 1000", (last,)
    ).fetchall():
        last = rows[-1][0]
        for _, corpus, record in rows:
            if any(f'"kind":"{kind}"' in record for kind in TOLD_AS):
                found = remember(connection, corpus, Document.from_json(record))
                targets.setdefault(corpus, {}).update(dict.fromkeys(found))
    for corpus, doc_ids in targets.items():
        connection.executemany(
            "INSERT INTO outbox (corpus, passage_id) VALUES (?, ?)",
            [(corpus, passage_id) for passage_id in refresh(connection, corpus, doc_ids)],
        )
