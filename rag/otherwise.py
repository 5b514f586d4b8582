"""What a passage says of one thing and otherwise of another: "halved in men; in women unchanged".

A sentence with the direction of the one that names the other is at odds with the passage. Which
clause says what is told by cue words. English, German and Chinese.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import chain, pairwise

from vademecum.rag.changes import SAME
from vademecum.rag.circumstances import OPENS, Statement, stands, statement
from vademecum.rag.effects import LONGEST_CLAUSE
from vademecum.rag.negation import OF_WHOM, negated
from vademecum.rag.polarity import CLAUSE, DOWN, UP, direction
from vademecum.rag.words import PARENTHESIS, WORD

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


def at_odds(sentence: str, parts: Sequence[str]) -> bool:
    """Whether a clause of the sentence says of one thing what the parts say of another."""
    return -1 in _all_signs(sentence, parts)


def agrees(sentence: str, parts: Sequence[str]) -> bool:
    """Whether all clauses say of their things what the parts say of these and not of others."""
    signs = _all_signs(sentence, parts)
    return bool(signs) and all(sign == 1 for sign in signs)


def _all_signs(sentence: str, parts: Sequence[str]) -> list[int]:
    """How each clause stands to what the parts compare, if they tell, or else to all they say."""
    signs, by_comparison = _signs(sentence, parts), _compared(sentence, parts)
    # "Higher on A than on B at first, later lower": another clause may say it of the same two.
    if compared(sentence) and _all_agree(signs):
        return signs
    return by_comparison if any(by_comparison) and -1 not in signs else signs


def _all_agree(signs: Sequence[int]) -> bool:
    return bool(signs) and all(sign == 1 for sign in signs)


def _signs(sentence: str, parts: Sequence[str]) -> list[int]:
    told = list(pairwise(chain.from_iterable(statements(part) for part in parts)))
    return [stands(claim, told, contrary) for claim in statements(sentence)]


def _compared(sentence: str, parts: Sequence[str]) -> list[int]:
    """The same by what the parts compare: "longer on A than on B" says the contrary of B."""
    told = list(chain.from_iterable(compared(part) for part in parts))
    own = list(chain.from_iterable(compared(sentence))) or [
        replace(each, value=each.value or _comparative(sentence, told))
        for each in statements(sentence)
    ]
    return [stands(claim, told, contrary) for claim in own] if told else []


def _comparative(sentence: str, told: Sequence[tuple[Statement, Statement]]) -> Hashable:
    """The comparative of the parts that a sentence has as well: "schneller"."""
    words = {word.lower() for word in WORD.findall(sentence)}
    return next((one.value for one, _ in told if one.value in words), None)


def contrary(one: Hashable, other: Hashable) -> bool:
    """Whether of two values one is up and the other down, or one no change and the other one."""
    return one != other and (0 in (one, other) or None not in (one, other))


@lru_cache(maxsize=1024)
def statements(part: str) -> tuple[Statement, ...]:
    """The clauses of a sentence that say something, each with what it says: 1 more, -1 less, 0 no
    change or a denial, None anything else. A list without full stops is taken in pieces."""
    return tuple(chain.from_iterable(_stated(piece) for piece in _read_apart(part)))


def _stated(part: str) -> Iterator[Statement]:
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
def compared(part: str) -> tuple[tuple[Statement, Statement], ...]:
    """What a sentence says of each of two things of which it says that one has more."""
    return tuple(
        pair
        for piece in _read_apart(part)
        for clause in CLAUSE.split(piece)
        for pair in _two(clause)
    )


def _read_apart(part: str) -> list[str]:
    return [part[at : at + LONGEST_CLAUSE] for at in range(0, len(part), LONGEST_CLAUSE)]


def _two(clause: str) -> Iterator[tuple[Statement, Statement]]:
    than = THAN.search(clause)
    before = clause[: than.start()] if than else ""
    adjective = COMPARATIVE.search(before)
    said = value(before) or (adjective and adjective.group().strip().lower())
    if than and said:
        other = THING.match(clause, than.end())
        end = other.end() if other else len(clause)
        # "Fewer falls on A than on B | in the old": it is said of both.
        aside, behind = clause[end:], clause[than.end() : end]
        contrary_said = -said if isinstance(said, int) else f"not {said}"
        yield (
            replace(_statement(before, aside), value=said),
            statement(contrary_said, behind, behind, aside),
        )


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
