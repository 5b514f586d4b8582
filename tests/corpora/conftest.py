"""Libraries that are open, that were exported, or whose process is killed."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from crash_support import Kill, Nursery
from exchange_support import papers
from library_support import NAME, filled

from vademecum.corpora.library import Library


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    """It holds one corpus, NAME, without a document."""
    with filled(tmp_path / "library") as opened:
        yield opened


@pytest.fixture(scope="module")
def kill() -> Iterator[Kill]:
    """`kill(path, fault, action)`: open a library there, and die of the fault in the action."""
    with Nursery() as nursery:

        def run(path: Path, fault: str, action: str) -> None:
            when, where = fault.split()
            assert nursery.run(path, when, where, action) == -signal.SIGKILL

        yield run


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    """The folder of a corpus of `papers`, that is in the library `tmp_path / "a"`."""
    with filled(tmp_path / "a", *papers()) as library:
        library.export_corpus(NAME, tmp_path / "out")
    return tmp_path / "out"
