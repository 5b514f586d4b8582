"""What a printed page is made of: runs of text, and the rows that they stand in."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

PROSE_WORDS = 4
PROSE_WIDTH = 0.2  # of the page

CJK = re.compile(r"[\u3000-\u9fff\uf900-\ufaff\uff00-\uffef]")


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text without a gap as wide as a column's, and its box: points, y downwards."""

    x0: float
    y0: float
    x1: float
    y1: float
    text: str

    @property
    def height(self) -> float:
        """Of the box; about 1.2 times the size of the type."""
        return self.y1 - self.y0

    @property
    def middle(self) -> float:
        """Between top and bottom."""
        return (self.y0 + self.y1) / 2


Row = list[Piece]


def rows_of(pieces: Iterable[Piece]) -> list[Row]:
    """Pieces whose boxes share most of their height stand in one row, from the left."""
    rows: list[Row] = []
    for piece in sorted(pieces, key=lambda piece: piece.middle):
        if rows and rows[-1][0].y0 <= piece.middle <= rows[-1][0].y1:
            rows[-1].append(piece)
        else:
            rows.append([piece])
    return [sorted(row, key=lambda piece: piece.x0) for row in rows]


def is_prose(piece: Piece, width: float) -> bool:
    """Whether a piece looks like a line of text, on a page of that width."""
    if piece.x1 - piece.x0 < PROSE_WIDTH * width:
        return False
    return piece.text.count(" ") >= PROSE_WORDS - 1 or len(CJK.findall(piece.text)) > 8
