"""Of how many it is so many: "11 of 18 appointments were used".

A sentence that has another number of as many ("18 of 18"), or as many of another number, is at odds
with it, unless the passage has that pair as well.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

from vademecum.rag.quantities import numbers_at, plain
from vademecum.rag.words import containment, content_words

BETWEEN = re.compile(
    r"\s(?:out )?(?:of|von)(?: the| all| our| its| their| den| allen)?\s|/", re.IGNORECASE
)
SHARED = 0.75  # of the words of a sentence, in a part


def at_odds(sentence: str, parts: Sequence[str]) -> bool:
    """Whether a sentence has so many of so many where the parts that have its words have others."""
    claimed = out_of(sentence)
    if not claimed:
        return False
    words = content_words(sentence)
    near = [part for part in parts if containment(words, content_words(part)) >= SHARED]
    told = {pair for part in near for pair in out_of(part)}
    known = {pair for part in parts for pair in out_of(part)}
    return any(
        pair not in known and any(bool(set(pair) & set(other)) for other in told)
        for pair in claimed
    )


@lru_cache(maxsize=4096)
def out_of(text: str) -> tuple[tuple[str, str], ...]:
    """All such pairs of a text, in one spelling."""
    text = plain(text)
    places = numbers_at(text, spelled=True)
    return tuple(
        (str(many), str(all_))
        for (_, end, many), (start, _, all_) in pairwise(places)
        if BETWEEN.fullmatch(text[end:start])
    )
