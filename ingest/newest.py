"""Which documents `Plan.newest` keeps of all that are read."""

from __future__ import annotations

import heapq

from vademecum.corpora.document import Document
from vademecum.ingest.plan import newest_first
from vademecum.ingest.reading import Taken


class Newest:
    """The `number` newest documents that have a text, each in the last version that was read.

    Holds no more than that. So one that had to go stays away, even where the version that it gave
    way to is replaced by an older one, or deleted.
    """

    def __init__(self, number: int) -> None:
        self._number = number
        self._held: dict[str, tuple[Taken, Document]] = {}
        self._order: list[tuple[str, int, str]] = []  # a heap, the oldest first

    def add(self, taken: Taken, document: Document) -> Taken | None:
        """Take a document; the earlier version of itself that it replaced, if any."""
        replaced = self.remove(document.doc_id)
        if document.kind != "title":
            self._held[document.doc_id] = (taken, document)
            heapq.heappush(self._order, newest_first(document))
            if len(self._order) > self._number:
                _, _, oldest = heapq.heappop(self._order)
                del self._held[oldest]
        return replaced

    def remove(self, doc_id: str) -> Taken | None:
        """Drop a document, and return it if it was held."""
        found = self._held.pop(doc_id, None)
        if found is None:
            return None
        self._order.remove(newest_first(found[1]))
        heapq.heapify(self._order)
        return found[0]

    def taken(self) -> list[Taken]:
        """The newest first."""
        return [self._held[doc_id][0] for _, _, doc_id in sorted(self._order, reverse=True)]
