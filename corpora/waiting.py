"""Processes that wait for a library stand in line, and go in the order in which they came.

Each holds the lock of a ticket of its own in `queue/`, so that a ticket whose process died is known
by its free lock, and is thrown away.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from vademecum.errors import OutOfSpace


@dataclass(frozen=True, slots=True)
class Waiting:
    """One process in line; `wants` is what it will do, for people."""

    name: str
    pid: int
    wants: str


class Line:
    """The line before a library."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "queue"

    @contextmanager
    def standing(self, wants: str) -> Iterator[str]:
        """Stand in line for the time of the block; yields the name of the ticket.

        Raises OutOfSpace where the folder cannot be written.
        """
        name = f"{time.time_ns():020}-{os.getpid()}"
        lock = FileLock(self._folder / f"{name}.lock", thread_local=False)
        ticket = self._folder / f"{name}.json"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=0)
            ticket.write_text(json.dumps({"pid": os.getpid(), "wants": wants}), "utf-8")
        except OSError as error:
            raise OutOfSpace(
                f"{self._folder} cannot be written: {error.strerror}",
                "check the permissions of the folder and its free space",
            ) from error
        try:
            yield name
        finally:
            ticket.unlink(missing_ok=True)
            lock.release()
            (self._folder / f"{name}.lock").unlink(missing_ok=True)

    def standing_now(self) -> list[Waiting]:
        """Who stands in line, the first one first. Tickets of the dead are thrown away."""
        found: list[Waiting] = []
        for ticket in sorted(self._folder.glob("*.json")):
            if not self._alive(ticket):
                continue
            try:
                said = json.loads(ticket.read_text("utf-8"))
                found.append(Waiting(ticket.stem, int(said["pid"]), str(said["wants"])))
            except (OSError, ValueError, KeyError, TypeError):
                continue  # just being written, or just gone
        return found

    def _alive(self, ticket: Path) -> bool:
        path = ticket.with_suffix(".lock")
        if ticket.stem.endswith(f"-{os.getpid()}"):
            return True  # ours: to try its lock would be to let it go
        lock = FileLock(path, thread_local=False)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return True
        except OSError:
            return False
        ticket.unlink(missing_ok=True)
        lock.release()
        path.unlink(missing_ok=True)
        return False
