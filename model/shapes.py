"""What the graphs are captured for that write answers on a GPU.

Lengths lie on the device. What is cut by a length is cut for the most that a graph serves, and what
is launched otherwise is a graph of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from vademecum.model.device_steps import DRAFTS
from vademecum.model.kernels import PAGE

# Complete pages that a graph is made for.
BUCKETS = (128, 256, 512, 1024, 2048, 4096, 8192)


@dataclass(frozen=True, slots=True)
class Shape:
    """What a graph is captured for: `rows` tokens at once, over at most `pages` complete pages;
    `watched`, whether the attention that each page receives is counted."""

    rows: int
    pages: int
    sparse: bool
    watched: bool


@dataclass(frozen=True, slots=True)
class Shapes:
    """Those of sequences of up to `pages` pages, which are read by chosen pages from `threshold`
    tokens on (None: never), in steps of up to `most_rows` tokens."""

    pages: int
    threshold: int | None
    most_rows: int

    @property
    def buckets(self) -> tuple[int, ...]:
        """Pages that a graph serves, ascending."""
        return (*(b for b in BUCKETS if b < self.pages), self.pages)

    @property
    def drafts(self) -> tuple[int, ...]:
        """Tokens of a draft, ascending."""
        return tuple(n for n in DRAFTS if n < self.most_rows)

    def of(self, length: int, rows: int, *, watched: bool) -> Shape:
        """That of a step behind `length` tokens."""
        sparse = self.threshold is not None and length + rows >= self.threshold
        complete = length // PAGE
        pages = next(b for b in self.buckets if b >= complete)
        return Shape(rows, pages, sparse, watched)

    def at_any_length(self, rows: int, *, watched: bool) -> list[Shape]:
        """Those of `rows` tokens, wherever they stand within one page."""
        found: list[Shape] = []
        first, capacity = 0, self.pages * PAGE
        for pages in self.buckets:
            # A sequence may become sparse between the ends of a bucket, where a page is begun.
            last = min(capacity, (pages + 1) * PAGE) - rows
            found += (self.of(length, rows, watched=watched) for length in (first, last))
            first = (pages + 1) * PAGE
        return list(dict.fromkeys(found))

    def of_answers(self) -> list[Shape]:
        """What the answers of an assistant take: their sources are watched, and they are drafted.
        And single tokens without that, which others may ask for."""
        rows = (1, *(1 + draft for draft in self.drafts))
        found = [shape for n in rows for shape in self.at_any_length(n, watched=True)]
        return found + self.at_any_length(1, watched=False)
