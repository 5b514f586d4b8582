"""A document's title: what the file says, else the beginning of its text, never cut in a word."""

from __future__ import annotations

from vademecum.corpora.readers.markup import normalise
from vademecum.corpora.sentences import split_sentences

TITLE_CHARACTERS = 200
BEGINNING = 1000  # characters in which a first sentence is looked for


def as_title(text: str) -> str:
    """A text in one line of at most `TITLE_CHARACTERS`; a longer one is cut between words."""
    text = normalise(text)
    if len(text) <= TITLE_CHARACTERS:
        return text
    head, _, tail = text[:TITLE_CHARACTERS].rpartition(" ")
    # Chinese has no blanks: a cut that would lose much is made where it falls.
    kept = head if head and len(tail) < TITLE_CHARACTERS // 4 else text[: TITLE_CHARACTERS - 1]
    return f"{kept.rstrip(' ,;:')}…"


def title_from(text: str) -> str:
    """The first heading or sentence of a text that names itself nowhere; "" of no text."""
    beginning = text.strip()[:BEGINNING]
    return next((as_title(beginning[a:b]) for a, b in split_sentences(beginning)), "")
