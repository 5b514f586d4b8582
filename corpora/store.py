"""Documents, passages and vectors in SQLite: the truth that every index is derived from."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from vademecum.corpora import notices, places, snapshots, works
from vademecum.corpora.database import Database
from vademecum.corpora.document import CorpusInfo, Deletion, Document, Passage
from vademecum.corpora.hashes import passage_hash
from vademecum.corpora.jobs import FileProgress
from vademecum.corpora.revision import Revision, file_number
from vademecum.corpora.snapshots import snapshot_of

Vectors = npt.NDArray[np.float32]
Prepared = tuple[Document, Sequence[Passage], Vectors]  # vectors [passages, dim]

DIGEST_MODULUS = 1 << 256
CHUNK = 500  # ids in one statement
TITLE = "json_extract(record, '$.title')"
STORED = (
    *("doc_id", "date", "kind", "text", "record", "origin", "revised", "hash"),
    *("fingerprint", "passages"),
)


@dataclass(frozen=True, slots=True)
class Batch:
    """What one commit writes; deletions come before documents, a document comes once.

    Each document carries its passages and their vectors, float32 `[passages, dim]`.
    `confirmed` are documents that are stored as they are, and came again in a later file; `taken`
    are names of whole files that a source need not bring again. `job` is the job that writes;
    `held` are documents (place, id) that it read in this batch, stored as they are ones included,
    and `read_places` places whose last document is in this batch or an earlier one (`places`).
    `files` and `report` say how far the batch brings the job.
    """

    documents: Sequence[tuple[Document, Sequence[Passage], Vectors]]
    fingerprint: str
    deletions: Sequence[Deletion] = ()
    confirmed: Sequence[Document] = ()
    taken: Sequence[str] = ()
    job: int = 0
    held: Sequence[tuple[str, str]] = ()
    read_places: Sequence[str] = ()
    files: Sequence[FileProgress] = ()
    report: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Written:
    """What a commit changed, and the passages that the derived indexes must look at again.

    `displaced` counts documents of an earlier version of a file, that are not in its new one.
    """

    added: int = 0
    replaced: int = 0
    deleted: int = 0
    displaced: int = 0
    touched: tuple[str, ...] = ()


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


def check(batch: Batch, dim: int) -> None:
    """Raises ValueError if passages or vectors do not belong to their documents."""
    seen: set[str] = set()
    for document, passages, vectors in batch.documents:
        if document.doc_id in seen:
            raise ValueError(f"{document.doc_id} comes twice in a batch")
        seen.add(document.doc_id)
        if vectors.shape != (len(passages), dim):
            raise ValueError(
                f"{document.doc_id}: {len(passages)} passages need vectors "
                f"[{len(passages)}, {dim}], not {list(vectors.shape)}"
            )
        if not np.isfinite(vectors).all():
            raise ValueError(f"{document.doc_id}: a vector is not finite")
        for ordinal, passage in enumerate(passages):
            if passage.doc_id != document.doc_id or passage.ordinal != ordinal:
                raise ValueError(f"{document.doc_id}: its passages are not numbered from 0")
            inside = 0 <= passage.start <= passage.end <= len(document.text)
            if not inside or document.text[passage.start : passage.end] != passage.text:
                raise ValueError(f"{passage.passage_id}: its text is not at its offsets")


def _document(record: str, text: str, origin: str) -> Document:
    """`origin` is where it was read last, the record's where it was new."""
    return replace(Document.from_json(record), text=text, origin=origin)


def _marks(items: Sequence[Any]) -> str:
    return ",".join("?" * len(items))


class Store:
    """Corpora, documents and passages. Writing takes the connection of an open transaction."""

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
        """A new, empty corpus; returns its id."""
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

    # writing

    def write(self, connection: sqlite3.Connection, corpus: int, batch: Batch) -> Written:
        """Replace, add and delete; old passages of a replaced document go.

        A work that a notice concerns changes with the notice, also if it is not in the batch.
        """
        digest = int(self.digest(corpus), 16)
        touched: dict[str, None] = {}
        added = replaced = deleted = displaced = 0
        places.remember(connection, corpus, batch.job, batch.held)
        gone = places.displaced(connection, corpus, batch.job, batch.read_places)
        earlier = {doc_id for _, doc_id in gone}
        leaving = (*batch.deletions, *map(Deletion, sorted(earlier)))
        written = [document.doc_id for document, _, _ in batch.documents]
        changing = [*written, *(deletion.doc_id for deletion in leaving)]
        concerned = works.beside(self.database.read, corpus, changing)
        for deletion in leaving:
            removed = self._remove(connection, corpus, deletion.doc_id)
            if removed is not None:
                digest -= removed[0]
                touched.update(dict.fromkeys(removed[1]))
                deleted += deletion.doc_id not in earlier
                displaced += deletion.doc_id in earlier
                concerned += notices.forget(connection, corpus, deletion.doc_id)
            if file_number(deletion.origin):
                connection.execute(
                    "INSERT OR REPLACE INTO withdrawn VALUES (?, ?, ?, ?)",
                    (corpus, deletion.doc_id, deletion.version, deletion.origin),
                )
        for document, passages, vectors in batch.documents:
            removed = self._remove(connection, corpus, document.doc_id)
            if removed is None:
                added += 1
            else:
                digest -= removed[0]
                touched.update(dict.fromkeys(removed[1]))
                replaced += 1
                concerned += notices.forget(connection, corpus, document.doc_id)
            concerned += notices.remember(connection, corpus, document)
            digest += self._insert(
                connection, corpus, document, passages, vectors, batch.fingerprint
            )
            touched.update((passage.passage_id, None) for passage in passages)
        snapshots.placed(connection, corpus, (*gone, *batch.held))
        connection.executemany(
            "DELETE FROM withdrawn WHERE corpus = ? AND doc_id = ?",
            [(corpus, document.doc_id) for document, _, _ in batch.documents],
        )
        connection.executemany(
            "UPDATE documents SET origin = ?, revised = ? WHERE corpus = ? AND doc_id = ?",
            [(item.origin, item.revised, corpus, item.doc_id) for item in batch.confirmed],
        )
        connection.executemany(
            "INSERT OR IGNORE INTO taken VALUES (?, ?)", [(corpus, name) for name in batch.taken]
        )
        concerned += works.beside(self.database.read, corpus, written)
        for chunk in chunks(written):
            concerned += notices.concerning(self.database.read, corpus, chunk)
        touched.update(dict.fromkeys(notices.refresh(connection, corpus, concerned)))
        connection.execute(
            "UPDATE corpora SET digest = ? WHERE id = ?",
            (f"{digest % DIGEST_MODULUS:064x}", corpus),
        )
        return Written(added, replaced, deleted, displaced, tuple(touched))

    @staticmethod
    def _remove(
        connection: sqlite3.Connection, corpus: int, doc_id: str
    ) -> tuple[int, list[str]] | None:
        row = connection.execute(
            f"SELECT id, hash, {TITLE} FROM documents WHERE corpus = ? AND doc_id = ?",
            (corpus, doc_id),
        ).fetchone()
        if row is None:
            return None
        passages = [
            f"{doc_id}#{ordinal}"
            for (ordinal,) in connection.execute(
                "SELECT ordinal FROM passages WHERE document = ?", (row[0],)
            )
        ]
        connection.execute("DELETE FROM documents WHERE id = ?", (row[0],))
        snapshots.removed(connection, corpus, doc_id, row[1], len(passages), row[2])
        return int.from_bytes(row[1], "big"), passages

    @staticmethod
    def _insert(
        connection: sqlite3.Connection,
        corpus: int,
        document: Document,
        passages: Sequence[Passage],
        vectors: Vectors,
        fingerprint: str,
    ) -> int:
        content = document.content_hash()
        record = json.loads(document.to_json())
        record["text"] = ""  # it has a column of its own
        cursor = connection.execute(
            "INSERT INTO documents (corpus, doc_id, record, text, version, hash, fingerprint, "
            "kind, retracted, date, passages, origin, revised) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                corpus,
                document.doc_id,
                json.dumps(record, ensure_ascii=False, separators=(",", ":")),
                document.text,
                document.version,
                bytes.fromhex(content),
                fingerprint,
                document.kind,
                int(document.retracted),
                document.date,
                len(passages),
                document.origin,
                document.revised,
            ),
        )
        rows = []
        for passage, vector in zip(passages, vectors, strict=True):
            blob = to_blob(vector)
            rows.append(
                (
                    cursor.lastrowid,
                    passage.ordinal,
                    passage.start,
                    passage.end,
                    passage_hash(content, passage, blob),
                    blob,
                )
            )
        connection.executemany("INSERT INTO passages VALUES (?, ?, ?, ?, ?, ?)", rows)
        snapshots.added(
            connection,
            corpus,
            document.doc_id,
            bytes.fromhex(content),
            len(rows),
            document.title,
        )
        return int(content, 16)
