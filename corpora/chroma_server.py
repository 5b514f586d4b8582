"""Chroma behind a server of its own (`chroma run`, the one written in Rust)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from vademecum.corpora.chroma import Chroma
from vademecum.corpora.faults import said
from vademecum.errors import IndexUnavailable, LibraryDamaged, OutOfSpace

ANSWER_S = 60.0  # seconds until a server that does not answer is given up
UNREACHABLE = "Could not connect"  # how Chroma's client begins what it says then


class ChromaServer(Chroma):
    """Collections on a Chroma server, named for the library. Implements `VectorStore`."""

    def __init__(self, address: str, owner: str, *, token: str = "") -> None:
        super().__init__()
        self._address = address
        self._owner = owner
        self._token = token
        self._sessions: list[Any] = []

    def expect(self, corpus: int, passages: int) -> None:
        """When to write its graph to disk is for the server to say."""

    def compact(self) -> None:
        """Its folder is the server's to look after."""

    def size(self) -> int:
        return 0

    def repair(self) -> None:
        self.close()
        with self._errors(), self._used():
            self._connected().heartbeat()

    def _called(self, corpus: int) -> str:
        return f"vademecum-{self._owner}-{corpus}"

    def _let_go(self, client: Any) -> None:
        super()._let_go(client)
        # That leaves both of its sessions open.
        sessions, self._sessions = self._sessions, []
        for session in sessions:
            session.close()

    def _opened(self) -> Any:
        import chromadb
        from chromadb.config import Settings

        parts = urlsplit(self._address)
        secure = parts.scheme == "https"
        client = chromadb.HttpClient(
            host=str(parts.hostname),
            port=parts.port or (443 if secure else 8000),
            ssl=secure,
            headers={"Authorization": f"Bearer {self._token}"} if self._token else None,
            settings=Settings(anonymized_telemetry=False),
        )
        # Without an end of its patience it would wait for ever.
        self._sessions = [part._server._session for part in (client, client._admin_client)]
        for session in self._sessions:
            session.timeout = ANSWER_S
        return client

    @contextmanager
    def _errors(self) -> Iterator[None]:
        import httpx
        from chromadb.errors import ChromaError, NotFoundError

        try:
            yield
        except NotFoundError as error:
            self._collections.clear()  # somebody else removed it, or the server lost its folder
            raise LibraryDamaged("the vector index is missing on the server") from error
        except (httpx.TransportError, ChromaError, ValueError) as error:
            text = said(error)
            if isinstance(error, httpx.TransportError) or text.startswith(UNREACHABLE):
                self.close()
                raise IndexUnavailable(
                    f"the Chroma server {self._address} cannot be reached ({text})",
                    "start it (chroma run --path FOLDER), or make the vectors here: "
                    "vademecum corpus vectors chroma",
                ) from error
            if isinstance(error, ValueError):
                raise
            if "disk is full" in text:
                raise OutOfSpace(
                    f"the disk of the Chroma server {self._address} is full",
                    "nothing is lost: free some space there and run the same command again",
                ) from error
            raise LibraryDamaged(f"the Chroma server {self._address} said: {text}") from error
