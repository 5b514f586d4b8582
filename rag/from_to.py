"""Which way something goes: "from ward 3 to intensive care" is not "from intensive care to ward 3".

English and German.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from vademecum.rag.slots import words_in_order

WAY = re.compile(
    r"\b(?:from|von|vom) (?P<here>[^,.;:]{1,60}?) (?:to|into|onto|nach|zu[mr]?|ins?|auf)"
    r" (?P<there>[^,.;:]{1,60})",
    re.IGNORECASE,
)


class Way(NamedTuple):
    """The words of where it begins and of where it ends."""

    here: frozenset[str]
    there: frozenset[str]


def at_odds(sentence: str, parts: Sequence[str]) -> bool:
    """Whether a sentence goes the way of a part back, and no part goes its own."""
    ours = ways(sentence)
    told = [way for part in parts for way in ways(part)] if ours else []
    return any(
        any(_back(way, theirs) for theirs in told) and not any(_same(way, each) for each in told)
        for way in ours
    )


def _back(way: Way, theirs: Way) -> bool:
    here = way.here - theirs.here
    return bool(here) and here <= theirs.there and theirs.here <= way.there


def _same(way: Way, theirs: Way) -> bool:
    return way.here <= theirs.here and bool(way.there & theirs.there)


@lru_cache(maxsize=4096)
def ways(text: str) -> tuple[Way, ...]:
    """Each way of a sentence."""
    found = (
        Way(frozenset(words_in_order(match["here"])), frozenset(words_in_order(match["there"])))
        for match in WAY.finditer(text)
    )
    return tuple(way for way in found if way.here and way.there)
