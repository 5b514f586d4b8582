"""The tables of library.sqlite, and the steps from each layout to the next.

A new library takes every step, an old one those that it lacks, so both come to the same tables. A
layout that was released is not edited: what changes is a new step at the end of `STEPS`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from uuid import uuid4

from vademecum.corpora import notices, snapshots, works

FIRST = """
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

NOTICES = """
CREATE TABLE notices (                     -- what the records of a corpus say of other works
    corpus INTEGER NOT NULL REFERENCES corpora(id) ON DELETE CASCADE,
    source TEXT NOT NULL,                  -- doc_id of the record that says it
    target TEXT NOT NULL,                  -- doc_id of the work it concerns, held here or not
    kind TEXT NOT NULL,                    -- a LinkKind, from the side of the work concerned
    citation TEXT NOT NULL,
    PRIMARY KEY (corpus, source, target, kind)
) WITHOUT ROWID;
CREATE INDEX notices_concerning ON notices (corpus, target);
"""

REVISIONS = """
ALTER TABLE documents ADD COLUMN origin TEXT NOT NULL DEFAULT '';  -- the last file that had it so
ALTER TABLE documents ADD COLUMN revised TEXT NOT NULL DEFAULT '';
CREATE TABLE withdrawn (                   -- deleted by their source, for files that come late
    corpus INTEGER NOT NULL REFERENCES corpora(id) ON DELETE CASCADE,
    doc_id TEXT NOT NULL,
    version TEXT NOT NULL,
    origin TEXT NOT NULL,
    PRIMARY KEY (corpus, doc_id)
) WITHOUT ROWID;
UPDATE documents SET origin = COALESCE(json_extract(record, '$.origin'), '');
"""

TAKEN = """
CREATE TABLE taken (                       -- files of a source that were read to their end
    corpus INTEGER NOT NULL REFERENCES corpora(id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    PRIMARY KEY (corpus, name)
) WITHOUT ROWID;
"""

JOBS = """
ALTER TABLE jobs ADD COLUMN reason TEXT NOT NULL DEFAULT '';  -- what ended it
ALTER TABLE job_files RENAME TO old_job_files;
CREATE TABLE job_files (
    job INTEGER NOT NULL REFERENCES jobs(id) ON DELETE CASCADE,
    number INTEGER NOT NULL,               -- its place in the order of reading
    path TEXT NOT NULL,
    state TEXT NOT NULL,                   -- pending, done, failed
    reason TEXT NOT NULL,
    size INTEGER,                          -- bytes
    identity TEXT NOT NULL,                -- hash of all that decides what is read from it
    counts TEXT NOT NULL,                  -- JSON: its documents and passages, by what they became
    PRIMARY KEY (job, number)
) WITHOUT ROWID;
INSERT INTO job_files SELECT job, ROW_NUMBER() OVER (PARTITION BY job ORDER BY rowid) - 1,
    path, state, reason, NULL, '', '{}' FROM old_job_files;
DROP TABLE old_job_files;
CREATE TABLE places (                      -- documents known by where they were read alone
    corpus INTEGER NOT NULL REFERENCES corpora(id) ON DELETE CASCADE,
    place TEXT NOT NULL,                   -- absolute path, or address
    doc_id TEXT NOT NULL,
    job INTEGER NOT NULL,                  -- the last that read it there
    PRIMARY KEY (corpus, place, doc_id)
) WITHOUT ROWID;
CREATE INDEX places_of ON places (corpus, doc_id);
"""

SNAPSHOTS = """
CREATE TABLE facts (                       -- of the library itself: its id, where its vectors are
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;
ALTER TABLE corpora ADD COLUMN documents INTEGER NOT NULL DEFAULT 0;
ALTER TABLE corpora ADD COLUMN passages INTEGER NOT NULL DEFAULT 0;
ALTER TABLE corpora ADD COLUMN importing INTEGER NOT NULL DEFAULT 0;  -- half here, not to be seen
UPDATE corpora SET
    documents = (SELECT COUNT(*) FROM documents d WHERE d.corpus = corpora.id),
    passages = (SELECT COALESCE(SUM(d.passages), 0) FROM documents d WHERE d.corpus = corpora.id);
ALTER TABLE indexes ADD COLUMN dead INTEGER NOT NULL DEFAULT 0;  -- forgotten since it was built
CREATE TABLE snapshots (                   -- states that were told; the last may still be changing
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    corpus INTEGER NOT NULL REFERENCES corpora(id) ON DELETE CASCADE,
    snapshot TEXT NOT NULL,                -- '' while it is changing
    made TEXT NOT NULL,                    -- ISO 8601, UTC
    documents INTEGER,                     -- NULL: of before they were counted
    passages INTEGER,
    kept INTEGER NOT NULL                  -- whether `changes` has all that led to it
);
CREATE INDEX snapshots_order ON snapshots (corpus, seq);
CREATE TABLE changes (                     -- what led to a snapshot, document by document
    corpus INTEGER NOT NULL REFERENCES corpora(id) ON DELETE CASCADE,
    seq INTEGER NOT NULL,                  -- of the snapshot
    doc_id TEXT NOT NULL,
    before BLOB,                           -- content hash, NULL where there was no document
    after BLOB,
    PRIMARY KEY (corpus, seq, doc_id)
) WITHOUT ROWID;
"""

TITLES = """
ALTER TABLE changes ADD COLUMN title TEXT NOT NULL DEFAULT '';  -- of what went, or its last version
ALTER TABLE changes ADD COLUMN place TEXT NOT NULL DEFAULT '';  -- as in `places`
CREATE INDEX changes_places ON changes (corpus, place, seq) WHERE place != '';
"""

WHOLE = """
CREATE TABLE whole_files (                 -- read to their end, and what they held is here
    id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used again: who has found a file asks for it
    corpus INTEGER NOT NULL REFERENCES corpora(id) ON DELETE CASCADE,
    place TEXT NOT NULL,                   -- as in `places`
    identity TEXT NOT NULL,                -- as in `job_files`; '' while it is being read
    how TEXT NOT NULL,                     -- what has read, split and embedded it
    documents INTEGER NOT NULL,            -- how many it held
    UNIQUE (corpus, place)
);
CREATE TABLE whole_documents (             -- which those are, as long as they are what it held
    file INTEGER NOT NULL REFERENCES whole_files(id) ON DELETE CASCADE,
    document INTEGER NOT NULL REFERENCES documents(id) ON DELETE CASCADE,
    PRIMARY KEY (file, document)
) WITHOUT ROWID;
CREATE INDEX whole_documents_of ON whole_documents (document);
"""
LISTED = """
ALTER TABLE whole_files ADD COLUMN node TEXT NOT NULL DEFAULT '';  -- by what its disk knows it
ALTER TABLE whole_documents ADD COLUMN seen INTEGER NOT NULL DEFAULT 1;  -- by the last reading
"""
# Of a row `f` of whole_files: it was read to its end, and nothing of it is lost.
IS_WHOLE = (
    "f.identity != '' AND f.documents = "
    "(SELECT COUNT(*) FROM whole_documents d WHERE d.file = f.id AND d.seen)"
)

# All places of a corpus (its id) that hold something, in order, those of numbered records as far as
# `whole` knows them: one look at the index for each.
PLACES = """
WITH RECURSIVE each(place) AS (
    SELECT min(place) FROM places WHERE corpus = ?1
    UNION ALL
    SELECT (SELECT min(place) FROM places WHERE corpus = ?1 AND place > each.place)
    FROM each WHERE each.place IS NOT NULL
)
SELECT place FROM each WHERE place IS NOT NULL
UNION
SELECT place FROM whole_files f WHERE corpus = ?1
    AND EXISTS (SELECT 1 FROM whole_documents w WHERE w.file = f.id)
ORDER BY place
"""


def _first(connection: sqlite3.Connection) -> None:
    _run(connection, FIRST)


def _notices(connection: sqlite3.Connection) -> None:
    _run(connection, NOTICES)  # filled by `_works`


def _revisions(connection: sqlite3.Connection) -> None:
    _run(connection, REVISIONS)


def _taken(connection: sqlite3.Connection) -> None:
    _run(connection, TAKEN)


def _jobs(connection: sqlite3.Connection) -> None:
    _run(connection, JOBS)


def _snapshots(connection: sqlite3.Connection) -> None:
    _run(connection, SNAPSHOTS)
    connection.execute("INSERT INTO facts VALUES ('id', ?)", (uuid4().hex,))
    snapshots.gather(connection)


def _works(connection: sqlite3.Connection) -> None:
    _run(connection, works.TABLE)
    works.gather(connection)
    notices.gather(connection)


def _titles(connection: sqlite3.Connection) -> None:
    _run(connection, TITLES)


def _whole(connection: sqlite3.Connection) -> None:
    _run(connection, WHOLE)  # what was read before, is once more


def _listed(connection: sqlite3.Connection) -> None:
    _run(connection, LISTED)


STEPS: tuple[Callable[[sqlite3.Connection], None], ...] = (
    _first,
    _notices,
    _revisions,
    _taken,
    _jobs,
    _snapshots,
    _works,
    _titles,
    _whole,
    _listed,
)
LAYOUT = len(STEPS)


def bring_up_to_date(connection: sqlite3.Connection) -> None:
    """Take the steps that a library lacks: all of them, or none if anything interrupts."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        for step in STEPS[version:]:
            step(connection)
        connection.execute(f"PRAGMA user_version = {LAYOUT}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _run(connection: sqlite3.Connection, script: str) -> None:
    """Each statement of a script (`executescript` would end the transaction)."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            connection.execute(statement)
            statement = ""
