"""Which person a passage says it of: "Priya Nair reported the incident".

A sentence that has another person do it ("Dr Osei reported the incident") is at odds with it, if
that one stands in no part with the verb, and no "she" may be him. A person is known by a title or
by two names. English and German.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from vademecum.rag.finite import AUXILIARIES, PREPOSITIONS
from vademecum.rag.words import STOP_WORDS, WORD, containment, content_words

_TITLE = r"(?:Dr|Mr|Mrs|Ms|Miss|Prof|Professor|Sister|Nurse|Judge|Sir|Herr|Frau)\.? "
_NAME = r"[A-ZÄÖÜ][a-zà-ÿ]+(?:[-'’][A-ZÄÖÜ]?[a-zà-ÿ]+)?"
PERSON = re.compile(
    rf"(?P<who>(?:{_TITLE}){{1,2}}(?:{_NAME} ){{0,2}}{_NAME}|{_NAME} (?:[A-Z]\. )?{_NAME})"
    r" (?P<does>(?:[a-zà-ÿß]+ ){0,2}[a-zà-ÿß]+)"
)
BEGINNING = re.compile(r"(?:\A|[.;:,]\s|\s(?:and|but|while|und|aber)\s)\W*\Z")
TITLE = re.compile(rf"\A(?:{_TITLE})+")
# Who may be anybody that was named before, with up to two words up to the verb.
ANYBODY = re.compile(
    r"\b(?:he|she|they|who|both|all|each|everyone|everybody|we|I|er|sie|wir|beide|alle)"
    r"(?= ((?:[^\W\d]+ ){0,2}[^\W\d]+))",
    re.IGNORECASE,
)
DENIES = re.compile(r"n't\b|\b(?:not|never|no|nor|nicht|nie|kein\w*)\b", re.IGNORECASE)
REACH = 12  # characters before a person in which a clause begins
SHARED = 0.5  # of what is said of a person, in the part
NOT_VERBS = AUXILIARIES | PREPOSITIONS | STOP_WORDS


class Does(NamedTuple):
    """The names of a person, and the verb behind them."""

    names: frozenset[str]
    verb: str


def at_odds(sentence: str, parts: Sequence[str]) -> bool:
    """Whether a sentence has a person do what another one does in the parts."""
    claimed = doing(sentence)
    if len(claimed) != 1 or DENIES.search(sentence):
        return False
    if not sentence.lstrip().startswith(claimed[0].start):
        return False
    claim = claimed[0].does
    rest = content_words(sentence) - {name.lower() for name in claim.names}
    near = False
    for part in parts:
        known = set(WORD.findall(part))
        if claim.verb not in known:
            continue
        if claim.names & known or any(
            claim.verb in match[1].split() for match in ANYBODY.finditer(part)
        ):
            return False
        near = near or (
            containment(rest, content_words(part)) >= SHARED
            and any(each.does.verb == claim.verb for each in doing(part))
        )
    return near


class Found(NamedTuple):
    """What a person does, and the words that it begins with."""

    does: Does
    start: str


@lru_cache(maxsize=4096)
def doing(text: str) -> tuple[Found, ...]:
    """All persons of a text who do something, each at the beginning of a clause."""
    found = []
    for match in PERSON.finditer(text):
        if not BEGINNING.search(text[max(0, match.start() - REACH) : match.start()]):
            continue
        words = [word for word in match["does"].split() if word not in NOT_VERBS]
        names = frozenset(WORD.findall(TITLE.sub("", match["who"])))
        if words and names:
            found.append(Found(Does(names, words[0]), match["who"]))
    return tuple(found)
