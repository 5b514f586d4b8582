"""What comes first: "A before B", "B after A", "first A, then B", "A. Then B." say the same.

"Antibiotics are given before cultures are taken" has every word of a passage that says "cultures
are taken before antibiotics are given", and is at odds with it; "antibiotics are given after
cultures are taken" has another word, and agrees. English, German and Chinese.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, pairwise

from vademecum.rag.words import containment, content_words

# What stands before one of these, in its clause, comes before what stands behind it; or after it.
FORWARD = re.compile(
    r"\b(?:before|prior to|(?:was|were|is|are|be) followed by|followed by|preced(?:ed|es?)"
    r"|(?:and|but) (?:then|later|afterwards|subsequently)|then|bevor|ehe)\b"
    r"|\b(?:und )?(?:dann|danach|anschließend)\b|(?:，|,)?(?:然后|随后|之后再|接着)|(?<=[，,])再",
    re.IGNORECASE,
)
BACKWARD = re.compile(
    r"\b(?:after|subsequent to|(?:was|were|is|are) preceded by|nachdem)\b", re.IGNORECASE
)
# "After A, B" and "bevor A, B": the clause that it opens ends at the comma.
OPENS = re.compile(
    r"\A\W*(?:(?P<earlier>after|nachdem)|(?P<later>before|prior to|bevor|ehe))\s+"
    r"(?P<clause>[^,;]+),\s*(?P<rest>.+)\Z",
    re.IGNORECASE | re.DOTALL,
)
HAN_AFTER = re.compile(r"\A(?P<earlier>[^，。；]{2,30}?)(?:之后|以后)，?(?P<later>[^，。；]{2,})")
HAN_BEFORE = re.compile(r"\A(?P<later>[^，。；]{2,30}?)(?:之前|以前)，?(?P<earlier>[^，。；]{2,})")
NEXT = re.compile(
    r"\A\W*(?:then|next|after that|after this|afterwards|thereafter|subsequently|dann|danach"
    r"|anschließend|daraufhin|然后|随后|接着)\b,?",
    re.IGNORECASE,
)
CLAUSE = re.compile(r"[;；。]|,\s*(?:and|but|while|whereas|und|aber|während)\b|\.\s")
# These tell the order and name nothing; nor does how long it took.
NO_THINGS = content_words(
    "first then later next come came comes developed develop occurred occur happened follow "
    "followed preceded precede given give received receive erst zuerst zunächst dann danach "
    "anschließend hour hours day days week weeks month months year years minute minutes"
)
IN_PLACE = 0.5  # of the words of an event, in the one that it is taken for
TURNED = 0.75  # of the words that are in another place, in the place of the other event


@dataclass(frozen=True, slots=True)
class Order:
    """The words of two events, without those that both have."""

    earlier: frozenset[str]
    later: frozenset[str]


def at_odds(sentence: str, parts: Sequence[str]) -> bool:
    """Whether the parts have two events of the sentence the other way round."""
    told = _told(tuple(parts))
    return any(
        any(_turned(ours, theirs) for theirs in told)
        and not any(_same(ours, theirs) for theirs in told)
        for ours in _orders(sentence)
    )


def agrees(sentence: str, parts: Sequence[str]) -> bool:
    """Whether the parts have the events of the sentence in its order."""
    ours, told = _orders(sentence), _told(tuple(parts))
    return bool(ours) and all(any(_same(one, theirs) for theirs in told) for one in ours)


def _same(ours: Order, theirs: Order) -> bool:
    """Whether both events stand on the side where they stand there; a word of one of them may have
    changed its side ("the wound is cleaned before it is sutured"), not of both."""
    kept = min(_share(ours.earlier, theirs.earlier), _share(ours.later, theirs.later))
    crossed = ours.earlier & theirs.later and ours.later & theirs.earlier
    return kept >= IN_PLACE and not crossed


def _turned(ours: Order, theirs: Order) -> bool:
    """Whether what has changed its side has changed it both ways; what has not ("in patients with
    sepsis") may belong to either event."""
    earlier, later = ours.earlier - theirs.earlier, ours.later - theirs.later
    if not earlier or not later:
        return False
    return min(_share(earlier, theirs.later), _share(later, theirs.earlier)) >= TURNED


def _share(words: frozenset[str], within: frozenset[str]) -> float:
    return containment(set(words), set(within))


@lru_cache(maxsize=256)
def _told(parts: tuple[str, ...]) -> tuple[Order, ...]:
    """The orders of a passage: those of its parts, and of two of them that follow each other."""
    following = (
        _order(one, other[found.end() :])
        for one, other in pairwise(parts)
        if (found := NEXT.match(other))
    )
    return tuple(chain((o for part in parts for o in _orders(part)), filter(None, following)))


@lru_cache(maxsize=4096)
def _orders(text: str) -> tuple[Order, ...]:
    clauses = CLAUSE.split(text)
    return tuple(order for clause in clauses if (order := _of_clause(clause.strip())))


def _of_clause(clause: str) -> Order | None:
    if opened := OPENS.match(clause):
        one, rest = opened["clause"], opened["rest"]
        return _order(one, rest) if opened["earlier"] else _order(rest, one)
    if found := HAN_AFTER.match(clause) or HAN_BEFORE.match(clause):
        return _order(found["earlier"], found["later"])
    marks = sorted(_marks(clause))
    if len(marks) != 1:  # with two of them it is open which is between which
        return None
    [(start, end, forward)] = marks
    before, behind = clause[:start], clause[end:]
    return _order(before, behind) if forward else _order(behind, before)


def _marks(clause: str) -> Iterator[tuple[int, int, bool]]:
    backward = [match.span() for match in BACKWARD.finditer(clause)]
    yield from ((*span, False) for span in backward)
    for match in FORWARD.finditer(clause):
        if not any(a <= match.start() < b for a, b in backward):
            yield (*match.span(), True)


def _order(earlier: str, later: str) -> Order | None:
    one, other = (frozenset(content_words(text) - NO_THINGS) for text in (earlier, later))
    if not one - other or not other - one:
        return None
    return Order(one - other, other - one)
