"""What a passage denies in so many words: "did not prevent", "no effect on", "but tea was not".

A sentence that affirms such a word of the same things is at odds with the passage, unless a clause
of it affirms the word as well. English.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from vademecum.rag.effects import DENIED, JOINT, clauses, named
from vademecum.rag.negation import NO_DENIAL
from vademecum.rag.words import COPY, WORD, containment, content_words, stem

AUXILIARY = r"(?:do|does|did|was|were|is|are|has|have|had|could|can|will|would|been|be)"
DENIAL = re.compile(
    rf"\b(?P<verb>(?:{AUXILIARY} )?not|\w+n't|cannot|never|failed to|unable to)\s+"
    r"(?:(?:\w+ly|be|been|a|an|any|the|clear|such|longer|yet)\s+)*(?P<word>[A-Za-z][\w-]*)"
    r"|\bno\s+(?P<words>[A-Za-z][\w-]*(?:[ ][A-Za-z][\w-]*){0,5})",
    re.IGNORECASE,
)
# "Mites were associated with wheeze, but moulds were not."
BARE = re.compile(rf"\b{AUXILIARY} not\s*(?=[.;,]|$)", re.IGNORECASE)
# Where what is denied ends: "no overall effect | on sleep | was seen".
END = re.compile(rf"\b(?:{JOINT.pattern}|{AUXILIARY}|and|or|but|between|as|that)\b", re.IGNORECASE)
# A figure that says when or of how much something is denied, not how surely.
FIGURE = re.compile(r"(?<![\d.=<>≤≥])(?<![=<>] )\b\d[\d.]*(?!\s?%)")
SEEN = content_words("seen observed noted detected reported evident present")
ROOT = 5  # letters by which "differ", "different" and "difference" are one word
SAME_THINGS = 1 / 2  # of what is denied, in the words of the sentence
ALL_BUT = 0.7  # of the words of the sentence, in the sentence that ends in a bare denial


@dataclass(frozen=True, slots=True)
class Denial:
    """A word that is denied, by its root, and what else its clause names."""

    root: str
    of: frozenset[str]


def at_odds(sentence: str, parts: Sequence[str]) -> bool:
    """Whether the sentence affirms what the parts of a passage only deny."""
    words, own = content_words(sentence), denials(sentence)
    affirmed = {
        root for clause in clauses(sentence) if not DENIED.search(clause) for root in _roots(clause)
    }
    for part in parts:
        if _except(sentence, words, part):
            return True
        if set(FIGURE.findall(part)) - set(FIGURE.findall(sentence)):
            continue  # denied of a time or an amount that the sentence may not speak of
        for denial in denials(part):
            rest = {word for word in words if word[:ROOT] != denial.root}
            same = (
                not denial.of
                or containment(set(denial.of), words) >= SAME_THINGS
                or containment(rest, set(denial.of)) >= ALL_BUT
            )
            same = same and denial not in own
            if denial.root in affirmed and same and not _affirmed(denial, words, parts):
                return True
    return False


def denied_too(sentence: str, parts: Sequence[str]) -> bool:
    """Whether all that the sentence denies is denied of the same by the parts as well."""
    words, claims = content_words(sentence), denials(sentence)
    stated = [denial for part in parts for denial in denials(part)]
    return bool(claims) and all(
        any(
            claim.root == denial.root
            and (not denial.of or containment(set(denial.of), words) >= SAME_THINGS)
            for denial in stated
        )
        for claim in claims
    )


@lru_cache(maxsize=1024)
def denials(text: str) -> tuple[Denial, ...]:
    """Every word that a sentence denies."""
    return tuple(denial for clause in clauses(text) for denial in _denied(clause))


def _denied(clause: str) -> Iterator[Denial]:
    clause = NO_DENIAL.sub(" ", clause)
    for match in DENIAL.finditer(clause):
        behind, word = clause[match.end() :], match["word"]
        if word is None:
            named_words = WORD.findall(END.split(match["words"])[0])
            word = named_words[-1] if named_words else ""
            behind = f"{match['words']}{behind}"
        if content_words(word):
            of = named(f"{clause[: match.start()]} {behind}") - SEEN
            yield Denial(_root(word), frozenset(name for name in of if name[:ROOT] != _root(word)))


def _affirmed(denial: Denial, words: set[str], parts: Sequence[str]) -> bool:
    """Whether a clause says the denied word of as much of the sentence as the denial speaks of, or
    a part that the sentence copies says it and denies it of nothing."""
    least = len(words & denial.of)
    copied = [part for part in parts if containment(words, content_words(part)) >= COPY]
    if any(
        denial.root in _roots(part) and denial.root not in {each.root for each in denials(part)}
        for part in copied
    ):
        return True
    return any(
        denial.root in _roots(clause)
        and denial.root not in {each.root for each in denials(clause)}
        and len(words & content_words(clause)) > least
        for part in parts
        for clause in clauses(part)
    )


def _except(sentence: str, words: set[str], part: str) -> bool:
    """Whether the part says it of other things, "but" of the sentence's own "not"."""
    if denials(sentence) or BARE.search(sentence):
        return False
    for clause in clauses(part):
        if match := BARE.search(clause):
            excepted = named(clause[: match.start()])
            subject = next((n for p in JOINT.split(sentence) if (n := named(p))), frozenset())
            if excepted & subject and containment(set(excepted), words) >= SAME_THINGS:
                return containment(words, content_words(part)) >= ALL_BUT
    return False


@lru_cache(maxsize=1024)
def _roots(text: str) -> frozenset[str]:
    return frozenset(_root(word) for word in WORD.findall(text))


def _root(word: str) -> str:
    return stem(word.lower())[:ROOT]
