"""What is said of one thing and not of another: "tea lowers ferritin, not fatigue".

A sentence that says it of the other and not of the one is at odds with its passage; one that says
it in another order ("ferritin, not fatigue, is lowered by tea") agrees. English.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from vademecum.rag.words import containment, content_words

# "not only" adds, and "not" before a verb denies what is said, of nothing else.
NOT = (
    r"(?:(?:,\s*|\b)(?:but|and|or|though|although)\s+not|,\s*not|\brather than|\binstead of"
    r"|\bas opposed to|\bwithout \w+ing\b)\s+(?!only\b|significant|necessarily|least\b)"
)
CLAUSE_END = re.compile(r"[.;]")
THIS_NOT_THAT = re.compile(
    rf"(?P<this>.*?){NOT}(?P<that>[^,]*)(?P<rest>,\s*(?!but\b).*)?", re.IGNORECASE | re.DOTALL
)
NOT_THAT_BUT_THIS = re.compile(
    r"(?P<this>.*?)\bnot\s+(?!only\b|merely\b|just\b)(?P<that>[^,]*?),?\s+but\s+"
    r"(?!not\b|also\b)(?P<other>[^,]*)",
    re.IGNORECASE | re.DOTALL,
)
ASIDE = re.compile(rf"{NOT}[^,.;]*,", re.IGNORECASE)
LEAST_SHARED = 0.6  # least share of the words of the sentence in the other one


@dataclass(frozen=True, slots=True)
class Contrast:
    """The words of what something is said of, with all that is said, and of what it is not."""

    this: frozenset[str]
    that: frozenset[str]


def at_odds(sentence: str, parts: Sequence[str]) -> bool:
    """Whether a sentence says of the one thing what a part says of the other, and of it alone, and
    no part agrees with it."""
    return not agree(sentence, parts) and any(
        (theirs.that - ours.that) & ours.this and (ours.that - theirs.that) & theirs.this
        for ours, theirs in _of_one_matter(sentence, parts)
    )


def agree(sentence: str, parts: Sequence[str]) -> bool:
    """Whether a part says of the same thing, and not of the other, what the sentence says."""
    return any(
        (denied := ours.that - theirs.this)
        and denied <= theirs.that
        and not ours.this & theirs.that
        for ours, theirs in _of_one_matter(sentence, parts)
    )


def without_asides(sentence: str) -> str:
    """A sentence without what it sets aside between commas: "ferritin, not fatigue, fell"."""
    return ASIDE.sub(" ", sentence)


@lru_cache(maxsize=1024)
def contrasts(text: str) -> tuple[Contrast, ...]:
    """Every contrast that a sentence draws."""
    return tuple(contrast for contrast in _drawn(text) if contrast.this and contrast.that)


def _of_one_matter(sentence: str, parts: Sequence[str]) -> Iterator[tuple[Contrast, Contrast]]:
    words = content_words(sentence)
    claimed = contrasts(sentence)
    for part in parts if claimed else ():
        if containment(words, content_words(part)) >= LEAST_SHARED:
            for ours in claimed:
                for theirs in contrasts(part):
                    yield ours, theirs


def _drawn(text: str) -> Iterator[Contrast]:
    for match in _found(THIS_NOT_THAT, text):
        this = content_words(f"{match['this']} {match['rest'] or ''}")
        that = content_words(match["that"])
        yield Contrast(frozenset(this - that), frozenset(that - this))
    for match in _found(NOT_THAT_BUT_THIS, text):
        this = content_words(f"{match['this']} {match['other']}")
        that = content_words(match["that"])
        yield Contrast(frozenset(this - that), frozenset(that - this))


def _found(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    """As `finditer`, but a clause without a match is read once, not from each of its letters on."""
    for clause in CLAUSE_END.split(text):
        at = 0
        while match := pattern.match(clause, at):
            yield match
            at = match.end()
