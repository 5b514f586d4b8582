"""A printed page as text in reading order: columns, lines, paragraphs.

Coordinates are points with y growing downwards. Everything works on pieces, runs of text without
a gap as wide as a column's.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from vademecum.corpora.readers.columns import columns_of
from vademecum.corpora.readers.pieces import CJK, Piece, rows_of

GAP = 1.0  # in heights of the text: words within a piece are closer

HYPHENS = "-\u00ad\u2010"
ENDS = re.compile(r"[.!?:;。！？：；]['\"”’)\]]*$")
ITEM = re.compile(
    r"(?:\(?(?:\d{1,3}(?:\.\d{1,3})*|[a-z]{1,4}|[A-Z])[.)]|\d+(?:\.\d+)+|[•▪●◦§–]|第.{1,8}条)\s"
)
DIGITS = re.compile(r"\d+|\b[ivxlc]+\b")


@dataclass(frozen=True, slots=True)
class Line:
    """Pieces beside each other in one column."""

    x0: float
    y0: float
    x1: float
    y1: float
    text: str
    pieces: int

    @property
    def height(self) -> float:
        """Of the tallest piece."""
        return self.y1 - self.y0


def lines_of(pieces: Sequence[Piece]) -> list[list[Line]]:
    """The lines of a page in reading order, column by column (`[column][line]`).

    What spans columns (a title, a wide table) ends those above it.
    """
    return [_lines(column) for column in columns_of(list(pieces))]


def paragraphs(column: Sequence[Line]) -> list[str]:
    """The paragraphs of a column, their lines joined; the rows of a table stay lines."""
    if not column:
        return []
    left, right = min(line.x0 for line in column), max(line.x1 for line in column)
    steps = [b.y0 - a.y0 for a, b in pairwise(column) if b.y0 > a.y0]
    step = median(steps) if steps else 0.0
    found: list[str] = []
    before: Line | None = None
    for line in column:
        if before is None or _begins(before, line, left, right, step):
            found.append(line.text)
        elif line.pieces > 1 or before.pieces > 1:
            found[-1] += f"\n{line.text}"
        else:
            found[-1] = joined(found[-1], line.text)
        before = line
    return found


def joined(text: str, more: str) -> str:
    """Two lines of a paragraph as one; a word that was divided is whole again."""
    if text[-1:] in HYPHENS and text[-2:-1].isalpha() and more[:1].islower():
        return text[:-1] + more
    if text[-1:] in HYPHENS and text[-2:-1].isalnum():
        return text + more  # "IL-" "6", "Kaplan-" "Meier"
    if CJK.match(text[-1:]) and CJK.match(more[:1]):
        return text + more
    return f"{text} {more}"


def running_heads(pages: Sequence[Sequence[Sequence[Line]]]) -> set[str]:
    """What stands at the head or foot of page after page, page numbers too, without its digits.

    `pages` are `[page][column][line]`.
    """
    if len(pages) < 3:
        return set()
    seen: Counter[str] = Counter()
    for page in pages:
        seen.update({_head(line) for line in _edges(page)})
    return {text for text, times in seen.items() if times >= max(3, 0.3 * len(pages))}


def without(page: Sequence[Sequence[Line]], heads: set[str]) -> list[list[Line]]:
    """The page (`[column][line]`) without its running heads."""
    edges = set(_edges(page))
    return [
        [line for line in column if line not in edges or _head(line) not in heads]
        for column in page
    ]


def _head(line: Line) -> str:
    return DIGITS.sub("#", line.text.lower())


def _edges(page: Sequence[Sequence[Line]]) -> list[Line]:
    """The two topmost and the two lowest lines."""
    lines = sorted((line for column in page for line in column), key=lambda line: line.y0)
    return lines if len(lines) <= 4 else [*lines[:2], *lines[-2:]]


def _lines(pieces: Iterable[Piece]) -> list[Line]:
    return [_line(row) for row in rows_of(pieces)]


def _line(row: Sequence[Piece]) -> Line:
    text, count = row[0].text, 1
    for before, piece in pairwise(row):
        gap = piece.x0 - before.x1
        size = max(before.height, piece.height)
        if gap > GAP * size:
            count += 1
        text += ("  " if gap > GAP * size else " " if gap > 0.12 * size else "") + piece.text
    return Line(
        min(piece.x0 for piece in row),
        min(piece.y0 for piece in row),
        max(piece.x1 for piece in row),
        max(piece.y1 for piece in row),
        text,
        count,
    )


def _begins(before: Line, line: Line, left: float, right: float, step: float) -> bool:
    """Whether a line begins a paragraph."""
    size = max(line.height, 1.0)
    if line.y0 - before.y0 > 1.35 * step or line.y0 < before.y0:
        return True
    if not 0.87 < line.height / max(before.height, 1.0) < 1.15:
        return True  # a heading, or what follows one
    if line.pieces > 1 or before.pieces > 1:
        return False
    if ITEM.match(line.text) and ENDS.search(before.text):
        return True
    short = before.x1 < right - 0.15 * (right - left)
    indented = line.x0 > before.x0 + 0.8 * size
    return (short and bool(ENDS.search(before.text))) or (indented and line.x0 < left + 4 * size)
