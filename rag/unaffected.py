"""What a passage says is not changed, in whatever words: "did not prevent them from needing care".

A sentence that has something change it, or go with it, is at odds with the passage, unless a clause
that denies nothing speaks of it, too. "Reduced the need for ventilation, but was not linked to
intensive care" says nothing good of intensive care. English and German.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from vademecum.rag.effects import FORMS, HEDGE, JOINT, clauses, named
from vademecum.rag.negation import OF_WHOM, negated
from vademecum.rag.polarity import DOWN, UP
from vademecum.rag.relations import CUE, LINK
from vademecum.rag.words import content_words

# "More" and "most" tell of degree as well ("more advanced"), an association may be a body.
CHANGES = re.compile(
    rf"(?!associations?(?! (?:with|between)\b)\b)(?:{LINK.pattern})|\b(?:{'|'.join(FORMS)})\b"
    rf"|(?!more\b|mehr\b)(?:{UP.pattern})|{DOWN.pattern}",
    re.IGNORECASE,
)
# What may be denied of a thing that is not changed, and whatever may tell of one that is.
AFFECTS = re.compile(
    rf"{CHANGES.pattern}|\b(?:effects?|impacts?|influenc\w+|benefi\w+|differ\w*|change[sd]?"
    r"|keep|kept|spare[ds]?|Einfluss|Wirkung|Auswirkung\w*|Zusammenhang|Unterschied\w*"
    r"|beeinfluss\w*|verhinder\w*|veränder\w*)\b",
    re.IGNORECASE,
)
TELLS = re.compile(rf"{CUE.pattern}|{AFFECTS.pattern}", re.IGNORECASE)
# Where what is changed ends: "less pain | than with ibuprofen".
ENDS = re.compile(
    r"[.;:()]|\b(?:than|compared|versus|vs|when|while|if|because|after|before|during|als|wenn|weil)\b",
    re.IGNORECASE,
)
WHO = re.compile(r"\bwho (?:\w+ )?(?:no|not|never)\b", re.IGNORECASE)
BY = re.compile(r"\s+(?:\w+ly )?(?:by|durch)\b", re.IGNORECASE)
AND = re.compile(r",|\b(?:and|or|as well as|und|oder|sowie)\b", re.IGNORECASE)
GENERAL = content_words(
    """need needs needing requirement requiring chance prevalence frequency event sich anzahl zahl
    risiko rate häufigkeit bedarf deutlich die den ins"""
)
ROOT = 5  # letters by which "prevents" and "prevention" are one word
HALF = 1 / 2  # of the words that name what is changed: "admission" and "admitted" do not meet


def at_odds(sentence: str, parts: Sequence[str]) -> bool:
    """Whether something is changed in the sentence of which the parts only say that it is not."""
    if _denies(sentence) or HEDGE.search(sentence):
        return False
    told = [clause for part in parts for clause in clauses(part)]
    denied = _roots(clause for clause in told if AFFECTS.search(clause) and _denies(clause))
    affirmed = _roots(clause for clause in told if TELLS.search(clause) and not _denies(clause))
    return any(
        len(names & denied) >= HALF * len(names) and not names & affirmed
        for names in ({name[:ROOT] for name in names} for names in changed(sentence))
    )


def _denies(clause: str) -> bool:
    """Whether it denies what is said, not of whom: "men who had no fever", "without a catheter"."""
    return negated(WHO.sub(" ", OF_WHOM.sub(" ", clause)))


@lru_cache(maxsize=1024)
def changed(sentence: str) -> tuple[frozenset[str], ...]:
    """What a sentence says is changed or goes with something: the words that name each of it."""
    return tuple(names for clause in clauses(sentence) for names in _changed(clause) if names)


def _changed(clause: str) -> Iterator[frozenset[str]]:
    cues = list(CHANGES.finditer(clause))
    if not cues:
        return
    behind = ENDS.split(clause[cues[0].end() :])[0]
    if not content_words(behind) or BY.match(behind):
        behind = clause[: cues[0].start()]  # "pain was lower", "pain was reduced by ibuprofen"
    for piece in AND.split(behind):
        yield next((names for part in JOINT.split(piece) if (names := _names(part))), frozenset())


def _names(text: str) -> frozenset[str]:
    return named(CHANGES.sub(" ", text)) - GENERAL


def _roots(told: Iterator[str]) -> set[str]:
    return {word[:ROOT] for clause in told for word in content_words(clause)}
