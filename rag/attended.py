"""Which sources the model looked at while it wrote each sentence."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from vademecum.rag.answer import Sentence

WORD = re.compile(r"\w+")

# Where in the raw answer a token ended, and the share of attention that each source received.
Shares = Sequence[tuple[int, tuple[float, ...]]]


def with_attention(sentences: Sequence[Sentence], raw: str, shares: Shares) -> tuple[Sentence, ...]:
    """The sentences with the mean attention of the tokens that wrote them.

    `raw` is the answer as the model wrote it, its markers still in it: a sentence is found there by
    its words, one after the other. One that cannot be found is given none.
    """
    found, behind = [], 0
    for sentence in sentences:
        span = _place(sentence.text, raw, behind)
        if span is None:
            found.append(sentence)
            continue
        start, behind = span
        rows = [row for end, row in shares if row and start < end <= behind + 1]
        mean = [sum(column) / len(rows) for column in zip(*rows, strict=True)]
        found.append(replace(sentence, attention=tuple(min(1.0, share) for share in mean)))
    return tuple(found)


def shares_read(sentences: Sequence[Sentence]) -> tuple[float, ...]:
    """Of the attention that went to sources, each source's share over all sentences; they add up
    to 1. Empty where nothing is known."""
    rows = [sentence.attention for sentence in sentences if sentence.attention]
    sums = [sum(column) for column in zip(*rows, strict=True)]
    whole = sum(sums)
    return tuple(part / whole for part in sums) if whole > 0 else ()


def _place(sentence: str, raw: str, behind: int) -> tuple[int, int] | None:
    """Where the words of a sentence begin and end in the raw text, after `behind`."""
    first, at = None, behind
    for word in WORD.findall(sentence):
        start = raw.find(word, at)
        if start < 0:
            return None
        first = start if first is None else first
        at = start + len(word)
    return None if first is None else (first, at)
