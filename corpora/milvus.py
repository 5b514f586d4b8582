"""Milvus: a cluster by its address, or milvus-lite in a file; for more than Chroma can hold."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from vademecum.corpora.document import Filters
from vademecum.corpora.faults import said
from vademecum.corpora.store import Entry, Vectors, chunks
from vademecum.errors import IndexUnavailable, LibraryDamaged

NO_YEAR = -1  # of a document without a date; the same in every version of Milvus, unlike NULL
LONGEST = 65_535  # bytes of a text, Milvus's own limit
MOST_HEADINGS = 4_096  # values of an array, likewise
MOST_HITS = 16_384  # results of one search, likewise
PAGE = 1_000  # passages in one message: far below the 64 MB that one may have
CONNECT_S = 5.0  # seconds until a server that is not there is given up
# A slow answer is waited for: its client itself sees within 15 s that nobody is there any more. By
# default it then asks 75 times.
ASKED: dict[str, Any] = {"retry_times": 1}
# A server that is back is found within a second, not after two minutes of doubled pauses.
SOON_AGAIN = {"grpc.use_local_subchannel_pool": 1, "grpc.max_reconnect_backoff_ms": 1000}
EF_SEARCH = 200
HNSW = {"M": 16, "efConstruction": 100}  # as Chroma builds its own


def expression_of(filters: Filters) -> str:
    """`Filters` in Milvus's language."""
    parts = []
    if filters.year_from is not None:
        parts.append(f"year >= {filters.year_from}")
    if filters.year_to is not None:
        parts.append(f"year > {NO_YEAR} and year <= {filters.year_to}")
    parts.extend(f"array_contains(mesh, {_quoted(name)})" for name in filters.mesh)
    if filters.publication_types:
        parts.append(f"array_contains_any(types, {_quoted(filters.publication_types)})")
    if filters.languages:
        parts.append(f"language in {_quoted(filters.languages)}")
    if filters.exclude_retracted:
        parts.append("retracted == false")
    return " and ".join(parts)


def _quoted(value: str | Sequence[str]) -> str:
    """Text as a literal of the language: it reads JSON's."""
    return json.dumps(value, ensure_ascii=False)


def row_of(entry: Entry) -> dict[str, Any]:
    """What Milvus keeps of a passage."""
    document = entry.document
    return {
        "id": entry.passage_id,
        "vector": entry.vector,
        "hash": entry.hash,
        "year": NO_YEAR if document.year is None else document.year,
        "language": document.language,
        "retracted": document.retracted,
        "types": list(document.publication_types),
        "mesh": list(dict.fromkeys(heading.name for heading in document.mesh)),
    }


class MilvusStore:
    """One collection a corpus, named for the library. Implements `VectorStore`."""

    name = "vectors"

    def __init__(self, address: str, owner: str, *, token: str = "") -> None:
        self._address = address
        self._owner = owner
        self._token = token
        self._client: Any = None
        self._seen: set[int] = set()  # corpora whose collection is there
        self._searched: set[int] = set()  # those whose graph is built and in its memory

    def create(self, corpus: int, dim: int) -> None:
        self.drop(corpus)
        with self._errors():
            from pymilvus import DataType

            client = self._connected()
            schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
            schema.add_field("id", DataType.VARCHAR, is_primary=True, max_length=LONGEST)
            schema.add_field("vector", DataType.FLOAT_VECTOR, dim=dim)
            schema.add_field("hash", DataType.VARCHAR, max_length=64)
            schema.add_field("year", DataType.INT64)
            schema.add_field("language", DataType.VARCHAR, max_length=LONGEST)
            schema.add_field("retracted", DataType.BOOL)
            for name in ("types", "mesh"):
                schema.add_field(
                    name,
                    DataType.ARRAY,
                    element_type=DataType.VARCHAR,
                    max_capacity=MOST_HEADINGS,
                    max_length=LONGEST,
                )
            # Strong: what was written is found by the next search.
            client.create_collection(
                self._called(corpus),
                schema=schema,
                consistency_level="Strong",
                **ASKED,
            )
        self._seen.add(corpus)

    def drop(self, corpus: int) -> None:
        self._seen.discard(corpus)
        self._searched.discard(corpus)
        called = self._called(corpus)
        with self._errors():
            client = self._connected()
            if client.has_collection(called, **ASKED):
                client.drop_collection(called, **ASKED)

    def expect(self, corpus: int, passages: int) -> None:
        """A new collection has no graph until nothing more is waiting: it is then built once."""
        if not passages:
            self._searchable(corpus)

    def apply(self, corpus: int, upserts: Sequence[Entry], deletes: Sequence[str]) -> None:
        called = self._collection(corpus)
        with self._errors():
            client = self._connected()
            for part in chunks(deletes, PAGE):
                client.delete(called, ids=part, **ASKED)
            for part in chunks(upserts, PAGE):
                client.upsert(called, [row_of(entry) for entry in part], **ASKED)

    def query(
        self, corpus: int, vector: Vectors, k: int, filters: Filters
    ) -> list[tuple[str, float]]:
        called = self._searchable(corpus)
        k = min(k, MOST_HITS)
        with self._errors():
            (found,) = self._connected().search(
                called,
                data=[vector],
                anns_field="vector",
                filter=expression_of(filters),
                limit=k,
                search_params={"metric_type": "COSINE", "params": {"ef": max(EF_SEARCH, k)}},
                **ASKED,
            )
            return [(str(hit["id"]), float(hit["distance"])) for hit in found]

    def vectors(self, corpus: int, passage_ids: Sequence[str]) -> dict[str, Vectors]:
        return {
            row["id"]: np.asarray(row["vector"], dtype=np.float32)
            for row in self._rows(corpus, passage_ids, "vector")
        }

    def held(self, corpus: int, passage_ids: Sequence[str]) -> list[tuple[str, str]]:
        return [(row["id"], row["hash"]) for row in self._rows(corpus, passage_ids, "hash")]

    def hashes(self, corpus: int) -> Iterator[tuple[str, str]]:
        called = self._searchable(corpus)
        with self._errors():
            pages = self._connected().query_iterator(
                called, batch_size=PAGE, output_fields=["id", "hash"], **ASKED
            )
        try:
            while True:
                with self._errors():
                    page = pages.next()
                if not page:
                    return
                for row in page:
                    yield row["id"], row["hash"]
        finally:
            pages.close()

    def count(self, corpus: int) -> int:
        called = self._searchable(corpus)
        with self._errors():
            rows = self._connected().query(called, filter="", output_fields=["count(*)"], **ASKED)
            return int(rows[0]["count(*)"])

    def compact(self) -> None:
        """Milvus merges its segments itself."""

    def size(self) -> int:
        return 0

    def repair(self) -> None:
        self.close()
        with self._errors():
            self._connected().list_collections(**ASKED)

    def close(self) -> None:
        """Let go of the connection. The next use makes another."""
        client, self._client = self._client, None
        self._seen.clear()
        self._searched.clear()
        if client is not None:
            client.close()

    def _called(self, corpus: int) -> str:
        return f"vademecum_{self._owner}_{corpus}"

    def _rows(self, corpus: int, passage_ids: Sequence[str], field: str) -> Iterator[Any]:
        called = self._searchable(corpus)
        for part in chunks(passage_ids, PAGE):
            with self._errors():
                rows = self._connected().query(
                    called, ids=part, output_fields=["id", field], **ASKED
                )
            yield from rows

    def _collection(self, corpus: int) -> str:
        called = self._called(corpus)
        if corpus not in self._seen:
            with self._errors():
                if not self._connected().has_collection(called, **ASKED):
                    raise LibraryDamaged("the vector index is missing in Milvus")
            self._seen.add(corpus)
        return called

    def _searchable(self, corpus: int) -> str:
        """The collection, its graph built and loaded: a server that was started again has not."""
        called = self._collection(corpus)
        if corpus not in self._searched:
            with self._errors():
                client = self._connected()
                if not client.list_indexes(called, **ASKED):
                    index = client.prepare_index_params()
                    index.add_index("vector", index_type="HNSW", metric_type="COSINE", params=HNSW)
                    client.create_index(called, index, **ASKED)
                client.load_collection(called, **ASKED)
            self._searched.add(corpus)
        return called

    def _connected(self) -> Any:
        if self._client is None:
            try:
                from pymilvus import MilvusClient
            except ImportError as error:
                raise IndexUnavailable(
                    "the vectors of this library are in Milvus, and its client is not installed",
                    "pip install 'vademecum[milvus]'",
                ) from error
            self._client = MilvusClient(
                self._address,
                token=self._token,
                timeout=CONNECT_S,
                dedicated=True,  # otherwise one connection is shared, and its failures with it
                grpc_options=SOON_AGAIN,
            )
        return self._client

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            from grpc import RpcError
            from pymilvus.exceptions import MilvusException
        except ImportError:
            yield
            return
        try:
            yield
        except (MilvusException, RpcError) as error:
            text = said(error)
            if isinstance(error, RpcError) or _away(text):
                self.close()
                raise IndexUnavailable(
                    f"Milvus at {self._address} cannot be reached ({text})",
                    "start it, or make the vectors here: vademecum corpus vectors chroma",
                ) from error
            raise LibraryDamaged(f"Milvus at {self._address} said: {text}") from error


def _away(text: str) -> bool:
    signs = ("Fail connecting", "Retry timeout", "Retry run out", "UNAVAILABLE", "DEADLINE")
    return any(sign in text for sign in signs)
