"""A corpus comes in: every file is compared with its hash, then its documents are written as those
of a corpus that nobody sees yet."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import groupby, islice
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from vademecum.corpora import writing
from vademecum.corpora.batch import Batch, Prepared, check
from vademecum.corpora.document import Document, Passage
from vademecum.corpora.exchange import DOCUMENTS, LISTS, File, Manifest, sha256_of
from vademecum.corpora.outbox import Outbox
from vademecum.corpora.store import Store, chunks
from vademecum.errors import DocumentRejected, HashMismatch, LibraryError
from vademecum.progress import Progress


def bring(
    store: Store, outbox: Outbox, manifest: Manifest, folder: Path, name: str, progress: Progress
) -> None:
    """Make a corpus of that name of what is in a folder; its indexes are to be built.

    All or nothing: what was read of it is removed if it fails, and by the next opening if it was
    killed. Raises HashMismatch, DocumentRejected.
    """
    corpus = _read(store, manifest, folder, name, progress)
    with store.database.transaction() as connection:
        connection.execute(
            "UPDATE corpora SET name = ?, importing = 0 WHERE id = ?", (name, corpus)
        )
        outbox.register(connection, corpus)
        outbox.refill(connection, corpus)


def _read(store: Store, manifest: Manifest, folder: Path, name: str, progress: Progress) -> int:
    """The documents, into a corpus that nobody sees yet; returns its id."""
    for item in manifest.files:
        _compare(folder / item.name, item, progress)
    with store.database.transaction() as connection:
        corpus = store.create_corpus(
            connection,
            f".importing {uuid4().hex}",
            manifest.embedder,
            manifest.dim,
            manifest.fingerprint,
        )
        connection.execute("UPDATE corpora SET importing = 1 WHERE id = ?", (corpus,))
    try:
        progress.start(f"importing {name}", manifest.documents, "documents")
        documents = _documents(manifest, folder)
        for fingerprint, group in groupby(documents, lambda item: item[0]):
            for part in chunks((prepared for _, prepared in group), DOCUMENTS):
                batch = Batch(part, fingerprint)
                try:
                    check(batch, manifest.dim)
                except ValueError as error:
                    raise _senseless(folder, str(error)) from error
                with store.database.transaction() as connection:
                    writing.write(store, connection, corpus, batch)
                progress.advance(len(part))
        progress.finish()
        with store.database.transaction() as connection:
            _read_lists(connection, corpus, manifest, folder)
        if store.digest(corpus) != manifest.digest:
            raise HashMismatch(
                f"the documents in {folder} are not those of its manifest",
                "export the corpus again",
            )
    except BaseException:
        # Where there is no room even for that, the next opening does it.
        with suppress(LibraryError), store.database.transaction() as connection:
            connection.execute("DELETE FROM corpora WHERE id = ?", (corpus,))
        raise
    return corpus


def _compare(path: Path, item: File, progress: Progress) -> None:
    progress.start(f"checking {item.name}", None, "B")
    try:
        same = path.stat().st_size == item.size and sha256_of(path) == item.sha256
    except OSError:
        same = False
    progress.finish()
    if not same:
        raise HashMismatch(
            f"{path} is not as it was written", "copy the folder again, or export again"
        )


def _documents(manifest: Manifest, folder: Path) -> Iterator[tuple[str, Prepared]]:
    """Each document with its passages and vectors; first the fingerprint they were made by."""
    names = [item.name for item in manifest.files]
    passages = _rows(folder, [name for name in names if name.startswith("passages-")])
    for row in _rows(folder, [name for name in names if name.startswith("documents-")]):
        try:
            prepared = _prepared(row, list(islice(passages, row["passages"])), manifest.dim)
            same = bytes.fromhex(prepared[0].content_hash()) == row["hash"]
            fingerprint = str(row["fingerprint"])
        except (ValueError, KeyError, TypeError) as error:
            raise _senseless(folder, f"{row.get('doc_id')} is no document") from error
        if not same:
            raise HashMismatch(
                f"{prepared[0].doc_id} in {folder} is unlike its hash", "export the corpus again"
            )
        yield fingerprint, prepared
    if next(passages, None) is not None:
        raise _senseless(folder, "there are passages of no document")


def _prepared(row: dict[str, Any], passages: list[dict[str, Any]], dim: int) -> Prepared:
    """A document of its row and those of its passages."""
    document = replace(
        Document.from_json(row["record"]),
        text=row["text"],
        origin=row["origin"],
        revised=row["revised"],
    )
    parts = [
        Passage(
            doc_id=item["doc_id"],
            ordinal=item["ordinal"],
            start=item["start"],
            end=item["end"],
            text=document.text[item["start"] : item["end"]],
        )
        for item in passages
    ]
    vectors = np.array([item["vector"] for item in passages], dtype=np.float32)
    return document, parts, vectors.reshape(len(passages), dim)


def _rows(folder: Path, names: Sequence[str]) -> Iterator[dict[str, Any]]:
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    for name in names:
        try:
            with ParquetFile(folder / name) as file:
                for batch in file.iter_batches(batch_size=DOCUMENTS):
                    yield from _dicts(batch)
        except ArrowException as error:
            raise _senseless(folder, f"{name} is no Parquet file") from error


def _dicts(batch: Any) -> Iterator[dict[str, Any]]:
    """The rows of a batch; a vector is an array of float16, not a list of numbers."""
    if "vector" not in batch.schema.names:
        yield from batch.to_pylist()
        return
    vectors = batch.column("vector").flatten().to_numpy(zero_copy_only=False)
    rows = batch.drop_columns(["vector"]).to_pylist()
    for row, vector in zip(rows, vectors.reshape(len(rows), -1), strict=True):
        yield {**row, "vector": vector}


def _senseless(folder: Path, why: str) -> DocumentRejected:
    return DocumentRejected(f"{folder} makes no sense: {why}", "export the corpus again")


def _read_lists(
    connection: sqlite3.Connection, corpus: int, manifest: Manifest, folder: Path
) -> None:
    there = {item.name for item in manifest.files}
    for name, columns in LISTS.items():
        if f"{name}.parquet" not in there:
            continue  # written before there was such a list
        # No job of this library has read the places.
        also = {"corpus": corpus} | ({"job": 0} if name == "places" else {})
        try:
            connection.executemany(
                f"INSERT INTO {name} ({', '.join([*also, *columns])}) "
                f"VALUES ({', '.join('?' * (len(also) + len(columns)))})",
                (
                    (*also.values(), *_texts(row, columns))
                    for row in _rows(folder, [f"{name}.parquet"])
                ),
            )
        except (sqlite3.IntegrityError, ValueError) as error:
            raise _senseless(folder, f"{name}.parquet is no list of {' and '.join(columns)}") from (
                error
            )


def _texts(row: dict[str, Any], columns: Sequence[str]) -> list[str]:
    values = [row.get(column) for column in columns]
    texts = [value for value in values if isinstance(value, str)]
    if len(texts) < len(columns):
        raise ValueError(f"not texts: {values}")
    return texts
