"""Step 3: the numbered sources that fit the model's prompt.

A document comes whole where it fits (an abstract nearly always does), otherwise as the section in
which the passage stands that was found, as that passage with the sentences around it, as the
passage alone, or as the sentences of it that fit where even that is too long. One source per work;
the same text under two records counts once.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import takewhile

from vademecum.corpora.document import Document, Passage, Section
from vademecum.corpora.sections import around, label_of
from vademecum.errors import ContextTooLong
from vademecum.model.interface import LanguageModel, Message
from vademecum.rag.answer import Source
from vademecum.rag.prompt import listing, messages
from vademecum.rag.retrieve import Found
from vademecum.rag.sentences import sentences_of
from vademecum.rag.spoken import Spoken

# Small enough that a 0.5B model on two CPU cores begins to write within 10 s, large enough for
# about three abstracts. `Assistant(prompt_tokens=...)` changes it.
PROMPT_TOKENS = 1_200
# A model that reasons is larger and runs on a GPU, where reading is not what takes the time.
PROMPT_TOKENS_REASONING = 3_000
TEMPLATE_TOKENS = 64  # what the chat template adds around the messages
LEAST_SOURCE_TOKENS = 80  # with less room than this a source says nothing
MOST_SOURCES = 8
# A long text would crowd out all others: of the room that is left it takes so much at first.
LONG_SHARE = 1 / 2  # whole
PART_SHARE = 1 / 3  # the section or the sentences around the passage found
NEIGHBOURS = 8_000  # characters before and after a passage that may be shown with it
MOST_CHARACTERS_A_TOKEN = 16


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
    language: Spoken,
    model: LanguageModel,
    *,
    answer_tokens: int,
    prompt_tokens: int | None = None,
) -> Prompt:
    """Choose sources, best first, until the budget is full.

    Raises ContextTooLong if the question leaves no room for a source.
    """
    budget = prompt_budget(model, answer_tokens, prompt_tokens)
    most = model.context_length - answer_tokens - TEMPLATE_TOKENS
    bare = messages(question, (), language, reasons=model.reasons)
    room = budget - sum(model.count_tokens(message.content) for message in bare)
    if room < LEAST_SOURCE_TOKENS:
        asked = model.count_tokens(question)
        raise _no_room(asked, asked + room - LEAST_SOURCE_TOKENS, budget, most)
    sources = choose_sources(found, room, lambda s: model.count_tokens(listing(s, language)))
    return Prompt(sources, tuple(messages(question, sources, language, reasons=model.reasons)))


def _no_room(asked: int, fitting: int, budget: int, most: int) -> ContextTooLong:
    """For a question of `asked` tokens, of which `fitting` would leave room for a source. The
    context sets the budget only where that is all it has, `most`."""
    share = 100 * max(fitting, 0) // asked
    what = f"the question takes {asked:,} tokens and leaves no room for sources: with them and the "
    if budget < most:
        return ContextTooLong(
            what + f"instructions it is given {budget:,}, so that an answer comes soon",
            f"shorten it to {share} % of its length; from Python, "
            f"Assistant.open(prompt_tokens=...) gives more, with this model up to {most:,}",
        )
    return ContextTooLong(
        what + f"instructions it is given {max(budget, 0):,}, all that the model's context has",
        (f"shorten it to {share} % of its length, or " if share else "")
        + "use a model with a longer context",
    )


def choose_sources(
    found: Sequence[Found],
    room: float,
    cost: Callable[[Source], int],
    most: int = MOST_SOURCES,
) -> tuple[Source, ...]:
    """Sources numbered from 1, best first, whose `cost` adds up to no more than `room`.

    What the others leave, the long texts share, the best first: each is shown more of.
    """
    chosen: list[tuple[Found, Source]] = []
    texts: set[str] = set()
    documents: set[str] = set()
    for one in found:
        if len(chosen) == most or room < LEAST_SOURCE_TOKENS:
            break
        same = " ".join(one.document.text.split()).casefold()
        if one.document.doc_id in documents or same in texts:
            continue
        source = _fit(one, len(chosen) + 1, room, cost)
        if source is None:
            continue
        documents.update((one.document.doc_id, *one.also))
        texts.add(same)
        chosen.append((one, source))
        room -= cost(source) + 1  # the empty line between
    for at, (one, source) in enumerate(chosen):
        wider = _widest(one, source.n, room + cost(source), room + cost(source), cost)
        if wider and wider.end - wider.start > source.end - source.start:
            room -= cost(wider) - cost(source)
            chosen[at] = one, wider
    return tuple(source for _, source in chosen)


def _fit(one: Found, n: int, room: float, cost: Callable[[Source], int]) -> Source | None:
    """The largest of: what `_widest` finds, the passage, its first sentences (first source)."""
    document, passage = one.document, one.passage
    share = 1.0 if document.kind != "full_text" else LONG_SHARE
    if source := _widest(one, n, room * share, room * PART_SHARE, cost):
        return source
    if cost(part := source_of(one, n, passage.start, passage.end)) <= room:
        return part
    if n > 1:
        return None
    ends = [passage.start + end for _, end in sentences_of(passage.text)]
    for end in reversed(ends):
        cut = source_of(one, n, passage.start, end)
        if cost(cut) <= room:
            return cut
    return None


def _widest(
    one: Found, n: int, room: float, part_room: float, cost: Callable[[Source], int]
) -> Source | None:
    """The document if it fits in `room`, else the outermost section around the passage that fits
    in `part_room`, else the passage with as many sentences before and after it as fit there."""

    def fits(start: int, end: int, room: float) -> bool:
        # A book need not be counted to see that it is too long.
        return end - start <= room * MOST_CHARACTERS_A_TOKEN and (
            cost(source_of(one, n, start, end)) <= room
        )

    document, passage = one.document, one.passage
    if fits(0, len(document.text), room):
        return source_of(one, n, 0, len(document.text))
    low, high = max(0, passage.start - NEIGHBOURS), passage.end + NEIGHBOURS
    for start, end in around(document, passage.start, passage.end):
        if start < passage.start or end > passage.end:
            if fits(start, end, part_room):
                return source_of(one, n, start, end)
            low, high = max(low, start), min(high, end)
    spans = _with_neighbours(document.text, passage, low, high)
    fitting = bisect_left(spans, True, key=lambda span: not fits(span[0], span[1], part_room))
    return source_of(one, n, *spans[fitting - 1]) if fitting else None


def _with_neighbours(text: str, passage: Passage, low: int, high: int) -> list[tuple[int, int]]:
    """The passage with 0, 1, 2, ... sentences more on either side, all of `text[low:high]`."""
    before = [low + start for start, _ in sentences_of(text[low : passage.start])]
    after = [passage.end + end for _, end in sentences_of(text[passage.end : high])]
    starts = [passage.start, *reversed(before)]
    ends = [passage.end, *after]
    most = max(len(starts), len(ends))
    return [(starts[min(k, len(starts) - 1)], ends[min(k, len(ends) - 1)]) for k in range(most)]


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
        section=label_of(document, start, end),
        page=document.page_at(start),
        licence=document.licence,
        also=one.also,
        file=document.file,
        sections=_several(document, start, end),
    )


def _several(document: Document, start: int, end: int) -> tuple[Section, ...]:
    """The sections of a full text that a stretch of it spans, where they are more than one."""
    if document.kind != "full_text":
        return ()
    first = bisect_right(document.sections, start, key=lambda section: section.end)
    spanned = tuple(takewhile(lambda section: section.start < end, document.sections[first:]))
    return spanned if len(spanned) > 1 else ()
