"""Which way and how often a drug is given: of a class of such words one excludes the others.

A sentence that names another one than the part of the passage that has its words is at odds with
it. English, German, Chinese and the abbreviations of prescriptions ("i.v.", "IM").
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from vademecum.rag.words import containment, content_words

# "Stage IV" is no route, and "im" and "sc" are words of German and of Latin in small letters.
ROUTES = {
    "intravenous": r"(?i:(?<!stage )(?<!class )(?<!type )(?<!grade ))\bIV\b"
    r"|(?i:\bintraven(?:ous|ös)\w*)|\bi\.\s?v\.|静脉",
    "intramuscular": r"(?i:\bintramus[ck]ul[aä]r\w*)|\bIM\b|\bi\.\s?m\.|肌内|肌肉注射",
    "subcutaneous": r"(?i:\bsub[ck]utan\w*)|\bSC\b|\bs\.\s?c\.|皮下",
    "oral": r"(?i:\boral(?:ly|e[mnrs]?)?\b|\bby mouth\b|\bper os\b)|\bPO\b|\bp\.\s?o\.|口服",
    "rectal": r"(?i:\bre[ck]tal(?:ly|e[mnrs]?)?\b)|直肠给药",
    "topical": r"(?i:\btopical(?:ly)?\b|\btopisch\w*)|外用",
    "inhaled": r"(?i:\binhal(?:ed|ation)\b|\binhalativ\w*)|吸入",
    "intranasal": r"(?i:\bintranasal\w*)|鼻内",
    "intrathecal": r"(?i:\bintrathe[ck]al\w*)|鞘内",
    "sublingual": r"(?i:\bsublingual\w*)|舌下",
}
FREQUENCIES = {
    "daily": r"(?i:\bdaily\b|\b(?:every|each|a|per) day\b|\btäglich\w*|\bpro tag\b)|每[日天]",
    "weekly": r"(?i:\bweekly\b|\b(?:every|each|a|per) week\b|\bwöchentlich\w*|\bpro woche\b)|每周",
    "monthly": r"(?i:\bmonthly\b|\b(?:every|each|a|per) month\b|\bmonatlich\w*|\bpro monat\b)|每月",
}
CLASSES = tuple(
    {name: re.compile(pattern) for name, pattern in given.items()}
    for given in (ROUTES, FREQUENCIES)
)
SHARED = 0.6  # of the other words of the sentence, in a part that names another one
HOLDS = 0.4  # the same, in a part that names the sentence's own

Class = Mapping[str, re.Pattern[str]]


def at_odds(sentence: str, parts: Sequence[str]) -> bool:
    """Whether the sentence names one of a class that no part names of its matter, and a part that
    has its other words names another."""
    return any(_other(sentence, parts, given) for given in CLASSES)


def named(text: str, given: Class) -> set[str]:
    """Which of a class a text names."""
    return {name for name, pattern in given.items() if pattern.search(text)}


def _other(sentence: str, parts: Sequence[str], given: Class) -> bool:
    own = named(sentence, given)
    if not own:
        return False
    words = content_words(_without(sentence, given))
    shares = {part: containment(words, content_words(_without(part, given))) for part in parts}
    if any(shares[part] >= HOLDS and own & named(part, given) for part in parts):
        return False
    return any(shares[part] >= SHARED and named(part, given) for part in parts)


def _without(text: str, given: Class) -> str:
    for pattern in given.values():
        text = pattern.sub(" ", text)
    return text
