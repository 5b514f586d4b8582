"""One process owns a library at a time.

The lock is the operating system's (`flock` or its Windows twin), so it dies with its owner: a
crashed process leaves nothing to clean up. A small file beside it names the owner for people.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from vademecum.errors import LibraryLocked, OutOfSpace

OWNER = "library.owner"
PROGRAM = "vademecum"
MOMENT_S = 0.5
FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, slots=True)
class Owner:
    """The process that has a library open; `command` is what it runs, "" if not known, `page` the
    address of the page that it serves, "" if it serves none, `host` the machine that it is on, ""
    in what older versions wrote, `work` what it is at that ends by itself, "" if nothing."""

    pid: int
    command: str = ""
    page: str = ""
    host: str = ""
    work: str = ""

    def __str__(self) -> str:
        return f"`{self.command}` (process {self.pid})" if self.command else f"process {self.pid}"


class LibraryLock:
    """Holds `library.lock`; `library.owner` says who holds it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._owner = folder / OWNER
        self._lock = FileLock(folder / "library.lock", thread_local=False)
        self._page = ""
        self._works: list[str] = []  # the latest last; threads may be at several
        self._telling = threading.Lock()

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
            self._tell()
        except OSError as error:
            if error.errno in FULL:  # what is there can still be read
                with suppress(OSError):
                    self._owner.unlink(missing_ok=True)  # of one that was killed
                return
            self._lock.release()
            raise OutOfSpace(
                f"the library folder {self._folder} cannot be written: {error.strerror}",
                "free some space or check its permissions",
            ) from error

    def serving(self, page: str) -> None:
        """Its owner serves the library on a page: whoever comes is told where. Raises OSError."""
        with self._telling:
            self._page = page
            self._tell()

    @contextmanager
    def at(self, work: str) -> Iterator[None]:
        """Within the block its owner is at something that ends by itself: it is worth a wait."""
        with self._telling, suppress(OSError):  # a full disk: they are told of the process alone
            self._works.append(work)
            self._tell()
        try:
            yield
        finally:
            with self._telling, suppress(OSError):
                self._works.remove(work)
                self._tell()

    def _tell(self) -> None:
        if not self._lock.is_locked:  # somebody else's by now: it was let go within the block
            return
        work = self._works[-1] if self._works else ""
        told = Owner(os.getpid(), _command(), self._page, socket.gethostname(), work)
        fresh = self._owner.with_name(f"{OWNER}.new")  # whoever reads it finds one or the other
        fresh.write_text(json.dumps(asdict(told)))
        fresh.replace(self._owner)

    def release(self) -> None:
        """Let the next one in."""
        with self._telling:
            if self._lock.is_locked:
                self._owner.unlink(missing_ok=True)
                self._lock.release()

    def _locked(self) -> LibraryLocked:
        found = owner(self._folder)
        here = found is not None and found.host == socket.gethostname()
        if found is not None and here and found.pid == os.getpid():
            return LibraryLocked(
                f"this process has the library {self._folder} open already",
                "use the Library that is open, or close it first",
            )
        hint = "try again once it has ended"
        if found is not None:
            kill = f", or `kill {found.pid}`" if here else ""  # a number means nothing elsewhere
            hint += f", or end it: Ctrl-C in its terminal{kill}"
            if found.page:
                hint = (
                    f"ask on its page, {found.page}; for all else stop it (Ctrl-C in its terminal"
                    f"{kill}), run this again, then start it anew"
                )
        return LibraryLocked(
            f"{found or 'another process'} has the library {self._folder} open"
            f"{f' and is {found.work}' if found is not None and found.work else ''}",
            hint,
        )


def owner(folder: Path) -> Owner | None:
    """Who has a library open, as far as it has said so."""
    try:
        said = json.loads((folder / OWNER).read_text())
        others = (str(said.get(name, "")) for name in ("command", "page", "host", "work"))
        return Owner(int(said["pid"]), *others)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None  # it is just starting or just leaving


def _command() -> str:
    """Our program, and the first word after it: what else was typed is nobody's business, nor what
    another program is told."""
    path = Path(sys.argv[0]) if sys.argv else Path()
    program = path.parent.name if path.name == "__main__.py" else path.stem  # python -m PROGRAM
    word = next((word for word in sys.argv[1:] if word.isalpha()), "")
    return f"{program} {word}".strip() if program == PROGRAM else ""
