"""Chroma: what its two forms share, and the one inside this process."""

from __future__ import annotations

import math
import shutil
import sqlite3
import threading
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from vademecum.corpora.document import Filters
from vademecum.corpora.faults import explaining
from vademecum.corpora.store import Entry, Vectors, chunks
from vademecum.errors import LibraryDamaged

# Chroma writes its HNSW graph to disk after so many changes and replays the ones since when it
# opens. Each time it rewrites its map of all ids, and not atomically.
SYNC_THRESHOLD = 5_000
MOST_UNSYNCED = 50_000  # while much is waiting
EF_SEARCH = 200  # candidates HNSW keeps while it searches; recall for little time
PAGE = 2_000  # passages fetched at a time


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


class Chroma(ABC):
    """One collection a corpus, wherever Chroma runs."""

    name = "vectors"

    def __init__(self) -> None:
        self._client: Any = None
        self._collections: dict[int, Any] = {}
        # Chroma hands a client that one thread is still making to the next that asks for one, and
        # closes one that others are still asking. `_turn` is held for moments only: a thread that
        # was interrupted while it waits to be counted off would be counted for ever.
        self._connecting = threading.RLock()
        self._turn = threading.Condition()
        self._users = 0
        self._closing = False

    @abstractmethod
    def _opened(self) -> Any:
        """A new client."""

    @abstractmethod
    def _errors(self) -> AbstractContextManager[None]:
        """What Chroma raises, as errors for people."""

    @abstractmethod
    def _called(self, corpus: int) -> str:
        """The name of the collection of a corpus."""

    def create(self, corpus: int, dim: int) -> None:
        self.drop(corpus)
        with self._errors(), self._used():
            # No embedding function is persisted: vectors are ours, and Chroma would load by name
            # whatever is stored there.
            self._collections[corpus] = self._connected().create_collection(
                self._called(corpus),
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
        with self._errors(), self._used():
            try:
                self._connected().delete_collection(self._called(corpus))
            except NotFoundError:
                return

    def apply(self, corpus: int, upserts: Sequence[Entry], deletes: Sequence[str]) -> None:
        with self._collection(corpus) as collection:
            most = int(self._connected().get_max_batch_size())
            for part in chunks(deletes, most):
                collection.delete(ids=part)
            for part in chunks(upserts, most):
                collection.upsert(
                    ids=[entry.passage_id for entry in part],
                    embeddings=np.stack([entry.vector for entry in part]),
                    metadatas=[metadata_of(entry) for entry in part],
                )

    def query(
        self, corpus: int, vector: Vectors, k: int, filters: Filters
    ) -> list[tuple[str, float]]:
        with self._collection(corpus) as collection:
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
        found: dict[str, Vectors] = {}
        for part in chunks(passage_ids, PAGE):
            with self._collection(corpus) as collection:
                got = collection.get(ids=part, include=["embeddings"])
            for passage_id, vector in zip(got["ids"], got["embeddings"], strict=True):
                found[passage_id] = np.asarray(vector, dtype=np.float32)
        return found

    def held(self, corpus: int, passage_ids: Sequence[str]) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        for part in chunks(passage_ids, PAGE):
            with self._collection(corpus) as collection:
                got = collection.get(ids=part, include=["metadatas"])
            found += _hashes(got)
        return found

    def hashes(self, corpus: int) -> Iterator[tuple[str, str]]:
        offset = 0
        while True:
            with self._collection(corpus) as collection:
                got = collection.get(limit=PAGE, offset=offset, include=["metadatas"])
            if not got["ids"]:
                return
            yield from _hashes(got)
            offset += PAGE

    def count(self, corpus: int) -> int:
        with self._collection(corpus) as collection:
            return int(collection.count())

    def close(self) -> None:
        """Let go of the client once nobody uses it. The next use makes another."""
        with self._turn:
            self._closing = True
            try:
                self._turn.wait_for(lambda: not self._users)
                client, self._client = self._client, None
                self._collections.clear()
                if client is not None:
                    self._let_go(client)
            finally:
                self._closing = False
                self._turn.notify_all()

    def _let_go(self, client: Any) -> None:
        client.close()

    @contextmanager
    def _used(self) -> Iterator[None]:
        """While it lasts nobody closes the client."""
        with self._turn:
            self._turn.wait_for(lambda: not self._closing)
            self._users += 1
        try:
            yield
        finally:
            with self._turn:
                self._users -= 1
                self._turn.notify_all()

    @contextmanager
    def _collection(self, corpus: int) -> Iterator[Any]:
        """The collection of a corpus, to be used."""
        with self._errors(), self._used():
            yield self._found(corpus)

    def _connected(self) -> Any:
        """The client, made on first use."""
        with self._connecting:
            if self._client is None:
                self._client = self._opened()
            return self._client

    def _found(self, corpus: int) -> Any:
        from chromadb.errors import NotFoundError

        with self._connecting:
            if corpus not in self._collections:
                try:
                    self._collections[corpus] = self._connected().get_collection(
                        self._called(corpus), embedding_function=None
                    )
                except NotFoundError as error:
                    raise LibraryDamaged("the vector index is missing") from error
            return self._collections[corpus]


def _hashes(got: Any) -> list[tuple[str, str]]:
    return [
        (passage_id, str((metadata or {}).get("hash", "")))
        for passage_id, metadata in zip(got["ids"], got["metadatas"], strict=True)
    ]


class ChromaStore(Chroma):
    """Chroma in a folder of this machine. Implements `VectorStore`."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def expect(self, corpus: int, passages: int) -> None:
        """Much that is coming is written to disk in few, equal parts, the last of them complete.

        Killed in between, Chroma replays from its own log what it had not yet written.
        """
        parts = max(1, math.ceil(passages / MOST_UNSYNCED))
        wanted = max(SYNC_THRESHOLD, math.ceil(passages / parts))
        with self._collection(corpus) as collection:
            if collection.configuration_json["hnsw"]["sync_threshold"] == wanted:
                return
            with warnings.catch_warnings():
                # It warns that no embedding function is persisted, which is how it should be.
                warnings.simplefilter("ignore", DeprecationWarning)
                collection.modify(configuration={"hnsw": {"sync_threshold": wanted}})
        self.close()  # it is read when a collection is opened

    def compact(self) -> None:
        """Free what Chroma no longer uses: pages of its database, folders of dropped graphs."""
        self.close()
        database = self._folder / "chroma.sqlite3"
        if not database.is_file():
            return
        with explaining(self._folder, sqlite3.Error, OSError):
            connection = sqlite3.connect(database, isolation_level=None)
            try:
                segments = {name for (name,) in connection.execute("SELECT id FROM segments")}
                connection.execute("VACUUM")
            finally:
                connection.close()
            for path in self._folder.iterdir():
                if path.is_dir() and path.name not in segments:
                    shutil.rmtree(path)

    def size(self) -> int:
        return sum(path.stat().st_size for path in self._folder.rglob("*") if path.is_file())

    def repair(self) -> None:
        self.close()  # a client may still hold files that are gone
        try:
            with self._errors(), self._used():
                self._connected().list_collections()
        except LibraryDamaged:
            self.close()
            shutil.rmtree(self._folder, ignore_errors=True)

    def _called(self, corpus: int) -> str:
        return f"corpus-{corpus}"

    def _opened(self) -> Any:
        from chromadb.api import ServerAPI
        from chromadb.api.client import Client
        from chromadb.config import Settings, System

        self._folder.mkdir(parents=True, exist_ok=True)
        where = {"is_persistent": True, "persist_directory": str(self._folder)}
        # What starts it for us keeps a half-started system under its path, and would hand it out
        # again; all that it can forget are the systems of everybody in this process.
        system = System(Settings(anonymized_telemetry=False, **where))
        system.instance(ServerAPI)
        system.start()
        return Client.from_system(system)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        from chromadb.errors import ChromaError

        with explaining(self._folder, ChromaError, OSError):
            yield
