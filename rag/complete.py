"""Step 6: the answer as every door gives it, or what is said where there is none."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from time import perf_counter
from uuid import uuid4

from vademecum.corpora.document import CorpusInfo, Filters
from vademecum.model.interface import GenerationOptions, LanguageModel, TextEmbedder
from vademecum.rag import extractive
from vademecum.rag.answer import Answer, CorpusRef, ModelRef, Quotation, Source, Timings
from vademecum.rag.check import Checked
from vademecum.rag.cited_sections import located
from vademecum.rag.generate import Draft
from vademecum.rag.spoken import Spoken, spoken
from vademecum.rag.tongues import Apart
from vademecum.rag.understand import Query
from vademecum.rag.wording import ENDINGS, REASONS, STATUS, Reason, notice


@dataclass(frozen=True, slots=True)
class Run:
    """One question on its way: `options` is None where no model writes, `started` of the clock that
    `perf_counter` reads."""

    query: Query
    corpus: str
    filters: Filters
    options: GenerationOptions | None
    cancel: threading.Event
    started: float


@dataclass(frozen=True, slots=True)
class Made:
    """What came of a question: `withheld` says why there is no answer, None if there is one.
    `languages` are those of the question and of what was found, or of some of it, where they are
    two, and `others` the corpora then that were not asked, where it is most of it."""

    sources: tuple[Source, ...]
    retrieve_s: float
    draft: Draft
    checked: Checked
    withheld: Reason | None
    languages: Apart | None = None
    others: tuple[str, ...] = ()


def complete(
    run: Run, info: CorpusInfo, made: Made, model: LanguageModel | None, embedder: TextEmbedder
) -> Answer:
    """The checked answer; where it is withheld, a notice in its place."""
    corpus = CorpusRef(info.name, info.snapshot, info.documents, info.newest)
    language, draft, withheld = spoken(run.query.question), made.draft, made.withheld
    quotes = _quotes(run, made, embedder) if model else ()
    if withheld:
        filtered = run.filters != Filters()
        text = notice(
            corpus,
            withheld,
            language,
            filtered=filtered,
            apart=made.languages,
            others=made.others,
        )
        reason = REASONS[withheld][language]
    else:
        text = made.checked.text
        reason = _ending(draft, language, copying=bool(quotes))
    sentences = () if withheld else made.checked.sentences
    return Answer(
        question=run.query.question,
        answer=text,
        thinking=draft.thinking.strip(),
        status=STATUS[withheld] if withheld else "answered",
        reason=reason,
        sentences=sentences,
        quotes=quotes,
        sources=located(made.sources, sentences, quotes),
        corpus=corpus,
        model=ModelRef(model.name, model.quantization, model.attention)
        if model
        else ModelRef(extractive.NAME, "", ""),
        seed=run.options.seed if run.options else 0,
        timings=Timings(
            retrieve_s=made.retrieve_s,
            first_token_s=made.retrieve_s + draft.first_token_s if draft.first_token_s else 0.0,
            decode_tok_s=draft.decode_tok_s,
            total_s=perf_counter() - run.started,
        ),
        audit_id=uuid4().hex,
    )


def _quotes(run: Run, made: Made, embedder: TextEmbedder) -> tuple[Quotation, ...]:
    """What the sources say nearest to the question, where the model said nothing that they bear, or
    was stopped before it came to that."""
    asked, language = run.query.standalone, run.query.language
    if made.withheld and STATUS[made.withheld] == "not_written":
        is_borrowed = made.withheld == "borrowed"
        least = extractive.HELD_OF_BORROWED if is_borrowed else extractive.HELD
        return extractive.nearest(asked, language, made.sources, embedder, least)
    if not made.withheld and made.draft.reason in ("enough", "length"):
        return extractive.missed(asked, language, made.sources, made.checked.sentences, embedder)
    return ()


def _ending(draft: Draft, language: Spoken, *, copying: bool) -> str:
    """Why the answer ends before it is whole, "" if it is."""
    if copying:
        return ENDINGS["copying"][language]
    if draft.reason == "stop" or draft.reason == "enough":
        return ""
    return ENDINGS[draft.reason][language]
