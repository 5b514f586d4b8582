"""Documents, passages and vectors in SQLite: the truth that every index is derived from.

`writing` puts documents there; here they are read.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from vademecum.corpora import notices
from vademecum.corpora.database import Database
from vademecum.corpora.document import CorpusInfo, Document, Passage
from vademecum.corpora.revision import Revision
from vademecum.corpora.snapshots import snapshot_of

Vectors = npt.NDArray[np.float32]

DIGEST_MODULUS = 1 << 256
CHUNK = 500  # ids in one statement
TITLE = "json_extract(record, '$.title')"
STORED = (
    *("doc_id", "date", "kind", "text", "record", "origin", "revised", "hash"),
    *("fingerprint", "passages"),
)


@dataclass(frozen=True, slots=True)
class Stored:
    """A document as it lies in the tables, its passages as (doc_id, ordinal, start, end, blob)."""

    row: dict[str, Any]
    passages: list[tuple[str, int, int, int, bytes]]


@dataclass(frozen=True, slots=True)
class CorpusRow:
    """A corpus as SQLite knows it."""

    id: int
    name: str
    embedder: str
    dim: int
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Entry:
    """All that a derived index needs of one passage. `hash` changes whenever any of it does."""

    passage: Passage
    document: Document
    hash: str
    vector: Vectors = field(repr=False)  # [dim]

    @property
    def passage_id(self) -> str:
        """`doc#ordinal`."""
        return self.passage.passage_id


def to_blob(vector: Vectors) -> bytes:
    """float16, little-endian: half the space, and 5e-4 of error on a unit vector at most."""
    return vector.astype("<f2").tobytes()


def from_blob(blob: bytes) -> Vectors:
    """float32 `[dim]`."""
    return np.frombuffer(blob, dtype="<f2").astype(np.float32)


def chunks(items: Iterable[Any], size: int = CHUNK) -> Iterator[list[Any]]:
    """Lists of at most `size` items."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def _document(record: str, text: str, origin: str) -> Document:
    """`origin` is where it was read last, the record's where it was new."""
    return replace(Document.from_json(record), text=text, origin=origin)


def _marks(items: Sequence[Any]) -> str:
    return ",".join("?" * len(items))


class Store:
    """Corpora, documents and passages."""

    def __init__(self, database: Database) -> None:
        self.database = database

    # corpora

    def corpora(self) -> list[CorpusRow]:
        """All, by name; not those that are being imported."""
        rows = self.database.read(
            "SELECT id, name, embedder, dim, fingerprint FROM corpora "
            "WHERE NOT importing ORDER BY name"
        )
        return [CorpusRow(*row) for row in rows]

    def create_corpus(
        self, connection: sqlite3.Connection, name: str, embedder: str, dim: int, fingerprint: str
    ) -> int:
        """In an open transaction: a new, empty corpus; returns its id."""
        cursor = connection.execute(
            "INSERT INTO corpora (name, embedder, dim, fingerprint, digest) VALUES (?, ?, ?, ?, ?)",
            (name, embedder, dim, fingerprint, "00" * 32),
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def passages_of(self, corpus: int) -> int:
        """How many passages it has, without counting them."""
        rows = self.database.read("SELECT passages FROM corpora WHERE id = ?", (corpus,))
        return int(rows[0][0])

    def digest(self, corpus: int) -> str:
        """The sum of its documents' content hashes, modulo 2**256, in hex."""
        return str(self.database.read("SELECT digest FROM corpora WHERE id = ?", (corpus,))[0][0])

    def info(self, corpus: CorpusRow) -> CorpusInfo:
        """Counted from the documents themselves."""
        groups = self.database.read(
            "SELECT kind, retracted, COUNT(*), SUM(passages), MAX(date) FROM documents "
            "WHERE corpus = ? GROUP BY kind, retracted ORDER BY kind",
            (corpus.id,),
        )
        counts: dict[str, int] = {}
        for kind, _, documents, _, _ in groups:
            counts[kind] = counts.get(kind, 0) + documents
        counts["retracted"] = sum(documents for _, flag, documents, _, _ in groups if flag)
        return CorpusInfo(
            name=corpus.name,
            snapshot=snapshot_of(self.digest(corpus.id)),
            documents=sum(group[2] for group in groups),
            passages=sum(group[3] for group in groups),
            newest=max((group[4] for group in groups), default=""),
            embedder=corpus.embedder,
            counts=counts,
        )

    def taken(self, corpus: int) -> set[str]:
        """Names of the numbered files that were read to their end."""
        rows = self.database.read("SELECT name FROM taken WHERE corpus = ?", (corpus,))
        return {name for (name,) in rows}

    # reading

    def documents(self, corpus: int, doc_ids: Iterable[str]) -> dict[str, Document]:
        """Those that exist, by id, each with what notices elsewhere in the corpus say of it."""
        found: dict[str, Document] = {}
        for chunk in chunks(dict.fromkeys(doc_ids)):
            with self.database.lock:  # nothing is written between the two
                records = self.records(corpus, chunk)
                said = notices.concerning(self.database.read, corpus, chunk)
            for doc_id, document in records.items():
                found[doc_id] = notices.noticed(document, said.get(doc_id, ()))
        return found

    def records(self, corpus: int, doc_ids: Iterable[str]) -> dict[str, Document]:
        """Those that exist, by id, as their own records say they are."""
        found: dict[str, Document] = {}
        for chunk in chunks(dict.fromkeys(doc_ids)):
            for doc_id, record, text, origin in self.database.read(
                "SELECT doc_id, record, text, origin FROM documents "
                f"WHERE corpus = ? AND doc_id IN ({_marks(chunk)})",
                (corpus, *chunk),
            ):
                found[doc_id] = _document(record, text, origin)
        return found

    def titles(self, corpus: int, doc_ids: Iterable[str]) -> dict[str, str]:
        """Of those that exist, by id."""
        found: dict[str, str] = {}
        for chunk in chunks(dict.fromkeys(doc_ids)):
            found |= self.database.read(
                f"SELECT doc_id, {TITLE} FROM documents "
                f"WHERE corpus = ? AND doc_id IN ({_marks(chunk)})",
                (corpus, *chunk),
            )
        return found

    def states(self, corpus: int, doc_ids: Iterable[str]) -> dict[str, tuple[str, str]]:
        """Content hash and fingerprint of those that exist, by id."""
        found: dict[str, tuple[str, str]] = {}
        for chunk in chunks(dict.fromkeys(doc_ids)):
            for doc_id, content, fingerprint in self.database.read(
                "SELECT doc_id, hash, fingerprint FROM documents "
                f"WHERE corpus = ? AND doc_id IN ({_marks(chunk)})",
                (corpus, *chunk),
            ):
                found[doc_id] = (content.hex(), fingerprint)
        return found

    def revisions(self, corpus: int, doc_ids: Iterable[str]) -> dict[str, Revision]:
        """Where what is known of these documents stands; also of those that were withdrawn."""
        found: dict[str, Revision] = {}
        for chunk in chunks(dict.fromkeys(doc_ids)):
            for table, revised in (("withdrawn", "''"), ("documents", "revised")):
                for doc_id, *revision in self.database.read(
                    f"SELECT doc_id, version, origin, {revised} FROM {table} "
                    f"WHERE corpus = ? AND doc_id IN ({_marks(chunk)})",
                    (corpus, *chunk),
                ):
                    found[doc_id] = Revision(*revision)
        return found

    def entries(self, corpus: int, doc_ids: Iterable[str]) -> Iterator[Entry]:
        """All passages of these documents, with their vectors; a chunk of documents at a time."""
        for chunk in chunks(dict.fromkeys(doc_ids), 100):
            documents: dict[str, Document] = self.documents(corpus, chunk)
            for doc_id, ordinal, start, end, digest, vector in self.database.read(
                'SELECT d.doc_id, p.ordinal, p.start, p."end", p.hash, p.vector '
                "FROM documents d JOIN passages p ON p.document = d.id "
                f"WHERE d.corpus = ? AND d.doc_id IN ({_marks(chunk)}) ORDER BY d.id, p.ordinal",
                (corpus, *chunk),
            ):
                if (document := documents.get(doc_id)) is not None:
                    text = document.text[start:end]
                    passage = Passage(doc_id, ordinal, start, end, text)
                    yield Entry(passage, document, digest.hex(), from_blob(vector))

    def vectors(self, corpus: int, passage_ids: Iterable[str]) -> dict[str, Vectors]:
        """Those that exist, float32 `[dim]`, by passage id."""
        wanted = set(passage_ids)
        owners = dict.fromkeys(passage_id.rpartition("#")[0] for passage_id in wanted)
        return {
            entry.passage_id: entry.vector
            for entry in self.entries(corpus, owners)
            if entry.passage_id in wanted
        }

    def passages(self, corpus: int, doc_ids: Iterable[str]) -> Iterator[tuple[Passage, Document]]:
        """All passages of these documents in order, each with its document."""
        for chunk in chunks(dict.fromkeys(doc_ids)):
            documents: dict[str, Document] = self.documents(corpus, chunk)
            for doc_id, ordinal, start, end in self.database.read(
                'SELECT d.doc_id, p.ordinal, p.start, p."end" '
                "FROM documents d JOIN passages p ON p.document = d.id "
                f"WHERE d.corpus = ? AND d.doc_id IN ({_marks(chunk)}) ORDER BY d.id, p.ordinal",
                (corpus, *chunk),
            ):
                if (document := documents.get(doc_id)) is not None:
                    yield Passage(doc_id, ordinal, start, end, document.text[start:end]), document

    def stored(self, corpus: int) -> Iterator[Stored]:
        """Every document in the order of writing, as it lies in the tables."""
        for doc_ids in chunks(self.doc_ids(corpus)):
            passages: dict[str, list[tuple[str, int, int, int, bytes]]] = {}
            for row in self.database.read(
                'SELECT d.doc_id, p.ordinal, p.start, p."end", p.vector '
                "FROM documents d JOIN passages p ON p.document = d.id "
                f"WHERE d.corpus = ? AND d.doc_id IN ({_marks(doc_ids)}) ORDER BY d.id, p.ordinal",
                (corpus, *doc_ids),
            ):
                passages.setdefault(row[0], []).append(row)
            for row in self.database.read(
                f"SELECT {', '.join(STORED)} FROM documents "
                f"WHERE corpus = ? AND doc_id IN ({_marks(doc_ids)}) ORDER BY id",
                (corpus, *doc_ids),
            ):
                values = dict(zip(STORED, row, strict=True))
                values["title"] = json.loads(values["record"])["title"]
                yield Stored(values, passages.get(values["doc_id"], []))

    def doc_ids(self, corpus: int) -> Iterator[str]:
        """Every document, in the order of writing, a page at a time."""
        last = -1
        while rows := self.database.read(
            "SELECT id, doc_id FROM documents WHERE corpus = ? AND id > ? ORDER BY id LIMIT 1000",
            (corpus, last),
        ):
            yield from (doc_id for _, doc_id in rows)
            last = rows[-1][0]
