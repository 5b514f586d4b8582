"""The SQLite file that is the truth of a library: connection, schema, errors for people."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vademecum.errors import LibraryDamaged, LibraryError, LibraryLocked, OutOfSpace

SCHEMA_VERSION = 1

SCHEMA = """
CREATE TABLE corpora (
    id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used again: derived indexes are named by it
    name TEXT NOT NULL UNIQUE,
    embedder TEXT NOT NULL,
    dim INTEGER NOT NULL,
    fingerprint TEXT NOT NULL,
    digest TEXT NOT NULL                   -- sum of all content hashes, modulo 2**256, in hex
);
CREATE TABLE documents (
    id INTEGER PRIMARY KEY,
    corpus INTEGER NOT NULL REFERENCES corpora(id) ON DELETE CASCADE,
    doc_id TEXT NOT NULL,
    record TEXT NOT NULL,                  -- Document.to_json, its text left out
    text TEXT NOT NULL,
    version TEXT NOT NULL,
    hash BLOB NOT NULL,                    -- Document.content_hash
    fingerprint TEXT NOT NULL,             -- the splitter and embedder that made its passages
    kind TEXT NOT NULL,
    retracted INTEGER NOT NULL,
    date TEXT NOT NULL,
    passages INTEGER NOT NULL,
    UNIQUE (corpus, doc_id)
);
CREATE INDEX documents_facts ON documents (corpus, kind, retracted, date, passages);
CREATE TABLE passages (
    document INTEGER NOT NULL REFERENCES documents(id) ON DELETE CASCADE,
    ordinal INTEGER NOT NULL,
    start INTEGER NOT NULL,                -- characters in documents.text
    "end" INTEGER NOT NULL,
    hash BLOB NOT NULL,                    -- store.passage_hash
    vector BLOB NOT NULL,                  -- float16, little-endian
    PRIMARY KEY (document, ordinal)
);
CREATE TABLE outbox (                      -- passages touched; what to do is what is true now
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    corpus INTEGER NOT NULL REFERENCES corpora(id) ON DELETE CASCADE,
    passage_id TEXT NOT NULL
);
CREATE INDEX outbox_order ON outbox (corpus, seq);
CREATE TABLE indexes (                     -- how far each derived index has followed the outbox
    corpus INTEGER NOT NULL REFERENCES corpora(id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    position INTEGER NOT NULL,
    built INTEGER NOT NULL,
    PRIMARY KEY (corpus, name)
);
CREATE TABLE doomed (corpus INTEGER PRIMARY KEY);  -- deleted, its derived indexes perhaps not yet
CREATE TABLE jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    corpus TEXT NOT NULL,
    source TEXT NOT NULL,                  -- JSON: what was asked for, enough to run it again
    key TEXT NOT NULL,                     -- files by content, selection and fingerprint
    state TEXT NOT NULL,                   -- running, done, failed, interrupted
    started TEXT NOT NULL,
    finished TEXT NOT NULL,
    snapshot TEXT NOT NULL,                -- of the corpus when the job was done
    report TEXT NOT NULL
);
CREATE TABLE job_files (
    job INTEGER NOT NULL REFERENCES jobs(id) ON DELETE CASCADE,
    path TEXT NOT NULL,
    state TEXT NOT NULL,                   -- pending, done, failed
    reason TEXT NOT NULL,
    PRIMARY KEY (job, path)
);
"""


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


class Database:
    """One connection, shared by the threads of this process, one statement at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock = threading.RLock()
        with translated(path):
            self._connection = sqlite3.connect(
                path, isolation_level=None, check_same_thread=False, timeout=5.0
            )
            try:
                self._prepare()
            except BaseException:
                self._connection.close()
                raise

    def _prepare(self) -> None:
        run = self._connection.execute
        version = run("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            raise LibraryDamaged(
                f"{self.path} was written by a newer Vademecum (layout {version}, "
                f"this one reads {SCHEMA_VERSION})",
                "upgrade: pip install --upgrade vademecum",
            )
        run("PRAGMA journal_mode = WAL")
        # FULL, one fsync a batch: after a power cut the truth must not be behind the indexes
        # that were derived from it. A batch takes seconds to embed, so this costs nothing.
        run("PRAGMA synchronous = FULL")
        run("PRAGMA foreign_keys = ON")
        run("PRAGMA cache_size = -32768")  # KiB
        run("PRAGMA journal_size_limit = 67108864")
        if version == 0:
            self._connection.executescript(
                f"BEGIN IMMEDIATE; {SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
            )

    def read(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """All rows of a query."""
        with self.lock, translated(self.path):
            return self._connection.execute(sql, parameters).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing; whatever interrupts it rolls it back."""
        with self.lock, translated(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # SQLite ends it itself on some errors
                    self._connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close the file; the write-ahead log is folded back into it."""
        with self.lock, translated(self.path):
            self._connection.close()
