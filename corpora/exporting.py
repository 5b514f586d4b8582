"""A corpus goes out: its folder is written beside its place, and put there when it is complete."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from vademecum.corpora.exchange import DOCUMENTS, FORMAT, LISTS, File, Manifest, sha256_of
from vademecum.corpora.half_export import begun
from vademecum.corpora.snapshots import snapshot_of
from vademecum.corpora.store import CorpusRow, Store, chunks
from vademecum.errors import OutOfSpace, UsageError
from vademecum.progress import Progress

FILE_ROWS = 200_000  # documents in one file, with as many files of passages


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

    return File(path.name, read_metadata(path).num_rows, path.stat().st_size, sha256_of(path))


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
