"""Documents that a library is told to forget: by their ids, or all that came from some files.

What another file holds as well, stays. Two files may give two versions of a document under one id
(a DOI, a number), of which the later is stored: it goes with its own file, and the other file, of
which not all is here, is read again when it is next ingested.

Nothing is written down of a record with a PMID that NLM's files, a search or the sample brought:
where any of them was read into the corpus, such records go by their ids alone.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from vademecum.corpora import snapshots, whole, writing
from vademecum.corpora.batch import Batch, Written
from vademecum.corpora.document import Deletion
from vademecum.corpora.jobs import OPEN, among
from vademecum.corpora.store import CorpusRow, Store, chunks

AT_ONCE = 500  # documents in one transaction


@dataclass(frozen=True, slots=True)
class Leaving:
    """What goes with the files at `places`: `doc_ids`, those that were named included.

    Of what came from these files `held` documents stay, as other files hold them too, and
    `brought`, as a source that is no file here may have brought them. `again` are the places of
    other files that lose something, as it was named or as their own version of it had given way:
    they are read again when they are ingested.
    """

    places: tuple[str, ...] = ()
    doc_ids: tuple[str, ...] = ()
    held: int = 0
    brought: int = 0
    again: tuple[str, ...] = ()


def leaving(
    store: Store, row: CorpusRow, places: Collection[str], doc_ids: Iterable[str]
) -> Leaving:
    """What goes with these files, and with these ids of documents."""
    files = set(places)
    named = list(dict.fromkeys(doc_ids))
    there = store.titles(row.id, named)
    going = dict.fromkeys(doc_id for doc_id in named if doc_id in there)
    is_brought = _is_brought(store, row)
    held = brought = 0
    again: set[str] = set()
    for chunk in chunks(going):
        holders, others = _others(store, row.id, chunk, files)
        again.update(*holders.values(), *others.values())
    for chunk in chunks(_of_files(store, row.id, files)):
        kept, others = _others(store, row.id, chunk, files)
        for doc_id in store.titles(row.id, chunk):
            if doc_id in going:
                continue
            if doc_id in kept:
                held += 1
            elif is_brought and doc_id.startswith("pmid:"):
                brought += 1
            else:
                going[doc_id] = None
                again |= others.get(doc_id, set())
    return Leaving(tuple(sorted(files)), tuple(going), held, brought, tuple(sorted(again)))


def write(
    store: Store, connection: sqlite3.Connection, row: CorpusRow, doc_ids: Sequence[str]
) -> Written:
    """In an open transaction: these documents go, from the lists of all their files as well."""
    marks = ",".join("?" * len(doc_ids))
    gone = connection.execute(
        f"DELETE FROM places WHERE corpus = ? AND doc_id IN ({marks}) RETURNING place, doc_id",
        (row.id, *doc_ids),
    ).fetchall()
    written = writing.write(
        store, connection, row.id, Batch((), "", deletions=[Deletion(item) for item in doc_ids])
    )
    snapshots.placed(connection, row.id, gone)
    forget_jobs(connection, row.name)
    return written


def end(connection: sqlite3.Connection, row: CorpusRow, places: Iterable[str]) -> None:
    """In the last transaction: these files hold nothing any more; what stays, others hold."""
    files = list(places)
    connection.executemany(
        "DELETE FROM places WHERE corpus = ? AND place = ?", [(row.id, place) for place in files]
    )
    whole.forget(connection, row.id, files)
    forget_jobs(connection, row.name)


def forget_jobs(connection: sqlite3.Connection, corpus: str) -> None:
    """No ingestion of the same files is taken for done any more, though the corpus may come to be
    what it was: what the files hold is to be written down again. Nor is one that is gone on with,
    of what it had read before."""
    connection.execute("UPDATE jobs SET key = '' WHERE corpus = ? AND state = 'done'", (corpus,))
    connection.execute(
        "UPDATE job_files SET identity = '' WHERE state != 'pending' AND job IN "
        f"(SELECT id FROM jobs WHERE corpus = ? AND {among(OPEN)})",
        (corpus, *OPEN),
    )


def _of_files(store: Store, corpus: int, places: Iterable[str]) -> list[str]:
    """Ids of all that came from these files, as far as it is known, each once."""
    found: dict[str, None] = {}
    for chunk in chunks(sorted(places)):
        marks = ",".join("?" * len(chunk))
        rows = store.database.read(
            f"SELECT doc_id FROM places WHERE corpus = ? AND place IN ({marks}) "
            "UNION SELECT d.doc_id FROM whole_files f JOIN whole_documents w ON w.file = f.id "
            f"JOIN documents d ON d.id = w.document WHERE f.corpus = ? AND f.place IN ({marks}) "
            "ORDER BY doc_id",
            (corpus, *chunk, corpus, *chunk),
        )
        found.update(dict.fromkeys(doc_id for (doc_id,) in rows))
    return list(found)


def _others(
    store: Store, corpus: int, doc_ids: Sequence[str], files: Collection[str]
) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """By the ids of those documents that have any, other files that hold them just so, and others
    that held another version."""
    marks = ",".join("?" * len(doc_ids))
    listed = store.database.read(
        "SELECT d.doc_id, f.place FROM documents d JOIN whole_documents w ON w.document = d.id "
        f"JOIN whole_files f ON f.id = w.file WHERE d.corpus = ? AND d.doc_id IN ({marks})",
        (corpus, *doc_ids),
    )
    named = store.database.read(
        "SELECT p.doc_id, p.place, EXISTS (SELECT 1 FROM whole_files f WHERE f.corpus = p.corpus "
        "AND f.place = p.place AND f.identity != '') "
        f"FROM places p WHERE p.corpus = ? AND p.doc_id IN ({marks})",
        (corpus, *doc_ids),
    )
    holders: dict[str, set[str]] = {}
    lost: dict[str, set[str]] = {}
    for doc_id, place in listed:
        if place not in files:
            holders.setdefault(doc_id, set()).add(place)
    for doc_id, place, is_known in named:
        if place in files or place in holders.get(doc_id, ()):
            continue
        # Any other id is of what the document says, or no two files share it. A list without it
        # has lost it to another version.
        is_other = doc_id.startswith("doi:") and is_known
        (lost if is_other else holders).setdefault(doc_id, set()).add(place)
    return holders, lost


def _is_brought(store: Store, row: CorpusRow) -> bool:
    """Whether something was read into the corpus that is no file here."""
    if store.taken(row.id):
        return True
    found = store.database.read(
        "SELECT 1 FROM jobs WHERE corpus = ? AND (json_extract(source, '$.query') IS NOT NULL "
        "OR json_extract(source, '$.newest') IS NOT NULL OR json_extract(source, '$.brought')) "
        "LIMIT 1",
        (row.name,),
    )
    return bool(found)
