"""Which documents are of one work: an abstract and its full text, a preprint and its paper.

A document is known by its own id, and says by which others (PMID, PMCID, DOI) its work is known.
Those are rows of their own here, so that two documents find each other in whatever order they
come. Another version of a work, a preprint say, is of the same work, but a retraction of one is
none of the other.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any
from urllib.parse import unquote

from vademecum.corpora.document import Document

Read = Callable[[str, Sequence[Any]], list[Any]]

TABLE = """
CREATE TABLE identifiers (                 -- by what else the work of a document is known
    corpus INTEGER NOT NULL REFERENCES corpora(id) ON DELETE CASCADE,
    doc_id TEXT NOT NULL,
    identifier TEXT NOT NULL,              -- "pmid:1", "pmcid:PMC1", "doi:10.1000/x"
    version INTEGER NOT NULL,              -- 1: of another version of it
    PRIMARY KEY (corpus, doc_id, identifier)
) WITHOUT ROWID;
CREATE INDEX identifiers_of ON identifiers (corpus, identifier, version);  -- all that is asked
"""

DOI = re.compile(r"10\.\d{4,9}/\S+")
VERSIONS = frozenset({"update_in", "update_of", "republished_in", "republished_from"})
REGISTERS = frozenset({"pmid", "pmcid"})
CHUNK = 200  # ids in one statement, which names them three times


def normal_doi(text: str) -> str:
    """A DOI as it is compared, whatever stands before or behind it and in whatever case; "" if
    there is none."""
    found = DOI.search(unquote(text).lower())
    if found is None:
        return ""
    doi = found[0].rstrip(".,;\"'>")
    return doi[:-1] if doi.endswith(")") and doi.count("(") < doi.count(")") else doi


def identifiers(document: Document) -> dict[str, bool]:
    """By what its work is known besides its own id; True where that is another version of it."""
    found: dict[str, bool] = {}
    for link in document.links:
        if link.kind in VERSIONS and link.pmid:
            found[f"pmid:{link.pmid}"] = True
    if doi := normal_doi(document.doi):
        found[f"doi:{doi}"] = False
    if document.pmid:
        found[f"pmid:{document.pmid}"] = False
    if document.pmcid:
        found[f"pmcid:{document.pmcid}"] = False
    found.pop(document.doc_id, None)
    return found


def remember(connection: sqlite3.Connection, corpus: int, document: Document) -> None:
    """Keep by what a document's work is known."""
    connection.executemany(
        "INSERT INTO identifiers VALUES (?, ?, ?, ?)",
        [(corpus, document.doc_id, *row) for row in sorted(identifiers(document).items())],
    )


def forget(connection: sqlite3.Connection, corpus: int, doc_id: str) -> None:
    """The document goes."""
    connection.execute("DELETE FROM identifiers WHERE corpus = ? AND doc_id = ?", (corpus, doc_id))


def kept(read: Read, corpus: int, doc_ids: Sequence[str]) -> set[tuple[str, str, bool]]:
    """What is kept of these documents: id, identifier, whether that is of another version."""
    rows = read(
        "SELECT doc_id, identifier, version FROM identifiers "
        f"WHERE corpus = ? AND doc_id IN ({_marks(doc_ids)})",
        (corpus, *doc_ids),
    )
    return {(doc_id, identifier, bool(version)) for doc_id, identifier, version in rows}


def orphans(read: Read, corpus: int) -> list[str]:
    """Documents that something is kept of although they are gone."""
    rows = read(
        "SELECT DISTINCT doc_id FROM identifiers i WHERE corpus = ? AND NOT EXISTS "
        "(SELECT 1 FROM documents d WHERE d.corpus = i.corpus AND d.doc_id = i.doc_id)",
        (corpus,),
    )
    return [doc_id for (doc_id,) in rows]


def names(read: Read, corpus: int, doc_ids: Sequence[str]) -> dict[str, list[str]]:
    """By what else the same version of their work is known, of those that are known otherwise."""
    found: dict[str, list[str]] = {}
    for doc_id, identifier in read(
        "SELECT doc_id, identifier FROM identifiers "
        f"WHERE corpus = ? AND doc_id IN ({_marks(doc_ids)}) AND NOT version "
        "ORDER BY doc_id, identifier",
        (corpus, *doc_ids),
    ):
        found.setdefault(doc_id, []).append(identifier)
    return found


def known_as(read: Read, corpus: int, identifiers: Sequence[str]) -> list[str]:
    """The documents whose work is known by one of these besides their own ids, in order."""
    if not identifiers:
        return []
    rows = read(
        "SELECT doc_id FROM identifiers "
        f"WHERE corpus = ? AND identifier IN ({_marks(identifiers)}) AND NOT version",
        (corpus, *identifiers),
    )
    return sorted({doc_id for (doc_id,) in rows})


def companions(
    read: Read, corpus: int, doc_ids: Sequence[str], *, versions: bool = False
) -> dict[str, set[str]]:
    """Other documents that share an identifier with these, of those that have any: the same
    version of a work, or with `versions` any of it."""
    found: dict[str, set[str]] = {}
    for start in range(0, len(doc_ids), CHUNK):
        chunk = doc_ids[start : start + CHUNK]
        marks = _marks(chunk)
        # CROSS: SQLite is to begin with the documents asked for.
        for doc_id, other, version in read(
            "SELECT a.doc_id, b.doc_id, MAX(a.version, b.version) FROM identifiers a "
            "CROSS JOIN identifiers b ON b.corpus = a.corpus AND b.identifier = a.identifier "
            f"WHERE a.corpus = ? AND a.doc_id IN ({marks}) "
            "UNION SELECT a.doc_id, d.doc_id, a.version FROM identifiers a "
            "CROSS JOIN documents d ON d.corpus = a.corpus AND d.doc_id = a.identifier "
            f"WHERE a.corpus = ? AND a.doc_id IN ({marks}) "
            "UNION SELECT identifier, doc_id, version FROM identifiers "
            f"WHERE corpus = ? AND identifier IN ({marks})",
            (corpus, *chunk) * 3,
        ):
            linked = versions if version else not _told_apart(doc_id, other)
            if linked and other != doc_id:
                found.setdefault(doc_id, set()).add(other)
    return found


def beside(read: Read, corpus: int, doc_ids: Sequence[str]) -> list[str]:
    """The companions of all of these, in order."""
    found = companions(read, corpus, doc_ids).values()
    return sorted({other for others in found for other in others})


def _told_apart(doc_id: str, other: str) -> bool:
    """Whether a register has given both a number: a letter and its reply may share a DOI."""
    scheme = doc_id.partition(":")[0]
    return scheme in REGISTERS and other.startswith(f"{scheme}:")


def works(read: Read, corpus: int, doc_ids: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """All documents of the same work in order, by each of these ids; of a work of one document,
    that one."""
    linked: dict[str, set[str]] = {}
    new = list(dict.fromkeys(doc_ids))
    asked = tuple(new)
    while new:
        found = companions(read, corpus, new, versions=True)
        linked.update((doc_id, found.get(doc_id, set())) for doc_id in new)
        new = sorted({other for others in found.values() for other in others} - linked.keys())
    return {doc_id: tuple(sorted(_reached(doc_id, linked))) for doc_id in asked}


def _reached(doc_id: str, linked: dict[str, set[str]]) -> set[str]:
    reached, ahead = {doc_id}, [doc_id]
    while ahead:
        for other in linked[ahead.pop()] - reached:
            reached.add(other)
            ahead.append(other)
    return reached


def copies(read: Read, corpus: int, documents: Sequence[Document]) -> tuple[set[str], list[str]]:
    """An article that PubMed Central gives and its publisher gives too need not be kept twice: the
    publisher's among these documents, and those that are stored while Central's is among these."""
    central = {
        normal_doi(document.doi)
        for document in documents
        if document.doc_id.startswith("pmcid:") and document.kind == "full_text"
    } - {""}
    published = {
        document.doc_id: normal_doi(document.doi)
        for document in documents
        if document.doc_id.startswith("doi:") and document.kind == "full_text"
    }
    held = set(central)
    if published:
        stored = read(
            "SELECT i.identifier FROM identifiers i CROSS JOIN documents d "
            "ON d.corpus = i.corpus AND d.doc_id = i.doc_id "
            f"WHERE i.corpus = ? AND i.identifier IN ({_marks(published)}) "
            "AND d.doc_id LIKE 'pmcid:%' AND d.kind = 'full_text'",
            (corpus, *(f"doi:{doi}" for doi in published.values())),
        )
        held |= {identifier.removeprefix("doi:") for (identifier,) in stored}
    needless = {doc_id for doc_id, doi in published.items() if doi in held}
    if not central:
        return needless, []
    gone = read(
        "SELECT doc_id FROM documents "
        f"WHERE corpus = ? AND doc_id IN ({_marks(central)}) AND kind = 'full_text'",
        (corpus, *(f"doi:{doi}" for doi in sorted(central))),
    )
    return needless, sorted(doc_id for (doc_id,) in gone)


def gather(connection: sqlite3.Connection) -> None:
    """Fill the table of a library that was written before there was one."""
    last = -1
    while rows := connection.execute(
        "SELECT id, corpus, record FROM documents WHERE id > ? ORDER BY id LIMIT 1000", (last,)
    ).fetchall():
        last = rows[-1][0]
        for _, corpus, record in rows:
            remember(connection, corpus, Document.from_json(record))


def shared(connection: sqlite3.Connection) -> list[tuple[int, str]]:
    """Corpus and id of the documents that share an identifier with another."""
    return connection.execute(
        "SELECT a.corpus, a.doc_id FROM identifiers a JOIN identifiers b ON b.corpus = a.corpus "
        "AND b.identifier = a.identifier AND b.doc_id != a.doc_id "
        "UNION SELECT a.corpus, a.doc_id FROM identifiers a JOIN documents d "
        "ON d.corpus = a.corpus AND d.doc_id = a.identifier "
        "UNION SELECT d.corpus, d.doc_id FROM identifiers a JOIN documents d "
        "ON d.corpus = a.corpus AND d.doc_id = a.identifier"
    ).fetchall()


def _marks(items: Collection[Any]) -> str:
    return ",".join("?" * len(items))
