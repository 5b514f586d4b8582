"""Who may and who must: "the laboratory may terminate" where a passage lets the hospital do so.

The subject of a clause that allows or demands something is a party. A sentence that gives what one
party may or must do to another one of the same passage is at odds with it; a pronoun, or a name
that the passage has for nobody who may or must, may be the same party. English and German.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from vademecum.rag.duties import MARKS
from vademecum.rag.words import containment, content_words

DUTY = re.compile(
    r"\b(?:may|must|shall|will|can|cannot|(?:is|are) (?:\w+ly )?(?:required|obliged|obligated|bound"
    r"|free|allowed|permitted|entitled|authori[sz]ed|responsible|liable)|(?:has|have) (?:to|the"
    r" right)|bears?|pays?|undertakes?|agrees? to|muss|müssen|darf|dürfen|kann|können|soll"
    r"|(?:hat|haben)(?=[^.;,]*\bzu \w+n\b)|ist verpflichtet|ist berechtigt|trägt|tragen|zahlt"
    r"|zahlen|haftet|haften|stellt|übernimmt)\b",
    re.IGNORECASE,
)
GERMAN = re.compile(
    r"\b(?:der|die|das|den|dem|ein|eine|muss|müssen|darf|dürfen|kann|können|nur|nicht|trägt|tragen)\b"
)
# "If the Laboratory loses its accreditation, | the Hospital may terminate".
OPENS = re.compile(r"[,;:.()]\s*|\b(?:and|but|und|aber|dass|that)\s", re.IGNORECASE)
CONDITION = re.compile(
    r"\b(?:if|when|where|unless|until|once|after|before|provided|wenn|falls|sofern|sobald|soweit)\b",
    re.IGNORECASE,
)
PREPOSITION = (
    r"(?:in|at|on|for|with|by|from|to|of|under|bei|mit|nach|vor|für|im|am|zum|zur|aus|auf|an|über"
    r"|unter|ohne|von|vom)\s"
)
NAME = re.compile(
    rf"\A\s*(?:yes|no|ja|nein)?\W*(?!{PREPOSITION})(?:(?:the|an?|each|every|either|any|der|die|das"
    r"|eine?|jede[rs]?)\s+)?(?P<name>\w[\w-]*(?:\s+\w[\w-]*){0,3}?)\s*\Z",
    re.IGNORECASE,
)
NOBODY = frozenset(
    """it he she they we you this that these those there which who what es er sie wir man dies
    dieser diese either each both party parties partei parteien""".split()
)
LONGEST = 200  # characters of a clause before its verb
SHARED = 0.75  # of what the sentence has the party do, in a clause of another one


@dataclass(frozen=True, slots=True)
class Duty:
    """Who may or must, and all that the sentence says of it, as stems."""

    who: frozenset[str]
    what: frozenset[str]


def at_odds(sentence: str, parts: Sequence[str]) -> bool:
    """Whether what the sentence lets one party do another one does in the parts, and not that."""
    told = [duty for part in parts for duty in duties(part)]
    named = {duty.who for duty in told}
    for claim in duties(sentence):
        what = set(claim.what - claim.who)
        # In German what is done may stand first: "Haustiere dürfen Mieter halten".
        inner = what if GERMAN.search(sentence) else set()
        if len(what) < 2:
            continue
        own = max((_share(what, d) for d in told if d.who & claim.who), default=0.0)
        other = max(
            (
                _share(what, d)
                for d in told
                if not d.who & claim.who
                and (claim.who in named or claim.who <= d.what)
                and not d.who <= inner
            ),
            default=0.0,
        )
        if other >= SHARED and other > own:
            return True
    return False


@lru_cache(maxsize=4096)
def duties(text: str) -> tuple[Duty, ...]:
    """What a sentence lets its parties do, or has them do."""
    found = []
    what = frozenset(content_words(MARKS.sub(" ", text)))
    for match in DUTY.finditer(text):
        before = OPENS.split(text[max(0, match.start() - LONGEST) : match.start()])[-1]
        name = NAME.match(before)
        if name is None or CONDITION.search(before) or _by_another(text[match.end() :]):
            continue
        words = name["name"].lower().split()
        who = frozenset(content_words(name["name"]))
        if who and not NOBODY & set(words):
            found.append(Duty(who, what))
    return tuple(found)


def _by_another(behind: str) -> bool:
    """Whether what is said is done by another: "must be notified by the policyholder"."""
    return re.match(r"\s+(?:not\s+)?be\s+\w+", behind) is not None


def _share(what: set[str], duty: Duty) -> float:
    return containment(what, set(duty.what))
