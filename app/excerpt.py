"""What is shown of a passage: the sentences that it is cited for, or the one nearest to the
question, and what stands around them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from rich.text import Text

from vademecum.app.console import clean, shorten
from vademecum.app.markdown import plain
from vademecum.rag.evidence import bearing, nearest

ROOM = 280  # characters, unless what is cited takes more
LONGEST = 840  # of one sentence: a table may be one
A_WORD = 0.01  # share of a claim's words: any is enough to choose a sentence by

Span = tuple[int, int]


def excerpt(text: str, file: str, cited_for: Sequence[str], asked: str, room: int = ROOM) -> Text:
    """The sentences of a passage that say most of what it is cited for, each whole and in the order
    of the passage, with as much before, between and after them as there is room for.

    What is left out is an ellipsis; what stands around is dim. Without anything that it is cited
    for, the sentence that holds most of what was `asked`, and the beginning where none does. `file`
    is the one that the passage is of, and `room` counts characters.
    """
    text = plain(text, file).strip()
    found = {bearing(claim, text, least=A_WORD) for claim in cited_for}
    if found <= {None}:
        found = {nearest(asked, text)}
    spans = sorted(span for span in found if span is not None)
    if not spans:
        return Text(shorten(text, room))
    shown = Text()
    at = 0
    for start, end, cited in _filled(text, spans, room):
        between = text[at:start]
        if between.strip():
            shown.append(" … " if shown else "… ", style="dim")
        else:
            shown.append(_flat(between))
        words = shorten(text[start:end], LONGEST) if end - start > LONGEST else text[start:end]
        shown.append(_flat(words), style="" if cited else "dim")
        at = end
    if text[at:].strip():
        shown.append(" …", style="dim")
    return shown


def _filled(text: str, spans: Sequence[Span], room: int) -> list[tuple[int, int, bool]]:
    """The spans, and what there is room for between, before and after them, in order."""
    room -= sum(end - start for start, end in spans)
    around: list[Span] = []
    gaps = [(a[1], b[0]) for a, b in pairwise(spans)]
    for start, end in sorted(gaps, key=lambda gap: gap[1] - gap[0]):
        if end - start > room:
            break
        around.append((start, end))
        room -= end - start
    first, last = spans[0][0], spans[-1][1]
    after = min(len(text) - last, max(room // 2, room - first))
    before = min(first, room - after)
    if before > 0:
        around.append((_after_a_word(text, first - before, first), first))
    if after > 0:
        around.append((last, _before_a_word(text, last, last + after)))
    parts = [(*span, True) for span in spans] + [(*span, False) for span in around]
    return sorted(parts)


def _flat(text: str) -> str:
    """On one line, and safe for a terminal; a blank at its end stays."""
    return re.sub(r"\s+", " ", clean(text))


def _after_a_word(text: str, start: int, end: int) -> int:
    """The first beginning of a word from `start` on; Chinese has no blanks and is cut anywhere."""
    if start == 0 or text[start - 1].isspace():
        return start
    blank = next((at for at in range(start, end) if text[at].isspace()), None)
    return start if blank is None else blank + 1


def _before_a_word(text: str, start: int, end: int) -> int:
    """The last end of a word up to `end`."""
    if end == len(text) or text[end].isspace():
        return end
    blank = next((at for at in range(end - 1, start - 1, -1) if text[at].isspace()), None)
    return end if blank is None else blank
