"""Under which label a passage lists a figure or a name: "phone: 1177", "night shift: Okafor".

A sentence that has what stands under one label and names another ("the phone number is 1188") is at
odds with the passage, unless that stands elsewhere in it, too. In every language.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from vademecum.rag.words import content_words, numbers

# At the beginning of a line or behind a mark: "- phone: 1177", "Tel.: 1177, fax: 1188".
LABEL = re.compile(
    r"(?:\A|[\n;,|]|(?<=[.)]) |\s[-*•–]\s|(?<=\d) )\s*(?:[-*+•–]\s*)?"
    r"(?P<label>[^\W\d_][^\W\d]*\.?(?: [^\W\d]+\.?){0,2})[:：](?!//)"
)
VALUE = 60  # characters of a value: what is longer is a text


FEW = 3  # words of a name


class Labelled(NamedTuple):
    """The words of a label, and the numbers that stand behind it, or else the words of a name."""

    label: frozenset[str]
    values: frozenset[str]


def at_odds(sentence: str, parts: Sequence[str]) -> bool:
    """Whether a sentence gives a label what stands under another."""
    told = [each for part in parts for each in labelled(part)]
    if len(told) < 2:
        return False
    words = content_words(sentence)
    said = words | numbers(sentence)
    own = frozenset[str]().union(*(each.values for each in told if each.label <= words))
    others = [each.values for each in told if not each.label <= words and each.values <= said]
    if not own or own & said or not others:
        return False
    given = frozenset[str]().union(*others)
    return not any(
        given & (numbers(part) | content_words(part)) for part in parts if not labelled(part)
    )


@lru_cache(maxsize=4096)
def labelled(part: str) -> tuple[Labelled, ...]:
    """The labels of a sentence or list, each with its figures."""
    found = [*LABEL.finditer(part)]
    ends = [*(match.start() for match in found), len(part)][1:]
    told = [
        Labelled(frozenset(content_words(match["label"])), _values(value))
        for match, end in zip(found, ends, strict=bool(found))
        if len(value := part[match.end() : end]) <= VALUE
    ]
    return tuple(each for each in told if each.label and each.values)


def _values(value: str) -> frozenset[str]:
    words = content_words(value)
    return frozenset(numbers(value) or (words if len(words) <= FEW else ()))
