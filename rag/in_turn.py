"""Which of two things has which of two figures, each behind its name: "an acknowledgement within
three days and a full reply within thirty", "Clearline costs 410 pounds, that of Voxtel 365".

A sentence that names the one and has the figure of the other is at odds with it. What is named
behind its figure ("12% on A and 18% on B") is left to `groups.py` and `proportions.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import combinations
from typing import NamedTuple

from vademecum.rag.negation import negated
from vademecum.rag.quantities import numbers_at, plain, unit_after
from vademecum.rag.slots import words_in_order
from vademecum.rag.words import HAN, containment

RANGE = re.compile(r"\s?(?:to|and|until|bis|und|[-–—])\s?", re.IGNORECASE)
IN_BRACKETS = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
CLAUSE = re.compile(r"(?<=[.:])\s+")
NEAREST = 2  # words before a figure that name what has it
MOST = 6  # figures of a part
SHARED = 0.75  # of the words of a sentence, in the part


class Figure(NamedTuple):
    """A number, or a range of two, and the stems that stand right before it."""

    values: tuple[str, ...]
    name: frozenset[str]


class Turn(NamedTuple):
    """The figures of a clause, each behind its name, and all of its words."""

    figures: tuple[Figure, ...]
    words: frozenset[str]


def at_odds(sentence: str, parts: Sequence[str]) -> bool:
    """Whether a sentence gives the figure of one thing to another that a part names beside it."""
    if negated(sentence) or HAN.search(sentence):
        return False
    told = [turn for part in parts for clause in CLAUSE.split(part) if (turn := _turn(clause))]
    if not told:
        return False
    words = frozenset(words_in_order(sentence))
    claimed = [values for _, _, values in _numbers(plain(sentence))]
    return len(claimed) == 1 and any(_mixed(words, claimed[0], turn) for turn in told)


def _mixed(words: frozenset[str], values: tuple[str, ...], turn: Turn) -> bool:
    if containment(set(words), set(turn.words)) < SHARED:
        return False
    for pair in combinations(turn.figures, 2):
        for own, other in (pair, pair[::-1]):
            if values == own.values and values != other.values:
                named, unnamed = other.name - own.name, own.name - other.name
                same = sum(each.values == values for each in turn.figures)
                if same == 1 and named and unnamed and named <= words and not unnamed <= words:
                    return True
    return False


@lru_cache(maxsize=4096)
def _turn(clause: str) -> Turn | None:
    """The figures of a clause, if each of several stands behind a name of its own."""
    text = IN_BRACKETS.sub(" ", plain(clause))
    numbers = _numbers(text)
    if not 2 <= len(numbers) <= MOST or len({unit_after(text, end) for _, end, _ in numbers}) > 1:
        return None
    ends = [0, *(end for _, end, _ in numbers)]
    before = [
        words_in_order(text[a:start]) for a, (start, _, _) in zip(ends, numbers, strict=False)
    ]
    measures = set(before[1][:NEAREST])  # "pounds a month" behind the first figure
    if set(words_in_order(text[ends[-1] :])) - measures:
        return None  # things are named behind
    names = [frozenset(found[-NEAREST:]) for found in before]
    if any(a & b for a, b in combinations(names, 2)) or not all(names):
        return None
    figures = (Figure(values, name) for (_, _, values), name in zip(numbers, names, strict=True))
    return Turn(tuple(figures), frozenset(words_in_order(text)))


def _numbers(text: str) -> list[tuple[int, int, tuple[str, ...]]]:
    """Where each number of a text stands, and what it is; a range is one."""
    return list(_ranges(text))


def _ranges(text: str) -> Iterator[tuple[int, int, tuple[str, ...]]]:
    places = numbers_at(text, spelled=True)
    at = 0
    while at < len(places):
        start, end, value = places[at]
        if at + 1 < len(places) and RANGE.fullmatch(text[end : places[at + 1][0]]):
            _, end, other = places[at + 1]
            yield start, end, (str(value), str(other))
            at += 2
        else:
            yield start, end, (str(value),)
            at += 1
