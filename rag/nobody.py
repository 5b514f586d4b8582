"""What nobody did: "a patient was harmed" where the passage has "nobody was harmed".

A sentence that says of anybody what the passage says of nobody is at odds with it, unless the
passage says it of somebody elsewhere. English and German.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from vademecum.rag.finite import PREPOSITIONS
from vademecum.rag.negation import negated
from vademecum.rag.polarity import CLAUSE
from vademecum.rag.words import content_words

NOBODY = re.compile(
    r"\b(?:nobody|no[- ]one|niemand(?:e[mns])?)\b(?: (?P<next>\w+))?", re.IGNORECASE
)
OF_SOME = PREPOSITIONS | {"but", "else", "who", "anders"}
SOME = re.compile(
    r"\b(?:except\w*|other than|apart from|besides|außer|ausgenommen|abgesehen)\b", re.IGNORECASE
)


def at_odds(sentence: str, parts: Sequence[str]) -> bool:
    """Whether a sentence says of anybody what a part says of nobody."""
    if negated(sentence):
        return False
    words = content_words(sentence)
    for part in parts:
        for clause in () if SOME.search(part) else CLAUSE.split(part):
            denied = _denied(clause)
            if denied and denied <= words and not _said(denied, parts):
                return True
    return False


def _denied(clause: str) -> set[str]:
    """The words of what nobody did, empty where it is said of some only ("nobody under 18")."""
    match = NOBODY.search(clause)
    if match is None or (match["next"] or "").lower() in OF_SOME:
        return set()
    return content_words(NOBODY.sub(lambda found: found["next"] or " ", clause))


def _said(denied: set[str], parts: Sequence[str]) -> bool:
    """Whether another part says it of somebody."""
    return any(
        denied <= content_words(clause) and not negated(clause)
        for part in parts
        for clause in CLAUSE.split(part)
    )
