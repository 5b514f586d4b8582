"""What a passage says is not known, or was not looked at: "we do not know whether it harms".

A sentence that asserts or denies it has no support there, unless another clause tells of it; nor
has one about those who were left out of a study ("people with cirrhosis were excluded"). English
and German.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import takewhile

from vademecum.rag.effects import GENERIC
from vademecum.rag.negation import negated
from vademecum.rag.told import Told
from vademecum.rag.words import WORD, content_words

_FOUND_OUT = (
    r"(?:known?|studied|examined|investigated|tested|assessed|evaluated|established|determined"
    r"|decided?|settled|clear|clarified|understood|ruled on)"
)
UNKNOWN = re.compile(
    r"\b(?:un(?:known|clear|certain|determined|decided|resolved|settled|studied|tested)"
    r"|inconclusive|(?:remains?|left|leaves|leaving) open|remains? to be (?:\w+ed|seen|shown)"
    rf"|(?:not|\w+n't|never|cannot)(?: (?:yet|well|be|been|fully|\w+ly))* {_FOUND_OUT}"
    rf"|(?:nobody|no one|no study|no trial) (?:has |have )?(?:yet )?{_FOUND_OUT}"
    r"|(?:no|insufficient|not enough) (?:data|information|studies)(?: \w+)?"
    r"(?= (?:on|about|for|of|in|regarding|concerning)\b)"
    r"|(?:does|do|did|can) ?not (?:inform|tell|answer)"
    r"|ungeklärt|unklar|unbekannt|unerforscht|offen ?(?:ge)?lassen|offengelassen"
    r"|nicht (?:\w+ )?(?:bekannt|geklärt|untersucht|erforscht|entschieden|klar|geprüft)"
    r"|(?:wissen|weiß|weiss) (?:\w+ )?nicht|keine (?:daten|erkenntnisse|studien))\b",
    re.IGNORECASE,
)
LEFT_OUT = re.compile(
    r"\b(?:is|are|was|were|been|being) (?:\w+ly )?(?:excluded|ineligible|left out"
    r"|not (?:\w+ )?(?:eligible|included|enrolled|recruited|studied|examined|tested))\b"
    r"(?! (?:if|when|because|by)\b"
    r"| from (?!(?:the|this|our|all|both|these) (?:\w+ )?(?:trials?|stud|analys|reviews?|cohort)))"
    r"|\bdid not (?:include|enrol|recruit|admit)\b"
    r"|\b(?:wurden?|waren?|sind|ist) (?:\w+ )?(?:ausgeschlossen|nicht (?:\w+ )?(?:untersucht"
    r"|eingeschlossen|einbezogen))\b",
    re.IGNORECASE,
)
SAYS_WHO = re.compile(r"\b(?:exclu(?:ded?|sion)\w*|left out|ausgeschlossen)\b", re.IGNORECASE)
APART = re.compile(
    r"[;:]\s|\b(?:but|whereas|while|although|though|however|yet|aber|sondern|jedoch|während)\b",
    re.IGNORECASE,
)
# "People with mechanical valves, or with cirrhosis": each of them.
LISTED = re.compile(r",|\b(?:and|or|und|oder)\b", re.IGNORECASE)
WITHOUT = re.compile(r"\b(?:without|no|non|not|free of|ohne|kein\w*|nicht)\b", re.IGNORECASE)
# What is still to be studied is claimed by nobody.
TO_STUDY = re.compile(
    r"\b(?:further|future|more)\b[^.;]{0,40}\b(?:stud|research|trial|work)\w*", re.IGNORECASE
)
GENERAL = GENERIC | content_words("still yet know known research question bei sind waren wurde")
# "The drug was not studied in children. It lowers fever": what it stands for is said before.
PRONOUN = re.compile(r"\W*(?:it|they|he|she|this|these|es|er|sie|dies\w*)\b", re.IGNORECASE)
LIKE = 3, 6  # letters by which "safe" and "safety" are one word, and longer ones
OF_TOPIC, OF_SENTENCE = 2 / 3, 1 / 2


def at_odds(sentence: str, told: Told) -> bool:
    """Whether a sentence tells what a passage only says is not known, or of those left out."""
    if any(cue.search(sentence) for cue in (UNKNOWN, LEFT_OUT, SAYS_WHO, TO_STUDY)):
        return False
    words = content_words(sentence) - GENERAL
    ours = _in_order(sentence)
    clauses = [clause for part in told.sentences for clause in APART.split(part)]
    reported = [clause for part in (told.title, *told.reported) for clause in APART.split(part)]
    telling = [clause for clause in reported if not _says_nothing(clause)]
    return any(
        _nowhere_told(words, topic, telling, _same_beginning(ours, _in_order(clause)))
        for clause in clauses
        for topic, of_whom in _topics(clause)
        if _speaks_of(words, topic, of_whom=of_whom) and not (of_whom and WITHOUT.search(sentence))
    )


def _says_nothing(clause: str) -> bool:
    return bool(UNKNOWN.search(clause) or LEFT_OUT.search(clause))


@lru_cache(maxsize=1024)
def _topics(clause: str) -> tuple[tuple[frozenset[str], bool], ...]:
    """What a clause says is not known; who, it says, was left out."""
    found = []
    if cue := LEFT_OUT.search(clause):
        those = LISTED.split(clause[: cue.start()])
        named = [frozenset(content_words(each) - GENERAL) for each in those]
        found += [(names, True) for names in named if len(names) > 1 or len(named) == 1]
    if UNKNOWN.search(clause):
        found.append((frozenset(content_words(UNKNOWN.sub(" ", clause)) - GENERAL), False))
    return tuple(found)


def _speaks_of(words: set[str], topic: frozenset[str], *, of_whom: bool) -> bool:
    shared = _shared(topic, words)
    if not shared or len(shared) < OF_TOPIC * len(topic):
        return False
    return of_whom or (
        len(topic) > 1 and len(_shared(frozenset(words), topic)) >= OF_SENTENCE * len(words)
    )


def agrees(sentence: str, parts: Sequence[str]) -> bool:
    """Whether a sentence of one clause says that something is not known, or who was left out, and
    a clause of the parts says so of the same: "it is unknown" of what was "not studied"."""
    if APART.search(sentence):
        return False
    return any(
        cue.search(sentence) and cue.search(clause) and _of_the_same(cue, sentence, clause)
        for part in parts
        for clause in APART.split(part)
        for cue in (UNKNOWN, LEFT_OUT)
    )


def _of_the_same(cue: re.Pattern[str], sentence: str, clause: str) -> bool:
    said, told = (negated(cue.split(text)[0]) for text in (sentence, clause))
    one, other = (cue.sub(" ", text) for text in (sentence, clause))
    if said != told or (negated(one) and not negated(other)):  # "it does not remain unclear"
        return False
    ours, theirs = (frozenset(content_words(text) - GENERAL) for text in (one, other))
    return bool(ours) and len(_shared(ours, theirs)) >= OF_TOPIC * len(ours)


def _nowhere_told(
    words: set[str], topic: frozenset[str], telling: Sequence[str], subject: Sequence[str]
) -> bool:
    """Whether no clause that tells something has the words of the topic that the sentence has; one
    of a pronoun need not have the first of its `subject`, with which both begin."""
    shared = _shared(topic, words)
    for clause in telling:
        told = content_words(clause)
        named = shared - _without(subject, told) if PRONOUN.match(clause) else shared
        if named and len(_shared(named, told)) >= OF_TOPIC * len(named):
            return False
    return True


def _without(words: Sequence[str], told: set[str]) -> set[str]:
    """The first of some words, up to one that is told."""
    return set(takewhile(lambda word: word not in told, words))


def _in_order(text: str) -> list[str]:
    """The stems of a text, as they come."""
    found = (content_words(match.group()) - GENERAL for match in WORD.finditer(text))
    return [word for words in found for word in sorted(words)]


def _same_beginning(one: Sequence[str], other: Sequence[str]) -> list[str]:
    pairs = takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    return [word for word, _ in pairs]


def _shared(some: frozenset[str], others: set[str] | frozenset[str]) -> frozenset[str]:
    """Those of some words that are among others, by their beginnings."""
    return frozenset(word for word in some if any(_alike(word, other) for other in others))


def _alike(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    return len(short) >= LIKE[0] and long.startswith(short[: LIKE[1]])
