"""A corpus as one folder of Parquet files, to be carried to another library and read by others.

    manifest.json            what it is, and the SHA-256 of every file
    documents-00000.parquet  doc_id, title, date, kind, text, record (JSON), hash, ...
    passages-00000.parquet   doc_id, ordinal, start, end, vector (float16 [dim]); in the same order
    withdrawn.parquet        documents that their source withdrew
    taken.parquet            files of a source that were read to their end
    places.parquet           place, doc_id: where documents without a number (PMID) were read

Both ways work a few documents at a time, and both are all or nothing: the folder gets its name when
it is complete, the corpus when every hash was found right.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from itertools import groupby, islice
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from vademecum.corpora import writing
from vademecum.corpora.batch import Batch, Prepared, check
from vademecum.corpora.document import Document, Passage
from vademecum.corpora.half_export import begun
from vademecum.corpora.snapshots import snapshot_of
from vademecum.corpora.store import CorpusRow, Store, chunks
from vademecum.errors import (
    DocumentRejected,
    HashMismatch,
    LibraryError,
    OutOfSpace,
    UsageError,
)
from vademecum.progress import Progress

FORMAT = 1
DOCUMENTS = 500  # at a time: bounds memory
FILE_ROWS = 200_000  # documents in one file, with as many files of passages
BLOCK = 1 << 20  # bytes hashed at a time


@dataclass(frozen=True, slots=True)
class File:
    """One file of the folder, as it was written."""

    name: str
    rows: int
    size: int  # bytes
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """`manifest.json`. `fingerprint` names the splitter and embedder of the latest passages."""

    format: int
    corpus: str
    embedder: str
    dim: int
    fingerprint: str
    snapshot: str
    digest: str
    documents: int
    passages: int
    files: tuple[File, ...]


def write(store: Store, corpus: CorpusRow, folder: Path, progress: Progress) -> Manifest:
    """Write a corpus into a new folder.

    Raises UsageError if there is something at its place, OutOfSpace.
    """
    folder = folder.absolute()
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise UsageError(f"there is something in {folder} already", "name a folder that is new")
    with _writing(folder), begun(store.database, folder) as half:
        info = store.info(corpus)
        progress.start(f"exporting {corpus.name}", info.documents, "documents")
        names = [*_write_documents(store, corpus, half, progress)]
        names += _write_lists(store, corpus, half)
        progress.finish()
        digest = store.digest(corpus.id)
        manifest = Manifest(
            format=FORMAT,
            corpus=corpus.name,
            embedder=corpus.embedder,
            dim=corpus.dim,
            fingerprint=corpus.fingerprint,
            snapshot=snapshot_of(digest),
            digest=digest,
            documents=info.documents,
            passages=info.passages,
            files=tuple(_described(half / name) for name in names),
        )
        (half / "manifest.json").write_text(json.dumps(asdict(manifest), indent=1) + "\n")
        _to_disk(half)
        if folder.exists():
            folder.rmdir()
        half.rename(folder)
    return manifest


def opened(folder: Path) -> Manifest:
    """The manifest of a folder. Raises UsageError if it is none that this version reads."""
    path = folder / "manifest.json"
    try:
        raw = json.loads(path.read_text("utf-8"))
        if raw["format"] != FORMAT:
            raise UsageError(
                f"{folder} was written in format {raw['format']}, this version reads {FORMAT}",
                "upgrade: pip install --upgrade vademecum",
            )
        manifest = Manifest(**{**raw, "files": tuple(File(**item) for item in raw["files"])})
        if any(Path(item.name).name != item.name for item in manifest.files):
            raise ValueError("a file of it lies elsewhere")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{folder} holds no exported corpus",
            "name the folder that `vademecum corpus export NAME FOLDER` made",
        ) from error
    return manifest


def read(store: Store, manifest: Manifest, folder: Path, name: str, progress: Progress) -> int:
    """Read the documents of a folder into a corpus that nobody sees yet; returns its id. `name` is
    what it will be called.

    What was read of it is removed if it fails, and by the next opening if it was killed. Raises
    HashMismatch, DocumentRejected.
    """
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


# writing


def _schemas(dim: int) -> tuple[Any, Any]:
    import pyarrow as pa

    documents = pa.schema(
        [
            ("doc_id", pa.string()),
            ("title", pa.string()),
            ("date", pa.string()),
            ("kind", pa.string()),
            ("text", pa.string()),
            ("record", pa.string()),  # Document.to_json without its text
            ("origin", pa.string()),
            ("revised", pa.string()),
            ("hash", pa.binary(32)),
            ("fingerprint", pa.string()),
            ("passages", pa.int32()),
        ]
    )
    passages = pa.schema(
        [
            ("doc_id", pa.string()),
            ("ordinal", pa.int32()),
            ("start", pa.int32()),
            ("end", pa.int32()),
            ("vector", pa.list_(pa.float16(), dim)),
        ]
    )
    return documents, passages


def _write_documents(
    store: Store, corpus: CorpusRow, folder: Path, progress: Progress
) -> Iterator[str]:
    """Files of documents, each with the file of their passages; yields their names."""
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    schemas = _schemas(corpus.dim)
    pages = chunks(store.stored(corpus.id), DOCUMENTS)
    for number, file in enumerate(_runs(pages, FILE_ROWS // DOCUMENTS)):
        names = [f"{kind}-{number:05}.parquet" for kind in ("documents", "passages")]
        with (
            ParquetWriter(folder / names[0], schemas[0], compression="zstd") as documents,
            ParquetWriter(folder / names[1], schemas[1], compression="zstd") as passages,
        ):
            for page in file:
                documents.write_table(
                    pa.Table.from_pylist([stored.row for stored in page], schemas[0])
                )
                passages.write_table(
                    _passages([row for stored in page for row in stored.passages], schemas[1])
                )
                progress.advance(len(page))
        yield from names


def _passages(rows: Sequence[tuple[Any, ...]], schema: Any) -> Any:
    """A table of (doc_id, ordinal, start, end, float16 bytes)."""
    import pyarrow as pa

    vectors = np.frombuffer(b"".join(row[4] for row in rows), dtype="<f2")
    columns = [list(column) for column in zip(*rows, strict=True)][:4] or [[], [], [], []]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=False)]
    dim = schema.field("vector").type.list_size
    arrays.append(pa.FixedSizeListArray.from_arrays(pa.array(vectors), dim))
    return pa.Table.from_arrays(arrays, schema=schema)


def _write_lists(store: Store, corpus: CorpusRow, folder: Path) -> list[str]:
    import pyarrow as pa
    from pyarrow.parquet import write_table

    for name, columns in LISTS.items():
        rows = store.database.read(
            f"SELECT {', '.join(columns)} FROM {name} WHERE corpus = ? "
            f"ORDER BY {', '.join(columns)}",
            (corpus.id,),
        )
        data = {column: [row[at] for row in rows] for at, column in enumerate(columns)}
        schema = pa.schema([(column, pa.string()) for column in columns])
        write_table(pa.table(data, schema), folder / f"{name}.parquet", compression="zstd")
    return [f"{name}.parquet" for name in LISTS]


LISTS = {
    "withdrawn": ("doc_id", "version", "origin"),
    "taken": ("name",),
    "places": ("place", "doc_id"),
}


def _runs(pages: Iterator[list[Any]], length: int) -> Iterator[Iterator[list[Any]]]:
    """The same pages, so many to a run; a run is to be used up before the next."""
    for first in pages:

        def run(first: list[Any] = first) -> Iterator[list[Any]]:
            yield first
            for _ in range(length - 1):
                if (page := next(pages, None)) is None:
                    return
                yield page

        yield run()


def _described(path: Path) -> File:
    from pyarrow.parquet import read_metadata

    return File(path.name, read_metadata(path).num_rows, path.stat().st_size, _sha256(path))


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _to_disk(folder: Path) -> None:
    """What is renamed into place must be there after a power cut, too."""
    for path in (*folder.iterdir(), folder):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutOfSpace(
            f"{folder} cannot be written: {error.strerror or error}",
            "free some space or choose another place; nothing was left there",
        ) from error


# reading


def _compare(path: Path, item: File, progress: Progress) -> None:
    progress.start(f"checking {item.name}", None, "B")
    try:
        same = path.stat().st_size == item.size and _sha256(path) == item.sha256
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
