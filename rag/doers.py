"""Who does it to whom: "the tenant sued the landlord" is "the landlord was sued by the tenant".

"The tenant was sued by the landlord" has every word of it, and is at odds with it. A passive that
names its doer is laid beside actives, and the other way round, and an active beside actives: that
two names have changed places in a near copy is told in `swaps.py`, but not where each stands twice
("the hospital pays the agency, and the agency pays the nurses"). English.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from vademecum.rag.clauses import clauses
from vademecum.rag.finite import CLOSED, tokens, verb_at
from vademecum.rag.slots import words_in_order
from vademecum.rag.swaps import SYMMETRIC
from vademecum.rag.voices import FORMS, PASSIVE
from vademecum.rag.words import HAN, STOP_WORDS, containment, content_words, without_ending

BE = frozenset("is are was were be been being has have had".split())
# "Shortened by half a day", "cut by 20%", "opened by turning it" name nobody.
NOBODY = re.compile(
    r"\s*(?:about |around |nearly |almost |up to |at (?:least|most) |an? |the )*(?:\d|half\b"
    r"|third\b|quarter\b|factor\b|one\b|two\b|three\b|four\b|five\b|means\b|hand\b|chance\b|mistake\b"
    r"|end\b|way\b|then\b|\w+ing\b)",
    re.IGNORECASE,
)
LONGEST = 400  # characters of a clause that is read
SHARED = 0.75  # of the words of the one clause, in the other


class Deed(NamedTuple):
    """The stems of who does something and of no one else, of the verb, and of to whom."""

    who: frozenset[str]
    done: str
    whom: frozenset[str]


class Around(NamedTuple):
    """The stems before a verb and behind it, and whether its object follows at once."""

    before: frozenset[str]
    behind: frozenset[str]
    direct: bool


class Clause(NamedTuple):
    """The text of a clause, the deed that it tells of if it is a passive, its verb where that is
    told, and for each verb that an active may have what stands around it."""

    text: str
    deed: Deed | None
    verb: str
    around: dict[str, Around]


def at_odds(sentence: str, parts: Sequence[str]) -> bool:
    """Whether a sentence has one do to the other what that does to it in the parts."""
    claims = _read(sentence)
    if not any(claim.deed or claim.around for claim in claims):
        return False
    told = [clause for part in parts for clause in _read(part)]
    return any(_turned(claim, told) for claim in claims)


def _turned(claim: Clause, told: Sequence[Clause]) -> bool:
    words = content_words(claim.text)
    near = [each for each in told if containment(words, content_words(each.text)) >= SHARED]
    if claim.deed:
        says = any(_does(claim.deed, each) or claim.deed == each.deed for each in near)
        return not says and any(_undergoes(claim.deed, each) for each in near)
    passives = [each.deed for each in near if each.deed]
    actives = [each for each in near if not each.deed]
    if any(_undergoes(deed, claim) and not _does(deed, claim) for deed in passives):
        return not any(words <= content_words(each.text) for each in actives)
    return any(_reversed(claim, each) for each in actives) and not any(
        _says(claim, each) for each in actives
    )


def _reversed(claim: Clause, clause: Clause) -> bool:
    """Whether two actives of one verb have each other's doer for the one to whom it is done."""
    ours, theirs = claim.around.get(claim.verb, NOWHERE), clause.around.get(claim.verb, NOWHERE)
    who = ours.before - theirs.before
    return (
        ours.direct
        and theirs.direct
        and bool(who)
        and who <= theirs.behind
        and bool(ours.behind & theirs.before - theirs.behind)
    )


def _says(claim: Clause, clause: Clause) -> bool:
    ours, theirs = claim.around.get(claim.verb, NOWHERE), clause.around.get(claim.verb, NOWHERE)
    return ours.before <= theirs.before and bool(ours.behind & theirs.behind)


def _does(deed: Deed, clause: Clause) -> bool:
    """Whether an active clause says that they do it to those."""
    around = clause.around.get(deed.done, NOWHERE)
    return deed.who <= around.before and bool(deed.whom & around.behind)


def _undergoes(deed: Deed, clause: Clause) -> bool:
    """Whether an active clause says that it is done to them, by those."""
    before, behind, _ = clause.around.get(deed.done, NOWHERE)
    return deed.who <= behind and not deed.who & before and bool(deed.whom & before)


NOWHERE = Around(frozenset(), frozenset(), direct=False)


@lru_cache(maxsize=2048)
def _read(sentence: str) -> tuple[Clause, ...]:
    if HAN.search(sentence):
        return ()
    return tuple(_clause(clause) for clause in clauses(sentence) if len(clause) <= LONGEST)


def _clause(text: str) -> Clause:
    deed = _passive(text)
    words = [token.word for token in tokens(text)]
    at = verb_at(words)
    verb = "" if at is None or SYMMETRIC.match(words[at]) else _stem(words[at])
    return Clause(text, deed, verb, {} if deed else _around(words))


def _passive(clause: str) -> Deed | None:
    found = PASSIVE.match(clause.rstrip())
    done = _stems(found["done"]) if found else ()
    if found is None or len(done) != 1:
        return None
    if SYMMETRIC.match(found["done"]) or NOBODY.match(found["who"]):
        return None
    who, whom = frozenset(_stems(found["who"])), frozenset(_stems(found["what"]))
    if not who - whom or not whom - who:
        return None
    return Deed(who - whom, done[0], whom - who)


def _around(words: Sequence[str]) -> dict[str, Around]:
    """What stands before and behind each word that may be a verb; one that is there twice tells
    nothing."""
    stems = [_stem(word) for word in words]
    found = {}
    for at, word in enumerate(words[1:], start=1):
        if word in STOP_WORDS or words[at - 1] in BE or stems.count(stems[at]) > 1:
            continue
        before, behind = (
            frozenset(s for s, w in zip(some, those, strict=True) if w not in STOP_WORDS)
            for some, those in ((stems[:at], words[:at]), (stems[at + 1 :], words[at + 1 :]))
        )
        direct = at + 1 < len(words) and words[at + 1] not in CLOSED
        found[stems[at]] = Around(before, behind, direct)
    return found


def _stem(word: str) -> str:
    stem = without_ending(word.removesuffix("'s"))
    return FORMS.get(stem, stem)


def _stems(text: str) -> tuple[str, ...]:
    return tuple(FORMS.get(word, word) for word in words_in_order(text))
