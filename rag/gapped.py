"""What stands with what where a verb is left out: "Anna works from Monday to Wednesday and Ben from
Thursday to Saturday", "bicycles are kept in the cellar, prams in the hall", "the day team has four
nurses and the night team two".

A sentence that has Ben work from Monday is at odds with it: of two things, each with a phrase of
the same preposition, a number or a day, it gives to the one what stands with the other. English and
German.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from vademecum.rag.finite import AUXILIARIES, PREPOSITIONS
from vademecum.rag.negation import negated
from vademecum.rag.quantities import GERMAN_SPELLED, ONES
from vademecum.rag.slots import words_in_order
from vademecum.rag.words import containment

_PREPOSITION = "|".join(sorted(PREPOSITIONS, key=len, reverse=True))
_JOINT = (
    r"(?:,\s+(?:(?:and|but|while|whereas|und|aber|während)\s+)?"
    r"|\s(?:and|but|while|whereas|und|aber|während)\s+)"
)
# At most four words, none a verb's mark: the verb is that of the first.
_OTHER = (
    r"(?P<other>(?!(?:(?:the\s)?(?:other|rest)|and|but|while|whereas|und|aber|während|then|also|not|only"
    r"|which|who|that|where|when|if|because|including|especially)\b)"
    rf"(?:(?!(?:{_PREPOSITION}|{'|'.join(AUXILIARIES)})\b)"
    r"[^\W\d][\w'-]*\s){1,4}?)"
)
BY_PHRASE = re.compile(
    rf"{_JOINT}{_OTHER}(?P<kind>{_PREPOSITION})\s(?P<its>[^,;:.]{{1,60}})", re.IGNORECASE
)
_VALUE = (
    rf"(?:\d[\d.,]*|{'|'.join([*ONES, *GERMAN_SPELLED])}|(?:mon|tues|wednes|thurs|fri|satur|sun)day"
    r"|montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonntag)\b"
)
VALUE = re.compile(rf"\b{_VALUE}", re.IGNORECASE)
BY_VALUE = re.compile(
    rf"{_JOINT}{_OTHER}(?P<its>{_VALUE}[^,;.]{{0,40}}?)(?=[,;.]|\s(?:and|und)\s|\Z)", re.IGNORECASE
)
VERB = re.compile(rf"\b(?:{'|'.join(AUXILIARIES)})\b", re.IGNORECASE)
CLAUSE = re.compile(r"[;:.]\s")
REACH = 160  # characters before it that are read
MOST = 6  # things in a row
SHARED = 0.75  # of the words of the sentence, in the part


class Thing(NamedTuple):
    """The stems of what something is said of, and the first word of what stands with it."""

    name: frozenset[str]
    value: str


class Pairs(NamedTuple):
    """Two things with what stands with each, and all words that are said of them."""

    one: Thing
    other: Thing
    words: frozenset[str]


def at_odds(sentence: str, parts: Sequence[str]) -> bool:
    """Whether a sentence gives to one of two things what stands with the other in a part."""
    told = [] if negated(sentence) else [pairs for part in parts for pairs in gapped(part)]
    if not told:
        return False
    words = set(words_in_order(sentence))
    wrong = any(
        containment(words, set(pairs.words)) >= SHARED
        and (_mixes(words, pairs.one, pairs.other) or _mixes(words, pairs.other, pairs.one))
        for pairs in told
    )
    return wrong and not any(
        words <= set(words_in_order(part)) for part in parts if not gapped(part)
    )


def _mixes(words: set[str], named: Thing, left_out: Thing) -> bool:
    """Whether the words name the one thing and not the other, with what stands with the other."""
    own, theirs = named.name - left_out.name, left_out.name - named.name
    if not own <= words or theirs & words:
        return False
    return left_out.value in words and named.value not in words


@lru_cache(maxsize=4096)
def gapped(text: str) -> tuple[Pairs, ...]:
    """All such pairs of a sentence."""
    return tuple(_gapped(text))


def _gapped(text: str) -> Iterator[Pairs]:
    for pattern in (BY_PHRASE, BY_VALUE):
        row: list[Thing] = []
        kind, end = "", 0
        for match in pattern.finditer(text):
            now = match.groupdict().get("kind", "").lower()
            if match.start() != end or now != kind:
                row = []
            kind, end = now, match.end()
            first = CLAUSE.split(text[max(0, match.start() - REACH) : match.start()])[-1]
            other = _thing(match["other"], match["its"], 0)
            both = VERB.search(first) and VERB.search(match["its"])
            if other is None or both:
                row = []
                continue
            row = row or [thing for thing in (_first(first, kind, len(other.name)),) if thing]
            words = frozenset(words_in_order(f"{first} {match.group()}"))
            for one in row[-MOST:]:
                if one.name - other.name and other.name - one.name and one.value != other.value:
                    yield Pairs(one, other, words)
            row.append(other)


def _first(clause: str, kind: str, length: int) -> Thing | None:
    """The first thing of a row, which has the verb: as many words at its beginning as the next one
    has, and the phrase of that kind, or the last value."""
    if kind:
        split = re.search(rf"\b{kind}\s", clause, re.IGNORECASE)
        return _thing(clause[: split.start()], clause[split.end() :], length) if split else None
    values = [match.start() for match in VALUE.finditer(clause)]
    return _thing(clause[: values[-1]], clause[values[-1] :], length) if values else None


def _thing(name: str, value: str, length: int) -> Thing | None:
    """A thing of so many words (0: of all), if it has a name and something that stands with it."""
    names, values = words_in_order(name), words_in_order(value)
    if not names or not values:
        return None
    return Thing(frozenset(names[: length or len(names)]), values[0])
