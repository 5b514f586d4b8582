"""Nearest passages by cosine: the protocol, and Chroma inside this process behind it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from vademecum.corpora.document import Filters
from vademecum.corpora.outbox import DerivedIndex
from vademecum.corpora.store import Entry, Vectors
from vademecum.errors import LibraryDamaged, LibraryError, OutOfSpace

# Chroma writes its HNSW graph to disk after this many changes and replays the ones since when it
# opens. Small: it rewrites the files often, and not atomically. Large: a longer pause at each.
SYNC_THRESHOLD = 5000
EF_SEARCH = 200  # candidates HNSW keeps while it searches; recall for little time

NO_SPACE = ("database or disk is full", "(code: 13)", "No space left", "disk I/O error")
LEAST_FREE = 1_000_000  # bytes; on a fuller disk every failure is taken for want of space
NO_WRITE = ("readonly database", "unable to open database file", "Permission denied", "Read-only")


class VectorStore(DerivedIndex, Protocol):
    """A derived index that finds passages by their vectors."""

    def query(
        self, corpus: int, vector: Vectors, k: int, filters: Filters
    ) -> list[tuple[str, float]]:
        """The `k` nearest passages that pass: id and cosine similarity, best first."""
        ...

    def vectors(self, corpus: int, passage_ids: Sequence[str]) -> dict[str, Vectors]:
        """The vectors as the index holds them, float32 `[dim]`."""
        ...


def where_of(filters: Filters) -> dict[str, Any] | None:
    """`Filters` in Chroma's language, which takes one operator at the top."""
    parts: list[dict[str, Any]] = []
    if filters.year_from is not None:
        parts.append({"year": {"$gte": filters.year_from}})
    if filters.year_to is not None:
        parts.append({"year": {"$lte": filters.year_to}})
    parts.extend({"mesh": {"$contains": name}} for name in filters.mesh)
    if filters.publication_types:
        parts.append(_any([{"types": {"$contains": name}} for name in filters.publication_types]))
    if filters.languages:
        parts.append({"language": {"$in": list(filters.languages)}})
    if filters.exclude_retracted:
        parts.append({"retracted": False})
    if len(parts) > 1:
        return {"$and": parts}
    return parts[0] if parts else None


def _any(parts: list[dict[str, Any]]) -> dict[str, Any]:
    return {"$or": parts} if len(parts) > 1 else parts[0]


def metadata_of(entry: Entry) -> dict[str, Any]:
    """What Chroma keeps beside a vector. None removes a key: an upsert merges with what was."""
    document = entry.document
    return {
        "hash": entry.hash,
        "year": document.year,
        "language": document.language,
        "retracted": document.retracted,
        "types": list(document.publication_types) or None,
        "mesh": list(dict.fromkeys(heading.name for heading in document.mesh)) or None,
    }


class ChromaStore:
    """Chroma in a folder of this machine, one collection a corpus. Implements `VectorStore`."""

    name = "vectors"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._client: Any = None
        self._collections: dict[int, Any] = {}

    def create(self, corpus: int, dim: int) -> None:
        with self._errors():
            self.drop(corpus)
            # No embedding function is persisted: vectors are ours, and Chroma would load by name
            # whatever is stored there.
            self._collections[corpus] = self._open().create_collection(
                f"corpus-{corpus}",
                embedding_function=None,
                configuration={
                    "hnsw": {
                        "space": "cosine",
                        "ef_search": EF_SEARCH,
                        "sync_threshold": SYNC_THRESHOLD,
                    }
                },
            )

    def drop(self, corpus: int) -> None:
        from chromadb.errors import NotFoundError

        self._collections.pop(corpus, None)
        with self._errors():
            try:
                self._open().delete_collection(f"corpus-{corpus}")
            except NotFoundError:
                return

    def apply(self, corpus: int, upserts: Sequence[Entry], deletes: Sequence[str]) -> None:
        collection = self._collection(corpus)
        with self._errors():
            most = int(self._open().get_max_batch_size())
            for at in range(0, len(deletes), most):
                collection.delete(ids=list(deletes[at : at + most]))
            for at in range(0, len(upserts), most):
                part = upserts[at : at + most]
                collection.upsert(
                    ids=[entry.passage_id for entry in part],
                    embeddings=np.stack([entry.vector for entry in part]),
                    metadatas=[metadata_of(entry) for entry in part],
                )

    def query(
        self, corpus: int, vector: Vectors, k: int, filters: Filters
    ) -> list[tuple[str, float]]:
        collection = self._collection(corpus)
        with self._errors():
            found = collection.query(
                query_embeddings=vector[np.newaxis],
                n_results=k,
                where=where_of(filters),
                include=["distances"],
            )
        return [
            (passage_id, 1.0 - float(distance))
            for passage_id, distance in zip(found["ids"][0], found["distances"][0], strict=True)
        ]

    def vectors(self, corpus: int, passage_ids: Sequence[str]) -> dict[str, Vectors]:
        collection = self._collection(corpus)
        with self._errors():
            got = collection.get(ids=list(passage_ids), include=["embeddings"])
        return {
            passage_id: np.asarray(vector, dtype=np.float32)
            for passage_id, vector in zip(got["ids"], got["embeddings"], strict=True)
        }

    def hashes(self, corpus: int) -> Iterator[tuple[str, str]]:
        collection = self._collection(corpus)
        page, offset = 2000, 0
        while True:
            with self._errors():
                got = collection.get(limit=page, offset=offset, include=["metadatas"])
            if not got["ids"]:
                return
            for passage_id, metadata in zip(got["ids"], got["metadatas"], strict=True):
                yield passage_id, str((metadata or {}).get("hash", ""))
            offset += page

    def count(self, corpus: int) -> int:
        collection = self._collection(corpus)
        with self._errors():
            return int(collection.count())

    def repair(self) -> None:
        self.close()  # a client may still hold files that are gone
        try:
            with self._errors():
                self._open().list_collections()
        except LibraryDamaged:
            self.close()
            shutil.rmtree(self._folder, ignore_errors=True)

    def close(self) -> None:
        """Let go of the folder. The next use opens it again."""
        client, self._client = self._client, None
        self._collections.clear()
        if client is not None:
            client.close()

    def _open(self) -> Any:
        if self._client is None:
            import chromadb
            from chromadb.api.shared_system_client import SharedSystemClient
            from chromadb.config import Settings

            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                self._client = chromadb.PersistentClient(
                    str(self._folder), settings=Settings(anonymized_telemetry=False)
                )
            except (chromadb.errors.ChromaError, AttributeError):
                # Chroma keeps a half-started system under its path and would hand it out again.
                SharedSystemClient.clear_system_cache()
                raise
        return self._client

    def _collection(self, corpus: int) -> Any:
        from chromadb.errors import NotFoundError

        if corpus not in self._collections:
            with self._errors():
                try:
                    self._collections[corpus] = self._open().get_collection(
                        f"corpus-{corpus}", embedding_function=None
                    )
                except NotFoundError as error:
                    raise LibraryDamaged("the vector index is missing") from error
        return self._collections[corpus]

    @contextmanager
    def _errors(self) -> Iterator[None]:
        from chromadb.errors import ChromaError

        with explaining(self._folder, ChromaError, OSError):
            yield


@contextmanager
def explaining(folder: Path, *classes: type[Exception]) -> Iterator[None]:
    """What a derived index raises when it cannot go on, as an error for people.

    Chroma and tantivy are Rust: on files they did not expect they may panic, which arrives as
    a BaseException of a class that cannot be imported.
    """
    try:
        yield
    except classes as error:
        raise _explained(str(error), folder) from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise _explained(str(error), folder) from error


def _explained(text: str, folder: Path) -> LibraryError:
    """What a derived index said went wrong, as an error for people."""
    said = " ".join(text.split())[:200]
    # Chroma does not always say so: a compaction that found no room only "failed to apply logs".
    if any(sign in text for sign in NO_SPACE) or _free(folder) < LEAST_FREE:
        return OutOfSpace(
            f"the disk that holds {folder} is full ({said})",
            "nothing is lost: free some space and run the same command again",
        )
    if any(sign in text for sign in NO_WRITE):
        return OutOfSpace(
            f"{folder} cannot be written ({said})",
            "check the permissions of the folder and that it was not removed, then try again",
        )
    return LibraryDamaged(f"the index in {folder} cannot be read ({said})")


def _free(folder: Path) -> int:
    """Bytes free on the disk of a folder, or of what is left of its path."""
    there = next(part for part in (folder, *folder.parents) if part.exists())
    return shutil.disk_usage(there).free
