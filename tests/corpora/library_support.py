"""Documents made up for the library's tests, and what the tests say about a library."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from vademecum.corpora.document import Deletion, Document, MeshHeading, Passage
from vademecum.corpora.library import Batch, Library
from vademecum.corpora.store import Vectors

DIM = 8
NAME = "heart"

FIRST_JOB_FILES = """CREATE TABLE job_files (
    job INTEGER NOT NULL REFERENCES jobs(id) ON DELETE CASCADE, path TEXT NOT NULL,
    state TEXT NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (job, path))"""

Prepared = tuple[Document, list[Passage], Vectors]


def vector_of(text: str) -> Vectors:
    """A unit vector that depends on the text alone, float32 `[DIM]`."""
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    vector = np.random.default_rng(seed).standard_normal(DIM).astype(np.float32)
    return vector / np.linalg.norm(vector)


def document(
    number: int,
    body: str = "Aspirin lowers the risk. Bleeding is more frequent.",
    *,
    title: str = "Aspirin in stroke",
    date: str = "2020-05",
    mesh: Sequence[str] = (),
    types: Sequence[str] = (),
    language: str = "eng",
    retracted: bool = False,
) -> Document:
    return Document(
        doc_id=f"pmid:{number}",
        title=title,
        text=body,
        kind="abstract",
        date=date,
        mesh=tuple(MeshHeading(name, "D0", major=False) for name in mesh),
        publication_types=tuple(types),
        language=language,
        retracted=retracted,
    )


def prepared(item: Document, pieces: int = 2) -> Prepared:
    """Cut into so many passages of about equal length, between words, with their vectors."""
    length = len(item.text)
    near = [round(length * at / pieces) for at in range(1, pieces)]
    cuts = [0, *(at + max(0, item.text[at:].find(" ")) for at in near), length]
    passages = [
        Passage(item.doc_id, ordinal, start, end, item.text[start:end])
        for ordinal, (start, end) in enumerate(pairwise(cuts))
    ]
    vectors = np.array([vector_of(passage.text) for passage in passages], dtype=np.float32)
    return item, passages, vectors.reshape(len(passages), DIM)


def batch(*documents: Document, delete: Sequence[int] = (), pieces: int = 2) -> Batch:
    return Batch(
        [prepared(item, pieces) for item in documents],
        fingerprint="split-1",
        deletions=[Deletion(f"pmid:{number}") for number in delete],
    )


def filled(path: Path, *documents: Document) -> Library:
    """An open library with one corpus, NAME, that holds these documents, its indexes too."""
    library = Library.open(path)
    library.create_corpus(NAME, embedder="hash", dim=DIM, fingerprint="split-1")
    if documents:
        library.commit(NAME, batch(*documents))
        library.search_lexical(NAME, "", 1)  # feeds the indexes
    return library


def assert_sound(library: Library, passages: int | None = None) -> None:
    found = library.verify(NAME)
    assert found.problems == []
    assert found.sqlite == found.chroma == found.tantivy
    if passages is not None:
        assert found.sqlite == passages


def forget_whole_files(connection: sqlite3.Connection) -> None:
    """Take back the step from layout 8 to 9."""
    connection.execute("DROP TABLE whole_documents")
    connection.execute("DROP TABLE whole_files")


def to_first_layout(path: Path) -> None:
    """Make the tables of a closed library those of the first layout."""
    connection = sqlite3.connect(path / "library.sqlite")
    with connection:
        forget_whole_files(connection)
        for table in ("notices", "withdrawn", "taken", "places", "job_files", "identifiers"):
            connection.execute(f"DROP TABLE {table}")
        connection.execute("ALTER TABLE jobs DROP COLUMN reason")
        connection.execute(FIRST_JOB_FILES)
        for column in ("origin", "revised"):
            connection.execute(f"ALTER TABLE documents DROP COLUMN {column}")
        for table in ("facts", "snapshots", "changes"):
            connection.execute(f"DROP TABLE {table}")
        for column in ("documents", "passages", "importing"):
            connection.execute(f"ALTER TABLE corpora DROP COLUMN {column}")
        connection.execute("ALTER TABLE indexes DROP COLUMN dead")
        connection.execute("PRAGMA user_version = 1")
    connection.close()
