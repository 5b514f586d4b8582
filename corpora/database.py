"""The SQLite file that is the truth of a library: connection, layout, errors for people."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vademecum.corpora.layout import LAYOUT, bring_up_to_date
from vademecum.errors import (
    LibraryClosed,
    LibraryDamaged,
    LibraryError,
    LibraryLocked,
    OutOfSpace,
)

NO_ROOM = ("SQLITE_FULL", "SQLITE_IOERR_SHM")


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into ours: OutOfSpace, LibraryDamaged, LibraryLocked.

    What only a programming mistake can cause passes unchanged.
    """
    try:
        yield
    except sqlite3.DatabaseError as error:
        if (ours := _translate(error, path)) is None:
            raise
        raise ours from error


def _translate(error: sqlite3.DatabaseError, path: Path) -> LibraryError | None:
    name = getattr(error, "sqlite_errorname", "") or ""
    if name.startswith("SQLITE_FULL"):
        return OutOfSpace(
            f"the disk that holds {path} is full",
            "nothing is lost: free some space and run the same command again",
        )
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
        return OutOfSpace(
            f"{path} cannot be written: {error}",
            "check the permissions of the folder, or set VADEMECUM_HOME to another one",
        )
    if name.startswith("SQLITE_IOERR"):
        return OutOfSpace(
            f"reading or writing {path} failed: {error}",
            "check the free space and the health of the disk, then run the same command again",
        )
    if name.startswith("SQLITE_BUSY"):
        return LibraryLocked(
            f"another program is writing to {path}", "close it and run the same command again"
        )
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return LibraryDamaged(
            f"{path} cannot be read: {error}",
            "restore the folder from a copy, or move it away and ingest again",
        )
    return None


def closed(folder: Path) -> LibraryClosed:
    """What is raised where the library in a folder is used after it was closed."""
    return LibraryClosed(f"the library {folder} is closed", "open it again: Library.open(path)")


class ReadOnly:
    """A look into the file while another process has it open, which may be writing. Closes at once
    what it opened, so that nothing is held up."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """All rows of a query, none where there is no file yet.

        Raises what `translated` does; LibraryDamaged where the layout is not ours.
        """
        if not self._path.is_file():
            return []
        with translated(self._path):
            connection = sqlite3.connect(f"{self._path.as_uri()}?mode=ro", uri=True, timeout=5.0)
            try:
                layout = connection.execute("PRAGMA user_version").fetchone()[0]
                if layout == 0:
                    return []  # it is just being made
                if layout != LAYOUT:
                    raise LibraryDamaged(
                        f"{self._path} was written by another Vademecum (layout {layout}, this "
                        f"one has {LAYOUT})",
                        "`vademecum jobs` brings an older one up to date, once nobody has it open",
                    )
                return connection.execute(sql, parameters).fetchall()
            finally:
                connection.close()


class Database:
    """One connection, shared by the threads of this process, one statement at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock = threading.RLock()
        self._closed = False
        with translated(path):
            try:
                self._connection = self._opened()
            except sqlite3.OperationalError as error:
                if not (getattr(error, "sqlite_errorname", "") or "").startswith(NO_ROOM):
                    raise
                # The file through which processes share the log needs room. Alone, SQLite does
                # without: what is there can be read on a full disk.
                self._connection = self._opened(alone=True)

    def _opened(self, *, alone: bool = False) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, isolation_level=None, check_same_thread=False, timeout=5.0
        )
        try:
            if alone:
                connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        run = connection.execute
        version = run("PRAGMA user_version").fetchone()[0]
        if version > LAYOUT:
            raise LibraryDamaged(
                f"{self.path} was written by a newer Vademecum (layout {version}, "
                f"this one reads {LAYOUT})",
                "upgrade: pip install --upgrade vademecum",
            )
        run("PRAGMA journal_mode = WAL")
        # FULL, one fsync a batch: after a power cut the truth must not be behind the indexes
        # that were derived from it. A batch takes seconds to embed, so this costs nothing.
        run("PRAGMA synchronous = FULL")
        run("PRAGMA foreign_keys = ON")
        run("PRAGMA cache_size = -8192")  # KiB
        run("PRAGMA journal_size_limit = 67108864")
        if version < LAYOUT:
            bring_up_to_date(connection)

    def read(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """All rows of a query. Raises LibraryClosed, and what `translated` does."""
        with self.lock, translated(self.path):
            self.require_open()
            return self._connection.execute(sql, parameters).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing; whatever interrupts it rolls it back."""
        with self.lock, translated(self.path):
            self.require_open()
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # SQLite ends it itself on some errors
                    self._connection.execute("ROLLBACK")
                raise

    def forget(self) -> None:
        """Let go of the pages that are kept in memory: the next reader finds them in the file."""
        with self.lock, translated(self.path):
            self._connection.execute("PRAGMA shrink_memory")

    def vacuum(self) -> None:
        """Write the file anew without the holes that deleted rows left; whole or not at all."""
        with self.lock, translated(self.path):
            self._connection.execute("VACUUM")
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def size(self) -> int:
        """Bytes of the file, and of the log that is not folded back into it yet."""
        log = self.path.with_name(self.path.name + "-wal")
        return sum(path.stat().st_size for path in (self.path, log) if path.exists())

    def require_open(self) -> None:
        """Raises LibraryClosed."""
        if self._closed:
            raise closed(self.path.parent)

    def close(self) -> None:
        """Close the file; the write-ahead log is folded back into it."""
        with self.lock, translated(self.path):
            self._closed = True
            self._connection.close()
