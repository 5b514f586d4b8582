"""Which way a drug is given: a sentence that names another way than its passage is at odds with it.

English, German and the abbreviations of prescriptions ("i.v.", "IM").
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from vademecum.rag.words import containment, content_words

# "Stage IV" is no route, and "im" and "sc" are words of German and of Latin in small letters.
ROUTES = {
    "intravenous": r"(?i:(?<!stage )(?<!class )(?<!type )(?<!grade ))\bIV\b"
    r"|(?i:intraven(?:ous|ös)\w*)|\bi\.\s?v\.",
    "intramuscular": r"(?i:intramus[ck]ul[aä]r\w*)|\bIM\b|\bi\.\s?m\.",
    "subcutaneous": r"(?i:sub[ck]utan(?:eous)?\w*)|\bSC\b|\bs\.\s?c\.",
    "oral": r"(?i:(?<!\w)oral(?:ly|e[mnrs]?)?\b|\bby mouth\b|\bper os\b)|\bPO\b|\bp\.\s?o\.",
    "rectal": r"(?i:\brectal(?:ly|e[mnrs]?)?\b)",
    "topical": r"(?i:\btopical(?:ly)?\b|\btopisch\w*)",
    "inhaled": r"(?i:\binhal(?:ed|ation)\b|\binhalativ\w*)",
    "intranasal": r"(?i:\bintranasal\w*)",
    "intrathecal": r"(?i:\bintrathe[ck]al\w*)",
    "sublingual": r"(?i:\bsublingual\w*)",
}
PATTERNS = {route: re.compile(pattern) for route, pattern in ROUTES.items()}
SHARED = 0.6  # of the other words of the sentence, in the part that names another route


def at_odds(sentence: str, parts: Sequence[str]) -> bool:
    """Whether the sentence names a route that no part names, and one that has its other words
    names another."""
    own = routes(sentence)
    if not own or own & set().union(*map(routes, parts)):
        return False
    words = content_words(_without(sentence))
    return any(
        routes(part) and containment(words, content_words(_without(part))) >= SHARED
        for part in parts
    )


def routes(text: str) -> set[str]:
    """The routes that a text names."""
    return {route for route, pattern in PATTERNS.items() if pattern.search(text)}


def _without(text: str) -> str:
    for pattern in PATTERNS.values():
        text = pattern.sub(" ", text)
    return text
