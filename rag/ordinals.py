"""Which one of several: "the second dose" is not the first, and what is said of it not of that.

"Antibodies rose after the first dose" is at odds with a passage that says it of the second dose;
so is "the fifth working day" with one that has it of the third. English, German and Chinese.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from vademecum.rag.words import containment, content_words, numbers

ENGLISH = "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"
GERMAN = "erst zweit dritt viert fünft sechst siebt acht neunt zehnt elft zwölft"
HAN = "一二三四五六七八九十"
RANKS = {word: n for n, word in enumerate(ENGLISH.split(), start=1)}
RANKS |= {word: n for n, word in enumerate(GERMAN.split(), start=1)}
RANKS |= {digit: n for n, digit in enumerate(HAN, start=1)}
# "One third", "30 second", "first two", "at first" and "first, ..." count nothing.
ORDINAL = re.compile(
    r"(?<![-\w])(?<!at )(?<!one )(?<!a )(?<!two )(?<!per )(?<!\d )"
    rf"(?:(?P<word>{'|'.join(ENGLISH.split())})"
    rf"|(?P<german>{'|'.join(GERMAN.split())})e[nrsm]?|(?P<n>\d{{1,2}})(?:st|nd|rd|th))"
    r"(?:[- ](?:or|and|und|oder|to|bis) \w+)?"
    r"[- ](?P<noun>(?!(?:two|three|four|few|time|of|zwei|drei|mal)\b)[^\W\d_]+(?:[- ][^\W\d_]+)?)"
    rf"|第(?P<han>[{HAN}]|\d{{1,2}})(?P<thing>(?![{HAN}])[\u3400-\u9fff]{{2}})",
    re.IGNORECASE,
)
LIST = re.compile(r"[- ](?:or|and|und|oder|to|bis) ", re.IGNORECASE)
PIECE = re.compile(r"[,;，；。]|\b(?:and|but|while|whereas|und|aber|während)\b", re.IGNORECASE)
LEAST = 2  # words that the sentence says of it
SAID = 0.75  # of them, in a clause on another one
CLEARLY = 0.25  # more than in any on this one


@dataclass(frozen=True, slots=True)
class Ordinal:
    """The place in a row of something that is named by these words; 0 where it is of several."""

    rank: int
    nouns: frozenset[str]


def at_odds(sentence: str, parts: Sequence[str]) -> bool:
    """Whether the parts say of another one in the row what a clause of the sentence says of one."""
    return any(_of_another(*clause, parts) for clause in _clauses(sentence))


def _of_another(ordinal: Ordinal, words: frozenset[str], parts: Sequence[str]) -> bool:
    if not ordinal.rank or len(words) < LEAST:
        return False
    own = other = 0.0
    for part in parts:
        for each, said in _clauses(part):
            if not each.nouns & ordinal.nouns:
                continue
            share = containment(set(words), set(said))
            if each.rank not in (ordinal.rank, 0):
                other = max(other, share)
            elif said and said <= words:  # it may go on with the words of the clause before it
                return False
            else:
                own = max(own, share)
    return other >= SAID and other >= own + CLEARLY


@lru_cache(maxsize=4096)
def _clauses(text: str) -> tuple[tuple[Ordinal, frozenset[str]], ...]:
    """The ordinals of a text, each with the words of its clause: the whole text, where there is one
    ordinal alone."""
    found = list(_ordinals(text))
    if len(found) > 1:
        pieces = [piece for piece in PIECE.split(text) if piece.strip()]
        if len(pieces) > 1:
            return tuple(clause for piece in pieces for clause in _whole(piece))
    return _whole(text)


def _whole(text: str) -> tuple[tuple[Ordinal, frozenset[str]], ...]:
    plain = ORDINAL.sub(lambda match: f" {match['noun'] or match['thing']} ", text)
    words = content_words(plain) | numbers(plain)
    found = list(_ordinals(text))
    if len({ordinal.rank for ordinal in found}) > 1:
        found = [Ordinal(0, ordinal.nouns) for ordinal in found]
    return tuple((ordinal, frozenset(words - ordinal.nouns)) for ordinal in found)


def _ordinals(text: str) -> Iterator[Ordinal]:
    for match in ORDINAL.finditer(text):
        name = match["word"] or match["german"] or match["han"] or match["n"]
        rank = RANKS.get(name.lower()) or int(name)
        several = LIST.search(match[0]) is not None
        nouns = content_words(match["noun"] or match["thing"])
        if nouns:
            yield Ordinal(0 if several else rank, frozenset(nouns))
