"""What stands in another row of a table: "do not combine" said of the row's neighbour.

Of "| apixaban | ketoconazole | do not combine |" and "| apixaban | diltiazem | no change |" a
sentence that has "diltiazem" and "do not combine" mixes two rows. It is at odds if it has cells of
two columns that no row has together, and nothing but the table says them of each other.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import combinations, groupby

from vademecum.rag.negation import negated
from vademecum.rag.words import content_words

ROW = re.compile(r"\s*\|.*\|\s*\Z", re.DOTALL)
RULE = re.compile(r"[\s|:-]+\Z")
NAMED = re.compile(r"[^\W\d_]{3}")  # a cell of a number alone is found in too many sentences

Cell = tuple[frozenset[str], bool]  # its words that carry meaning, and whether it says no


def at_odds(sentence: str, parts: Sequence[str]) -> bool:
    """Whether a sentence mixes cells of two rows of one table."""
    others = [content_words(part) for part in parts if not ROW.match(part)]
    return any(_mixes(sentence, table, others) for table in _tables(parts))


def _tables(parts: Sequence[str]) -> list[list[list[str]]]:
    """The cells of the rows of each table, its head left out."""
    tables = []
    for is_table, lines in groupby(parts, key=lambda part: ROW.match(part) is not None):
        rows = list(lines)
        if not is_table:
            continue
        for n, line in enumerate(rows):
            if RULE.match(line):
                rows = rows[n + 1 :]
                break
        cells = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in rows]
        tables.append([row for row in cells if len(row) == len(cells[0])])
    return tables


def _mixes(sentence: str, table: Sequence[Sequence[str]], others: Sequence[set[str]]) -> bool:
    words, denies = content_words(sentence), negated(sentence)
    rows = [[_cell(cell) for cell in row] for row in table]
    columns = [
        {cell for cell in column if _told(cell, words, denies)}
        for column in zip(*rows, strict=True)
    ]
    for (i, these), (j, those) in combinations(enumerate(columns), 2):
        pairs = {(one, other) for one in these for other in those if one[0].isdisjoint(other[0])}
        if not pairs or pairs & {(row[i], row[j]) for row in rows}:
            continue
        if not any(one[0] | other[0] <= said for one, other in pairs for said in others):
            return True
    return False


def _cell(text: str) -> Cell:
    return (frozenset(content_words(text)) if NAMED.search(text) else frozenset(), negated(text))


def _told(cell: Cell, words: set[str], denies: bool) -> bool:
    """Whether a sentence has a cell: all of its words, and its "no"."""
    return bool(cell[0]) and cell[0] <= words and (denies or not cell[1])
