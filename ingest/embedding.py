"""A batch of documents as the library takes it: split, and embedded as far as that is new."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vademecum.corpora.document import Document, Passage
from vademecum.corpora.library import Library
from vademecum.corpora.sections import label_of
from vademecum.corpora.store import Vectors
from vademecum.ingest.heading import embedding_text
from vademecum.ingest.reading import Taken
from vademecum.ingest.splitter import Splitter
from vademecum.model.interface import TextEmbedder


@dataclass(frozen=True, slots=True)
class Embedded:
    """A document with its passages and vectors, float32 `[passages, dim]`; `new` is how many of
    them had to be embedded for it."""

    taken: Taken
    document: Document
    passages: Sequence[Passage]
    vectors: Vectors
    new: int


class Embedding:
    """Splits what was not split, and embeds what the corpus has no vector for. `fingerprint` is of
    what splits and embeds."""

    def __init__(
        self,
        library: Library,
        corpus: str,
        embedder: TextEmbedder,
        splitter: Splitter,
        fingerprint: str,
    ) -> None:
        self._library = library
        self._corpus = corpus
        self._embedder = embedder
        self._splitter = splitter
        self._fingerprint = fingerprint

    def embed(self, needed: Sequence[tuple[Taken, Document]]) -> list[Embedded]:
        """All texts of the batch in one call, so that the embedder can sort them by length."""
        parts = [
            self._splitter.split(document) if taken.passages is None else taken.passages
            for taken, document in needed
        ]
        texts = [
            [embedding_text(document, passage) for passage in passages]
            for (_, document), passages in zip(needed, parts, strict=True)
        ]
        vectors = self._known([document for _, document in needed])
        owners: dict[str, int] = {}
        for at, own in enumerate(texts):
            for text in own:
                if text not in vectors:
                    owners.setdefault(text, at)
        if owners:
            fresh = self._embedder.embed_passages(list(owners))
            vectors.update(zip(owners, fresh, strict=True))
        new = np.bincount(list(owners.values()), minlength=len(needed))
        return [
            Embedded(taken, document, passages, self._stacked(own, vectors), int(count))
            for (taken, document), passages, own, count in zip(
                needed, parts, texts, new, strict=True
            )
        ]

    def _stacked(self, texts: Sequence[str], vectors: dict[str, Vectors]) -> Vectors:
        rows = np.asarray([vectors[text] for text in texts], dtype=np.float32)
        return rows.reshape(len(texts), self._embedder.dim)

    def _known(self, documents: Sequence[Document]) -> dict[str, Vectors]:
        """Vectors that stored versions of these documents have, by the text they stand for.

        Most updates of PubMed change a heading or a status, not the abstract. Older versions
        embedded no labels of sections.
        """
        known: dict[str, Vectors] = {}
        ids = [document.doc_id for document in documents]
        stored = list(self._library.documents(self._corpus, ids).values())
        changed = self._library.needs(self._corpus, stored, self._fingerprint)
        older = {document.doc_id for document in changed}
        for document in stored:
            parts = {
                passage.passage_id: embedding_text(document, passage)
                for passage in self._library.passages(self._corpus, document.doc_id)
                if document.doc_id not in older
                or not label_of(document, passage.start, passage.end)
            }
            for passage_id, vector in self._library.vectors(self._corpus, parts).items():
                known[parts[passage_id]] = vector
        return known
