"""Whether two sentences say opposite things of the same matter.

A heuristic over cue words: it sees "did not reduce" against "reduced" and "increased" against
"decreased", the slips a small model makes when it copies. It does not understand either sentence.
"""

from __future__ import annotations

import re

from vademecum.rag.words import containment, content_words

NEGATION = re.compile(
    r"\b(?:no|not|non|never|without|neither|nor|none|cannot|lack(?:s|ed|ing)?|absen(?:t|ce)"
    r"|fail(?:s|ed|ure to)?|unable|insignificant|\w+n't)\b|不|没有?|未|无|非|缺乏",
    re.IGNORECASE,
)
# "not only", "no less than", "whether or not" deny nothing.
NO_DENIAL = re.compile(
    r"\b(?:not only|no less|whether or not|not least)\b|不仅|不但|无论|非常|不断|未来",
    re.IGNORECASE,
)
# "although", "but" and the like part what is said from what is said against it.
CLAUSE = re.compile(
    r"[,;:，；：]\s|[，；：]|\b(?:but|whereas|while|although|though|however|yet)\b|但是?|而|虽然",
    re.IGNORECASE,
)
UP = re.compile(
    r"\b(?:increas\w*|higher|greater|more|rais\w*|rise[sn]?|rose|elevat\w*|improv\w*|better"
    r"|longer|superior)\b|增加|升高|提高|上升|改善|更高|延长",
    re.IGNORECASE,
)
DOWN = re.compile(
    r"\b(?:decreas\w*|lower\w*|less|fewer|reduc\w*|declin\w*|fell|fall[s]?|diminish\w*|worse\w*"
    r"|shorter|shorten\w*|inferior)\b|减少|降低|下降|恶化|更低|缩短",
    re.IGNORECASE,
)
SAME_MATTER = 0.5  # least share of words in common for two sentences to be compared


def negated(text: str) -> bool:
    """Whether the text denies something."""
    return _denials(text) > 0


def _denials(text: str) -> int:
    return len(NEGATION.findall(NO_DENIAL.sub(" ", text)))


def direction(text: str) -> int:
    """+1 if the text speaks of more only, -1 of less only, 0 of both or neither."""
    return bool(UP.search(text)) - bool(DOWN.search(text))


def contradicts(sentence: str, evidence: str) -> bool:
    """Whether the sentence denies what the evidence affirms, the other way round, or points the
    other way. False where they share too few words to be about the same matter."""
    words = content_words(sentence)
    if containment(words, content_words(evidence)) < SAME_MATTER:
        return False
    if words <= content_words(evidence) and _denials(sentence) == _denials(evidence):
        return False  # the same words, denied as often: a copy
    clauses = [part for part in CLAUSE.split(evidence) if part.strip()]
    nearest = max(clauses, key=lambda part: containment(words, content_words(part)), default="")
    if containment(words, content_words(nearest)) < SAME_MATTER:
        nearest = evidence  # the sentence draws several clauses together
        if negated(sentence) and negated(evidence):
            return False
    if negated(sentence) != negated(nearest):
        return True
    return direction(sentence) * direction(nearest) < 0
