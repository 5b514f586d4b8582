"""A server that a test makes what it needs, and clients of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from remote_support import Connect, Served, serving

from vademecum.model.remote import RemoteModel


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("VADEMECUM_REMOTE_KEY", "VADEMECUM_ALLOW_REMOTE", "VADEMECUM_OFFLINE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def served() -> Iterator[Served]:
    with serving() as served:
        yield served


@pytest.fixture
def connect(served: Served) -> Iterator[Connect]:
    """`connect(model=None, **options)`: a client of the server."""
    opened: list[RemoteModel] = []

    def build(model: str | None = None, **options: Any) -> RemoteModel:
        opened.append(RemoteModel(served.url, model, **options))
        return opened[-1]

    yield build
    for model in opened:
        model.close()
