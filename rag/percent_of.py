"""Of what a passage gives a percentage: "the deposit is 20 percent of the price".

A sentence that has it of something else that the passage names ("20 percent of the rent") is at
odds with it, unless the passage gives the same percentage of that as well, or does not say of what.
English and German.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from vademecum.rag.words import STOP_WORDS, WORD, content_words, normal, stem

PERCENT = r"(?P<number>\d+(?:[.,]\d+)?)\s?(?:%|per ?cent\b|prozent\b)"
_ARTICLE = r"(?:(?:all|the|its|our|their|these|those|an?|der|des|dem|den|die|ihre[rs]?|\d+) ){0,3}"
_NOUN = (
    r"(?P<base>[^\W\d]+(?: (?!(?:is|are|was|were|have|has|had|of|in|at|who|with|and|or|ist|sind|hat"
    r"|haben)\b)[^\W\d]+)?)"
)
OF = re.compile(rf"{PERCENT} (?:of|von|vom|der|des) {_ARTICLE}{_NOUN}", re.IGNORECASE)
# "Of the 80 nurses 25 percent work at night", "among men 30 percent".
BEFORE = re.compile(
    rf"\b(?:of|among|von) {_ARTICLE}(?P<base>[^\W\d]+(?: [^\W\d]+)?),? {PERCENT}"
    r"(?! (?:of|von|der|des)\b)",
    re.IGNORECASE,
)
NUMBER = re.compile(PERCENT, re.IGNORECASE)


class Share(NamedTuple):
    """A percentage, and the stems of that of which it is one, its first noun in front; none where
    that is not said."""

    number: str
    base: tuple[str, ...]


def at_odds(sentence: str, parts: Sequence[str]) -> bool:
    """Whether a sentence gives a percentage of one thing that the parts give of another only."""
    claims = [share for share in shares(sentence) if share.base]
    if not claims:
        return False
    told = [share for part in parts for share in shares(part)]
    known = frozenset[str]().union(*(content_words(part) for part in parts))
    for claim in claims:
        same = [share for share in told if share.number == claim.number]
        if same and claim.base[0] in known and not any(_of_one(claim, each) for each in same):
            return True
    return False


def _of_one(claim: Share, other: Share) -> bool:
    return not other.base or claim.base[0] in other.base or other.base[0] in claim.base


@lru_cache(maxsize=4096)
def shares(text: str) -> tuple[Share, ...]:
    """Every percentage that a sentence gives, with that of which it is one."""
    return tuple(_shares(text))


def _shares(text: str) -> Iterator[Share]:
    told = set()
    for pattern in (OF, BEFORE):
        for match in pattern.finditer(text):
            told.add(match.start("number"))
            yield Share(_number(match), _stems(match["base"]))
    for match in NUMBER.finditer(text):
        if match.start() not in told:
            yield Share(_number(match), ())


def _number(match: re.Match[str]) -> str:
    return normal(match["number"].replace(",", "."))


def _stems(text: str) -> tuple[str, ...]:
    return tuple(stem(word) for word in WORD.findall(text.lower()) if word not in STOP_WORDS)
