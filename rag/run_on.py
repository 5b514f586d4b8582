"""A sentence that runs two of a passage together: "The key hangs behind the blue door is lost".

The sentence has a whole clause of the passage, from its subject to its end, and goes on with
another verb. Without a word that joins the two it is at odds, unless the passage says so of the
subject. Joined by "and", or put in between by "which", what the verb says is a statement about that
subject, which other rules judge (`statements`). English, and German without a joining word.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import lru_cache

from vademecum.rag import subjects
from vademecum.rag.finite import (
    AUXILIARIES,
    CLOSED,
    PREPOSITIONS,
    RELATIVES,
    TOKEN,
    Token,
    tokens,
    verb_at,
)
from vademecum.rag.slots import GENERAL
from vademecum.rag.supposed import without_suppositions
from vademecum.rag.words import STOP_WORDS, without_ending

START = re.compile(
    r"\A|[,;:]\s+(?:(?:and|but|while|whereas|und|aber)\s+)?|\s(?:and|but|und|aber)\s"
)
TAIL_ENDS = re.compile(r"[,;:]\s|[.!]?\s*\Z|\s(?=(?:and|but|while|whereas|und|aber)\s)")
JOINED = re.compile(r",?\s+(?:and|but)\s+")
SPACE = re.compile(r"\s+")
BETWEEN = re.compile(
    r"\A(?P<of>[^,;:]{2,60}), (?:which|who) (?P<aside>\w[^,;:]{2,120}), (?P<rest>\w[^,;:]+)"
)
# It may be the subject itself, or one of them: "the animal", "all boats".
MAY_BE_ANY = re.compile(
    r"\W*(?:(?:[\w'-]+\s+){0,3}?(?:all|any|both|each|every|such)\b|(?:the|this|these|that|those)\s+"
    r"(?:animal|area|article|building|company|facility|firm|house|item|machine|material|object"
    r"|organi[sz]ation|place|plant|product|property|room|site|substance|thing|tool|unit|vehicle)s?\b)",
    re.IGNORECASE,
)
PRONOUN = re.compile(r"\W*(?:it|they|he|she|er|sie|es)\b", re.IGNORECASE)
PIECE = re.compile(r"[,;:]\s|\s(?:and|but)\s")
# In German a small word with a "t" behind a noun: "die Maschine klemmt".
NOUNS = re.compile(r"\b(?:der|die|das|den|dem|eine?|im|am|und)\b", re.IGNORECASE)
VERB_OF_NOUN = re.compile(
    r"\b[A-ZÄÖÜ][\w-]+ (?:[a-zäöüß]+ (?=[a-zäöüß]+t[,.]))?(?P<verb>[a-zäöüß]+(?:t|en))\b"
)
# "The reason he is late": the verb is said of them.
OTHERS = frozenset("he she it they we you i er sie es wir ihr ich".split())
# Of the general words, "in heart failure | patients", those that are verbs.
NO_NOUNS = frozenset(
    "lowers raises reduces improves elevates gives takes recommends avoids suggests".split()
)
# They begin what is added to a clause that is whole.
ADDED = frozenset("when if because unless until while whereas once".split())
LEAST = 3  # words of a clause, articles not counted
MOST_LEFT_OUT = 4  # words behind a preposition: "of the boathouse"


def at_odds(sentence: str, parts: Sequence[str]) -> bool:
    """Whether a sentence has a further verb behind a whole clause of the parts, without a word that
    joins it, and no part says that of the clause's subject."""
    return any(
        not joined and not _told(subject, tail, parts)
        for subject, tail, joined in _further(sentence, tuple(parts))
    )


def said_of_another(sentence: str, parts: Sequence[str]) -> bool:
    """Whether the parts say of another thing only what a further verb says of its subject."""
    others = [part for part in parts if not MAY_BE_ANY.match(part)]
    return any(subjects.at_odds(each, others) for each in statements(sentence, parts))


def statements(sentence: str, parts: Sequence[str]) -> tuple[str, ...]:
    """What a sentence says with its further verbs, each with the subject."""
    found = [f"{subject} {tail}" for subject, tail, _ in _further(sentence, tuple(parts))]
    between = BETWEEN.match(sentence)
    if between and not {token.word for token in tokens(between["of"])} & CLOSED:
        said = [between[name] for name in ("aside", "rest")]
        found += [f"{between['of']} {each}" for each in said if _begins_with_verb(each, parts)]
    return tuple(dict.fromkeys(found))


def _begins_with_verb(text: str, parts: Sequence[str]) -> bool:
    first = TOKEN.match(text)
    return first is not None and _finite(text, Token(first.group().lower(), 0, first.end()), parts)


@lru_cache(maxsize=64)
def _further(sentence: str, parts: tuple[str, ...]) -> tuple[tuple[str, str, bool], ...]:
    """The subject of each whole clause, what a verb behind it says, and whether it is joined."""
    claim = tokens(sentence)
    found: list[tuple[str, str, bool]] = []
    for begins in START.finditer(sentence):
        first = bisect_left(claim, begins.end(), key=_start)
        for part in parts if first < len(claim) else ():
            end = _copied(claim, first, part, sentence)
            if end is not None:
                subject = _subject(sentence[begins.end() : claim[end - 1].end], part)
                found += _verbs(sentence, claim, end, subject, parts)
    return tuple(found)


def _verbs(
    sentence: str, claim: Sequence[Token], end: int, subject: str, parts: Sequence[str]
) -> Iterator[tuple[str, str, bool]]:
    at = claim[end - 1].end
    while at < len(sentence):
        joint = JOINED.match(sentence, at) or SPACE.match(sentence, at)
        if joint is None:
            return
        i = bisect_left(claim, joint.end(), key=_start)
        if i == len(claim) or claim[i].start != joint.end():
            return
        if not _finite(sentence, claim[i], parts):
            return
        stop = TAIL_ENDS.search(sentence, claim[i].end)
        at = stop.start() if stop else len(sentence)
        yield subject, sentence[claim[i].start : at], bool(joint.group().strip())


def _start(token: Token) -> int:
    return token.start


def _copied(claim: Sequence[Token], first: int, part: str, sentence: str) -> int | None:
    """Where in the claim a whole clause of a part ends that begins at `first`."""
    theirs = tokens(part)
    i, j = first, 0
    while i < len(claim) and j < len(theirs):
        if claim[i].word == theirs[j].word:
            i, j = i + 1, j + 1
            continue
        skipped = _behind(theirs, j, claim[i].word) if i > first else None
        if skipped is None:
            break
        j = skipped
    words = [token.word for token in claim[first:i]]
    if len(words) < LEAST or i == len(claim) or set(words) & RELATIVES or set(words[1:]) & OTHERS:
        return None
    if re.search(r"[,;:()]", sentence[claim[first].start : claim[i - 1].end]):
        return None
    if set(words[1:]) & AUXILIARIES:
        return i
    whole = (
        part.rstrip()[-1:] in ".!"
        if j == len(theirs)
        else (theirs[j].word in ADDED or ";" in part[theirs[j - 1].end : theirs[j].start])
    )
    return i if whole and set(words) & _verbs_of(part) else None


def _behind(theirs: Sequence[Token], j: int, word: str) -> int | None:
    """Where a word stands behind a phrase of a preposition that the claim leaves out."""
    if theirs[j].word not in PREPOSITIONS:
        return None
    reach = range(j + 1, min(j + 1 + MOST_LEFT_OUT, len(theirs)))
    return next((k for k in reach if theirs[k].word == word), None)


def _finite(sentence: str, token: Token, parts: Sequence[str]) -> bool:
    """Whether a word is a finite verb: by name, or as the parts have it."""
    if not sentence[token.start].islower():
        return False
    if token.word in AUXILIARIES:
        return True
    if token.word in CLOSED or (
        token.word not in NO_NOUNS and without_ending(token.word) in GENERAL
    ):
        return False
    return token.word.endswith(("s", "t")) and any(token.word in _verbs_of(part) for part in parts)


@lru_cache(maxsize=1024)
def _verbs_of(part: str) -> frozenset[str]:
    """The finite verbs of the clauses of a sentence, as written."""
    found = (
        {match["verb"] for match in VERB_OF_NOUN.finditer(part)} if NOUNS.search(part) else set()
    )
    for piece in PIECE.split(part):
        words = [token.word for token in tokens(piece)]
        words = words[1:] if words and words[0] in RELATIVES else words
        at = verb_at(words)
        if at is not None:
            found.add(words[at])
    return frozenset(found)


def _subject(clause: str, part: str) -> str:
    """What stands before the verb of a clause that the part has."""
    verbs = _verbs_of(part)
    verb = next((token for token in tokens(clause)[1:] if token.word in verbs), None)
    return clause[: verb.start].rstrip() if verb else clause


def _told(subject: str, tail: str, parts: Sequence[str]) -> bool:
    """Whether a part says what a verb says of the subject, or of what it takes up by a pronoun."""
    head, said = _stems(subject)[:1], set(_stems(tail))
    if not head or not said:
        return True
    before: tuple[str, ...] = ()
    for part in parts:
        words = _stems(without_suppositions(part))
        if said <= set(words):
            if PRONOUN.match(part) and head[0] in before:
                return True
            if head[0] in words and said <= set(words[words.index(head[0]) + 1 :]):
                return True
        before = words
    return False


@lru_cache(maxsize=1024)
def _stems(text: str) -> tuple[str, ...]:
    return tuple(
        without_ending(token.word)
        for token in tokens(text)
        if token.word not in STOP_WORDS and token.word not in AUXILIARIES
    )
