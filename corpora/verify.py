"""Is a corpus sound: does SQLite agree with itself, and do the indexes agree with SQLite?

Documents are read once, a few at a time, and each index is asked for just their passages: what is
compared never stands in memory whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from vademecum.corpora import notices, works
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

DOCUMENTS = 100  # compared at a time
NAMED = 3  # ids given as examples in a problem
TOLERANCE = 2e-3  # Chroma normalises; float16 rounding is below 5e-4


@dataclass(frozen=True, slots=True)
class Verification:
    """What was compared, in passages, and every difference found."""

    documents: int
    sqlite: int
    chroma: int  # the vector index, whichever it is
    tantivy: int
    problems: list[str]

    @property
    def sound(self) -> bool:
        """Nothing differs."""
        return not self.problems


@dataclass(slots=True)
class Tally:
    """How many are wrong in one way, with the first of them as examples."""

    template: str
    noun: str = "passage"
    count: int = 0
    named: list[str] = field(default_factory=list)

    def add(self, ids: Iterable[str]) -> None:
        for wrong in ids:
            self.count += 1
            if self.count <= NAMED:
                self.named.append(wrong)

    def said(self) -> list[str]:
        if not self.count:
            return []
        named = ", ".join(self.named) + (", ..." if self.count > NAMED else "")
        return [self.template.format(f"{self.count} {self.noun}{'s' * (self.count != 1)}", named)]


def verify(
    store: Store,
    corpus: CorpusRow,
    vectors: VectorStore,
    lexical: DerivedIndex,
    progress: Progress,
) -> Verification:
    """Compare by id and hash: documents, passages, notices, identifiers, digest, both indexes, and
    every vector."""
    problems = [
        f"SQLite: {row[0]}" for row in store.database.read("PRAGMA quick_check") if row[0] != "ok"
    ]
    progress.start("verifying", store.info(corpus).documents, "documents")
    truth = _Truth(store, corpus)
    indexes = [_Compared(store, corpus, vectors, vectors), _Compared(store, corpus, lexical)]
    for doc_ids in chunks(store.doc_ids(corpus.id), DOCUMENTS):
        entries = truth.read(doc_ids)
        for index in indexes:
            index.compare(entries)
        progress.advance(len(doc_ids))
    progress.finish()
    problems += truth.problems()
    for index in indexes:
        problems += index.problems()
    return Verification(
        truth.documents, truth.passages, indexes[0].count, indexes[1].count, problems
    )


class _Truth:
    """SQLite's documents and passages, compared with their own hashes."""

    def __init__(self, store: Store, corpus: CorpusRow) -> None:
        self._store = store
        self._corpus = corpus
        self._digest = 0
        self.documents = 0
        self.passages = 0
        self._records = Tally("SQLite: {} with a record unlike its hash: {}", "document")
        self._hashes = Tally("SQLite: {} unlike its hash: {}")
        self._notices = Tally("SQLite: {} whose notices are not as it states them: {}", "document")
        self._works = Tally("SQLite: {} whose identifiers are not its own: {}", "document")

    def read(self, doc_ids: Sequence[str]) -> list[Entry]:
        """The passages of these documents, after they were looked at."""
        store, corpus = self._store, self._corpus.id
        states = store.states(corpus, doc_ids)
        records, found = store.records(corpus, doc_ids), store.documents(corpus, doc_ids)
        noticed: dict[str, str] = {}
        stated: set[tuple[str, ...]] = set()
        known: set[tuple[str, str, bool]] = set()
        for doc_id, document in records.items():
            content = states[doc_id][0]
            self._digest += int(content, 16)
            if document.content_hash() != content:
                self._records.add([doc_id])
            stated |= {(doc_id, *row) for row in notices.stated(document)}
            known |= {(doc_id, *row) for row in works.identifiers(document).items()}
            added = found[doc_id].links[len(document.links) :]
            noticed[doc_id] = noticed_hash(content, added)
        wrong = stated.symmetric_difference(notices.kept(store.database.read, corpus, doc_ids))
        self._notices.add(sorted({row[0] for row in wrong}))
        unlike = known.symmetric_difference(works.kept(store.database.read, corpus, doc_ids))
        self._works.add(sorted({row[0] for row in unlike}))
        entries = list(store.entries(corpus, doc_ids))
        self._hashes.add(
            entry.passage_id
            for entry in entries
            if passage_hash(
                noticed[entry.document.doc_id], entry.passage, to_blob(entry.vector)
            ).hex()
            != entry.hash
        )
        self.documents += len(found)
        self.passages += len(entries)
        return entries

    def problems(self) -> list[str]:
        found = self._records.said() + self._hashes.said()
        self._notices.add(notices.orphans(self._store.database.read, self._corpus.id))
        self._works.add(works.orphans(self._store.database.read, self._corpus.id))
        found += self._notices.said() + self._works.said()
        digest = f"{self._digest % DIGEST_MODULUS:064x}"
        if digest != self._store.digest(self._corpus.id):
            found.append("SQLite: the snapshot is not that of the documents")
        told = self._store.info(self._corpus).passages
        if not self.passages == told == self._store.passages_of(self._corpus.id):
            found.append("SQLite: documents and passages disagree on how many passages there are")
        return found


class _Compared:
    """One index, asked for the passages that SQLite holds."""

    def __init__(
        self,
        store: Store,
        corpus: CorpusRow,
        index: DerivedIndex,
        vectors: VectorStore | None = None,
    ) -> None:
        self._store = store
        self._corpus = corpus.id
        self._index = index
        self._vectors = vectors
        self._failure = ""  # why it cannot be read any more
        self._found = 0
        self.count = 0
        self._missing = Tally(f"{index.name}: {{}} not in the index: {{}}")
        self._stale = Tally(f"{index.name}: {{}} out of date in the index: {{}}")
        self._twice = Tally(f"{index.name}: {{}} in the index twice: {{}}")
        self._extra = Tally(f"{index.name}: {{}} only in the index: {{}}")
        self._differ = Tally(f"{index.name}: {{}} whose vector differs from SQLite's: {{}}")

    def compare(self, entries: Sequence[Entry]) -> None:
        if self._failure or not entries:
            return
        ids = [entry.passage_id for entry in entries]
        try:
            held = self._index.held(self._corpus, ids)
            kept = self._vectors.vectors(self._corpus, ids) if self._vectors else {}
        except LibraryError as error:
            self._failure = error.message
            return
        self._found += len(held)
        hashes: dict[str, str] = {}
        for passage_id, digest in held:
            if passage_id in hashes:
                self._twice.add([passage_id])
            hashes[passage_id] = digest
        self._missing.add(item for item in ids if item not in hashes)
        self._stale.add(
            entry.passage_id
            for entry in entries
            if hashes.get(entry.passage_id, entry.hash) != entry.hash
        )
        if self._vectors:
            self._differ.add(
                entry.passage_id
                for entry in entries
                if entry.passage_id in hashes and not _alike(kept.get(entry.passage_id), entry)
            )

    def problems(self) -> list[str]:
        """After all documents: also what the index holds beyond them."""
        if not self._failure:
            try:
                self.count = self._index.count(self._corpus)
                if self.count != self._found:
                    self._name_extra()
            except LibraryError as error:
                self._failure = error.message
        if self._failure:
            return [f"{self._index.name}: {self._failure}"]
        found = [
            line
            for tally in (self._missing, self._extra, self._stale, self._twice, self._differ)
            for line in tally.said()
        ]
        if self.count != self._found + self._extra.count:
            found.append(f"{self._index.name}: the index miscounts what it holds")
        return found

    def _name_extra(self) -> None:
        """Those of its passages that SQLite does not hold; it goes through all that it holds."""
        for page in chunks(self._index.hashes(self._corpus), DOCUMENTS * 10):
            ids = [passage_id for passage_id, _ in page]
            owners = [passage_id.rpartition("#")[0] for passage_id in ids]
            known = {item.passage_id for item, _ in self._store.passages(self._corpus, owners)}
            self._extra.add(item for item in ids if item not in known)


def _alike(held: np.ndarray | None, entry: Entry) -> bool:
    return held is not None and np.allclose(held, entry.vector, rtol=0, atol=TOLERANCE)
