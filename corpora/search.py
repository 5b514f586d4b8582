"""From what an index found to passages with their texts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vademecum.corpora import exact
from vademecum.corpora.document import Filters, Hit
from vademecum.corpora.indexes import Indexes, hinting
from vademecum.corpora.store import CorpusRow, Store, Vectors
from vademecum.errors import OutOfSpace


def dense(
    store: Store, indexes: Indexes, row: CorpusRow, vector: Vectors, k: int, filters: Filters
) -> list[Hit]:
    """The `k` passages nearest to `vector` (float32 `[dim]`), scored by cosine, best first."""
    vector = np.asarray(vector, dtype=np.float32)
    if vector.shape != (row.dim,):
        raise ValueError(f"a vector of {row.dim} numbers is needed, not of {vector.shape}")
    if k < 1 or not indexes.searchable(row):
        return []
    with hinting(row.name), indexes.searching():
        try:
            found = indexes.vectors.query(row.id, vector, k, filters)
        except OutOfSpace:  # Chroma writes when it opens its files
            found = exact.nearest(store, row.id, vector, k, filters)
        return _hits(store, row, found, filters)


def lexical(
    store: Store, indexes: Indexes, row: CorpusRow, query: str, k: int, filters: Filters
) -> list[Hit]:
    """The `k` best passages by BM25 over title and text. The query is text, not syntax."""
    if k < 1 or not indexes.searchable(row):
        return []
    with hinting(row.name), indexes.searching():
        return _hits(store, row, indexes.lexical.query(row.id, query, k, filters), filters)


def _hits(
    store: Store, row: CorpusRow, found: Sequence[tuple[str, float]], filters: Filters
) -> list[Hit]:
    """With texts from SQLite; `Filters.admits` has the last word."""
    owners = [passage_id.rpartition("#")[0] for passage_id, _ in found]
    held = {pair[0].passage_id: pair for pair in store.passages(row.id, owners)}
    return [
        Hit(held[passage_id][0], score)
        for passage_id, score in found
        if passage_id in held and filters.admits(held[passage_id][1])
    ]
