"""How a claim stands to two statements of a passage that differ in one thing.

"Pain was less on day 1. On day 3 it was greater." Two statements in a row with two values (a
direction, a figure, a route) are told apart by what the one names and the other does not: here day
1 and day 3. A claim with the value of the one that names the other ("less on day 3") is at odds
with both; one that names its own ("less on day 1") agrees. Which clauses are statements, and with
which values, is read elsewhere: directions in `directions.py`, figures in `arms.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from enum import Enum

from vademecum.rag.circumstances import circumstances, names
from vademecum.rag.words import containment

MARKED = re.compile(r"[<>]|with(?:out)? ")  # the side of a bound, as `names` gives it
LEAST_NAMED = 1 / 2  # of what tells the other statement apart, in the claim
SAME_MATTER = 0.8  # of the other words of the claim, in the two statements
ALL_SAID = 0.9


class Stand(Enum):
    """How a claim stands to statements of a passage."""

    AT_ODDS = "it gives the value of one to what the other is about"
    AGREES = "it gives a value to what that is said of"
    BOTH = "it names all that tells the two apart"
    OPEN = "nothing tells"


@dataclass(frozen=True, slots=True)
class Statement:
    """A clause with what it says (`value`) and all that it `names`.

    `own` are the names without those of asides, `around` those of the whole sentence,
    `circumstances` those of whom, when and under what, `subject` those before the value.
    """

    value: Hashable
    names: frozenset[str]
    own: frozenset[str]
    around: frozenset[str]
    circumstances: frozenset[str]
    subject: frozenset[str]


Pair = tuple[Statement, Statement]  # in the order in which a passage has them


def statement(
    value: Hashable, clause: str, before: str, aside: str = "", whole: str = ""
) -> Statement:
    """The statement of a clause; `before` is what stands before its value, `aside` what is added
    behind it ("but not fatigue, | over 12 weeks") and may be said of the whole sentence."""
    own = names(clause)
    said = own | names(aside)
    return Statement(value, said, own, said | names(whole), circumstances(clause), names(before))


def stands(
    claim: Statement, pairs: Sequence[Pair], contrary: Callable[[Hashable, Hashable], bool]
) -> Stand:
    """How a claim stands to the statements of a passage that are near each other, two by two.

    `contrary` tells whether two values exclude each other. One pair that has the claim is enough to
    agree. Against one that is at odds speaks another statement of just what the claim says: "in
    women aged 75 it halved deaths", too.
    """
    found = {
        found
        for one, other in pairs
        if contrary(one.value, other.value)
        for found in (_to_the_first(claim, one, other), _to_the_second(claim, one, other))
    }
    if Stand.AGREES in found:
        return Stand.AGREES
    if Stand.AT_ODDS not in found or Stand.BOTH in found:
        return Stand.OPEN
    held = any(_says(each, claim) for pair in pairs for each in pair)
    return Stand.OPEN if held else Stand.AT_ODDS


def _says(statement: Statement, claim: Statement) -> bool:
    """Whether a statement says what a claim says, of all that it says it of."""
    return (
        statement.value == claim.value
        and containment(set(claim.names), set(statement.names)) >= ALL_SAID
        and claim.circumstances <= statement.names
    )


def _to_the_first(claim: Statement, first: Statement, second: Statement) -> Stand:
    """How a claim of the first one's value stands to the two: "less on day 1, greater on day 3".

    The first is told by whom and when it speaks of, and by its subject, the second by all it adds.
    """
    ours = (first.circumstances | first.subject) - second.names
    theirs = second.own - first.names
    return _stand(claim, first, second, ours, theirs)


def _to_the_second(claim: Statement, first: Statement, second: Statement) -> Stand:
    """How a claim of the second one's value stands to the two.

    The second is told by all it adds, the first by whom and when it speaks of; by its subject, if
    it has nothing of the kind, or if each has a subject of its own and the claim names the first
    one's ("the rent is paid monthly in advance, the heating yearly").
    """
    ours = second.own - first.names
    theirs = first.circumstances - second.names
    subject = first.subject - second.names
    own_subject = second.subject - second.circumstances - first.names
    if not theirs or (own_subject and subject & claim.names and not ours & claim.names):
        theirs = subject
    return _stand(claim, second, first, ours, theirs)


def _stand(
    claim: Statement,
    own: Statement,
    other: Statement,
    ours: frozenset[str],
    theirs: frozenset[str],
) -> Stand:
    """How a claim stands to a statement, told by the names `ours`, and another one, by `theirs`.

    It is at odds if it has the value of `own`, names more of `theirs`, and if the rest of what it
    names is in the two: another matter is no contradiction. It agrees if it names all of `ours`
    and not all of `theirs`, and nothing else.
    """
    if claim.value != own.value or not ours or not theirs:
        return Stand.OPEN
    held = containment(set(ours), set(claim.names))
    lost = containment(set(theirs), set(claim.names))
    if held == lost == 1:
        return Stand.BOTH
    rest = {name for name in claim.names - theirs if not MARKED.match(name)}
    if lost > held and lost >= LEAST_NAMED:
        same_matter = _share(rest, own.around | other.around) >= SAME_MATTER
        return Stand.AT_ODDS if same_matter else Stand.OPEN
    of_its_own = held == 1 > lost or (held >= LEAST_NAMED and lost == 0)
    agrees = of_its_own and _share(rest, own.names | other.names) >= ALL_SAID
    return Stand.AGREES if agrees else Stand.OPEN


def _share(names: set[str], held: frozenset[str]) -> float:
    return containment(names, set(held)) if names else 1.0
