"""The nearest passages without an index, where a full disk lets Chroma not even be opened.

Every vector of the corpus is read from SQLite: some three seconds for each hundred thousand.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator

import numpy as np

from vademecum.corpora.document import Filters
from vademecum.corpora.store import Store, Vectors, chunks


def nearest(
    store: Store, corpus: int, vector: Vectors, k: int, filters: Filters
) -> list[tuple[str, float]]:
    """Ids and cosines of the `k` passages nearest to `vector` (float32 `[dim]`) whose documents the
    filters admit, best first."""
    unit = vector / (np.linalg.norm(vector) or 1.0)
    best: list[tuple[float, str]] = []  # a heap, the worst of them first
    for owners, ids, vectors in _blocks(store, corpus):
        admitted = _admitted(store, corpus, owners, filters)
        lengths = np.linalg.norm(vectors, axis=1)
        scores = vectors @ unit / np.where(lengths > 0, lengths, 1.0)
        for at in np.argsort(-scores, kind="stable"):
            score = float(scores[at])
            if len(best) == k and score <= best[0][0]:
                break
            if owners[at] in admitted:
                heapq.heappush(best, (score, ids[at]))
                if len(best) > k:
                    heapq.heappop(best)
    return [(passage_id, score) for score, passage_id in sorted(best, reverse=True)]


def _blocks(store: Store, corpus: int) -> Iterator[tuple[list[str], list[str], Vectors]]:
    """Of some documents at a time: the document of each passage, its id, and the vectors, float32
    `[passages, dim]`."""
    for doc_ids in chunks(store.doc_ids(corpus)):
        rows = store.database.read(
            "SELECT d.doc_id, p.ordinal, p.vector "
            "FROM documents d JOIN passages p ON p.document = d.id "
            f"WHERE d.corpus = ? AND d.doc_id IN ({','.join('?' * len(doc_ids))})",
            (corpus, *doc_ids),
        )
        if rows:
            packed = np.frombuffer(b"".join(row[2] for row in rows), dtype="<f2")
            vectors = packed.reshape(len(rows), -1).astype(np.float32)
            yield [row[0] for row in rows], [f"{row[0]}#{row[1]}" for row in rows], vectors


def _admitted(store: Store, corpus: int, doc_ids: list[str], filters: Filters) -> set[str]:
    """Those of the documents that the filters admit."""
    if not filters:
        return set(doc_ids)
    found = store.documents(corpus, dict.fromkeys(doc_ids))
    return {doc_id for doc_id, document in found.items() if filters.admits(document)}
