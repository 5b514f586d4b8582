"""What a notice says of another work, kept by the work it concerns.

A retraction, an erratum or an expression of concern is a record of its own, and may reach a corpus
before the paper, after it, or years later in another file. So what a record says of another is a
row of its own here, and a paper is read together with the rows that name it, by any of the
identifiers of its work (`works`), and with what the other documents of its work say of it. Which
links a paper has is then a matter of what the corpus holds, not of the order in which it came.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, cast

from vademecum.corpora import works
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
CHUNK = 500  # names in one statement


def stated(document: Document) -> set[Row]:
    """What a record says of other works."""
    citation = ". ".join(filter(None, (document.journal, document.date)))
    told = [(_target(link), link.kind) for link in document.links if link.kind in TOLD_AS]
    return {
        (target, TOLD_AS[kind], citation)
        for target, kind in told
        if target and target != document.doc_id
    }


def _target(link: Link) -> str:
    """The id of the work that a link names, by its PMID or else by the DOI of its citation."""
    if link.pmid:
        return f"pmid:{link.pmid}"
    doi = works.normal_doi(link.citation) if link.citation.startswith("doi:") else ""
    return f"doi:{doi}" if doi else ""


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
    known = works.names(read, corpus, doc_ids)
    named: dict[str, list[str]] = {}  # the documents that an identifier means
    for doc_id in doc_ids:
        for name in (doc_id, *known.get(doc_id, ())):
            named.setdefault(name, []).append(doc_id)
    found: dict[str, list[Link]] = {}
    targets = list(named)
    for start in range(0, len(targets), CHUNK):
        chunk = targets[start : start + CHUNK]
        for target, source, kind, citation in read(
            "SELECT target, source, kind, citation FROM notices "
            f"WHERE corpus = ? AND target IN ({','.join('?' * len(chunk))}) "
            "ORDER BY target, source, kind",
            (corpus, *chunk),
        ):
            pmid = source.removeprefix("pmid:") if source.startswith("pmid:") else None
            link = Link(cast(LinkKind, kind), pmid, citation)
            for doc_id in named[target]:
                if doc_id != source and link not in found.setdefault(doc_id, []):
                    found[doc_id].append(link)
    for doc_id, links in _shared(read, corpus, doc_ids).items():
        found[doc_id] = [*found.get(doc_id, ()), *links]
    return {doc_id: links for doc_id, links in found.items() if links}


def _shared(read: Read, corpus: int, doc_ids: Sequence[str]) -> dict[str, list[Link]]:
    """What the records of other documents of the same version of a work say of its standing."""
    others = works.companions(read, corpus, doc_ids)
    wanted = sorted({other for found in others.values() for other in found})
    said: dict[str, list[Link]] = {}
    for start in range(0, len(wanted), CHUNK):
        chunk = wanted[start : start + CHUNK]
        for other, record in read(
            "SELECT doc_id, record FROM documents "
            f"WHERE corpus = ? AND doc_id IN ({','.join('?' * len(chunk))})",
            (corpus, *chunk),
        ):
            document = Document.from_json(record)
            links = [link for link in document.links if link.kind in TOLD_AS.values()]
            if document.retracted and all(link.kind != "retraction_in" for link in links):
                links.append(Link("retraction_in", None, other))
            said[other] = links
    return {
        doc_id: [link for other in sorted(found) for link in said.get(other, ())]
        for doc_id, found in others.items()
    }


def remember(connection: sqlite3.Connection, corpus: int, document: Document) -> list[str]:
    """Keep what a record says; the ids of the documents that it concerns."""
    works.remember(connection, corpus, document)
    return _remember(connection, corpus, document)


def _remember(connection: sqlite3.Connection, corpus: int, document: Document) -> list[str]:
    rows = sorted(stated(document))
    connection.executemany(
        "INSERT OR IGNORE INTO notices (corpus, source, target, kind, citation) "
        "VALUES (?, ?, ?, ?, ?)",
        [(corpus, document.doc_id, *row) for row in rows],
    )
    return _concerned(connection, corpus, [target for target, _, _ in rows])


def kept(read: Read, corpus: int, doc_ids: Sequence[str]) -> set[tuple[str, ...]]:
    """What is kept of what these records say: the record's id, then a `Row`."""
    rows = read(
        "SELECT source, target, kind, citation FROM notices "
        f"WHERE corpus = ? AND source IN ({','.join('?' * len(doc_ids))})",
        (corpus, *doc_ids),
    )
    return {tuple(row) for row in rows}


def orphans(read: Read, corpus: int) -> list[str]:
    """Records that something is kept of although they are gone."""
    rows = read(
        "SELECT DISTINCT source FROM notices n WHERE corpus = ? AND NOT EXISTS "
        "(SELECT 1 FROM documents d WHERE d.corpus = n.corpus AND d.doc_id = n.source)",
        (corpus,),
    )
    return [source for (source,) in rows]


def forget(connection: sqlite3.Connection, corpus: int, doc_id: str) -> list[str]:
    """A record goes, and what it said with it; the ids of the documents that it concerned."""
    rows = connection.execute(
        "DELETE FROM notices WHERE corpus = ? AND source = ? RETURNING target", (corpus, doc_id)
    ).fetchall()
    works.forget(connection, corpus, doc_id)
    return _concerned(connection, corpus, [target for (target,) in rows])


def _concerned(connection: sqlite3.Connection, corpus: int, targets: list[str]) -> list[str]:
    """The documents that are known by the names in notices."""
    read = lambda sql, values: connection.execute(sql, values).fetchall()  # noqa: E731
    return [*targets, *works.known_as(read, corpus, targets)]


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
    """Fill the table of a library that was written before there was one, or said less."""
    last = -1
    targets: dict[int, dict[str, None]] = {}
    while rows := connection.execute(
        "SELECT id, corpus, record FROM documents WHERE id > ? ORDER BY id LIMIT 1000", (last,)
    ).fetchall():
        last = rows[-1][0]
        for _, corpus, record in rows:
            if any(f'"kind":"{kind}"' in record for kind in TOLD_AS):
                found = _remember(connection, corpus, Document.from_json(record))
                targets.setdefault(corpus, {}).update(dict.fromkeys(found))
    for corpus, doc_id in works.shared(connection):
        targets.setdefault(corpus, {})[doc_id] = None
    for corpus, doc_ids in targets.items():
        connection.executemany(
            "INSERT INTO outbox (corpus, passage_id) VALUES (?, ?)",
            [(corpus, passage_id) for passage_id in refresh(connection, corpus, doc_ids)],
        )
