"""Which of two groups a passage gives more: "60% on A and 40% on B" is more often on A.

A sentence that says in words "more often on B" is at odds with it. Only two figures of one unit,
each with its group beside it, are compared, and only where the passage does not say itself which
is more: what falls more, or is better when it is less, is left to other checks. English.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, pairwise

from vademecum.rag.negation import negated
from vademecum.rag.polarity import COMPARISON
from vademecum.rag.quantities import numbers_at, plain, unit_at
from vademecum.rag.words import WORD, containment, content_words, stem

MORE = re.compile(r"\b(?:more|higher|greater|larger|most|highest)\b", re.IGNORECASE)
LESS = re.compile(r"\b(?:less|fewer|lower|smaller|least|lowest|fewest)\b", re.IGNORECASE)
OF_DEGREE = content_words("often frequent frequently common commonly likely rate rates number")
# Where a passage compares in words, its numbers may be changes, differences or a measure of both.
TOLD = re.compile(
    r"\b(?:more|less|fewer|lower\w*|higher|great\w+|better|worse|larger|smaller|longer|shorter|than"
    r"|increas\w*|decreas\w*|reduc\w*|declin\w*|improv\w*|ris(?:e|es|en|ing)|rose|fell|fall\w*"
    r"|drop(?:s|ped|ping)?|gain\w*|loss|lost|chang\w+|differ\w*|saved?)\b",
    re.IGNORECASE,
)
WITH_NUMBERS = re.compile(r"\s*[(\[][^()\[\]]*\d[^()\[\]]*[)\]]")
OF_SO_MANY = re.compile(r"\s*(?:of|out of|/)\s*(?:the )?\Z")
SO_MANY = re.compile(r"\s*(?:per|/)\s*\Z")
# "60% of the patients on | A", "8.1% (A)".
GROUP = re.compile(
    r"[^\w.;(]*(?:of (?:the )?(?:\w+ ){0,2}?|(?:\w+ )?)?"
    r"(?:(?:in|on|with|for|among|after|under|given|receiving|taking|using|by|of|at|from|to)\s+"
    r"(?:the |those |patients |people |women |men |children |who |were |had |received |took |given "
    r"|with |on |in |using |treated )*|\()"
    r"(?P<group>[A-Za-z][\w/+-]*(?: [A-Za-z][\w/+-]*){0,2})"
)
BEYOND = re.compile(
    r"\s(?:and|or|versus|vs|compared|while|whereas|but|was|were|had|at|of|in|who|their|\w+ed)\b.*"
)
# "LDL fell more with A": the numbers say how far it fell.
DEGREE = re.compile(r"\b(\w+) (?:more|less)\b", re.IGNORECASE)
MOST_FIGURES = 6
OF_THE_SAME = 0.75  # least share of the words of the sentence, without what compares, in the part


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its unit ("of" for a share), and where it stands in its text."""

    start: int
    end: int
    value: float
    unit: str


@dataclass(frozen=True, slots=True)
class Pair:
    """Two figures of one unit in a text; `alone` if it has no other of that unit."""

    text: str
    one: Figure
    other: Figure
    alone: bool


def at_odds(sentence: str, parts: Sequence[str]) -> bool:
    """Whether a sentence gives more to the group to which the figures of a part give less, and no
    part compares the same in words."""
    sign = bool(MORE.search(sentence)) - bool(LESS.search(sentence))
    if not sign or negated(sentence) or numbers_at(plain(sentence)):
        return False
    words = content_words(MORE.sub(" ", LESS.sub(" ", sentence))) - OF_DEGREE
    near = [part for part in parts if containment(words, content_words(part)) >= OF_THE_SAME]
    degrees = {stem(match[1].lower()) for match in DEGREE.finditer(sentence)}
    if any(negated(part) or _told(part) - degrees for part in near):
        return False
    signs = {
        sign * side for part in near for pair in _pairs(part) if (side := _left(sentence, pair))
    }
    return signs == {-1}


def _told(part: str) -> set[str]:
    """The words by which a part compares, or says what its numbers measure, as stems."""
    return {stem(match.group().lower()) for match in TOLD.finditer(part)}


def _left(sentence: str, pair: Pair) -> int:
    """1 if the group that a sentence speaks of first has the greater of two figures, -1 if it has
    the smaller one, 0 if it is not certain which it has."""
    greater = 1 if pair.one.value > pair.other.value else -1
    one, other = _group(pair.text, pair.one), _group(pair.text, pair.other)
    one, other = one - other, other - one
    compared = COMPARISON.search(sentence)
    if not compared:
        words = content_words(sentence)
        first, second = bool(words & one), bool(words & other)
        certain = pair.alone and one and other and first != second
        return (greater if first else -greater) if certain else 0
    left, right = content_words(compared["left"]), content_words(compared["right"])
    if left & one and right & other:
        return greater
    if left & other and right & one:
        return -greater
    if not pair.alone or (one and other):
        return 0
    places = _places(pair.text)
    partners = {
        partner
        for u in left - right
        for v in right - left
        if u in places and v in places
        if (partner := _partner(pair.one.start, pair.other.start, places[u], places[v]))
    }
    return greater * partners.pop() if len(partners) == 1 else 0


def _partner(a: int, b: int, u: int, v: int) -> int:
    """1 if the word at `u` goes with the figure at `a`, and `v` with `b`, -1 the other way round,
    0 unless figures and words take turns."""
    order = [what for _, what in sorted(((a, 1), (b, 2), (u, -1), (v, -2)))]
    if any(one * other > 0 for one, other in pairwise(order)):
        return 0
    return 1 if order[0] + order[1] == 0 else -1


def _places(text: str) -> dict[str, int]:
    """Where each word stands that a text has once."""
    places: dict[str, list[int]] = {}
    for match in WORD.finditer(text):
        for word in content_words(match.group()):
            places.setdefault(word, []).append(match.start())
    return {word: at[0] for word, at in places.items() if len(at) == 1}


@lru_cache(maxsize=1024)
def _pairs(part: str) -> tuple[Pair, ...]:
    """The figures of one unit in a sentence, two by two: without what stands in parentheses behind
    a number ("12% (95% CI 8-16)") or, where there are no two then, with it."""
    for text in (WITH_NUMBERS.sub(" ", plain(part)), plain(part)):
        by_unit: dict[str, list[Figure]] = {}
        for figure in figures(text):
            by_unit.setdefault(figure.unit, []).append(figure)
        found = tuple(
            Pair(text, one, other, alone=len(figures) == 2)
            for figures in by_unit.values()
            if len(figures) <= MOST_FIGURES
            for one, other in combinations(figures, 2)
            if one.value != other.value
        )
        if found:
            return found
    return ()


def figures(text: str, *, spelled: bool = False) -> Iterator[Figure]:
    """The numbers of a text that measure something; "34 of 90" is one. With `spelled`, those in
    words as well."""
    places = numbers_at(text, spelled=spelled)
    behind = [*(start for start, _, _ in places[1:]), len(text)]
    skip = False
    for i, (start, end, value) in enumerate(places):
        if skip:
            skip = False
            continue
        between = text[end : behind[i]]
        unit, unit_end = unit_at(text, end)
        if i + 1 < len(places) and OF_SO_MANY.fullmatch(between) and float(places[i + 1][2]):
            skip = True
            share = float(value) / float(places[i + 1][2])
            yield Figure(start, places[i + 1][1], share, "of")
        elif i + 1 < len(places) and SO_MANY.fullmatch(between):
            skip = True
            yield Figure(start, places[i + 1][1], float(value), f"per {places[i + 1][2]}")
        elif unit or "." in text[start:end]:
            yield Figure(start, unit_end if unit else end, float(value), unit)


def _group(text: str, figure: Figure) -> frozenset[str]:
    """The words that name the group of a figure, behind it."""
    found = GROUP.match(text, figure.end)
    return frozenset(content_words(BEYOND.sub("", found["group"]))) if found else frozenset()
