"""Which arm of a trial has which figure: "2.1% on apixaban and 3.1% on warfarin".

A sentence that gives the figure of the one to the other is at odds with the passage, whether or not
it names both. Figures of one unit that follow each other are told apart by what stands beside each.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from functools import lru_cache
from itertools import pairwise

from vademecum.rag.circumstances import Statement, stands, statement
from vademecum.rag.proportions import WITH_NUMBERS, Figure, figures
from vademecum.rag.quantities import german_numbers, plain
from vademecum.rag.words import GERMAN

# Where what is said of one figure ends and what is said of the next begins.
BETWEEN = re.compile(
    r"(?:[,;]\s+)?\b(?:and|versus|vs|compared(?: with| to)?|while|whereas|but|und|gegenüber|gegen"
    r"|verglichen(?: mit)?|während|aber)\b|[,;，；]|而",
    re.IGNORECASE,
)
FAR = Statement(None, frozenset(), frozenset(), frozenset(), frozenset())


def at_odds(sentence: str, parts: Sequence[str]) -> bool:
    """Whether the sentence gives a figure to the one that the parts give to the other."""
    claims = statements(sentence)
    return any(
        stands(claim, _told(unit, parts), contrary) == -1
        for unit, stated in claims
        for claim in stated
    )


def contrary(one: Hashable, other: Hashable) -> bool:
    """Whether two figures, of one unit, differ."""
    return None not in (one, other) and one != other


def _told(unit: str, parts: Sequence[str]) -> list[Statement]:
    """What the parts state in a unit, in order; nothing follows from what stands far apart."""
    told: list[Statement] = []
    for part in parts:
        told += dict(statements(part)).get(unit, (FAR,))
    return told


@lru_cache(maxsize=1024)
def statements(part: str) -> tuple[tuple[str, tuple[Statement, ...]], ...]:
    """For each unit, the figures that a sentence states in it with the words beside each."""
    text = german_numbers(part) if GERMAN.search(part) else part
    text = WITH_NUMBERS.sub(" ", plain(text))
    by_unit: dict[str, list[Figure]] = {}
    for figure in figures(text, spelled=True):
        by_unit.setdefault(figure.unit, []).append(figure)
    return tuple((unit, tuple(_beside(text, found))) for unit, found in by_unit.items())


def _beside(text: str, found: Sequence[Figure]) -> list[Statement]:
    """Each figure with the words from the last mark before it to the next one behind it, [] if no
    mark stands between two of them."""
    marks = [BETWEEN.search(text, one.end, other.start) for one, other in pairwise(found)]
    if None in marks:
        return []
    starts = [0, *(mark.end() for mark in marks if mark)]
    ends = [*(mark.start() for mark in marks if mark), len(text)]
    return [
        statement(
            figure.value, f"{text[a : figure.start]};{text[figure.end : b]}", text[a : figure.start]
        )
        for figure, a, b in zip(found, starts, ends, strict=True)
    ]
