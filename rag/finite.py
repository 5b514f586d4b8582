"""The finite verb of a short clause, told by its form and by what stands before it.

"Is", "must" and "wird" are known by name; "the key hangs" and "kayaks cost" by the ending that one
of noun and verb has and the other lacks. What is not told so has no verb here. English, and of
German what is written as in English.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

TOKEN = re.compile(r"[^\W_](?:[^\W_]|[-'’.,](?=[^\W_]))*")
AUXILIARIES = frozenset(
    """is are was were has have had must may might can could shall should will would does do did
    becomes become cannot ist sind war waren wird werden wurde wurden hat haben hatte hatten muss
    müssen darf dürfen kann können soll sollen bleibt bleiben""".split()
)
ARTICLES = frozenset(
    """a an the this these each every any all no der die das den dem des ein eine einen einem
    einer eines jeder jede jedes""".split()
)
RELATIVES = frozenset(
    """that which who whom whose what whatever whoever where when whenever if as than how why
    whether because since while dass ob wenn wer was""".split()
)
# They stand before no verb of what is before them, and are none.
PREPOSITIONS = frozenset(
    """of in on at to for from with by over under after before between within without behind
    beside below above near than per during through into about against among until via as since
    von in im am an auf aus bei beim mit nach seit vor zu zum zur über unter hinter neben
    zwischen für gegen ohne durch um bis""".split()
)
CLOSED = PREPOSITIONS | ARTICLES | RELATIVES | frozenset(
    """and or but nor not also then only its their his her our my your it they he she we i you
    und oder aber nicht auch nur""".split()
)  # fmt: skip


class Token(NamedTuple):
    """A word or number in small letters, and where it stands."""

    word: str
    start: int
    end: int


@lru_cache(maxsize=4096)
def tokens(text: str) -> tuple[Token, ...]:
    """The words and numbers of a text without its articles, in order."""
    found = (Token(at.group().lower(), at.start(), at.end()) for at in TOKEN.finditer(text))
    return tuple(token for token in found if token.word not in ARTICLES)


def verb_at(words: Sequence[str]) -> int | None:
    """Where the first finite verb of a clause stands, behind its subject; None if none is told."""
    for i in range(1, len(words)):
        before, word = words[i - 1], words[i]
        if word in AUXILIARIES:
            return i
        if word in CLOSED or before in CLOSED or not word.isalpha():
            continue
        if before.endswith("ing") and words[i + 1 : i + 2] and words[i + 1] not in CLOSED:
            continue  # "rowing boats lie"
        if _has_s(word) != _has_s(before) and not word.endswith(("ed", "ly", "ing")):
            return i
    return None


def _has_s(word: str) -> bool:
    return word.endswith("s") and not word.endswith(("ss", "us", "is"))
