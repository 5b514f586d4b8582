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

# Two columns are told from a table by prose on both sides of the gap.
PROSE_WORDS = 4
PROSE_WIDTH = 0.2  # of the page
PROSE_PIECES = 6
PROSE_SHARE = 0.5
GOES_ON = 0.25  # of the lines of prose: they begin with a small letter, as cells of a table do not
GAP = 1.0  # in heights of the text: words within a piece are closer

HYPHENS = "-\u00ad\u2010"
ENDS = re.compile(r"[.!?:;。！？：；]['\"”’)\]]*$")
ITEM = re.compile(
    r"(?:\(?(?:\d{1,3}(?:\.\d{1,3})*|[a-z]{1,4}|[A-Z])[.)]|\d+(?:\.\d+)+|[•▪●◦§–]|第.{1,8}条)\s"
)
CJK = re.compile(r"[\u3000-\u9fff\uf900-\ufaff\uff00-\uffef]")
DIGITS = re.compile(r"\d+|\b[ivxlc]+\b")


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text and its box."""

    x0: float
    y0: float
    x1: float
    y1: float
    text: str

    @property
    def height(self) -> float:
        """Of the box; about 1.2 times the size of the type."""
        return self.y1 - self.y0


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

    What spans columns (a title, a wide figure's caption) ends those above it.
    """
    return [_lines(column) for column in _columns(list(pieces))]


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


def _columns(pieces: list[Piece], depth: int = 0) -> list[list[Piece]]:
    gutter = _gutter(pieces) if depth < 3 else None
    if gutter is None:
        return [pieces] if pieces else []
    columns: list[list[Piece]] = []
    band: list[Piece] = []
    for piece in sorted(pieces, key=lambda piece: piece.y0):
        if piece.x0 < gutter < piece.x1:
            columns += _halves(band, gutter, depth)
            band = []
            if columns and all(p.x0 < gutter < p.x1 for p in columns[-1]):
                columns[-1].append(piece)
            else:
                columns.append([piece])
        else:
            band.append(piece)
    return columns + _halves(band, gutter, depth)


def _halves(band: list[Piece], gutter: float, depth: int) -> list[list[Piece]]:
    left = [piece for piece in band if piece.x1 <= gutter]
    right = [piece for piece in band if piece.x0 >= gutter]
    return [*_columns(left, depth + 1), *_columns(right, depth + 1)]


def _gutter(pieces: Sequence[Piece]) -> float | None:
    """The middle of a gap with prose on both sides, that few pieces cross; None without one."""
    if len(pieces) < 2 * PROSE_PIECES:
        return None
    left, right = min(p.x0 for p in pieces), max(p.x1 for p in pieces)
    width = right - left
    # Where pieces end, a gap may begin: the ends that many share are worth a look.
    starts = Counter(round(p.x0) for p in pieces if p.x0 > left + PROSE_WIDTH * width)
    best: tuple[int, float] | None = None
    for start, _ in starts.most_common(8):
        inside = [p for p in pieces if p.x1 <= start - 2]
        edge = max((p.x1 for p in inside if _prose(p, width)), default=None)
        if edge is None:
            continue
        gutter = (edge + start) / 2
        before = [p for p in pieces if p.x1 <= gutter]
        after = [p for p in pieces if p.x0 >= gutter]
        crossing = len(pieces) - len(before) - len(after)
        if all(_is_column(side, width) for side in (before, after)) and (
            best is None or crossing < best[0]
        ):
            best = (crossing, gutter)
    if best is None or best[0] > len(pieces) / 3:
        return None
    return best[1]


def _is_column(pieces: Sequence[Piece], width: float) -> bool:
    prose = [piece.text for piece in pieces if _prose(piece, width)]
    if len(prose) < max(PROSE_PIECES, PROSE_SHARE * len(pieces)):
        return False
    going_on = sum(text[0].islower() or bool(CJK.match(text)) for text in prose)
    return going_on >= GOES_ON * len(prose)


def _prose(piece: Piece, width: float) -> bool:
    if piece.x1 - piece.x0 < PROSE_WIDTH * width:
        return False
    return piece.text.count(" ") >= PROSE_WORDS - 1 or len(CJK.findall(piece.text)) > 8


def _lines(pieces: Iterable[Piece]) -> list[Line]:
    """Pieces whose boxes share most of their height stand in one line."""
    rows: list[list[Piece]] = []
    for piece in sorted(pieces, key=lambda piece: (piece.y0 + piece.y1) / 2):
        middle = (piece.y0 + piece.y1) / 2
        if rows and rows[-1][0].y0 <= middle <= rows[-1][0].y1:
            rows[-1].append(piece)
        else:
            rows.append([piece])
    return [_line(sorted(row, key=lambda piece: piece.x0)) for row in rows]


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
