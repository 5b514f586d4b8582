"""The best sentences of the best sources, word for word: with `--model none` they are the answer,
and where a model wrote none that holds, or was stopped while it copied a passage, the nearest of
them is quoted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vademecum.model.interface import TextEmbedder
from vademecum.rag import asked_english as english
from vademecum.rag.answer import Quotation, Sentence, Source
from vademecum.rag.asked_for import lacks
from vademecum.rag.check import Checked
from vademecum.rag.evidence import asked_words, behind_heading, heads, shares_held
from vademecum.rag.furniture import Furniture
from vademecum.rag.judge import SUPPORTED_COSINE, claims
from vademecum.rag.rare import RareWords
from vademecum.rag.rows import on_another_day
from vademecum.rag.sentences import sentences_of
from vademecum.rag.told import reports
from vademecum.rag.tongues import asked_in
from vademecum.rag.words import Language, containment, content_words

NAME = "none"
MOST_SENTENCES = 4
MOST_SOURCES = 5
MOST_CHARACTERS = 12_000  # of all sources: what a person would look through
GOOD = 0.35  # mean of cosine and containment against the question
MEANING_GERMAN = 0.2  # the cosine's share of that in German: the embedder is English
NEAR_BEST = 0.75  # of the best sentence's score: a weaker one would only pad the answer
HELD = 0.5  # of the question's words, by a sentence that is quoted where no answer was written
# Where the model wrote words of the question that its sources do not have, so much is enough: no
# sentence of them may hold half. Of 37 such answers 22 had a quotation with 0.5, 35 with this.
HELD_OF_BORROWED = 1 / 3
SAME = 0.8  # a sentence this much contained in a chosen one says nothing new
SOURCE_PRIOR = 0.3  # how much the source's own score counts
# Authors put their answer here; "Conclusions:" may be the label or open the sentence.
CONCLUDES = ("conclusion", "interpretation", "in conclusion", "these results", "our results")
CONCLUDES_HAN = ("结论", "综上")
CONCLUSION_BONUS = 0.08


@dataclass(frozen=True, slots=True)
class Quote:
    """A sentence of a source, `source.text[start:end]`, and how well it fits the question.

    `cosine` to the question; `held` is how much of what is asked the sentence holds, in [0, 1].
    """

    source: int
    start: int
    end: int
    score: float
    cosine: float
    held: float


def extract(
    question: str, language: Language, sources: Sequence[Source], embedder: TextEmbedder
) -> Checked:
    """Up to four quoted sentences, in the order of their sources; none if none fits."""
    speaking = _speaking(question, sources, embedder)
    quotes = _choose(_candidates(question, speaking, embedder), speaking)
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


def nearest(
    question: str,
    language: Language,
    sources: Sequence[Source],
    embedder: TextEmbedder,
    least: float = HELD,
) -> tuple[Quotation, ...]:
    """The one sentence that fits the question best of those that hold `least` of its words; none if
    none is about it.

    Stricter than `extract`: beside an answer that failed, a quotation of another drug would be
    taken for one. Its source must speak of what the question asks about.
    """
    by_words = language == "zh" or asked_in(question) == "ger"  # the embedder is English
    asked = "" if by_words else english.subject(question)
    about = {
        s.n
        for s in _speaking(question, sources, embedder)
        if not asked or english.holds(english.words_of(f"{s.title} {s.text}"), asked)
    }
    texts = {source.n: source.text for source in sources}
    # Of "Can X be used on dogs?" any sentence on X holds half.
    one_word = 1 / max(1, len(asked_words(question)))
    close = [
        quote
        for quote in _candidates(question, sources, embedder)
        if quote.source in about
        and quote.held >= least
        and (quote.held > one_word or quote.held == 1.0)
        and (by_words or quote.cosine >= SUPPORTED_COSINE)
        and not lacks(texts[quote.source][quote.start : quote.end], question)
    ]
    chosen = _choose(close, sources)
    if not chosen:
        return ()
    best = max(chosen, key=lambda quote: quote.score)
    source = next(source for source in sources if source.n == best.source)
    words = source.text[best.start : best.end]
    return (Quotation(source.n, words, source.start + best.start, source.start + best.end),)


def missed(
    question: str,
    language: Language,
    sources: Sequence[Source],
    sentences: Sequence[Sentence],
    embedder: TextEmbedder,
) -> tuple[Quotation, ...]:
    """The sentence that fits the question best, where an answer is most of it copied from a source
    and has not that one: a model that copies may be stopped before it comes to it."""
    passages = [" ".join(source.text.split()) for source in sources]
    said = [content_words(sentence.text) for sentence in sentences]
    copied = sum(
        any(" ".join(sentence.text.split()) in passage for passage in passages)
        for sentence in sentences
    )
    if copied <= len(sentences) / 2:
        return ()
    return tuple(
        quotation
        for quotation in nearest(question, language, sources, embedder)
        if not any(containment(content_words(quotation.text), words) >= SAME for words in said)
    )


def _speaking(question: str, sources: Sequence[Source], embedder: TextEmbedder) -> list[Source]:
    """The sources that speak of a drug, say, that the question and a title name: "the dose is 95
    mg" of another one would be taken for the answer."""
    rare = RareWords([f"{source.title}. {source.text}" for source in sources], embedder)
    return [sources[n] for n in rare.speaking_of(question, [source.title for source in sources])]


def _candidates(question: str, sources: Sequence[Source], embedder: TextEmbedder) -> list[Quote]:
    spans = [
        (s, behind_heading(s.text, start, end), end)
        for s in sources
        for start, end in sentences_of(s.text)
    ]
    furniture = Furniture(question, sources)
    spans = [
        (s, a, b)
        for s, a, b in spans
        if claims(s.text[a:b])
        and reports(s.text[a:b])
        and not heads(s.text, a, b)
        and not on_another_day(s.text[a:b], question)
        and not furniture.holds(s, a, b)
    ]
    if not spans:
        return []
    rows = np.asarray(embedder.embed_passages([s.text[a:b] for s, a, b in spans]), np.float32)
    cosines = rows @ np.asarray(embedder.embed_query(question), np.float32)
    asked = content_words(question)
    german = asked_in(question) == "ger"
    meaning = MEANING_GERMAN if german else 0.5
    best_source = max(source.score for source in sources) or 1.0
    quotes = []
    shares = shares_held(question, [s.text[a:b] for s, a, b in spans])
    for (source, start, end), cosine, held in zip(spans, cosines, shares, strict=True):
        words = source.text[start:end]
        shared = held if german else containment(asked, content_words(words))
        fit = meaning * float(cosine) + (1 - meaning) * shared
        if fit < GOOD:
            continue
        prior = SOURCE_PRIOR * source.score / best_source
        bonus = CONCLUSION_BONUS if _concludes(source.text, start, words) else 0.0
        score = fit * (1 - SOURCE_PRIOR + prior) + bonus
        quotes.append(Quote(source.n, start, end, score, float(cosine), held))
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
