"""Libraries whose process is killed."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from crash_support import Kill, Nursery


@pytest.fixture(scope="module")
def kill() -> Iterator[Kill]:
    """`kill(path, fault, action)`: open a library there, and die of the fault in the action."""
    with Nursery() as nursery:

        def run(path: Path, fault: str, action: str) -> None:
            when, where = fault.split()
            assert nursery.run(path, when, where, action) == -signal.SIGKILL

        yield run
