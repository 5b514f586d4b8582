"""Comparatives of one scale: "the train is faster than the ferry" is "the ferry is slower".

Which way a comparison of two things goes is told by the pair of adjectives that measure one scale:
with the two things exchanged and the other adjective it says the same, with one of these alone the
contrary. Of what is more or less, higher or lower, other rules read the direction. English.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from vademecum.rag.negation import negated
from vademecum.rag.polarity import COMPARISON
from vademecum.rag.words import content_words

# Of each scale the adjective for more of it, and that for less.
SCALES = tuple(
    (re.compile(rf"\b(?:{more})\b", re.IGNORECASE), re.compile(rf"\b(?:{less})\b", re.IGNORECASE))
    for more, less in (
        ("faster|quicker", "slower"),
        ("dearer|costlier|more expensive|more costly", "cheaper|less expensive|less costly"),
        ("bigger|larger", "smaller"),
        ("taller", "shorter"),
        ("older", "younger|newer"),
        ("heavier", "lighter"),
        ("louder|noisier", "quieter"),
        ("warmer|hotter", "colder|cooler"),
        ("stronger", "weaker"),
        ("farther|further away", "nearer|closer"),
        ("later", "earlier|sooner"),
        ("wider|broader", "narrower"),
        ("thicker", "thinner"),
        ("deeper", "shallower"),
        ("harder|more difficult", "easier|less difficult"),
        ("safer|less dangerous", "more dangerous|riskier"),
    )
)


class Degree(NamedTuple):
    """The place of a scale, +1 or -1, and the words on the two sides of "than"."""

    scale: int
    sign: int
    left: frozenset[str]
    right: frozenset[str]


def at_odds(sentence: str, parts: Sequence[str]) -> bool:
    """Whether a sentence compares two things the other way than a part, and none its own way."""
    found = _compared(sentence, parts)
    return -1 in found and 1 not in found


def agrees(sentence: str, parts: Sequence[str]) -> bool:
    """Whether a part compares the same two things, and all that do so the same way."""
    found = _compared(sentence, parts)
    return 1 in found and -1 not in found


def _compared(sentence: str, parts: Sequence[str]) -> set[int]:
    """1 where a part compares the two things the same way, -1 where the other way."""
    ours = degree(sentence)
    if ours is None:
        return set()
    told = [theirs for part in parts if (theirs := degree(part)) and theirs.scale == ours.scale]
    return {_side(ours, theirs) * ours.sign * theirs.sign for theirs in told} - {0}


def _side(ours: Degree, theirs: Degree) -> int:
    """1 if each thing stands on the same side of "than", -1 if they are exchanged, 0 if they are
    not the same two."""
    left, right = ours.left - ours.right, ours.right - ours.left
    one, other = theirs.left - theirs.right, theirs.right - theirs.left
    if right and right <= other and left & one:
        return 1
    if right and right <= one and left & other:
        return -1
    return 0


@lru_cache(maxsize=4096)
def degree(text: str) -> Degree | None:
    """The one comparison of a sentence; None if it has none, or denies it."""
    match = COMPARISON.search(text) if " than " in text else None
    if match is None or negated(text):
        return None
    found = [
        (scale, sign)
        for scale, pair in enumerate(SCALES)
        for sign, adjective in zip((1, -1), pair, strict=True)
        if adjective.search(text)
    ]
    if len(found) != 1 or not SCALES[found[0][0]][found[0][1] < 0].search(match["left"]):
        return None
    left, right = (frozenset(content_words(match[side])) for side in ("left", "right"))
    return Degree(*found[0], left, right)
