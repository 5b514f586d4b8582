"""Days of the week, in whatever language: "montags und donnerstags" is not "Mondays and Tuesdays".

A sentence must not name a day that its passage names for nothing, nor the day of another clause.
English, German and Chinese; "Monday to Friday" is five days.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from vademecum.rag.negation import negated
from vademecum.rag.words import containment, content_words

NAMES = (
    r"\bmondays?\b|\bmontag\w*|(?:周|星期|礼拜)一",
    r"\btuesdays?\b|\bdienstag\w*|(?:周|星期|礼拜)二",
    r"\bwednesdays?\b|\bmittwoch\w*|(?:周|星期|礼拜)三",
    r"\bthursdays?\b|\bdonnerstag\w*|(?:周|星期|礼拜)四",
    r"\bfridays?\b|\bfreitag\w*|(?:周|星期|礼拜)五",
    r"\bsaturdays?\b|\b(?:samstag|sonnabend)\w*|(?:周|星期|礼拜)六",
    r"\bsundays?\b|\bsonntag\w*|(?:周|星期|礼拜)[日天]",
)
DAY = re.compile("|".join(f"(?P<d{i}>{name})" for i, name in enumerate(NAMES)), re.IGNORECASE)
TO = re.compile(r"\s*(?:[-–—~～至到]|\b(?:to|through|till|until|bis)\b)\s*", re.IGNORECASE)
# Days that are meant and not named.
MEANT = tuple(
    (re.compile(words, re.IGNORECASE), frozenset(range(*those)))
    for words, those in (
        (r"\b(?:daily|every ?day|each day|any day|täglich|jeden tag)\b|每[天日]", (0, 7)),
        (r"\b(?:week-?days?|working days?|business days?|wochentag\w*)\b|工作日", (0, 5)),
        (r"\bwerktag\w*", (0, 6)),  # in German law Saturday is one
        (r"\b(?:weekends?|wochenend\w*)\b|周末", (5, 7)),
    )
)
# On other days it is the other way round.
CLOSED = re.compile(
    r"\b(?:closed|except|geschlossen|außer|ausgenommen)\b|除|关闭|休息", re.IGNORECASE
)
PIECE = re.compile(r"[;；]|[,，]\s|\b(?:while|whereas|but|während|aber)\b", re.IGNORECASE)
SAME_MATTER = 0.5  # of the other words of a sentence, in a clause with other days


def at_odds(sentence: str, parts: Sequence[str]) -> bool:
    """Whether the sentence names a day that no part names, or that of another clause."""
    told = {clause: days(clause) for part in parts for clause in _clauses(part)}
    told = {clause: named for clause, named in told.items() if named}
    every = frozenset().union(*told.values())
    return bool(told) and any(
        _of_no_clause(claim, told) if days(claim) <= every else _unnamed(claim, told, parts)
        for claim in _clauses(sentence)
    )


@lru_cache(maxsize=4096)
def days(text: str) -> frozenset[int]:
    """The days of the week that a text names, Monday as 0."""
    found: set[int] = set()
    last, end = 0, -1
    for match in DAY.finditer(text):
        day = int(str(match.lastgroup)[1:])
        if end >= 0 and TO.fullmatch(text, end, match.start()):
            found |= {(last + i) % 7 for i in range((day - last) % 7)}
        found.add(day)
        last, end = day, match.end()
    return frozenset(found)


def _clauses(text: str) -> list[str]:
    """The clauses of a text, if each names days; "on Mondays, Tuesdays and Fridays" is one."""
    pieces = [piece for piece in PIECE.split(text) if piece.strip()]
    apart = all(days(piece) and _words(piece) for piece in pieces)
    return pieces if apart else [text]


def _unnamed(claim: str, told: dict[str, frozenset[int]], parts: Sequence[str]) -> bool:
    """Whether the passage leaves no room for a day that it does not name."""
    unnamed = days(claim).difference(*told.values())
    if any(unnamed <= _meant(p) and not _turned(claim, p) for p in parts if not days(p)):
        return False
    nearest = max(told, key=lambda piece: containment(_words(claim), _words(piece)))
    denied = negated(claim) != negated(nearest)
    return not (unnamed <= _meant(nearest) or _turned(claim, nearest) or denied)


def _meant(text: str) -> frozenset[int]:
    """The days of the week that a text means by "daily" or "at weekends"."""
    return frozenset().union(*(those for words, those in MEANT if words.search(text)))


def _turned(claim: str, text: str) -> bool:
    """Whether one says when something is open, and the other when it is closed."""
    return bool(CLOSED.search(claim)) != bool(CLOSED.search(text))


def _of_no_clause(claim: str, told: dict[str, frozenset[int]]) -> bool:
    """Whether the clauses with most words of the claim name other days than it does."""
    words, named = _words(claim), days(claim)
    shares = {piece: containment(words, _words(piece)) for piece in told}
    best = max(shares.values())
    if not named or best < SAME_MATTER:
        return False
    return not any(named <= told[piece] for piece in told if shares[piece] == best)


def _words(text: str) -> set[str]:
    return content_words(DAY.sub(" ", text))
