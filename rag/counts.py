"""How many of a thing there are: "six boats" where the passage counts "five boats and two jetties".

Small numbers in words are no quantities (`quantities.py`: "one of the two"); behind them a plural,
or in German a noun, tells what is counted. A sentence is at odds if the passage counts that thing,
never so, and has the number nowhere but with other things. English and German.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import combinations

from vademecum.rag.asked_german import stem as german_stem
from vademecum.rag.finite import CLOSED
from vademecum.rag.quantities import (
    GERMAN_SPELLED,
    ONES,
    german_numbers,
    numbers_at,
    plain,
    unit_after,
)
from vademecum.rag.words import GERMAN, stem

# What is counted stands close behind: "five small boats", "drei helle Zimmer".
BEHIND = re.compile(r"[\s-]\w+(?:\s\w+){0,2}")
PLURAL = re.compile(
    r"[a-z]{2,}(?<![sui])s|children|women|men|people|feet|teeth|mice", re.IGNORECASE
)
NOUN = re.compile(r"[A-ZÄÖÜ][a-zäöüß]{2,}")
SPELLED_ONE = re.compile(rf"\b(?:{'|'.join([*ONES[1:], *GERMAN_SPELLED])})\b", re.IGNORECASE)
# A bound is no count (sides.py compares those), nor is "the two groups", which are some of them.
BOUND = re.compile(
    r"\b(?:at (?:least|most)|more than|less than|fewer than|up to|over|under|about|around|nearly"
    r"|almost|than|every|first|last|next|mindestens|höchstens|mehr als|weniger als|bis zu|über"
    r"|unter|etwa|rund|fast|alle|ersten|letzten|nächsten|the|these|those|other|die|den|der"
    r"|diese[nr]?|anderen)\W*\Z",
    re.IGNORECASE,
)
BEFORE = 24  # characters that are read before a number
BOTH = re.compile(r"\b(?:both|pair|couple|twins?|twice|halves|beide[nrms]?|paar)\b", re.IGNORECASE)


def at_odds(sentence: str, parts: Sequence[str]) -> bool:
    """Whether a sentence counts a thing otherwise than every part that counts it."""
    said = [(n, thing) for n, thing, spelled in _counted(sentence) if thing and spelled]
    if not said:
        return False
    told = [(n, thing) for part in parts for n, thing, _ in _counted(part)]
    loose = {n for n, thing in told if not thing}  # "two reported": of whom, nobody knows
    if any(BOTH.search(part) for part in parts):
        loose.add(2)
    for n, thing in said:
        counts = [m for m, other in told if other == thing]
        sums = {sum(some) for k in (2, 3) for some in combinations(counts[:8], k)}
        if counts and n not in {*counts, *sums, *loose, *_rests(counts)}:
            return True
    return False


def _rests(counts: Sequence[int]) -> set[int]:
    """What is left of some if others are taken away."""
    return {abs(one - other) for one, other in combinations(counts[:8], 2)}


def _counted(text: str) -> Iterator[tuple[int, str, bool]]:
    """Each whole number, the stem of what it counts ("" if that is not clear), and whether it is a
    small one in words."""
    german = GERMAN.search(text) is not None
    text = plain(german_numbers(text) if german else text)
    for start, end, value in numbers_at(text, spelled=True):
        if not value.isdigit() or unit_after(text, end):
            continue
        word = SPELLED_ONE.fullmatch(text, start, end)
        spelled = word is not None and not BOUND.search(text[max(0, start - BEFORE) : start])
        german_word = text[start:end].lower() in GERMAN_SPELLED
        yield int(value), _thing(text, end, german=german or german_word), spelled


def _thing(text: str, end: int, *, german: bool) -> str:
    kind = NOUN if german else PLURAL
    behind = BEHIND.match(text, end)
    for word in re.findall(r"\w+", behind.group()) if behind else ():
        if word.lower() in CLOSED:
            break
        if kind.fullmatch(word):
            return german_stem(word) if german else stem(word.lower())
    return ""
