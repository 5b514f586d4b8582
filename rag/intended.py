"""What a passage says that somebody wants, asks for or plans: "has asked to reduce his hours".

A sentence that states it ("he reduces his hours") is at odds with it, unless another part of the
passage says that it came so. English.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from vademecum.rag.negation import negated
from vademecum.rag.words import WORD, containment, content_words, without_ending

INTENDS = re.compile(
    r"\b(?:ask(?:s|ed|ing)|want(?:s|ed|ing)?|wish(?:es|ed|ing)?|hop(?:es|ed|ing)|plan(?:s|ned|ning)"
    r"|intend(?:s|ed|ing)?|propos(?:es|ed|ing)|offer(?:s|ed|ing)|appl(?:ies|ied|ying)"
    r"|request(?:s|ed|ing)|consider(?:s|ed|ing)?|suggest(?:s|ed|ing)|would like)"
    r"(?: to (?:be allowed to )?|\s(?=\w+ing\b))(?P<verb>[a-z]{2,})",
    re.IGNORECASE,
)
# A sentence with one of these states no more than the passage.
OPEN = re.compile(
    r"\b(?:(?-i:may)|might|could|would|should|if|whether|want|wish|hope|plan|intend|propos\w+|offer"
    r"|appl(?:y|ies|ied)|request|consider|suggest|like|ask|asks|asked|seek|sought"
    r"|possibl[ey]|idea|discuss\w*)(?:s|es|ed|ing|ning|ned)?\b",
    re.IGNORECASE,
)
SHARED = 0.75  # of the words of a sentence, in the part
ROOT = 5  # letters by which "reducing" and "reduces" are one word


class Intent(NamedTuple):
    """What is done, by the beginning of its verb, and the words of the sentence behind it."""

    root: str
    behind: frozenset[str]


def at_odds(sentence: str, parts: Sequence[str]) -> bool:
    """Whether a sentence states what the parts say somebody only wants, or plans."""
    if OPEN.search(sentence) or negated(sentence):
        return False
    words = content_words(sentence)
    roots = {_root(word) for word in WORD.findall(sentence)}
    near = [part for part in parts if containment(words, content_words(part)) >= SHARED]
    wanted = [each for part in near for each in intents(part)]
    if not any(each.root in roots and each.behind & words for each in wanted):
        return False
    return not any(
        containment(words, content_words(part)) >= SHARED for part in parts if not intents(part)
    )


@lru_cache(maxsize=4096)
def intents(part: str) -> tuple[Intent, ...]:
    """All that a sentence says somebody wants or plans."""
    return tuple(_intents(part))


def _intents(part: str) -> Iterator[Intent]:
    for match in INTENDS.finditer(part):
        behind = re.split(r"[;:.]\s", part[match.end() :])[0]
        yield Intent(_root(match["verb"]), frozenset(content_words(behind)))


def _root(word: str) -> str:
    return without_ending(word.lower()).rstrip("e")[:ROOT]
