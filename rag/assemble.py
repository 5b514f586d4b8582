"""Step 3: the numbered sources that fit the model's prompt.

A document comes whole where it fits (an abstract nearly always does), otherwise as the passage
that was found, and as the sentences of it that fit where even that is too long. One source per
document; the same text under two records counts once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vademecum.corpora.document import Document, Passage
from vademecum.corpora.sentences import split_sentences
from vademecum.errors import ContextTooLong
from vademecum.model.interface import LanguageModel, Message
from vademecum.rag.answer import Source
from vademecum.rag.prompt import listing, messages
from vademecum.rag.retrieve import Found
from vademecum.rag.words import Language

# Small enough that a 0.5B model on two CPU cores begins to write within 10 s, large enough for
# about three abstracts. `Assistant(prompt_tokens=...)` changes it.
PROMPT_TOKENS = 1_200
# A model that reasons is larger and runs on a GPU, where reading is not what takes the time.
PROMPT_TOKENS_REASONING = 3_000
TEMPLATE_TOKENS = 64  # what the chat template adds around the messages
LEAST_SOURCE_TOKENS = 80  # with less room than this a source says nothing
MOST_SOURCES = 8


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the model is given: the sources and the messages that hold them."""

    sources: tuple[Source, ...]
    messages: tuple[Message, ...]


def prompt_budget(model: LanguageModel, answer_tokens: int, prompt_tokens: int | None) -> int:
    """Tokens that the messages may take: the setting, but never more than the context leaves."""
    wanted = prompt_tokens or (PROMPT_TOKENS_REASONING if model.reasons else PROMPT_TOKENS)
    return min(wanted, model.context_length - answer_tokens - TEMPLATE_TOKENS)


def assemble(
    found: Sequence[Found],
    question: str,
    language: Language,
    model: LanguageModel,
    *,
    answer_tokens: int,
    prompt_tokens: int | None = None,
) -> Prompt:
    """Choose sources, best first, until the budget is full.

    Raises ContextTooLong if the question leaves no room for a source.
    """
    budget = prompt_budget(model, answer_tokens, prompt_tokens)
    bare = messages(question, (), language, reasons=model.reasons)
    room = budget - sum(model.count_tokens(message.content) for message in bare)
    if room < LEAST_SOURCE_TOKENS:
        asked = model.count_tokens(question)
        raise ContextTooLong(
            f"the question takes {asked} tokens and leaves no room for sources in {budget}",
            "shorten the question, or use a model with a longer context",
        )
    sources = choose_sources(found, room, lambda s: model.count_tokens(listing(s, language)))
    return Prompt(sources, tuple(messages(question, sources, language, reasons=model.reasons)))


def choose_sources(
    found: Sequence[Found],
    room: float,
    cost: Callable[[Source], int],
    most: int = MOST_SOURCES,
) -> tuple[Source, ...]:
    """Sources numbered from 1, best first, whose `cost` adds up to no more than `room`."""
    sources: list[Source] = []
    texts: set[str] = set()
    documents: set[str] = set()
    for one in found:
        if len(sources) == most or room < LEAST_SOURCE_TOKENS:
            break
        same = " ".join(one.document.text.split()).casefold()
        if one.document.doc_id in documents or same in texts:
            continue
        source = _fit(one, len(sources) + 1, room, cost)
        if source is None:
            continue
        documents.add(one.document.doc_id)
        texts.add(same)
        sources.append(source)
        room -= cost(source) + 1  # the empty line between
    return tuple(sources)


def _fit(one: Found, n: int, room: float, cost: Callable[[Source], int]) -> Source | None:
    """The largest of: the document, its passage, the passage's first sentences (first source)."""
    document, passage = one.document, one.passage
    whole = source_of(one, n, 0, len(document.text))
    # A long text is not read whole even where it fits: it would crowd out all others.
    if cost(whole) <= room * (1.0 if document.kind != "full_text" else 0.5):
        return whole
    part = source_of(one, n, passage.start, passage.end)
    if cost(part) <= room:
        return part
    if n > 1:
        return None
    ends = [passage.start + end for _, end in split_sentences(passage.text)]
    for end in reversed(ends):
        cut = source_of(one, n, passage.start, end)
        if cost(cut) <= room:
            return cut
    return None


def source_of(one: Found, n: int, start: int, end: int) -> Source:
    """Number `n`: characters `start` to `end` of the found document."""
    document: Document = one.document
    passage: Passage = one.passage
    return Source(
        n=n,
        doc_id=document.doc_id,
        passage_id=passage.passage_id,
        title=document.title,
        year=document.year,
        journal=document.journal,
        url=document.url,
        kind=document.kind,
        retracted=document.retracted,
        evidence_level=document.evidence_level,
        text=document.text[start:end],
        start=start,
        end=end,
        score=one.score,
    )
