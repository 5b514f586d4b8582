"""What a passage says of one thing and otherwise of another: "halved in men; in women unchanged".

A sentence with the direction of the one that names the other is at odds with the passage. Which
clause says what is told by cue words. English, German and Chinese.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Sequence
from functools import lru_cache
from itertools import chain, pairwise

from vademecum.rag.changes import SAME
from vademecum.rag.circumstances import Statement, stands, statement
from vademecum.rag.negation import negated
from vademecum.rag.polarity import DOWN, UP, direction

# "And" parts two statements where each has a value of its own.
BETWEEN = re.compile(
    r"[;:]\s|,\s|[，；]|\b(?:but|whereas|while|although|though|however|yet|and|und)\b|而|但是?",
    re.IGNORECASE,
)
CONTRAST = re.compile(
    r"\A(?:[;；]|,?\s*(?:but|whereas|while|although|though|however|yet|而|但))"
    r"|\b(?:aber|sondern|jedoch|während|hingegen|dagegen)\b",
    re.IGNORECASE,
)
UNCHANGED = re.compile(
    rf"{SAME.pattern}|\b(?:unchanged|unaffected|the same|unverändert|gleich)\b|不变", re.IGNORECASE
)
# They say of whom: "without diabetes", "never smokers", "among those receiving no oxygen".
OF_WHOM = re.compile(
    r"\b(?:without|with no|ohne) (?!(?:\w+ )?(?:effects?|benefits?|change|difference|wirkung|nutzen"
    r"|einfluss|unterschied)\b)[\w-]+|\bnever[- ]smok\w+|\bnon-\w+"
    r"|\b(?:receiving|taking|given|having|using) no [\w-]+"
    r"|\b(?:among|in|for) (?:\w+ ){1,2}(?:not (?:receiving|taking|given|having|using|on)"
    r"|who (?:\w+ )?(?:not?|never))\b",
    re.IGNORECASE,
)
NOT_SAME = re.compile(
    r"\b(?:not|n't|never|nicht) (?:\w+ )?(?:similar|comparable|unchanged|unaffected|the same"
    r"|gleich)\b",
    re.IGNORECASE,
)
CUES = re.compile(rf"{UP.pattern}|{DOWN.pattern}", re.IGNORECASE)


def at_odds(sentence: str, parts: Sequence[str]) -> bool:
    """Whether a clause of the sentence says of one thing what the parts say of another."""
    return any(sign == -1 for sign in _signs(sentence, parts))


def agrees(sentence: str, parts: Sequence[str]) -> bool:
    """Whether all clauses say of their things what the parts say of these and not of others."""
    signs = list(_signs(sentence, parts))
    return bool(signs) and all(sign == 1 for sign in signs)


def _signs(sentence: str, parts: Sequence[str]) -> Iterator[int]:
    told = list(chain.from_iterable(statements(part) for part in parts))
    return (stands(claim, list(pairwise(told)), contrary) for claim in statements(sentence))


def contrary(one: Hashable, other: Hashable) -> bool:
    """Whether of two values one is up and the other down, or one no change and the other one."""
    return one != other and (0 in (one, other) or None not in (one, other))


@lru_cache(maxsize=1024)
def statements(part: str) -> tuple[Statement, ...]:
    """The clauses of a sentence that say something, each with what it says: 1 more, -1 less, 0 no
    change or a denial, None anything else."""
    told: list[list[str]] = []  # each clause, and what is added to it
    for piece in _pieces(part):
        if not told or (CONTRAST.search(piece) and value(told[-1][0]) != value(piece)):
            told.append([piece, ""])
        elif value(told[-1][0]) is None:
            told[-1][0] += piece
        elif value(piece) is None:
            told[-1][piece.startswith((",", "，"))] += piece
        else:
            told.append([piece, ""])
    return tuple(_statement(clause, aside) for clause, aside in told)


def _pieces(part: str) -> Iterator[str]:
    at = 0
    for match in BETWEEN.finditer(part):
        yield part[at : match.start()]
        at = match.start()
    yield part[at:]


def _statement(clause: str, aside: str) -> Statement:
    cue = CUES.search(clause)
    before = clause[: cue.start()] if cue else clause
    return statement(value(clause), CUES.sub(" ", clause), before, aside)


def value(clause: str) -> int | None:
    """What a clause says: 1 more, -1 less, 0 no change or a denial, None anything else."""
    clause = OF_WHOM.sub(" ", clause)
    if NOT_SAME.search(clause):
        return None
    if negated(clause) or UNCHANGED.search(clause):
        return 0
    return direction(clause) or None
