"""Words that say more than a passage may: "cures", "halves", "always", "all"."""

from __future__ import annotations

import re

from vademecum.rag.effects import DENIED
from vademecum.rag.negation import NO_DENIAL

PART = re.compile(r"[,;:.]|\b(?:and|or|but)\b", re.IGNORECASE)
REACH = 3  # words
# Each with what a source may have for it.
STRONG = tuple(
    (re.compile(rf"\b(?:{word})\b", re.I), re.compile(rf"\b(?:{word})\b|{held}", re.I))
    for word, held in (
        (r"cur(?:es?|ed|ing)", r"curative"),
        (
            r"(?<!both )(?<!two )(?<!upper )(?<!lower )halv(?:es?|ed|ing)",
            r"\bhalf\b|\b50(?:\.0)? ?%|2-fold|two-?fold",
        ),
        (
            r"doubl(?:es|ed|ing)",
            r"\bdouble\b(?![- ]blind)|twice|2-fold|two-?fold|\b2(?:\.0)? times|100 ?%",
        ),
        (r"tripl(?:es|ed|ing)", r"\btriple\b|3-fold|three-?fold|\b3(?:\.0)? times"),
        (r"eliminat(?:es?|ed|ing)", r"abolish|eradicat"),
        (r"eradicat(?:es?|ed|ing)", r"eliminat"),
        (r"guarantee[sd]?", r"certain"),
        (r"prov(?:es|ed|en)", r"proof"),
        (r"always|invariably", r"\b(?:all|every|each|100 ?%)\b"),
        (r"completely|entirely", r"\b(?:complete|total|all|100 ?%)"),
        (r"(?:prevent|avoid|abolish|cur)\w* (?:all|every)", r"\b(?:all|every)\b"),
        (r"reliabl[ye]", r"reliab|accura|valid"),
    )
)


def too_strong(sentence: str, passage: str) -> str:
    """The first word of a sentence that is stronger than anything in the passage, "" if none is."""
    for strong, held in STRONG:
        if held.search(passage):
            continue
        for match in strong.finditer(sentence):
            if not _denied(sentence[: match.start()]):
                return match.group()
    return ""


def _denied(before: str) -> bool:
    """Whether "not" or its like stands shortly before a word: "does not completely prevent"."""
    before = NO_DENIAL.sub(" ", PART.split(before)[-1])
    return DENIED.search(" ".join(before.split()[-REACH:])) is not None
