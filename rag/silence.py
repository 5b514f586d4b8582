"""Whether a sentence says that the sources say nothing: "the sources do not mention dopamine".

No passage says so of itself, but for its words such a sentence was borne out by any that denies
something of dopamine. What a passage reports of its own sources ("no information was given on
smoking") may be repeated, and said of what it leaves open; that there is no evidence of something
is a finding. English and German.
"""

from __future__ import annotations

import re

from vademecum.rag.told import Told
from vademecum.rag.untold import UNKNOWN
from vademecum.rag.words import containment, content_words

_SOURCES = (
    r"(?:sources?|passages?|excerpts?|texts?|context|documents?|abstracts?|articles?)"
    r"(?: (?:provided|given|above|here|cited|available|supplied))?"
)
_SAY = (
    r"(?:provide|mention|contain|address|say|state|discuss|include|specify|describe|give|indicate"
    r"|tell|answer|cover|offer|report|explain|list|define|clarify)"
)
_WHAT = r"(?:information|mention|details?|answer|recommendations?|guidance|statement)"
SILENT = re.compile(
    rf"\b{_SOURCES} (?:(?:do|does|did) not|(?:do|does|did)n['’]t) (?:\w+ly )?{_SAY}\b"
    r"(?! (?:\w+ )?(?:evidence|proof|support))"
    rf"|\b{_SOURCES} (?:provides?|contains?|gives?|offers?|has|have|makes?) no (?:\w+ )?{_WHAT}\b"
    rf"|\bthere (?:is|are) no (?:\w+ )?{_WHAT}\b[^.;]{{0,60}}? in (?:the|these|this|any) (?:\w+ )?"
    rf"{_SOURCES}\b"
    r"|\bno (?:\w+ )?(?:information|mention|details?) (?:is|are|was|were) (?:given|provided|made"
    r"|found|available|included)\b"
    rf"|\b(?:is|are|was|were) not (?:\w+ly )?(?:stated|mentioned|specified|addressed|discussed"
    rf"|described|provided|given) (?:in|by) (?:the|these|this|any) (?:\w+ )?{_SOURCES}\b"
    r"|\bit (?:is|was) not (?:\w+ly )?(?:stated|mentioned|specified|said) (?:whether|if|how|when"
    r"|what|which|that)\b"
    r"|\b(?:quellen?|texte?|textstellen?|passagen?|dokumente?|auszüge?|unterlagen)"
    r" (?:enth[aä]lt\w*|nenn\w+|gibt|geben|mach\w+|sag\w+|erwähn\w+)(?: \w+){0,3}?"
    r" (?:keine?[mnrs]?|nichts?)\b",
    re.IGNORECASE,
)
OF_THE_SAME = 1 / 2  # of the words of the sentence


def at_odds(sentence: str, told: Told) -> bool:
    """Whether a sentence says that the sources are silent, and this one does not say so of its own,
    nor that the same is not known."""
    if not SILENT.search(sentence) or any(map(SILENT.search, told.parts)):
        return False
    words = content_words(SILENT.sub(" ", sentence))
    return not any(
        UNKNOWN.search(part) and containment(words, content_words(part)) >= OF_THE_SAME
        for part in told.parts
    )
