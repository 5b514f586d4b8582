"""Where in a source the sentence stands that says most of a claim, or of what is asked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from vademecum.rag import asked_english as english
from vademecum.rag import asked_german as german
from vademecum.rag.answer import Source
from vademecum.rag.sentences import sentences_of
from vademecum.rag.tongues import asked_in
from vademecum.rag.words import containment, content_words, language_of, numbers

ITEM = re.compile(r"[-*+•|]|\(?\w{1,3}[.)]\s")  # of a list or a table, which may be the answer
HEADING = re.compile(r"#{1,6}[ \t]+(?P<words>\S|\S.*?\S)[ \t]*#*")
STOPS = frozenset(".!?。！？…")
# A line with one of them says something by itself.
STATES = re.compile(
    r"\b(?:is|are|was|were|has|have|can|cannot|may|might|must|shall|should|will|does|do|not"
    r"|(?:cause|prevent|reduce|lower|improve|increase|raise|cure|help|work|kill|protect)s?"
    r"|ist|sind|war|waren|hat|haben|kann|können|darf|dürfen|muss|müssen|soll|sollen|wird|werden"
    r"|nicht|senkt|hilft|wirkt|schützt|verhindert|verursacht|erhöht)\b"
    r"|[是能会應应可无無不]",
    re.IGNORECASE,
)
# "What it is used for" heads what says it.
ASKS = re.compile(r"(?:what|when|where|who|why|how|was|wann|wo|wer|warum|wie)\b", re.IGNORECASE)
LONGEST_LINE = 80  # characters of a heading
NARROWEST = 60  # characters to which people wrap a text
LEAST_EVIDENCE = 0.3  # share of a claim's words that its evidence must hold


class Span(NamedTuple):
    """Where a sentence stands, the words in it that carry meaning, and its numbers."""

    start: int
    end: int
    words: frozenset[str]
    figures: frozenset[str]


@lru_cache(maxsize=256)
def _sentences(passage: str) -> tuple[Span, ...]:
    return tuple(
        Span(
            start,
            end,
            frozenset(content_words(passage[start:end])),
            frozenset(numbers(passage[start:end])),
        )
        for begins, end in sentences_of(passage)
        for start in (behind_heading(passage, begins, end),)
    )


def bearing(claim: str, passage: str, least: float = LEAST_EVIDENCE) -> tuple[int, int] | None:
    """Where in `passage` the sentence stands that says most of `claim`: its start and its end.

    None if no sentence holds so large a share of the claim's words. Words that few of the sentences
    hold count more, and a heading, which has the words of what is said below it, is taken only
    where no sentence does.
    """
    spans = _sentences(passage)
    weights = _weights(content_words(claim), spans)
    telling = [span for span in spans if not heads(passage, span.start, span.end)]
    return _most(claim, weights, telling, least) or _most(claim, weights, spans, least)


def _weights(words: set[str], spans: Sequence[Span]) -> dict[str, float]:
    """How much each word counts: less, the more sentences hold it."""
    return {word: 1 / max(1, sum(word in span.words for span in spans)) for word in words}


def _most(
    claim: str, weights: Mapping[str, float], spans: Sequence[Span], least: float
) -> tuple[int, int] | None:
    figures = numbers(claim)
    best: tuple[float, tuple[int, int]] | None = None
    for span in spans:
        held = span.words & weights.keys()
        if not held or len(held) < least * len(weights):
            continue
        shared = sum(weights[word] for word in held) / sum(weights.values())
        if figures:
            shared += containment(figures, set(span.figures))
        if best is None or shared > best[0]:
            best = (shared, (span.start, span.end))
    return None if best is None else best[1]


def evidence(claim: str, source: Source) -> int | None:
    """Where in the document the sentence of `source` starts that says most of `claim`.

    None if no sentence shares enough words with it: then the whole passage is the evidence.
    """
    found = bearing(claim, source.text)
    return None if found is None else source.start + found[0]


def nearest(question: str, passage: str) -> tuple[int, int] | None:
    """Where in `passage` the sentence stands that holds most of what is asked, words that few of
    its sentences hold counting more: its start and its end. None if none holds a word of it.

    A heading is taken only where no sentence holds as much.
    """
    spans = sentences_of(passage)
    sentences = [passage[start:end] for start, end in spans]
    shares = shares_held(question, sentences, by_rarity=True)
    best = max(
        zip(shares, spans, strict=True),
        key=lambda one: (one[0], not heads(passage, *one[1]), -one[1][0]),
        default=(0.0, (0, 0)),
    )
    return best[1] if best[0] else None


def shares_held(question: str, sentences: Sequence[str], *, by_rarity: bool = False) -> list[float]:
    """How much of what is asked each of the sentences holds, in [0, 1]; with `by_rarity` words that
    few of them hold count more, but in Chinese."""
    asked = asked_words(question)
    if asked_in(question) == "ger":
        weights = german.weights(question, sentences) if by_rarity else asked
        return [german.coverage(weights, "", one, named=False) for one in sentences]
    if language_of(question) == "zh":
        return [containment(set(asked), content_words(one)) for one in sentences]
    words = [english.words_told(one) for one in sentences]
    weights = english.weights(asked, words) if by_rarity else asked
    return [english.share_held(weights, one) for one in words]


def asked_words(question: str) -> dict[str, float]:
    """The words that say what is asked, as its language has them, each with how much it counts."""
    if asked_in(question) == "ger":
        return german.asked_words(question)
    if language_of(question) == "zh":
        return dict.fromkeys(content_words(question), 1.0)
    return english.asked_words(question)


def heads(text: str, start: int, end: int) -> bool:
    """Whether a line is the heading of what stands below it, and says nothing by itself. Written
    with hashes it is one unless it ends like a sentence."""
    if "\n" in text[start:end]:
        return False
    marked = HEADING.fullmatch(text, start, end)
    if marked:
        return marked["words"][-1] not in STOPS
    alone = text[end : end + 1] == "\n"
    return alone and text[end - 1].isalnum() and not ITEM.match(text, start)


def behind_heading(text: str, start: int, end: int) -> int:
    """Where a sentence begins behind a line above it that is its heading, and that the cutter left
    with it: "What it is used for". That line was not only wrapped: the next word had room in it."""
    newline = text.find("\n", start, min(end, start + LONGEST_LINE))
    if newline < 0:
        return start
    line, below = text[start:newline].strip(), text[newline:end].lstrip()
    if not (line and below and line[0].isupper() and line[-1].isalpha()) or ITEM.match(line):
        return start
    if STATES.search(line) and not ASKS.match(line):
        return start
    if not (below[0].isupper() and below[-1] in STOPS):
        return start
    width = max(NARROWEST, *map(len, below.split("\n")))
    fits = len(line) + 1 + len(below.split(maxsplit=1)[0]) <= width
    return end - len(below) if fits else start
