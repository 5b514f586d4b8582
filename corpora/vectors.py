"""Where vectors are searched: the protocol, and the choice between its implementations."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol
from urllib.parse import urlsplit

from vademecum.corpora.document import Filters
from vademecum.corpora.outbox import DerivedIndex
from vademecum.corpora.store import Vectors
from vademecum.errors import SourceUnavailable, UsageError
from vademecum.settings import settings

Kind = Literal["chroma", "chroma-server", "milvus"]

WRITTEN = "write chroma, http://HOST:PORT (a Chroma server) or milvus:http://HOST:PORT"


class VectorStore(DerivedIndex, Protocol):
    """A derived index that finds passages by their vectors."""

    def query(
        self, corpus: int, vector: Vectors, k: int, filters: Filters
    ) -> list[tuple[str, float]]:
        """The `k` nearest passages that pass: id and cosine similarity, best first."""
        ...

    def vectors(self, corpus: int, passage_ids: Sequence[str]) -> dict[str, Vectors]:
        """The vectors as the index holds them, float32 `[dim]`; of those that it holds."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """Where the vectors of a library are searched.

    Written `chroma` (in the library's own folder), `http://host:8000` (a Chroma server),
    `milvus:http://host:19530` or `milvus:/path/to/file.db` (milvus-lite).
    """

    kind: Kind
    address: str = ""

    @classmethod
    def parse(cls, text: str) -> Place:
        """Read what `str` writes. Raises UsageError on anything else, credentials included."""
        if text == "chroma":
            return cls("chroma")
        kind: Kind = "chroma-server"
        address = text
        if text.startswith("milvus:"):
            kind, address = "milvus", text.removeprefix("milvus:")
            if address.endswith(".db") and "://" not in address:
                return cls(kind, str(Path(address).expanduser().resolve()))
        parts = urlsplit(address)
        try:
            sound = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        except ValueError:  # a port that is no number
            sound = False
        if not sound or re.search(r"\s", address):
            raise UsageError(f"{text!r} is no place for vectors", WRITTEN)
        if parts.username or parts.password:
            raise UsageError(
                "the address of a vector server must hold no password: it is kept in the library",
                "put it into VADEMECUM_VECTORS_TOKEN",
            )
        return cls(kind, address.rstrip("/"))

    def __str__(self) -> str:
        return {"chroma": "chroma", "chroma-server": self.address}.get(
            self.kind, f"milvus:{self.address}"
        )

    @property
    def remote(self) -> bool:
        """Whether it is another machine's."""
        host = urlsplit(self.address).hostname
        if not host or host == "localhost":
            return False
        try:
            return not ipaddress.ip_address(host).is_loopback
        except ValueError:
            return True


def open_vectors(place: Place, folder: Path, owner: str) -> VectorStore:
    """The store at a place. `folder` is the library's; on a server `owner`, the library's id,
    tells its collections from others'.

    Nothing is connected before the first use. Raises SourceUnavailable where
    `VADEMECUM_OFFLINE` forbids the place.
    """
    if place.remote and settings().offline:
        raise SourceUnavailable(
            f"the vectors of this library are on {place.address}, and VADEMECUM_OFFLINE forbids "
            "the network",
            "unset it, or bring them here: VADEMECUM_OFFLINE= vademecum corpus vectors chroma",
        )
    if place.kind == "chroma":
        from vademecum.corpora.chroma import ChromaStore

        return ChromaStore(folder / "chroma")
    if place.kind == "chroma-server":
        from vademecum.corpora.chroma_server import ChromaServer

        return ChromaServer(place.address, owner, token=settings().vectors_token)
    from vademecum.corpora.milvus import MilvusStore

    return MilvusStore(place.address, owner, token=settings().vectors_token)
