"""Is a corpus sound: does SQLite agree with itself, and do the indexes agree with SQLite?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vademecum.corpora import notices
from vademecum.corpora.hashes import noticed_hash, passage_hash
from vademecum.corpora.outbox import DerivedIndex
from vademecum.corpora.store import (
    DIGEST_MODULUS,
    CorpusRow,
    Entry,
    Store,
    chunks,
    to_blob,
)
from vademecum.corpora.vectors import VectorStore
from vademecum.errors import LibraryError
from vademecum.progress import Progress

NAMED = 3  # ids given as examples in a problem
TOLERANCE = 2e-3  # Chroma normalises; float16 rounding is below 5e-4


@dataclass(frozen=True, slots=True)
class Verification:
    """What was compared, in passages, and every difference found."""

    documents: int
    sqlite: int
    chroma: int
    tantivy: int
    problems: list[str]

    @property
    def sound(self) -> bool:
        """Nothing differs."""
        return not self.problems


def verify(
    store: Store,
    corpus: CorpusRow,
    vectors: VectorStore,
    lexical: DerivedIndex,
    progress: Progress,
) -> Verification:
    """Compare by id and hash: documents, passages, digest, both indexes, every vector."""
    problems = [
        f"SQLite: {row[0]}" for row in store.database.read("PRAGMA quick_check") if row[0] != "ok"
    ]
    progress.start("verifying", store.info(corpus).documents, "documents")
    expected: dict[str, str] = {}
    bad_documents: list[str] = []
    bad_passages: list[str] = []
    bad_vectors: list[str] = []
    chroma_readable = True
    stated: set[tuple[str, ...]] = set()
    digest = documents = 0
    for doc_ids in chunks(store.doc_ids(corpus.id), 100):
        states = store.states(corpus.id, doc_ids)
        noticed: dict[str, str] = {}
        records, found = store.records(corpus.id, doc_ids), store.documents(corpus.id, doc_ids)
        for doc_id, document in records.items():
            content = states[doc_id][0]
            digest += int(content, 16)
            if document.content_hash() != content:
                bad_documents.append(doc_id)
            stated |= {(doc_id, *row) for row in notices.stated(document)}
            added = found[doc_id].links[len(document.links) :]
            noticed[doc_id] = noticed_hash(content, added)
        entries = list(store.entries(corpus.id, doc_ids))
        for entry in entries:
            expected[entry.passage_id] = entry.hash
            blob = to_blob(entry.vector)
            state = noticed[entry.document.doc_id]
            if passage_hash(state, entry.passage, blob).hex() != entry.hash:
                bad_passages.append(entry.passage_id)
        if chroma_readable:
            try:
                bad_vectors += _differing(vectors, corpus.id, entries)
            except LibraryError as error:
                chroma_readable = False
                problems.append(f"vectors: {error.message}")
        documents += len(found)
        progress.advance(len(found))
    progress.finish()
    _report(problems, bad_documents, "SQLite: {} with a record unlike its hash: {}", "document")
    _report(problems, bad_passages, "SQLite: {} unlike its hash: {}", "passage")
    _report(problems, bad_vectors, "vectors: {} whose vector differs from SQLite's: {}", "passage")
    kept = store.database.read(
        "SELECT source, target, kind, citation FROM notices WHERE corpus = ?", (corpus.id,)
    )
    if wrong := stated.symmetric_difference(tuple(row) for row in kept):
        _report(
            problems,
            sorted({row[0] for row in wrong}),
            "SQLite: {} whose notices are not as it states them: {}",
            "document",
        )
    if f"{digest % DIGEST_MODULUS:064x}" != store.digest(corpus.id):
        problems.append("SQLite: the snapshot is not that of the documents")
    if store.info(corpus).passages != len(expected):
        problems.append("SQLite: documents and passages disagree on how many passages there are")
    counts = []
    for index in (vectors, lexical):
        held = 0
        if index is lexical or chroma_readable:
            try:
                held = _compare(index, corpus.id, expected, problems)
            except LibraryError as error:
                problems.append(f"{index.name}: {error.message}")
        counts.append(held)
    return Verification(documents, len(expected), counts[0], counts[1], problems)


def _differing(vectors: VectorStore, corpus: int, entries: Sequence[Entry]) -> list[str]:
    """Passages whose vector an index holds otherwise; missing ones are found by id."""
    held = vectors.vectors(corpus, [entry.passage_id for entry in entries]) if entries else {}
    return [
        entry.passage_id
        for entry in entries
        if entry.passage_id in held
        and not np.allclose(held[entry.passage_id], entry.vector, rtol=0, atol=TOLERANCE)
    ]


def _compare(
    index: DerivedIndex, corpus: int, expected: dict[str, str], problems: list[str]
) -> int:
    held = 0
    extra: list[str] = []
    stale: list[str] = []
    twice: list[str] = []
    seen: set[str] = set()
    for passage_id, digest in index.hashes(corpus):
        held += 1
        if passage_id in seen:
            twice.append(passage_id)
        seen.add(passage_id)
        if passage_id not in expected:
            extra.append(passage_id)
        elif expected[passage_id] != digest:
            stale.append(passage_id)
    missing = [passage_id for passage_id in expected if passage_id not in seen]
    for ids, what in (
        (missing, "not in the index"),
        (extra, "only in the index"),
        (stale, "out of date in the index"),
        (twice, "in the index twice"),
    ):
        _report(problems, ids, f"{index.name}: {{}} {what}: {{}}", "passage")
    if index.count(corpus) != held:
        problems.append(f"{index.name}: the index miscounts what it holds")
    return held


def _report(problems: list[str], ids: Sequence[str], template: str, noun: str) -> None:
    if ids:
        named = ", ".join(ids[:NAMED]) + (", ..." if len(ids) > NAMED else "")
        problems.append(template.format(f"{len(ids)} {noun}{'s' * (len(ids) != 1)}", named))
