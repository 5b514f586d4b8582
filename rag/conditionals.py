"""Which of its conditions a passage says it of: "if the rash spreads, the drug is stopped".

A sentence that has it of another condition of the same passage ("the drug is stopped if the
temperature rises") is at odds with it. What "it" takes up is left alone: a condition is told by the
words that the other one lacks. English and German.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from vademecum.rag.negation import negated
from vademecum.rag.slots import words_in_order
from vademecum.rag.supposed import CONDITION
from vademecum.rag.words import containment

FIRST = re.compile(r"\A\W*(?:where|whenever)\s(?P<what>[^,;:.()]+),", re.IGNORECASE)
SEGMENT = re.compile(r"(?<=;)\s")
SHARED = 0.75  # of what the sentence says, in what is said under a condition
HALF = 0.5  # of what tells a condition from the other, in that of the sentence


class Conditional(NamedTuple):
    """The words of a condition and of what holds under it, and whether each is denied."""

    condition: frozenset[str]
    what: frozenset[str]
    denied: tuple[bool, bool]


def at_odds(sentence: str, parts: Sequence[str]) -> bool:
    """Whether a sentence says under one condition what the parts say under another one only."""
    claims = conditionals(sentence)
    told = [each for part in parts for each in conditionals(part)] if claims else []
    return any(_of_another(claim, told) for claim in claims)


def _of_another(claim: Conditional, told: Sequence[Conditional]) -> bool:
    same = [
        each for each in told if containment(set(claim.what), set(each.what)) >= SHARED
        and each.denied[1] == claim.denied[1]
    ]  # fmt: skip
    return bool(same) and any(
        all(_tells(claim.condition, other.condition, each.condition) for each in same)
        for other in told
        if other not in same
    )


def _tells(claim: frozenset[str], other: frozenset[str], said: frozenset[str]) -> bool:
    """Whether the condition of a claim is that other one, and not the one of which it is said."""
    theirs, own = set(other - said), set(said - other)
    held = containment(theirs, set(claim))
    return bool(own) and held >= HALF and held > containment(own, set(claim))


@lru_cache(maxsize=4096)
def conditionals(text: str) -> tuple[Conditional, ...]:
    """What a sentence says under its conditions, if each clause of it has one at most."""
    return tuple(_conditionals(text))


def _conditionals(text: str) -> Iterator[Conditional]:
    for segment in SEGMENT.split(text):
        found = [*CONDITION.finditer(segment), *FIRST.finditer(segment)]
        if len(found) != 1:
            continue
        match = found[0]
        rest = f"{segment[: match.start()]} {segment[match.end() :]}"
        condition = frozenset(words_in_order(match["what"]))
        what = frozenset(words_in_order(rest))
        if condition and what:
            yield Conditional(condition, what, (negated(match["what"]), negated(rest)))
