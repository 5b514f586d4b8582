"""Which documents `Plan.newest` keeps of all that are read."""

from __future__ import annotations

import heapq

from vademecum.corpora.document import Document
from vademecum.ingest.plan import newest_first


class Newest:
    """The `number` newest documents that have a text, each in the last version that was read.

    Holds no more than that. So one that had to go stays away, even where the version that it gave
    way to is replaced by an older one, or deleted.
    """

    def __init__(self, number: int) -> None:
        self._number = number
        self._held: dict[str, Document] = {}
        self._order: list[tuple[str, int, str]] = []  # a heap, the oldest first

    def __len__(self) -> int:
        return len(self._held)

    def add(self, document: Document) -> bool:
        """Take a document; whether it replaced an earlier version of itself."""
        replaced = self.remove(document.doc_id)
        if document.kind != "title":
            self._held[document.doc_id] = document
            heapq.heappush(self._order, newest_first(document))
            if len(self._order) > self._number:
                _, _, oldest = heapq.heappop(self._order)
                del self._held[oldest]
        return replaced

    def remove(self, doc_id: str) -> bool:
        """Drop a document; whether it was held."""
        document = self._held.pop(doc_id, None)
        if document is None:
            return False
        self._order.remove(newest_first(document))
        heapq.heapify(self._order)
        return True

    def documents(self) -> list[Document]:
        """The newest first."""
        return [self._held[doc_id] for _, _, doc_id in sorted(self._order, reverse=True)]
