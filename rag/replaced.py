"""Whether a near copy has a word in place of its counterpart: "before" for "after", "sufficient"
for "insufficient", "only" for "not only"."""

from __future__ import annotations

import re

from vademecum.rag.negation import with_for_not_without
from vademecum.rag.words import NEAR_COPY, WORD, containment, content_words, stem

PAIRS = (
    "before after",
    "above below",
    "with without",
    "first second",
    "first last",
    "first third",
    "second third",
    "early late",
    "earlier later",
    "left right",
    "upper lower",
    "systolic diastolic",
    "acute chronic",
    "advance arrears",
    "primary secondary",
    "minimum maximum",
    "minimal maximal",
    "positive negative",
    "young old",
    "younger older",
    "short long",
    "rural urban",
    "anterior posterior",
    "proximal distal",
    "medial lateral",
    "inpatients outpatients",
    "morning evening",
    "oral intravenous",
    "high low",
    "full empty",
    "same another",
    "same different",
    "higher lower",
    "dependent independent",
)
OTHERS: dict[str, set[str]] = {}
for pair in PAIRS:
    one, other = pair.split()
    OTHERS.setdefault(one, set()).add(other)
    OTHERS.setdefault(other, set()).add(one)


PREFIXES = ("in", "un", "non", "non-", "dis")
ABNORMAL = "normal"  # "ab-" turns round nothing else: "use" and "abuse"
# Words that make another one with such a prefix, and not the contrary.
NO_CONTRARIES = frozenset(
    """patient patients less order orders ordered fusion fusions fused ion ions put puts take takes
    side come form formed formation formative flux sect sects till stance stances tact ease eases
    charge charged charges section sections sectioned solution play played plays cover covered
    location locations position positions hospital""".split()
)
LEAST = 4  # letters
NOT_ONLY = re.compile(r"\bnot only\b", re.IGNORECASE)
ONLY = re.compile(r"\bonly\b", re.IGNORECASE)


def replaced(sentence: str, evidence: str, but: frozenset[str] = frozenset()) -> bool:
    """Whether a word of the sentence, and not its counterpart, is lacking in the evidence, which
    has the counterpart that the sentence lacks. `but` are words that are right as they are."""
    sentence, evidence = map(with_for_not_without, (sentence, evidence))
    words, held = content_words(sentence), content_words(evidence)
    ours, theirs = (_words(text) for text in (sentence, evidence))
    if NOT_ONLY.search(evidence) and ONLY.search(sentence) and not NOT_ONLY.search(sentence):
        only = not ONLY.search(NOT_ONLY.sub(" ", evidence))
        return only and containment(words, held) >= NEAR_COPY
    one, other = ours - theirs - but, theirs - ours
    return any(
        (OTHERS.get(word, set()) & other or _contrary(word, other))
        and containment(words - {stem(word)}, held) >= NEAR_COPY
        for word in one
    )


def _words(text: str) -> set[str]:
    """The words of a text, and the parts of "low-risk"."""
    words = WORD.findall(text.lower())
    return {part for word in words for part in (word, *word.split("-"))}


def _contrary(word: str, others: set[str]) -> bool:
    """Whether one of the others is the word with a prefix that turns it round, or without its."""
    return any(
        long == f"{prefix}{short}" or (long == f"ab{short}" and short.startswith(ABNORMAL))
        for other in others
        for short, long in [sorted((word, other), key=len)]
        if len(short) >= LEAST and short not in NO_CONTRARIES
        for prefix in PREFIXES
    )
