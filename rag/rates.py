"""For how long, or for how much, a figure holds: "50 ml per hour" is not "50 ml per minute".

A sentence that has a figure of the passage for another time or measure than each of the passage's
is at odds with it. English and German.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from vademecum.rag.quantities import EACH
from vademecum.rag.words import NUMBER, normal

RATE = re.compile(
    rf"(?P<number>{NUMBER.pattern})(?P<what>\s?[^\W\d_%]+|\s?%)?"
    r"(?:\s?/\s?|\s(?:per|an?|each|every|pro|je|im|am|in der)\s)(?P<of>[^\W\d_]+)"
)
MEASURES = ("s", "min", "h", "day", "week", "month", "year", "kg", "l", "ml", "dl")


def at_odds(sentence: str, parts: Sequence[str]) -> bool:
    """Whether a sentence has a figure per something else than the parts have it."""
    claims = rates(sentence)
    if not claims:
        return False
    told = [rate for part in parts for rate in rates(part)]
    return any(
        (theirs := {of for figure, of in told if figure == claim}) and per not in theirs
        for claim, per in claims
    )


@lru_cache(maxsize=4096)
def rates(text: str) -> frozenset[tuple[tuple[str, str], str]]:
    """Each figure with the first letters of its unit, and the measure that it is for."""
    found = set()
    for match in RATE.finditer(text):
        of = next((name for name in MEASURES if EACH[name].fullmatch(" " + match["of"])), "")
        if of:
            found.add(((normal(match["number"]), (match["what"] or "").strip()[:2].lower()), of))
    return frozenset(found)
