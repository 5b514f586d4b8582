"""What a passage sets aside: "the side door instead of the main entrance", "statt wöchentlich".

A sentence that says of what is set aside what the passage says of the other is at odds with it:
"visitors use the main entrance", "it was taken weekly". "No longer X but Y" says Y, of which the
passage is read for a sentence that does not speak of X. English and German.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from vademecum.rag.negation import negated
from vademecum.rag.slots import words_in_order
from vademecum.rag.voices import FORMS
from vademecum.rag.words import containment

INSTEAD = re.compile(
    r"\b(?:instead of|rather than|in place of|in lieu of|as opposed to|anstelle (?:von|der|des)"
    r"|an Stelle (?:von|der|des)|(?:an)?statt(?=\s+[^\s.,;:]+[\s.,;]))\s+",
    re.IGNORECASE,
)
# "Findet im Keller statt": a part of the verb.
TAKES_PLACE = re.compile(r"\b(?:find\w*|fand\w*)\b[^.;]*\Z", re.IGNORECASE)
# Where it ends: at a mark, a verb, another preposition, or what is joined to it.
ENDS = re.compile(
    r"[,;:.()](?!\d)|(?<=\s)(?:and|or|but|because|since|when|if|while|until|is|are|was|were|will|may"
    r"|must|shall|should|can|has|have|had|und|oder|aber|weil|wenn|ist|sind|wird|werden|wurden?"
    r"|hat|haben|muss|müssen|darf|dürfen)\b",
    re.IGNORECASE,
)
PREPOSITION = re.compile(
    r"(?<=\s)(?:at|by|during|for|from|in|on|to|with|within|am|an|auf|aus|bei|für|im|in|mit|nach|um"
    r"|unter|vor|zu[mr]?)\b",
    re.IGNORECASE,
)
CLAUSE = re.compile(r"[;:]")
# All that German sets aside: what takes its place may follow.
GERMAN_PHRASE = re.compile(
    r"(?:(?:am|an|auf|aus|bei|bis|für|im|in|mit|nach|um|unter|vor|zu[mr]?) )?"
    r"(?:\d[\d.,]*\s?\w+|(?:(?:de[rmns]|die|das|eine[mnrs]?|jede[mnrs]?) )?(?:[a-zäöüß]+e[mnrs]? )*"
    r"[A-ZÄÖÜ][\w-]*|[\w-]+)"
)
GERMAN = re.compile(r"(?:an)?statt|an ?stelle (?:von|de[rs])", re.IGNORECASE)
# "No longer 4711 but 8822".
NO_LONGER = re.compile(
    r"\b(?:no longer|not(?! (?:only|merely|just)\b)|nicht mehr|nicht länger)\s+"
    r"(?P<aside>[^,.;:]{1,80}?),?\s+(?:but|sondern)(?! (?:also|auch|not)\b)\s+"
)
LONGEST = 120  # characters that are set aside
NEAR = 160  # characters that are read before and behind it
NEIGHBOURS = 2  # words beside it, of which one at least takes its place
SHARED = 0.75  # of the words of the sentence, in the part
HALF = 0.5  # of what is set aside, in the sentence


class Aside(NamedTuple):
    """The words of what is set aside, of what stands for it, and of all the rest."""

    those: frozenset[str]
    instead: frozenset[str]
    rest: frozenset[str]


def at_odds(sentence: str, parts: Sequence[str]) -> bool:
    """Whether a sentence says of what a part sets aside what that says of another, and no part
    says so."""
    told = [aside for part in parts for aside in asides(part)]
    if not told or negated(sentence) or asides(sentence):
        return False
    words = set(_words(sentence))
    return any(
        not aside.instead <= words
        and containment(set(aside.those), words) >= HALF
        and containment(words, set(aside.those | aside.rest)) >= SHARED
        for aside in told
    ) and not any(words <= _kept(part) for part in parts)


def agrees(sentence: str, parts: Sequence[str]) -> bool:
    """Whether a sentence denies of what a part sets aside what that says of another."""
    if not negated(sentence):
        return False
    words = set(_words(sentence))
    return any(
        aside.those <= words
        and not aside.instead <= words
        and containment(words, set(aside.those | aside.rest)) >= SHARED
        for part in parts
        for aside in asides(part)
    )


def restated(sentence: str, parts: Sequence[str]) -> list[str]:
    """The parts with "Y" for "no longer X but Y", for a sentence that speaks of no such X."""
    if NO_LONGER.search(sentence):
        return list(parts)
    words = set(_words(sentence))

    def kept(found: re.Match[str]) -> str:
        return found.group() if words & set(_words(found["aside"])) else " "

    return [NO_LONGER.sub(kept, part) for part in parts]


@lru_cache(maxsize=4096)
def asides(text: str) -> tuple[Aside, ...]:
    """All that a sentence sets aside, unless it denies what it says."""
    return tuple(_asides(text))


def _asides(text: str) -> Iterator[Aside]:
    for start, at, end in _places(text):
        before = CLAUSE.split(text[max(0, start - NEAR) : start])[-1]
        ahead, behind = _words(before), _words(text[end : end + NEAR])
        those = frozenset(_words(text[at:end]))
        rest = frozenset((*ahead, *behind))
        if not those - rest or negated(before):
            continue
        near = [word for word in ahead if word not in those][-NEIGHBOURS:]
        first = [word for word in behind if word not in those][:NEIGHBOURS]
        # In German it may stand before what takes its place: "statt am Montag am Dienstag".
        either = not near or GERMAN.search(text, start, at)
        yield Aside(those - rest, frozenset((*near, *(first if either else ()))), rest)


def _places(text: str) -> Iterator[tuple[int, int, int]]:
    """Where "instead of" begins and ends, and where ends what it sets aside."""
    for match in INSTEAD.finditer(text):
        german = GERMAN.match(match.group()) is not None
        if german and TAKES_PLACE.search(text, max(0, match.start() - NEAR), match.start()):
            continue
        at = match.end()
        if german:
            phrase = GERMAN_PHRASE.match(text, at)
            yield match.start(), at, phrase.end() if phrase else at
            continue
        first = text.find(" ", at)
        reach = min(len(text), at + LONGEST)
        stop = ENDS.search(text, at, reach)
        end = stop.start() if stop else reach
        further = PREPOSITION.search(text, first + 1 if first > 0 else at, end)
        yield match.start(), at, further.start() if further else end


def _kept(part: str) -> set[str]:
    """The words of a sentence without what it sets aside."""
    kept, last = [], 0
    for _, at, end in _places(part):
        kept.append(part[last:at])
        last = end
    return set(_words("".join((*kept, part[last:]))))


def _words(text: str) -> tuple[str, ...]:
    """Its words in order, as stems, those of one verb as one."""
    return tuple(FORMS.get(word, word) for word in words_in_order(text))
