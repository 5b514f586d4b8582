"""`--model none`: no model writes; the best sentences of the best sources are quoted verbatim."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vademecum.corpora.sentences import split_sentences
from vademecum.model.interface import TextEmbedder
from vademecum.rag.answer import Sentence, Source
from vademecum.rag.check import Checked, claims
from vademecum.rag.words import Language, containment, content_words

NAME = "none"
MOST_SENTENCES = 4
MOST_SOURCES = 5
MOST_CHARACTERS = 12_000  # of all sources: what a person would look through
GOOD = 0.35  # mean of cosine and containment against the question
NEAR_BEST = 0.75  # of the best sentence's score: a weaker one would only pad the answer
SAME = 0.8  # a sentence this much contained in a chosen one says nothing new
SOURCE_PRIOR = 0.3  # how much the source's own score counts
# Authors put their answer here; "Conclusions:" may be the label or open the sentence.
CONCLUDES = ("conclusion", "interpretation", "in conclusion", "these results", "our results")
CONCLUDES_HAN = ("结论", "综上")
CONCLUSION_BONUS = 0.08


@dataclass(frozen=True, slots=True)
class Quote:
    """A sentence of a source, `source.text[start:end]`, and how well it fits the question."""

    source: int
    start: int
    end: int
    score: float


def extract(
    question: str, language: Language, sources: Sequence[Source], embedder: TextEmbedder
) -> Checked:
    """Up to four quoted sentences, in the order of their sources; none if none fits."""
    quotes = _choose(_candidates(question, sources, embedder), sources)
    by_n = {source.n: source for source in sources}
    gap = "" if language == "zh" else " "
    text = ""
    sentences: list[Sentence] = []
    for quote in quotes:
        words = by_n[quote.source].text[quote.start : quote.end]
        start = len(text) + (len(gap) if text else 0)
        text += (gap if text else "") + words
        sentences.append(Sentence(words, start, len(text), (quote.source,), "supported", 1.0))
    return Checked(text, tuple(sentences))


def _candidates(question: str, sources: Sequence[Source], embedder: TextEmbedder) -> list[Quote]:
    spans = [(s, start, end) for s in sources for start, end in split_sentences(s.text)]
    spans = [(s, start, end) for s, start, end in spans if claims(s.text[start:end])]
    if not spans:
        return []
    rows = np.asarray(embedder.embed_passages([s.text[a:b] for s, a, b in spans]), np.float32)
    cosines = rows @ np.asarray(embedder.embed_query(question), np.float32)
    asked = content_words(question)
    best_source = max(source.score for source in sources) or 1.0
    quotes = []
    for (source, start, end), cosine in zip(spans, cosines, strict=True):
        words = source.text[start:end]
        fit = (float(cosine) + containment(asked, content_words(words))) / 2
        if fit < GOOD:
            continue
        prior = SOURCE_PRIOR * source.score / best_source
        bonus = CONCLUSION_BONUS if _concludes(source.text, start, words) else 0.0
        quotes.append(Quote(source.n, start, end, fit * (1 - SOURCE_PRIOR + prior) + bonus))
    return quotes


def _choose(quotes: Sequence[Quote], sources: Sequence[Source]) -> list[Quote]:
    by_n = {source.n: source for source in sources}
    chosen: list[Quote] = []
    seen: list[set[str]] = []
    for quote in sorted(quotes, key=lambda q: (-q.score, q.source, q.start)):
        if len(chosen) == MOST_SENTENCES or (chosen and quote.score < NEAR_BEST * chosen[0].score):
            break
        words = content_words(by_n[quote.source].text[quote.start : quote.end])
        if by_n[quote.source].retracted or any(containment(words, s) >= SAME for s in seen):
            continue
        chosen.append(quote)
        seen.append(words)
    return sorted(chosen, key=lambda q: (q.source, q.start))


def _concludes(text: str, start: int, sentence: str) -> bool:
    heads = (sentence.lower(), text[max(0, start - 20) : start].lower())
    return any(
        heads[0].startswith(word) or word in heads[1] for word in (*CONCLUDES, *CONCLUDES_HAN)
    )
