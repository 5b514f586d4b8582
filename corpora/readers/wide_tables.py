"""Tables that run over two columns of text: their rows are read whole, not cut at the gutter.

What tells them from text is that most of a row is no prose; what tells them from two tables, one
in each column, is that those to the right begin with labels at their column's edge, or below a
caption of their own.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from vademecum.corpora.readers.pieces import Piece, Row, is_prose

TABLE_ROWS = 3
LOOSE_ROWS = 2  # between two of its rows: what a long label goes on with, a heading of rows
HEAD_ROWS = 4  # above its rows, down from the caption
LEVEL = 0.2  # of the height: cells of a row are no further apart; lines of two columns often are
FILLED = 0.75  # of a column: so wide are lines of prose beside a table in the other column

CAPTION = re.compile(r"(?:table|tab\.|tabelle|表)\s*\d", re.IGNORECASE)
LABEL = re.compile(r"[^\d(<>≤≥=~+−–-]|\d{1,3}[.)](?:\s|$)")  # the beginning of what is no value


def table_rows(rows: Sequence[Row], gutter: float) -> list[bool]:
    """Of each row of a page with two columns, whether it belongs to a table over both."""
    page = _Page(rows, gutter)
    found = [False] * len(rows)
    at = 0
    while at < len(rows):
        if not page.is_tabular(rows[at]):
            at += 1
            continue
        last, count = _end(page, rows, at)
        if count >= TABLE_ROWS and not page.are_two(rows, at, last):
            first = page.head(rows, at)
            found[first : last + 1] = [True] * (last + 1 - first)
        at = last + 1
    return found


def _end(page: _Page, rows: Sequence[Row], at: int) -> tuple[int, int]:
    """The last row of a table that begins with this one, and how many of its rows are sure."""
    last, count = at, 1
    for number in range(at + 1, len(rows)):
        if page.is_tabular(rows[number]):
            last, count = number, count + 1
        elif number - last > LOOSE_ROWS or not page.is_loose(rows[number]):
            break
    return last, count


class _Page:
    """What is known of the two columns."""

    def __init__(self, rows: Sequence[Row], gutter: float) -> None:
        pieces = [piece for row in rows for piece in row]
        self.gutter = gutter
        self.width = max(p.x1 for p in pieces) - min(p.x0 for p in pieces)
        text = [piece for piece in pieces if is_prose(piece, self.width)]
        left = [piece for piece in text if piece.x1 <= gutter]
        right = [piece for piece in text if piece.x0 >= gutter]
        self.sides = (_width(left), _width(right))
        edges = Counter(round(piece.x0) for piece in right).most_common(1)
        self.edge = edges[0][0] if edges else gutter

    def is_tabular(self, row: Row) -> bool:
        """Whether a row has cells on both sides of the gutter, few of them prose, and no side that
        is a line of text."""
        left, right = self._halves(row)
        if len(row) < 3 or not left or not right:
            return False
        if abs(left[0].middle - right[0].middle) > LEVEL * left[0].height:
            return False
        return sum(is_prose(piece, self.width) for piece in row) < len(row) / 2 and not any(
            self._fills(side, width) for side, width in zip((left, right), self.sides, strict=True)
        )

    def is_loose(self, row: Row) -> bool:
        """Whether a row may stand within a table: none of its sides is a line of text."""
        halves = zip(self._halves(row), self.sides, strict=True)
        return not any(self._fills(side, width) for side, width in halves)

    def head(self, rows: Sequence[Row], at: int) -> int:
        """The row that a table begins with: its caption, where that stands above it."""
        for number in range(at - 1, max(at - 1 - HEAD_ROWS, -1), -1):
            if CAPTION.match(rows[number][0].text) and len(rows[number]) == 1:
                return number
            if not self.is_loose(rows[number]):
                break
        return at

    def are_two(self, rows: Sequence[Row], first: int, last: int) -> bool:
        """Whether what seems one table are two, one in each column."""
        above = [piece for row in rows[max(first - HEAD_ROWS, 0) : first] for piece in row]
        if any(piece.x0 >= self.gutter and CAPTION.match(piece.text) for piece in above):
            return True
        heads = [right[0] for row in rows[first : last + 1] if (right := self._halves(row)[1])]
        labels = [
            piece
            for piece in heads
            if abs(piece.x0 - self.edge) < piece.height / 2 and LABEL.match(piece.text)
        ]
        return len(labels) > len(heads) / 2

    def _halves(self, row: Row) -> tuple[Row, Row]:
        return [p for p in row if p.x1 <= self.gutter], [p for p in row if p.x0 >= self.gutter]

    def _fills(self, side: Row, width: float) -> bool:
        return any(is_prose(p, self.width) and p.x1 - p.x0 > FILLED * width for p in side)


def _width(pieces: Sequence[Piece]) -> float:
    return max((p.x1 for p in pieces), default=0.0) - min((p.x0 for p in pieces), default=0.0)
