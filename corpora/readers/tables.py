"""Tables of XML and HTML as text: a line for each row, `|` between cells."""

from __future__ import annotations

from lxml import etree

from vademecum.corpora.readers.markup import flatten

MAX_SPAN = 50  # columns that a cell may claim; more is a mistake or an attack


def table_text(table: etree._Element) -> str:
    """The rows of a table. A cell that spans columns is followed by empty ones, so that the
    cells below it stay in their columns; rows without text are left out.
    """
    rows = []
    for row in table.iter("tr"):
        cells: list[str] = []
        for cell in row.iterchildren("td", "th"):
            cells += [flatten(cell), *[""] * (_span(cell) - 1)]
        while cells and not cells[-1]:
            cells.pop()
        if any(cells):
            rows.append(" | ".join(cells))
    return "\n".join(rows)


def _span(cell: etree._Element) -> int:
    value = cell.get("colspan", "1")
    if not (value.isascii() and value.isdecimal()):
        return 1
    return min(int(value[:9]), MAX_SPAN)  # `int` refuses thousands of digits
