"""How a batch gets into the store: what it replaces goes, and all that is told of its documents
elsewhere (places, notices, works, snapshots, whole files) goes along."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from vademecum.corpora import notices, places, snapshots, whole, works
from vademecum.corpora.batch import Batch, Written
from vademecum.corpora.document import Deletion, Document, Passage
from vademecum.corpora.hashes import passage_hash
from vademecum.corpora.revision import file_number
from vademecum.corpora.store import DIGEST_MODULUS, TITLE, Store, Vectors, chunks, to_blob


def write(store: Store, connection: sqlite3.Connection, corpus: int, batch: Batch) -> Written:
    """Replace, add and delete, in an open transaction; old passages of a replaced document go.

    A work that a notice concerns changes with the notice, also if it is not in the batch.
    """
    digest = int(store.digest(corpus), 16)
    touched: dict[str, None] = {}
    added = replaced = deleted = displaced = 0
    places.remember(connection, corpus, batch.job, batch.held)
    gone = places.displaced(connection, corpus, batch.job, batch.read_places)
    earlier = {doc_id for _, doc_id in gone}
    leaving = (*batch.deletions, *map(Deletion, sorted(earlier)))
    written = [document.doc_id for document, _, _ in batch.documents]
    changing = [*written, *(deletion.doc_id for deletion in leaving)]
    concerned = works.beside(store.database.read, corpus, changing)
    for deletion in leaving:
        removed = _remove(connection, corpus, deletion.doc_id)
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
        removed = _remove(connection, corpus, document.doc_id)
        if removed is None:
            added += 1
        else:
            digest -= removed[0]
            touched.update(dict.fromkeys(removed[1]))
            replaced += 1
            concerned += notices.forget(connection, corpus, document.doc_id)
        concerned += notices.remember(connection, corpus, document)
        digest += _insert(connection, corpus, document, passages, vectors, batch.fingerprint)
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
    whole.remember(connection, corpus, batch.job, batch.read)
    concerned += works.beside(store.database.read, corpus, written)
    for chunk in chunks(written):
        concerned += notices.concerning(store.database.read, corpus, chunk)
    touched.update(dict.fromkeys(notices.refresh(connection, corpus, concerned)))
    connection.execute(
        "UPDATE corpora SET digest = ? WHERE id = ?",
        (f"{digest % DIGEST_MODULUS:064x}", corpus),
    )
    return Written(added, replaced, deleted, displaced, tuple(touched))


def _remove(
    connection: sqlite3.Connection, corpus: int, doc_id: str
) -> tuple[int, list[str]] | None:
    """The content hash and the passage ids of what went, None where there was nothing."""
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


def _insert(
    connection: sqlite3.Connection,
    corpus: int,
    document: Document,
    passages: Sequence[Passage],
    vectors: Vectors,
    fingerprint: str,
) -> int:
    """Returns the content hash."""
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
