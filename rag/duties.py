"""What may be done and what must: "the tenant may give notice" against "must".

A sentence that says "must" where the clause with its words says "may", or the other way round, is
at odds with it; so is "need not" for "must not". Whether a permission or an ability is meant is not
told ("can", "darf", "kann"), nor what "should" is. English, German and Chinese.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

from vademecum.rag.clauses import clauses
from vademecum.rag.negation import NEGATION, NO_DENIAL
from vademecum.rag.polarity import CLAUSE
from vademecum.rag.words import NEAR_COPY, containment, content_words

Force = Literal["must", "may", "must not", "need not"]

# In German "hat zu melden" and "ist zu melden" are duties, within one clause.
_TO_DO = (
    r"[^.;,]{0,120}?\b(?:zu \w+[et]n|(?:ab|an|auf|aus|bei|durch|ein|fest|mit|nach|vor|weg)zu\w+n)\b"
)
MUST = re.compile(
    r"\b(?:must|shall|(?:is|are|be) (?:\w+ly )?(?:required|obliged|obligated|bound) to"
    r"|(?<!not )(?<!n't )(?:has|have) to(?! do with)|needs? to|(?:is|are) to be"
    r"|mandatory|compulsory|obligatory|muss|müssen|musst|verpflichtet|verpflichtend\w*"
    rf"|zwingend|(?:hat|haben|ist|sind){_TO_DO})\b"
    r"|必须|应当|务必|须(?!知)|(?<![反效适供响感对相])应(?![用激急答对变付当])",
    re.IGNORECASE,
)
MAY = re.compile(
    r"\b(?:may|can|(?:is|are|be) (?:free|allowed|permitted|entitled|authori[sz]ed) to|optional"
    r"|has the right to|have the right to|darf|dürfen|kann|können|berechtigt|freiwillig\w*"
    r"|optional\w*|(?:hat|haben) das recht)\b|可以|有权|允许|得以|可(?![能见靠谓是惜怕])",
    re.IGNORECASE,
)
FORBIDDEN = re.compile(
    r"\b(?:(?:must|may|can|shall) ?not|(?:is|are) not (?:allowed|permitted|entitled) to)\b"
    r"|不得|不可(?!能)|不准|不许|不能",
    re.IGNORECASE,
)
EXEMPT = re.compile(
    r"\b(?:need not|needn't|(?:do|does) not (?:have|need) to|(?:don't|doesn't) (?:have|need) to"
    r"|(?:is|are) not (?:\w+ly )?(?:required|obliged|obligated|bound) to)\b|不必|无需|无须|不需",
    re.IGNORECASE,
)
# The denial stands at the end of a German clause: "darf Geschenke nicht annehmen".
GERMAN_MAY = re.compile(r"\b(?:darf|dürfen|kann|können)\b", re.IGNORECASE)
GERMAN_MUST = re.compile(r"\b(?:muss|müssen)\b", re.IGNORECASE)
# What says so without saying what.
MARKS = re.compile(
    r"\b(?:required|obliged|obligated|bound|allowed|permitted|free|entitled|authori[sz]ed|right|needs?"
    r"|needn't|mandatory|compulsory|obligatory|optional\w*|müssen|verpflichtet|verpflichtend\w*"
    r"|zwingend|berechtigt|freiwillig\w*|recht|hat|haben)\b"
    r"|必须|应当|务必|可以|有权|允许|得以|不得|不可|不准|不许|不能|不必|无需|无须|不需|应|须|可",
    re.IGNORECASE,
)
CONTRARY: dict[Force, Force] = {
    "must": "may",
    "may": "must",
    "must not": "need not",
    "need not": "must not",
}


def at_odds(sentence: str, parts: Sequence[str]) -> bool:
    """Whether the sentence says "must" where the parts say "may" of the same, or the reverse."""
    said = force(sentence)
    if said is None:
        return False
    words = _words(sentence)
    pieces = [piece for part in parts for piece in (part, *CLAUSE.split(part), *clauses(part))]
    shares = [(containment(words, _words(piece)), force(piece)) for piece in pieces]
    other = max((share for share, stated in shares if stated == CONTRARY[said]), default=0.0)
    own = max((share for share, stated in shares if stated == said), default=0.0)
    return other >= NEAR_COPY and other > own


@lru_cache(maxsize=1024)
def force(text: str) -> Force | None:
    """Whether a text says that something may be done, or must, or neither be done nor have to be;
    None if it says none of these, or several."""
    found: set[Force] = set()
    if FORBIDDEN.search(text):
        found.add("must not")
    if EXEMPT.search(text):
        found.add("need not")
    rest = EXEMPT.sub(" ", FORBIDDEN.sub(" ", text))
    denied = NEGATION.search(NO_DENIAL.sub(" ", rest)) is not None
    may, must = GERMAN_MAY.search(rest), GERMAN_MUST.search(rest)
    if may:
        found.add("must not" if denied else "may")
    if must:
        found.add("need not" if denied else "must")
    if not (may or must or denied):
        if MUST.search(rest):
            found.add("must")
        if MAY.search(rest):
            found.add("may")
    return found.pop() if len(found) == 1 else None


def _words(text: str) -> set[str]:
    """What may or must be, without which of the two."""
    return content_words(MARKS.sub(" ", text))
