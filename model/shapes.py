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
# Up to which drafts are made ready: 8,192 tokens, twice what an assistant's prompt and long answer
# come to. A graph takes a tenth of a second or two.
DRAFTED = 256


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

    def of_rows(self, rows: int, *, watched: bool, most: int | None = None) -> list[Shape]:
        """Those of `rows` tokens, wherever they stand within a page; of graphs for `most` pages at
        most."""
        found: list[Shape] = []
        first, capacity = 0, self.pages * PAGE
        for pages in self.buckets:
            if most is not None and pages > most:
                break
            # A sequence may become sparse between the ends of a bucket, where a page is begun.
            last = min(capacity, (pages + 1) * PAGE) - rows
            found += (self.of(length, rows, watched=watched) for length in (first, last))
            first = (pages + 1) * PAGE
        return list(dict.fromkeys(found))

    def of_answers(self) -> list[Shape]:
        """What the answers of an assistant take: their sources are watched, they are drafted."""
        found = self.of_rows(1, watched=True)
        for draft in self.drafts:
            found += self.of_rows(1 + draft, watched=True, most=DRAFTED)
        return found
