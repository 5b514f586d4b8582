"""What can be asked of an open library: which corpora there are, and what each holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from vademecum.corpora import changes, forgetting, places, search, snapshots
from vademecum.corpora.catalogue import Catalogue
from vademecum.corpora.document import CorpusInfo, Deletion, Document, Filters, Hit, Passage
from vademecum.corpora.forgetting import Leaving
from vademecum.corpora.indexes import Indexes
from vademecum.corpora.layout import PLACES
from vademecum.corpora.places import Longer
from vademecum.corpora.revision import sift
from vademecum.corpora.snapshots import Change, Snapshot
from vademecum.corpora.store import Store, Vectors
from vademecum.corpora.works import copies, works


class Holdings:
    """Changes nothing: all that it writes down is that a snapshot was told. For a corpus that is
    not there CorpusNotFound is raised, but by `taken`."""

    def __init__(self, store: Store, indexes: Indexes, catalogue: Catalogue) -> None:
        self._store = store
        self._database = store.database
        self._indexes = indexes
        self._catalogue = catalogue

    # corpora

    def corpora(self) -> list[CorpusInfo]:
        """All of them, by name."""
        return [self._catalogue.told(row) for row in self._store.corpora()]

    def corpus(self, name: str) -> CorpusInfo:
        """What a corpus holds now. Raises CorpusNotFound."""
        return self._catalogue.told(self._catalogue.row(name))

    def snapshots(self, name: str) -> list[Snapshot]:
        """The states that the corpus was told to be in, the newest first."""
        row = self._catalogue.row(name)
        self._catalogue.told(row)
        return snapshots.listed(self._database.read, row.id)

    def changes(self, name: str, first: str, second: str) -> Iterator[Change]:
        """What leads from one snapshot to another, by document id.

        Raises UsageError for a snapshot that is not written down, and where more changed than is
        kept.
        """
        row = self._catalogue.row(name)
        self._catalogue.told(row)
        return changes.between(self._store, row, first, second)

    # documents

    def document(self, doc_id: str, corpus: str) -> Document | None:
        """One document, None if the corpus does not hold it."""
        return self.documents(corpus, [doc_id]).get(doc_id)

    def documents(self, corpus: str, doc_ids: Iterable[str]) -> dict[str, Document]:
        """Those that the corpus holds, by id."""
        return self._store.documents(self._catalogue.row(corpus).id, doc_ids)

    def titles(self, corpus: str, doc_ids: Iterable[str]) -> dict[str, str]:
        """Of those that the corpus holds, by id."""
        return self._store.titles(self._catalogue.row(corpus).id, doc_ids)

    def works(self, corpus: str, doc_ids: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """The ids of all documents of the same work, in order, by each of these ids: an abstract
        and its full text, a preprint and its paper."""
        return works(self._database.read, self._catalogue.row(corpus).id, doc_ids)

    def places(self, corpus: str, doc_ids: Sequence[str]) -> dict[str, str]:
        """The path or address that these documents were read from, by id: of those that have no
        PMID or PMCID for a name."""
        return places.read_from(self._store, self._catalogue.row(corpus).id, doc_ids)

    def places_named(self, corpus: str) -> list[str]:
        """All paths and addresses that documents were read from: of those that have such a name
        the files here but NLM's, which are known by their numbers alone."""
        rows = self._database.read(PLACES, (self._catalogue.row(corpus).id,))
        return [place for (place,) in rows]

    def leaving(
        self, corpus: str, *, places: Iterable[str] = (), doc_ids: Iterable[str] = ()
    ) -> Leaving:
        """What `Library.forget` would remove."""
        return forgetting.leaving(self._store, self._catalogue.row(corpus), set(places), doc_ids)

    def passages(self, corpus: str, doc_id: str) -> list[Passage]:
        """The passages of a document in order, none if the corpus does not hold it."""
        row = self._catalogue.row(corpus)
        return [passage for passage, _ in self._store.passages(row.id, [doc_id])]

    def vectors(self, corpus: str, passage_ids: Iterable[str]) -> dict[str, Vectors]:
        """The stored vectors, float32 `[dim]` (kept as float16), of those that exist."""
        return self._store.vectors(self._catalogue.row(corpus).id, passage_ids)

    # searching

    def search_dense(
        self, corpus: str, vector: Vectors, k: int, filters: Filters | None = None
    ) -> list[Hit]:
        """The `k` passages nearest to `vector` (float32 `[dim]`), scored by cosine, best first."""
        row, wanted = self._catalogue.row(corpus), filters or Filters()
        return search.dense(self._store, self._indexes, row, vector, k, wanted)

    def search_lexical(
        self, corpus: str, query: str, k: int, filters: Filters | None = None
    ) -> list[Hit]:
        """The `k` best passages by BM25 over title and text. The query is text, not syntax."""
        row, wanted = self._catalogue.row(corpus), filters or Filters()
        return search.lexical(self._store, self._indexes, row, query, k, wanted)

    # what an ingestion asks

    def taken(self, corpus: str) -> set[str]:
        """Names of the numbered files that were read to their end; none of a corpus to be."""
        row = self._catalogue.rows().get(corpus)
        return set() if row is None else self._store.taken(row.id)

    def needs(self, corpus: str, documents: Sequence[Document], fingerprint: str) -> list[Document]:
        """Those that are new, changed, or were split or embedded otherwise; in order."""
        row = self._catalogue.row(corpus)
        states = self._store.states(row.id, (item.doc_id for item in documents))
        return [
            document
            for document in documents
            if states.get(document.doc_id) != (document.content_hash(), fingerprint)
        ]

    def sift(
        self, corpus: str, records: Sequence[Document | Deletion]
    ) -> tuple[set[str], set[str]]:
        """Ids of those that come too late, as the corpus knows a later record or deletion of the
        same work, and of those that are later than what it knows."""
        row = self._catalogue.row(corpus)
        return sift(records, self._store.revisions(row.id, (item.doc_id for item in records)))

    def longer_ids(self, corpus: str, held: Sequence[tuple[str, Document]]) -> dict[str, Longer]:
        """Of documents with an id of their file's (each with its place, no id twice) those whose id
        another file holds for a different document, by that id: what they are to be called."""
        return places.longer_ids(self._store, self._catalogue.row(corpus).id, held)

    def copies(self, corpus: str, documents: Sequence[Document]) -> tuple[set[str], list[str]]:
        """Ids of those that need not be kept, as PubMed Central's article is here or among them,
        and ids of what is stored and need not be any longer, as Central's is among these."""
        return copies(self._database.read, self._catalogue.row(corpus).id, documents)
