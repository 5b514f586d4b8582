"""What each clause of a sentence says: more, less, no change; and of what.

"Weight fell in winter and rose in summer" is two statements: less, of winter, and more, of summer.
"Survival was longer with a donor than without one" is two as well, one for each side of "than".
Which clause says what is told by cue words. English, German and Chinese.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from itertools import chain

from vademecum.rag.changes import SAME
from vademecum.rag.circumstances import OPENS
from vademecum.rag.effects import LONGEST_CLAUSE
from vademecum.rag.negation import OF_WHOM, negated
from vademecum.rag.polarity import CLAUSE, DOWN, UP, direction
from vademecum.rag.statements import Pair, Statement, statement
from vademecum.rag.words import PARENTHESIS

# "And" parts two statements where each has a value of its own.
BETWEEN = re.compile(
    r"[;:]\s|,\s|[，；]|\b(?:but|whereas|while|although|though|however|(?<!not )yet|and"
    r"|und)\b|而|但是?",
    re.IGNORECASE,
)
CONTRAST = re.compile(
    r"\A(?:[;；]|,?\s*(?:but|whereas|while|although|though|however|yet|而|但))"
    r"|\b(?:aber|sondern|jedoch|während|hingegen|dagegen)\b",
    re.IGNORECASE,
)
# "On the same day" and "by the same route" say of nothing that it did not change.
UNCHANGED = re.compile(
    rf"{SAME.pattern}|\b(?:unchanged|unaffected|(?<!\bon )(?<!\bat )(?<!\bin )(?<!\bby )(?<!\bof )"
    r"(?<!\bfrom )the same|unverändert|gleich)\b|不变",
    re.IGNORECASE,
)
NOT_SAME = re.compile(
    r"\b(?:not|n't|never|nicht) (?:\w+ )?(?:similar|comparable|unchanged|unaffected|the same"
    r"|gleich)\b",
    re.IGNORECASE,
)
# Of what is more and what is less; "more than 5%" and "than expected" say it of one thing.
THAN = re.compile(
    r"\b(?:than|als)\b(?! (?:expected|predicted|usual|before|erwartet|\w+ times|[<>≤≥]?\s?\d))"
    r"|(?<=[高低多少大小长短])于(?!\s*\d)",
    re.IGNORECASE,
)
COMPARATIVE = re.compile(
    r"\b(\w{3,}er)\s*\Z|\b(?:(?:fast|slow|earli|lat|saf|cheap|eas|strong|weak|dear)i?er)\b", re.I
)
THING = re.compile(
    rf"\s*(?:(?:{OPENS.pattern}|of)\s)?(?:(?!(?!with|mit\b|ohne\b)(?:{OPENS.pattern}))[^,;])*",
    re.IGNORECASE,
)
# Parentheses between the halves of "in A (3% vs 7%), but not in B (12% vs 12%)" name neither.
BUT_NOT = re.compile(
    r"\b(?:but|and|though|aber|und|jedoch)\s+(?:not|nicht|kein)|但[^，。]{0,3}[不未无]", re.I
)
CUES = re.compile(rf"{UP.pattern}|{DOWN.pattern}", re.IGNORECASE)


def value(clause: str) -> int | None:
    """What a clause says: 1 more, -1 less, 0 no change or a denial, None anything else.

    "Weight rose" 1, "weight did not rise" 0, "weight was not the same" None; a denial of whom it
    is said ("fell in women not taking statins") is none.
    """
    clause = OF_WHOM.sub(" ", clause)
    if NOT_SAME.search(clause):
        return None
    if negated(clause) or UNCHANGED.search(clause):
        return 0
    return direction(clause) or None


@lru_cache(maxsize=1024)
def statements(part: str) -> tuple[Statement, ...]:
    """The clauses of a sentence, each with its `value`.

    "And" parts two only where each says something of its own: "weight and height rose" is one.
    """
    return tuple(chain.from_iterable(_stated(piece) for piece in _short(part)))


def _stated(part: str) -> Iterator[Statement]:
    """A clause begins where a word of contrast brings another value, or where both say something;
    what says nothing by itself belongs to the clause before it, behind a comma as an aside."""
    if BUT_NOT.search(part):
        part = PARENTHESIS.sub(" ", part)
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
    for clause, aside in told:
        yield _statement(clause, aside)


@lru_cache(maxsize=1024)
def compared(part: str) -> tuple[Pair, ...]:
    """What a sentence says of each of two things of which it says that one has more.

    "Healing was faster with a dressing than without one": "faster" of the dressing, "not faster" of
    none. "More than 5 %" and "higher than expected" compare no two things.
    """
    return tuple(
        pair
        for piece in _short(part)
        for clause in CLAUSE.split(piece)
        if (pair := _of_both(clause))
    )


def _of_both(clause: str) -> Pair | None:
    than = THAN.search(clause)
    before = clause[: than.start()] if than else ""
    adjective = COMPARATIVE.search(before)
    said = value(before) or (adjective and adjective.group().strip().lower())
    if not than or not said:
        return None
    other = THING.match(clause, than.end())
    end = other.end() if other else len(clause)
    # "Fewer falls on A than on B | in the old": it is said of both.
    aside, behind = clause[end:], clause[than.end() : end]
    contrary = -said if isinstance(said, int) else f"not {said}"
    return (
        replace(_statement(before, aside), value=said),
        statement(contrary, behind, behind, aside),
    )


def _statement(clause: str, aside: str) -> Statement:
    cue = CUES.search(clause)
    before = clause[: cue.start()] if cue else clause
    return statement(value(clause), CUES.sub(" ", clause), before, aside)


def _pieces(part: str) -> Iterator[str]:
    at = 0
    for match in BETWEEN.finditer(part):
        yield part[at : match.start()]
        at = match.start()
    yield part[at:]


def _short(part: str) -> list[str]:
    """A sentence, or pieces of what is no sentence: a list without full stops."""
    return [part[at : at + LONGEST_CLAUSE] for at in range(0, len(part), LONGEST_CLAUSE)]
