"""Under which label a passage lists a figure: "phone: 1177", "fax: 1188".

A sentence that has the figure of one label and names another ("the phone number is 1188") is at
odds with the passage, unless the figure stands elsewhere in it, too. In every language.
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


class Labelled(NamedTuple):
    """The words of a label, and the numbers that stand behind it."""

    label: frozenset[str]
    values: frozenset[str]


def at_odds(sentence: str, parts: Sequence[str]) -> bool:
    """Whether a sentence gives a label the figure of another."""
    told = [each for part in parts for each in labelled(part)]
    if len(told) < 2:
        return False
    words, figures = content_words(sentence), numbers(sentence)
    named = [each for each in told if each.label <= words]
    unnamed = [each for each in told if not each.label & words]
    own = frozenset[str]().union(*(each.values for each in named))
    others = frozenset[str]().union(*(each.values for each in unnamed))
    return (
        bool(own) and not own & figures and bool(others & figures - own) and _listed(figures, parts)
    )


def _listed(figures: set[str], parts: Sequence[str]) -> bool:
    """Whether all figures stand nowhere but behind labels."""
    free = [LABEL.sub(" ", part) for part in parts if not labelled(part)]
    return not any(figures & numbers(part) for part in free)


@lru_cache(maxsize=4096)
def labelled(part: str) -> tuple[Labelled, ...]:
    """The labels of a sentence or list, each with its figures."""
    found = [*LABEL.finditer(part)]
    ends = [*(match.start() for match in found), len(part)][1:]
    told = [
        Labelled(frozenset(content_words(match["label"])), frozenset(numbers(value)))
        for match, end in zip(found, ends, strict=bool(found))
        if len(value := part[match.end() : end]) <= VALUE
    ]
    return tuple(each for each in told if each.label and each.values)
