"""A batch of documents as the library takes it: split, and embedded as far as that is new."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from vademecum.corpora.document import Document, Passage
from vademecum.corpora.library import Library
from vademecum.corpora.sections import label_of
from vademecum.corpora.store import Vectors
from vademecum.ingest.heading import embedding_text
from vademecum.ingest.reading import Taken
from vademecum.ingest.shards import Shards
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


@dataclass(frozen=True, slots=True)
class _Looked:
    """Of each document its passages and what is embedded for them; vectors that the corpus has, by
    text; for each other text the first document that has it."""

    passages: list[tuple[Passage, ...]]
    texts: list[list[str]]
    known: dict[str, Vectors]
    owners: dict[str, int]


class Embedding:
    """Embeds what the corpus has no vector for, unless somebody did so ahead (`shards`).

    `fingerprint` is of what splits and embeds.
    """

    def __init__(
        self,
        library: Library,
        corpus: str,
        embedder: TextEmbedder,
        splitter: Splitter,
        fingerprint: str,
        shards: Shards,
    ) -> None:
        self._library = library
        self._corpus = corpus
        self._embedder = embedder
        self._splitter = splitter
        self._fingerprint = fingerprint
        self._shards = shards
        self._uncommitted: Sequence[str] = ()

    def cut(self, taken: Taken, document: Document) -> Taken:
        """The same with its passages, if it has none yet."""
        if taken.passages is not None:
            return taken
        return replace(taken, passages=tuple(self._splitter.split(document)))

    def missing(self, needed: Sequence[tuple[Taken, Document]]) -> list[str]:
        """Texts of these (cut) documents that have no vector in the corpus, each once."""
        return list(self._look(needed).owners)

    def embed(self, needed: Sequence[tuple[Taken, Document]]) -> list[Embedded]:
        """All texts of the (cut) documents in one call, so that the embedder can sort them by
        length."""
        looked = self._look(needed)
        vectors: dict[str, Any] = looked.known | self._shards.find(looked.owners)
        missing = [text for text in looked.owners if text not in vectors]
        if missing:
            vectors.update(zip(missing, self._embedder.embed_passages(missing), strict=True))
        self._uncommitted = list(looked.owners)
        new = np.bincount(list(looked.owners.values()), minlength=len(needed))
        return [
            Embedded(taken, document, passages, self._stacked(own, vectors), int(count))
            for (taken, document), passages, own, count in zip(
                needed, looked.passages, looked.texts, new, strict=True
            )
        ]

    def committed(self) -> None:
        """What was embedded last is in the library."""
        self._shards.release(self._uncommitted)
        self._uncommitted = ()

    def _look(self, needed: Sequence[tuple[Taken, Document]]) -> _Looked:
        parts = [taken.passages or () for taken, _ in needed]
        texts = [
            [embedding_text(document, passage) for passage in passages]
            for (_, document), passages in zip(needed, parts, strict=True)
        ]
        known = self._known([document for _, document in needed])
        owners: dict[str, int] = {}
        for at, own in enumerate(texts):
            for text in own:
                if text not in known:
                    owners.setdefault(text, at)
        return _Looked(parts, texts, known, owners)

    def _stacked(self, texts: Sequence[str], vectors: dict[str, Any]) -> Vectors:
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
