"""The clauses of a sentence, each with what it says of its own subject.

"Noradrenaline is the first choice; vasopressin may be added" says two things of two drugs. What
joins nouns ("adrenaline and noradrenaline are given") parts no clauses: a piece is one if it has a
verb, known by its form or by what stands behind it, or by the noun before it ("members pay half and
the club pays the rest"). English.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from functools import lru_cache

from vademecum.rag.finite import tokens, verb_at

BREAK = re.compile(
    r"[;:]\s+|(?:,|(?<![\s,]))\s+(?:and|but|whereas|while|although|though|yet)\s+"
    r"|,\s+(?=(?:which|who)\b)",
    re.IGNORECASE,
)
_NO_VERB = (
    r"(?:of|in|on|at|to|for|from|with|by|over|under|after|before|between|within|than|as|and|or|per"
    r"|during|through|both|either|all|into|about|against|among|until|via)"
)
VERB = re.compile(
    r"\b(?:is|are|was|were|has|have|had|may|might|must|shall|should|can|could|will|would|do|does"
    r"|did)\b"
    # "Elects the auditor", "contributed 62 %": a form of a verb with what follows it.
    r"|(?<!\bthe )(?<!\ban )(?<!\ba )\b\w{2,}(?:ed|[^s\W]s)\s+(?:the|an?|its|their|his|her|no"
    r"|\d+)\b"
    rf"|(?<!\w)(?!{_NO_VERB}\s)\w+\s+(?:the|an)\s",
    re.IGNORECASE,
)
# What something is preferred to, which it is not said of.
PREFERRED_TO = re.compile(
    r"\b(?:rather than|instead of|in place of|in preference to"
    r"|(?<=recommended )over|(?<=preferred )(?:over|to)|(?<=favoured )over|(?<=favored )over"
    r"|(?<=chosen )over|(?<=superior )to)\s+(?:the\s+|an?\s+)?[\w-]+",
    re.IGNORECASE,
)
PREPOSITION = re.compile(rf"\s*{_NO_VERB}\s", re.IGNORECASE)
ARTICLE = re.compile(r"(?:the|an?|its|their|his|her|each|every)\s", re.IGNORECASE)
RELATIVE = re.compile(r"(?:who|which)\s+", re.IGNORECASE)
ANTECEDENT = re.compile(
    r"\b(?i:the|an?|its|their|his|her)\s(?:[\w'-]+\s){0,2}[\w'-]+\Z|(?:[A-Z][\w.'-]*\s){0,3}[\w'-]+\Z"
)
SUBJECT = 3  # words that stand before the verb of the second clause
LEAST = 3  # words of a clause without a verb that is seen
BEGINNING = 80  # characters of a piece in which they are


@lru_cache(maxsize=4096)
def clauses(sentence: str) -> tuple[str, ...]:
    """The clauses of a sentence, in order; what has no verb stays with what it is joined to, and
    what begins with one has the subject of the clause before it, "who" what that ends with."""
    found: list[str] = []
    verbs = [match.start() for match in VERB.finditer(sentence)]
    start = 0
    for gap in (*BREAK.finditer(sentence), None):
        end = gap.start() if gap else len(sentence)
        if gap:
            first = bisect_left(verbs, start)
            both = first < len(verbs) and verbs[first] < end and verbs[-1] >= gap.end()
            if not (both or _parts(sentence, start, gap)):
                continue
        clause = sentence[start:end].lstrip()
        if found and (relative := RELATIVE.match(clause)):
            clause = f"{_antecedent(found[-1])} {clause[relative.end() :]}"
        elif found and VERB.match(clause):
            clause = f"{subject(found[-1])} {clause}"
        found.append(clause)
        start = gap.end() if gap else end
    return tuple(found)


def _parts(sentence: str, start: int, gap: re.Match[str]) -> bool:
    """Whether a comma before "and" parts clauses: not that of a list, nor of "in adults, and in
    children"."""
    if gap.group()[0] not in ",;":
        return _both_say(sentence, start, gap)
    if sentence.find(",", start, gap.start()) >= 0:
        return False
    before = sentence[start : min(start + BEGINNING, gap.start())]
    behind = sentence[gap.end() : gap.end() + BEGINNING]
    return all(
        len(piece.split()) >= LEAST and not PREPOSITION.match(piece) for piece in (before, behind)
    )


def _both_say(sentence: str, start: int, gap: re.Match[str]) -> bool:
    """Whether two pieces without a comma between them say something each, the second one of a
    subject with an article: "members pay half | the club pays the rest"."""
    if not ARTICLE.match(sentence, gap.end()):
        return False
    before, behind = (
        [token.word for token in tokens(sentence[a:b])]
        for a, b in (
            (start, min(start + BEGINNING, gap.start())),
            (gap.end(), gap.end() + BEGINNING),
        )
    )
    one, other = verb_at(before), verb_at(behind[: SUBJECT + 1])
    return one is not None and other is not None and len(before) > one + 2


def _antecedent(clause: str) -> str:
    """What "who" behind a clause takes up: its last noun with what stands between its article and
    it, or its last name."""
    found = ANTECEDENT.search(clause, max(0, len(clause) - BEGINNING))
    return found.group() if found else "who"


def subject(clause: str) -> str:
    """What stands before the verb of a clause: all of it if none is seen."""
    verb = VERB.search(clause)
    return clause[: verb.start()].rstrip() if verb else clause
