"""An answer as HTML: its sentences, the citations behind them, the marks on weak ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vademecum.app.labels import Labels, labels_for, sentences_supported
from vademecum.app.web_sources import anchor
from vademecum.app.web_text import (
    UNFINISHED_MARKER,
    blocks,
    escape,
    inline,
    sentence_case,
)
from vademecum.rag.answer import Answer, Sentence, Source
from vademecum.rag.cite import read_markers
from vademecum.rag.evidence import evidence


def mark_of(sentence: Sentence, by_number: Mapping[int, Source]) -> str:
    """Which of the marks of `Labels` a sentence bears, "" for one that stands on its sources."""
    if sentence.support == "supported":
        return ""
    cited = [by_number[n] for n in sentence.citations if n in by_number]
    if sentence.support == "partial" and cited and all(source.retracted for source in cited):
        return "retracted"
    return sentence.support


def chip(turn: int, source: Source, at: int | None = None) -> str:
    """A citation `[n]` as a button that opens its passage, at the sentence that starts at `at`."""
    where = "" if at is None else f' data-vd-evidence="{at}"'
    retracted = " (retracted)" if source.retracted else ""
    css = " vd-is-retracted" if source.retracted else ""
    name = escape(f"Source {source.n}{retracted}: {source.title}. Show the passage")
    return (
        f'<button type="button" class="vd-chip{css}" data-vd-cite="{turn}-{source.n}"{where}'
        f' aria-controls="{anchor(turn, source.n)}-text" aria-label="{name}">{source.n}</button>'
    )


def _mark(labels: Labels, name: str, reason: str = "") -> str:
    words, tip = labels.names[name], labels.tips[name]
    tip = escape(f"{sentence_case(reason)} {tip}" if reason else tip)
    return (
        f'<span class="vd-mark vd-mark-{name}" tabindex="0" data-vd-tip="{tip}"'
        f' aria-label="{words}: {tip}">{words}</span>'
    )


def checked_html(answer: Answer, turn: int) -> str:
    """The answer with its sentences marked and a chip for each citation after each sentence."""
    labels = labels_for(answer.question)
    by_number = {source.n: source for source in answer.sources}
    pending = sorted(answer.sentences, key=lambda sentence: sentence.start)

    def text(start: int, end: int) -> str:
        return inline(answer.answer[start:end])

    def after(sentence: Sentence) -> str:
        chips = [
            chip(turn, by_number[n], evidence(sentence.text, by_number[n]))
            for n in sentence.citations
            if n in by_number
        ]
        name = mark_of(sentence, by_number)
        tail = "".join([*chips, _mark(labels, name, sentence.reason) if name else ""])
        return f'<span class="vd-after">{tail}</span>' if tail else ""

    def line(start: int, end: int) -> str:
        out: list[str] = []
        at = start
        while pending and pending[0].start < end:
            sentence = pending[0]
            first, last = max(at, sentence.start), min(end, sentence.end)
            if first > at:
                out.append(text(at, first))
            body = text(first, last)
            if body:
                css = f"vd-sentence vd-{sentence.support}"
                out.append(f'<span class="{css}">{body}</span>')
            at = max(at, last)
            if sentence.end > end:  # it goes on in the next line
                break
            out.append(after(sentence))
            pending.pop(0)
        out.append(text(at, end))
        return "".join(out)

    return blocks(answer.answer, line)


def raw_html(text: str, sources: Sequence[Source], turn: int) -> str:
    """An answer that is still being written: markers become chips as they come."""
    by_number = {source.n: source for source in sources}
    cited = read_markers(UNFINISHED_MARKER.sub("", text), len(sources))

    def line(start: int, end: int) -> str:
        out, at = [], start
        for mark in cited.marks:
            if start <= mark.position <= end:
                out.append(inline(cited.text[at : mark.position]))
                chips = "".join(chip(turn, by_number[n]) for n in mark.numbers if n in by_number)
                out.append(f'<span class="vd-after">{chips}</span>')
                at = mark.position
        out.append(inline(cited.text[at:end]))
        return "".join(out)

    return blocks(cited.text, line)


def support_html(answer: Answer) -> str:
    """How much of the answer stands on its sources, in one line; "" if nothing was checked."""
    claims = [sentence for sentence in answer.sentences if sentence.support != "uncited"]
    if not claims:
        return ""
    good = sum(sentence.support == "supported" for sentence in claims)
    css = "good" if good == len(claims) else "mixed" if good else "bad"
    words = sentences_supported(answer.question, good, len(claims))
    return f'<p class="vd-support vd-support-{css}">{words}</p>'


def reasons_html(answer: Answer) -> str:
    """What is wrong with the sentences that say too much, in words that need no pointer."""
    head = labels_for(answer.question).overstated.strip()
    return "".join(
        f'<p class="vd-reason"><strong>{head}</strong> '
        f"“{escape(sentence.text)}” {escape(sentence_case(sentence.reason))}</p>"
        for sentence in answer.sentences
        if sentence.reason
    )


def quotes_html(answer: Answer, turn: int) -> str:
    """What the sources say nearest to the question, where no sentence of the answer does."""
    by_number = {source.n: source for source in answer.sources}
    quoted = "".join(
        f"<blockquote>“{escape(quotation.text)}”"
        f'<span class="vd-after">{chip(turn, by_number[quotation.n], quotation.start)}</span>'
        "</blockquote>"
        for quotation in answer.quotes
        if quotation.n in by_number
    )
    head = labels_for(answer.question).quoted
    return f'<figure class="vd-quoted"><figcaption>{head}</figcaption>{quoted}</figure>' * bool(
        quoted
    )


def _page(source: Source) -> str:
    return f"p. {source.page}" if source.page else ""


def plain_text(answer: Answer) -> str:
    """The answer with numbered citations and its sources, for pasting elsewhere."""
    by_number = {source.n: source for source in answer.sources}
    names = labels_for(answer.question).names
    body, at = [], 0
    for sentence in sorted(answer.sentences, key=lambda s: s.start):
        body.append(answer.answer[at : sentence.end])
        body.extend(f" [{n}]" for n in sentence.citations)
        name = mark_of(sentence, by_number)
        if name:
            why = f": {sentence.reason}" if sentence.reason else ""
            body.append(f" ({names[name]}{why})")
        at = sentence.end
    body.append(answer.answer[at:])
    body.extend(f"\n\n“{quotation.text}” [{quotation.n}]" for quotation in answer.quotes)
    cited = {n for sentence in answer.sentences for n in sentence.citations}
    cited |= {quotation.n for quotation in answer.quotes}
    listed = [source for source in answer.sources if source.n in cited]
    references = [
        ". ".join(
            part.rstrip(".")
            for part in (
                f"[{source.n}] {'RETRACTED: ' if source.retracted else ''}{source.title}",
                source.journal,
                str(source.year or ""),
                ", ".join(filter(None, (source.file, _page(source)))),
                source.url,
            )
            if part
        )
        for source in listed
    ]
    return "\n".join(["".join(body).strip(), *(["", *references] if references else [])])
