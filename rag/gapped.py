"""What stands with what where a verb is left out: "Anna works from Monday to Wednesday and Ben from
Thursday to Saturday", "a third of the nurses and half of the doctors".

A sentence that has Ben work from Monday is at odds with it: of two things, each with a phrase of
the same preposition, it gives to the one what stands with the other. English and German.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from vademecum.rag.finite import PREPOSITIONS
from vademecum.rag.negation import negated
from vademecum.rag.slots import words_in_order
from vademecum.rag.words import containment

_PREPOSITION = "|".join(sorted(PREPOSITIONS, key=len, reverse=True))
# "... and | Ben | from | Thursday": at most four words before the preposition, none a verb's mark.
SECOND = re.compile(
    r"(?:,\s+|\s)(?:and|but|while|whereas|und|aber|während)\s+"
    r"(?P<other>(?!(?:the\s)?(?:other|rest)\b)"
    rf"(?:(?!(?:{_PREPOSITION}|is|are|was|were|has|have|had|ist|sind|war|waren|hat|haben)\b)"
    rf"[\w'-]+\s){{1,4}})(?P<preposition>{_PREPOSITION})\s(?P<its>[^,;:.]{{1,60}})",
    re.IGNORECASE,
)
CLAUSE = re.compile(r"[;:.]\s")
REACH = 160  # characters before it that are read
SHARED = 0.75  # of the words of the sentence, in the part


class Pairs(NamedTuple):
    """Two things, as stems, each with the first word of what stands with it."""

    one: frozenset[str]
    ones: str
    other: frozenset[str]
    others: str
    words: frozenset[str]


def at_odds(sentence: str, parts: Sequence[str]) -> bool:
    """Whether a sentence gives to one of two things what stands with the other in a part."""
    words = set(words_in_order(sentence))
    told = [] if negated(sentence) else [pairs for part in parts for pairs in gapped(part)]
    wrong = any(
        containment(words, set(pairs.words)) >= SHARED
        and (
            _mixes(words, pairs.other, pairs.one, pairs.ones, pairs.others)
            or _mixes(words, pairs.one, pairs.other, pairs.others, pairs.ones)
        )
        for pairs in told
    )
    return wrong and not any(
        words <= set(words_in_order(part)) for part in parts if not gapped(part)
    )


def _mixes(
    words: set[str], named: frozenset[str], left_out: frozenset[str], has: str, lacks: str
) -> bool:
    """Whether the words name the one thing and not the other, with what stands with the other."""
    own, theirs = named - left_out, left_out - named
    return own <= words and theirs.isdisjoint(words) and has in words and lacks not in words


@lru_cache(maxsize=4096)
def gapped(text: str) -> tuple[Pairs, ...]:
    """All such pairs of a sentence."""
    return tuple(_gapped(text))


def _gapped(text: str) -> Iterator[Pairs]:
    for match in SECOND.finditer(text):
        first = CLAUSE.split(text[max(0, match.start() - REACH) : match.start()])[-1]
        split = re.search(rf"\b{match['preposition']}\s", first, re.IGNORECASE)
        if split is None:
            continue
        one = first[: split.start()]
        ones = words_in_order(first[split.end() :])[:1]
        others = words_in_order(match["its"])[:1]
        heads = words_in_order(one)
        other = frozenset(words_in_order(match["other"]))
        if not (ones and others and heads and other) or ones == others:
            continue
        # What the first is called stands before its verb: as many words as the other has.
        head = frozenset(heads[: len(other)])
        if head - other and other - head and not other & set(words_in_order(first)):
            behind = words_in_order(match["its"])
            words = frozenset((*words_in_order(first), *other, *behind))
            yield Pairs(head, ones[0], other, others[0], words)
