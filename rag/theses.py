"""What a passage names only to reject or to doubt it: "it is a myth that X", "the claim that X was
dismissed", "nothing suggests that X".

A sentence that states X has no support there, nor has one that says so of what a passage states.
What else the sentence of the passage says ("... and ordered a new trial") is left alone, as is what
another clause states. Other ways to deny are in `rag/negation.py`. English.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from vademecum.rag.clauses import clauses
from vademecum.rag.negation import negated
from vademecum.rag.words import containment, content_words

_THOUGHT = (
    r"(?:allegation|argument|assertion|assumption|belief|claim|contention|hypothesis|idea|notion"
    r"|objection|submission|suggestion|theory|view)s?"
)
_SHOWS = r"(?:suggest|show|indicate|prove|support|demonstrate|establishe)"
_REJECTED = r"(?:rejected|dismissed|refuted|disproved|discredited|unfounded|untenable|false|wrong)"
# Before what is rejected, and behind it.
OPENS = re.compile(
    rf"(?:\b(?:nothing|nobody|no one) (?:has |have |had )?(?:{_SHOWS}s|{_SHOWS}d|shown|proven)"
    r"|(?<!no )(?<!little )\bdoubt(?:s|ed|ful)?|\b(?:myth|misconception|fallacy|untrue|false)"
    rf"|\b(?:reject|dismiss|refut|disprov)(?:s|ed|es|e)? (?:the |any |an? )?(?:\w+ )?{_THOUGHT})"
    r" (?:that|whether|if)\s+(?P<thesis>[^.;]+)",
    re.IGNORECASE,
)
CLOSES = re.compile(
    rf"\b(?:(?:{_THOUGHT}|\A\W*) ?that|\A\W*(?:that|whether))\s+(?P<thesis>[^.;]{{1,200}}?)"
    rf" (?:is|are|was|were|has been|have been|remains?)(?: \w+ly)?"
    rf" (?:{_REJECTED}|doubtful|an? (?:\w+ )?myth)\b",
    re.IGNORECASE,
)
HELD = 0.9  # of the words of a thesis and of what states it, in each other


def at_odds(sentence: str, parts: Sequence[str]) -> bool:
    """Whether a sentence states what the parts only reject, or rejects what they only state."""
    told = [clause for part in parts for clause in clauses(part)]
    rejected = [thesis for clause in told for thesis in theses(clause)]
    claimed = [thesis for clause in clauses(sentence) for thesis in theses(clause)]
    if not rejected and not claimed:
        return False
    stated = [words for clause in told if (words := _stated(clause))]
    if claimed:
        return any(_among(thesis, stated) and not _among(thesis, rejected) for thesis in claimed)
    said = _stated(sentence)
    return bool(said) and _among(said, rejected) and not _among(said, stated)


@lru_cache(maxsize=4096)
def theses(clause: str) -> tuple[frozenset[str], ...]:
    """What a clause rejects or doubts, as stems; what that denies is left open."""
    return tuple(filter(None, _theses(clause)))


def _theses(clause: str) -> Iterator[frozenset[str]]:
    for pattern in (CLOSES, OPENS):
        for match in pattern.finditer(clause):
            if not negated(match["thesis"]):
                yield frozenset(content_words(match["thesis"]))


def _stated(clause: str) -> frozenset[str]:
    """The words of a clause that neither rejects nor denies anything."""
    if theses(clause) or negated(clause):
        return frozenset()
    return frozenset(content_words(clause))


def _among(words: frozenset[str], others: Sequence[frozenset[str]]) -> bool:
    return any(containment(set(words), set(other)) >= HELD for other in others)
