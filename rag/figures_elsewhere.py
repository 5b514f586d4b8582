"""A figure of one sentence put into another: "drilling is allowed between 1 and 3 pm" where quiet
is kept from 1 to 3 pm and drilling is allowed from 9 to 12.

A sentence is at odds with a passage if a part has all of its words with figures of that kind, and
none of the sentence's own, which stand only in parts that speak of something else. English and
German.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from vademecum.rag.negation import negated
from vademecum.rag.quantities import unit_after
from vademecum.rag.words import HAN, NUMBER, containment, content_words, normal

CLOCK = re.compile(r"\s?(?:[ap]\.?m\b|o'clock\b|noon\b|Uhr\b|:\d\d)", re.IGNORECASE)
CLOCK_WORDS = frozenset(("am", "pm", "noon", "clock", "uhr"))
LEAST = 2  # words that the sentence says, but for figures
OTHERWISE = 0.5  # of them, in parts that have its figures


def at_odds(sentence: str, parts: Sequence[str]) -> bool:
    """Whether a part says what the sentence says with other figures, which have another's place."""
    ours = figures(sentence)
    words = content_words(sentence) - CLOCK_WORDS
    if not ours or len(words) < LEAST or negated(sentence) or HAN.search(sentence):
        return False
    with_figures = [part for part in parts if ours & figures(part)]
    if not with_figures or not _units(ours):
        return False
    if any(containment(words, content_words(part)) > OTHERWISE for part in with_figures):
        return False
    return any(
        words <= content_words(part) and _units(ours) <= _units(figures(part))
        for part in parts
        if part not in with_figures
    )


def _units(found: frozenset[tuple[str, str]]) -> set[str]:
    return {unit for _, unit in found if unit}


@lru_cache(maxsize=4096)
def figures(text: str) -> frozenset[tuple[str, str]]:
    """The numbers of a text, each with its unit, "" where it has none; hours of a clock are one."""
    found: list[tuple[str, str]] = []
    for match in NUMBER.finditer(text):
        unit = unit_after(text, match.end())
        found.append((normal(match.group()), "clock" if CLOCK.match(text, match.end()) else unit))
    return frozenset(found)
