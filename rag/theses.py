"""What a passage names only to reject or to doubt it: "it is a myth that X", "the claim that X was
dismissed", "nothing suggests that X".

A sentence that states X has no support there, nor has one that says so of what a passage states.
What else the sentence of the passage says ("... and ordered a new trial") is left alone, as is what
another clause states. What only is called false, the sentence may deny (`agrees`). Other ways to
deny are in `rag/negation.py`. English.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from vademecum.rag.clauses import clauses
from vademecum.rag.negation import negated
from vademecum.rag.words import containment, content_words, without_ending

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
# What is outright false, all that its sentence says: then the contrary is so.
_USUAL = r"(?:(?:common|popular|old|widespread|persistent|medical|urban) )?"
FALSE = re.compile(
    rf"\A\W*(?:it is|it's) (?:(?:simply|plainly|just) )?(?:an? )?{_USUAL}(?:myth|misconception"
    r"|fallacy|untrue|false) that\s+(?P<first>[^.;,:?]+)\W*\Z"
    rf"|\A\W*the {_USUAL}(?:allegation|assertion|assumption|belief|claim|idea|notion|theory|view)"
    r" that\s+(?P<second>[^.;,:?]+?) (?:is|was|has been)"
    r" (?:false|wrong|untrue|refuted|disproved|an? myth)\W*\Z",
    re.IGNORECASE,
)
NOT = re.compile(
    r"\b(?:(?P<do>do|does|did)|is|are|was|were|has|have|had|can|could|will|would)"
    r"(?: not\b|n['’]t\b)"
)
# Beside one of them "not" may deny less than all of it; behind one there may be a second statement.
OF_ALL = re.compile(
    r"\b(?:all|always|both|each|every\w*|only|most|more|less|never|any|must|should|may|might|and|or"
    r"|but|if|when|unless|because|that|which|who|while|than)\b",
    re.IGNORECASE,
)
ANY = re.compile(r"[^\W_]+")  # all words, and digits
ARTICLES = frozenset(("a", "an", "the"))
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


def agrees(sentence: str, parts: Sequence[str]) -> bool:
    """Whether a sentence denies, word by word, what a part calls false outright, and no clause
    states."""
    denied = NOT.search(sentence)
    if denied is None or sentence.rstrip()[-1:] == "?":
        return False
    left = "" if denied["do"] else re.split(r" not|n['’]t", denied.group())[0]
    said = f"{sentence[: denied.start()]}{left}{sentence[denied.end() :]}"
    if negated(said) or OF_ALL.search(said):
        return False
    claim, words = _in_order(said), frozenset(content_words(said))
    false = [match["first"] or match["second"] for part in parts if (match := FALSE.search(part))]
    stated = [known for part in parts for clause in clauses(part) if (known := _stated(clause))]
    return any(_in_order(each) == claim and not negated(each) for each in false) and not (
        _among(words, stated)
    )


def _in_order(text: str) -> list[str]:
    words = (match.group().lower() for match in ANY.finditer(text))
    return [without_ending(word) for word in words if word not in ARTICLES]


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
