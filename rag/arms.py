"""Which arm of a trial has which figure: "2.1% on apixaban and 3.1% on warfarin".

A sentence that gives the figure of the one to the other is at odds with the passage, whether or not
it names both. Figures of one unit that follow each other are told apart by what stands beside each.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from vademecum.rag.beside import Stated, Value, beside, given_to_another
from vademecum.rag.proportions import WITH_NUMBERS, figures
from vademecum.rag.quantities import german_numbers, plain
from vademecum.rag.words import GERMAN


def at_odds(sentence: str, parts: Sequence[str]) -> bool:
    """Whether the sentence gives a figure to the one that the parts give to the other."""
    return given_to_another(sentence, parts, statements)


@lru_cache(maxsize=1024)
def statements(part: str) -> Stated:
    """For each unit, the figures that a sentence states in it with the words beside each."""
    text = german_numbers(part) if GERMAN.search(part) else part
    text = WITH_NUMBERS.sub(" ", plain(text))
    by_unit: dict[str, list[Value]] = {}
    for figure in figures(text, spelled=True):
        value = Value(figure.start, figure.end, figure.value)
        by_unit.setdefault(figure.unit, []).append(value)
    return tuple((unit, tuple(beside(text, found))) for unit, found in by_unit.items())
