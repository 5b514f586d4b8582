"""Where in a source the sentence stands that says most of a claim."""

from __future__ import annotations

from functools import lru_cache

from vademecum.rag.answer import Source
from vademecum.rag.sentences import sentences_of
from vademecum.rag.words import containment, content_words, numbers

LEAST_EVIDENCE = 0.3  # share of a claim's words that its evidence must hold


@lru_cache(maxsize=256)
def _sentences(passage: str) -> tuple[tuple[int, int, frozenset[str], frozenset[str]], ...]:
    return tuple(
        (
            start,
            end,
            frozenset(content_words(passage[start:end])),
            frozenset(numbers(passage[start:end])),
        )
        for start, end in sentences_of(passage)
    )


def bearing(claim: str, passage: str, least: float = LEAST_EVIDENCE) -> tuple[int, int] | None:
    """Where in `passage` the sentence stands that says most of `claim`: its start and its end.

    None if no sentence holds so large a share of the claim's words.
    """
    words, figures = content_words(claim), numbers(claim)
    best: tuple[float, tuple[int, int]] | None = None
    for start, end, theirs, their_figures in _sentences(passage):
        shared = containment(words, set(theirs))
        if shared < least:
            continue
        if figures:
            shared += containment(figures, set(their_figures))
        if best is None or shared > best[0]:
            best = (shared, (start, end))
    return None if best is None else best[1]


def evidence(claim: str, source: Source) -> int | None:
    """Where in the document the sentence of `source` starts that says most of `claim`.

    None if no sentence shares enough words with it: then the whole passage is the evidence.
    """
    found = bearing(claim, source.text)
    return None if found is None else source.start + found[0]
