"""What the tests of the command line share."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_support import Cli
from words_support import WordEmbedder


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], home: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The commands over a home of their own, with an embedder that needs no weights."""
    monkeypatch.setattr("vademecum.app.rooms.load_embedder", lambda *_: WordEmbedder())
    return Cli(capsys)
