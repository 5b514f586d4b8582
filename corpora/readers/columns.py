"""The columns of a printed page, and what runs over all of them.

A gutter is a gap with prose on both sides. What crosses it (a title, a caption) belongs to no
column, and neither do the rows of a table whose cells stand on both sides of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from vademecum.corpora.readers.pieces import CJK, PROSE_WIDTH, Piece, is_prose, rows_of
from vademecum.corpora.readers.wide_tables import table_rows

# Two columns are told from a table by prose on both sides of the gap.
PROSE_PIECES = 6
PROSE_SHARE = 0.5
GOES_ON = 0.25  # of the lines of prose: they begin with a small letter, as cells of a table do not


def columns_of(pieces: list[Piece], depth: int = 0) -> list[list[Piece]]:
    """The pieces by column, in reading order; what runs over columns is one of its own."""
    gutter = _gutter(pieces) if depth < 3 else None
    if gutter is None:
        return [pieces] if pieces else []
    columns: list[list[Piece]] = []
    band: list[Piece] = []
    wide: list[Piece] = []
    rows = rows_of(pieces)
    for row, is_wide in zip(rows, table_rows(rows, gutter), strict=True):
        crossing = row if is_wide else [p for p in row if p.x0 < gutter < p.x1]
        if crossing and band:
            columns += [wide, *_halves(band, gutter, depth)]
            wide, band = [], []
        wide += crossing
        band += [piece for piece in row if piece not in crossing]
    return [column for column in (*columns, wide, *_halves(band, gutter, depth)) if column]


def _halves(band: list[Piece], gutter: float, depth: int) -> list[list[Piece]]:
    left = [piece for piece in band if piece.x1 <= gutter]
    right = [piece for piece in band if piece.x0 >= gutter]
    return [*columns_of(left, depth + 1), *columns_of(right, depth + 1)]


def _gutter(pieces: Sequence[Piece]) -> float | None:
    """The middle of a gap with prose on both sides, that few pieces cross; None without one."""
    if len(pieces) < 2 * PROSE_PIECES:
        return None
    left, right = min(p.x0 for p in pieces), max(p.x1 for p in pieces)
    width = right - left
    rows = rows_of(pieces)
    # Where pieces end, a gap may begin: the ends that many share are worth a look.
    starts = Counter(round(p.x0) for p in pieces if p.x0 > left + PROSE_WIDTH * width)
    best: tuple[int, float] | None = None
    for start, _ in starts.most_common(8):
        inside = [p for p in pieces if p.x1 <= start - 2]
        edge = max((p.x1 for p in inside if is_prose(p, width)), default=None)
        if edge is None:
            continue
        gutter = (edge + start) / 2
        # A long table over both columns says nothing of them.
        tables = table_rows(rows, gutter)
        text = [p for row, table in zip(rows, tables, strict=True) if not table for p in row]
        before = [p for p in text if p.x1 <= gutter]
        after = [p for p in text if p.x0 >= gutter]
        crossing = len(text) - len(before) - len(after)
        if all(_is_column(side, width) for side in (before, after)) and (
            best is None or crossing < best[0]
        ):
            best = (crossing, gutter)
    if best is None or best[0] > len(pieces) / 3:
        return None
    return best[1]


def _is_column(pieces: Sequence[Piece], width: float) -> bool:
    prose = [piece.text for piece in pieces if is_prose(piece, width)]
    # By rows, for a table in a column has several pieces in each.
    if len(prose) < max(PROSE_PIECES, PROSE_SHARE * len(rows_of(pieces))):
        return False
    going_on = sum(text[0].islower() or bool(CJK.match(text)) for text in prose)
    return going_on >= GOES_ON * len(prose)
