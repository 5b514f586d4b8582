"""One process owns a library at a time.

The lock is the operating system's (`flock` or its Windows twin), so it dies with its owner: a
crashed process leaves nothing to clean up. A small file beside it names the owner for people.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from filelock import FileLock, Timeout

from vademecum.errors import LibraryLocked, OutOfSpace

OWNER = "library.owner"
MOMENT_S = 0.5


class LibraryLock:
    """Holds `library.lock`; `library.owner` says who holds it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._owner = folder / OWNER
        self._lock = FileLock(folder / "library.lock", thread_local=False)

    def acquire(self) -> None:
        """Take the lock. Raises LibraryLocked if somebody has it, OutOfSpace if the folder cannot
        be written."""
        try:
            # A process that was killed as it started another leaves the lock with that for moments.
            self._lock.acquire(timeout=MOMENT_S, poll_interval=MOMENT_S / 20)
        except Timeout:
            raise self._locked() from None
        except OSError as error:
            raise OutOfSpace(
                f"the library folder {self._folder} cannot be written: {error.strerror}",
                "check its permissions and free space, or set VADEMECUM_HOME to another folder",
            ) from error
        try:
            self._owner.write_text(json.dumps({"pid": os.getpid()}))
        except OSError as error:
            self._lock.release()
            raise OutOfSpace(
                f"the library folder {self._folder} cannot be written: {error.strerror}",
                "free some space or check its permissions",
            ) from error

    def release(self) -> None:
        """Let the next one in."""
        if self._lock.is_locked:
            self._owner.unlink(missing_ok=True)
            self._lock.release()

    def _locked(self) -> LibraryLocked:
        pid = owner(self._folder)
        if pid == os.getpid():
            return LibraryLocked(
                f"this process has the library {self._folder} open already",
                "use the Library that is open, or close it first",
            )
        who = f"process {pid}" if pid is not None else "another process"
        return LibraryLocked(
            f"{who} has the library {self._folder} open",
            "try again once it has ended; if it is `vademecum serve`, ask its page (at "
            "http://127.0.0.1:7860 unless it was given another port) or stop it with Ctrl-C",
        )


def owner(folder: Path) -> int | None:
    """The process that has a library open, as far as it has said so."""
    try:
        pid = json.loads((folder / OWNER).read_text())["pid"]
    except (OSError, ValueError, KeyError, TypeError):
        return None  # it is just starting or just leaving
    return pid if isinstance(pid, int) else None
