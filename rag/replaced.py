"""Whether a near copy has a word in place of its counterpart: "before" for "after"."""

from __future__ import annotations

from vademecum.rag.words import WORD, containment, content_words

COPY = 0.75  # least share of the words of the sentence in the other one
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
)
OTHERS: dict[str, set[str]] = {}
for pair in PAIRS:
    one, other = pair.split()
    OTHERS.setdefault(one, set()).add(other)
    OTHERS.setdefault(other, set()).add(one)


def replaced(sentence: str, evidence: str) -> bool:
    """Whether a word of the sentence, and not its counterpart, is lacking in the evidence, which
    has the counterpart that the sentence lacks."""
    if containment(content_words(sentence), content_words(evidence)) < COPY:
        return False
    ours, theirs = (set(WORD.findall(text.lower())) for text in (sentence, evidence))
    return any((OTHERS.get(word, set()) & theirs) - ours for word in ours - theirs)
