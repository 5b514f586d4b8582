"""What is done how: "metformin is stopped two days before contrast and restarted when creatinine is
stable".

A sentence that has the verb of one clause and all else of the other ("is stopped when creatinine is
stable") is at odds with it. English.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import permutations
from typing import NamedTuple

from vademecum.rag.clauses import VERB, clauses
from vademecum.rag.finite import PREPOSITIONS
from vademecum.rag.negation import negated
from vademecum.rag.slots import words_in_order
from vademecum.rag.voices import FORMS
from vademecum.rag.words import GERMAN, HAN, containment, without_ending

JOINED = re.compile(r"[,;:]|\b(?:and|or|but)\b")
# "Is baked before dawn | and delivered after six".
BE = re.compile(r"\b(?:is|are|was|were|been|be)\b")
PARTICIPLE = re.compile(
    rf"\s(?:and|but)\s(?=(?:then\s)?[a-z]+(?:ed|en|pt|ght|ft|lt|nt)\s(?:{'|'.join(sorted(PREPOSITIONS))})\b)"
)
MOST = 6  # clauses of a sentence that are read
LONGEST = 400  # characters of a sentence
HALF = 0.5
SHARED = 0.9  # of the words of the sentence, in the part


class Predicate(NamedTuple):
    """The verb of a clause, what stands with it, and all words of the clause."""

    verb: str
    rest: frozenset[str]
    words: frozenset[str]


def at_odds(sentence: str, parts: Sequence[str]) -> bool:
    """Whether a sentence of one clause has the verb of one of a part, and the rest of another."""
    if JOINED.search(sentence.rstrip(" .!")) or negated(sentence) or HAN.search(sentence):
        return False
    words = frozenset(words_in_order(sentence))
    told = [predicates(part) for part in parts if len(part) <= LONGEST]
    if any(words <= each.words for row in told for each in row):
        return False
    return any(_mixes(words, one, other) for row in told for one, other in permutations(row, 2))


def _mixes(words: frozenset[str], one: Predicate, other: Predicate) -> bool:
    """Whether the words have the one's verb with what stands with the other's."""
    own, theirs = one.rest - other.words, other.rest - one.words
    return (
        one.verb in words
        and other.verb not in words
        and bool(own)
        and own.isdisjoint(words)
        and bool(theirs)
        and containment(set(theirs), set(words)) > HALF
        and containment(set(words), set(one.words | other.words)) >= SHARED
    )


@lru_cache(maxsize=4096)
def predicates(part: str) -> tuple[Predicate, ...]:
    """Those of a sentence of several clauses, none of which denies."""
    found = [
        piece
        for clause in clauses(part)
        for piece in (PARTICIPLE.split(clause) if BE.search(clause) else (clause,))
    ]
    if len(found) < 2 or GERMAN.search(part):
        return ()
    return tuple(_predicates(found[:MOST]))


def _predicates(found: Sequence[str]) -> Iterator[Predicate]:
    for clause in found:
        verb, first = VERB.search(clause), clause.split(maxsplit=1)[0].lower()
        participle = first.endswith("ed") or without_ending(first) in FORMS
        begins = 0 if participle or verb is None else verb.start()
        said = words_in_order(clause[begins:])
        if len(said) > 1 and not negated(clause):
            yield Predicate(said[0], frozenset(said[1:]), frozenset(words_in_order(clause)))
