"""Which arm of a trial has which figure: "2.1% on apixaban and 3.1% on warfarin".

A sentence that gives the figure of the one to the other is at odds with the passage, whether or not
it names both. Figures of one unit that follow each other are told apart by what stands beside each.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from vademecum.rag.beside import Stated, Value, beside, given_to_another
from vademecum.rag.proportions import WITH_NUMBERS, figures
from vademecum.rag.quantities import german_numbers, plain
from vademecum.rag.statements import Statement
from vademecum.rag.words import GERMAN

# What stands in parentheses behind a number, and a bound ("90% or more") says no more of a thing.
ASIDE = re.compile(rf"(?<=[\d%]){WITH_NUMBERS.pattern}|\s*\([^()]*\b(?:or|oder|to|bis)\b[^()]*\)")


def at_odds(sentence: str, parts: Sequence[str]) -> bool:
    """Whether the sentence gives a figure to the one that the parts give to the other."""
    return given_to_another(sentence, parts, statements)


@lru_cache(maxsize=1024)
def statements(part: str) -> Stated:
    """For each unit, the figures that a sentence states in it with the words beside each."""
    text = plain(german_numbers(part) if GERMAN.search(part) else part)
    by_unit: dict[str, tuple[Statement, ...]] = {}
    # "In men (20%) and women (5%)": where no two stand outside of parentheses, those within count.
    for said in (WITH_NUMBERS.sub(" ", text), ASIDE.sub(" ", text)):
        found: dict[str, list[Value]] = {}
        for figure in figures(said, spelled=True):
            value = Value(figure.start, figure.end, figure.value)
            found.setdefault(figure.unit, []).append(value)
        for unit, values in found.items():
            if len(by_unit.get(unit, ())) < 2:
                by_unit[unit] = tuple(beside(said, values))
    return tuple(by_unit.items())
