"""On which side of a bound, or with or without what: "before breakfast", "without food", "早餐前".

A sentence that names the one side of what a passage names the other side of is at odds with it.
English, German and Chinese.
"""

from __future__ import annotations

from collections.abc import Sequence

from vademecum.rag.circumstances import HAN_SIDE, sides
from vademecum.rag.words import containment, content_words

OTHER = {"<": ">", ">": "<", "with ": "without ", "without ": "with "}
SHARED = 0.75  # of the words of the sentence, in the part that names the other side


def at_odds(sentence: str, parts: Sequence[str]) -> bool:
    """Whether a side that the sentence names is named by no part, and the other side of the same by
    one that has its words."""
    words = _words(sentence)
    near = [part for part in parts if containment(words, _words(part)) >= SHARED]
    held = {side for part in parts for side in sides(part)}
    there = {side for part in near for side in sides(part)}
    return any(
        (side, what) not in held and (OTHER[side], what) in there for side, what in sides(sentence)
    )


def _words(text: str) -> set[str]:
    """What a text names, but for the sides."""
    return content_words(HAN_SIDE.sub(r"\g<what> ", text))
