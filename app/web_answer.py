"""An answer as HTML: its sentences, the citations behind them, the marks on weak ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vademecum.app.labels import Labels
from vademecum.app.languages import labels_for
from vademecum.app.markdown_inline import in_line, unmarked
from vademecum.app.web_inline import inline, words_of
from vademecum.app.web_sources import anchor
from vademecum.app.web_text import (
    UNFINISHED_MARKER,
    blocks,
    escape,
    sentence_case,
)
from vademecum.rag.answer import Answer, Sentence, Source
from vademecum.rag.cite import read_markers
from vademecum.rag.evidence import evidence
from vademecum.rag.headings import copied_headings


def mark_of(sentence: Sentence, by_number: Mapping[int, Source]) -> str:
    """Which of the marks of `Labels` a sentence bears, "" for one that stands on its sources."""
    if sentence.support == "supported":
        return ""
    cited = [by_number[n] for n in sentence.citations if n in by_number]
    if sentence.support == "partial" and cited and all(source.retracted for source in cited):
        return "retracted"
    return sentence.support


def chip(labels: Labels, turn: int, source: Source, at: int | None = None) -> str:
    """A citation `[n]` as a button that opens its passage, at the sentence that starts at `at`."""
    where = "" if at is None else f' data-vd-evidence="{at}"'
    css = " vd-is-retracted" if source.retracted else ""
    cite = labels.cite_retracted if source.retracted else labels.cite
    name = escape(cite.format(source.n, unmarked(source.title, source.file)))
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
    headings = copied_headings(answer)
    pending = sorted(answer.sentences, key=lambda sentence: sentence.start)

    def text(start: int, end: int) -> str:
        return inline(answer.answer[start:end])

    def after(sentence: Sentence) -> str:
        chips = "".join(
            chip(labels, turn, by_number[n], evidence(sentence.text, by_number[n]))
            for n in sentence.citations
            if n in by_number
        )
        name = "" if sentence.start in headings else mark_of(sentence, by_number)
        mark = _mark(labels, name, sentence.reason) if name else ""
        if name == "unsupported" and chips:  # behind the sentence they would pass for its support
            tail = f'{mark}<span class="vd-compare">{labels.compare}</span>{chips}'
        else:
            tail = chips + mark
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
                kind = "heading" if sentence.start in headings else sentence.support
                css = f"vd-sentence vd-{kind}"
                out.append(f'<span class="{css}">{body}</span>')
            at = max(at, last)
            if sentence.end > end:  # it goes on in the next line
                break
            out.append(after(sentence))
            pending.pop(0)
        out.append(text(at, end))
        return "".join(out)

    return blocks(answer.answer, line)


def raw_html(question: str, text: str, sources: Sequence[Source], turn: int) -> str:
    """An answer that is still being written: markers become chips as they come."""
    labels = labels_for(question)
    by_number = {source.n: source for source in sources}
    cited = read_markers(UNFINISHED_MARKER.sub("", text), len(sources))

    def line(start: int, end: int) -> str:
        out, at = [], start
        for mark in cited.marks:
            if start <= mark.position <= end:
                out.append(inline(cited.text[at : mark.position]))
                chips = "".join(
                    chip(labels, turn, by_number[n]) for n in mark.numbers if n in by_number
                )
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
    words = labels_for(answer.question).supported(good, len(claims))
    return f'<p class="vd-support vd-support-{css}">{words}</p>'


def reasons_html(answer: Answer) -> str:
    """What is wrong with the sentences that say too much, in words that need no pointer."""
    labels = labels_for(answer.question)
    return "".join(
        f'<p class="vd-reason"><strong>{labels.overstated.strip()}</strong> '
        f"{labels.quote.format(escape(sentence.text))} {escape(sentence_case(sentence.reason))}</p>"
        for sentence in answer.sentences
        if sentence.reason
    )


def quotes_html(answer: Answer, turn: int) -> str:
    """What the sources say nearest to the question, where no sentence of the answer does."""
    labels = labels_for(answer.question)
    by_number = {source.n: source for source in answer.sources}
    quoted = ""
    for quotation in answer.quotes:
        if quotation.n in by_number:
            held = by_number[quotation.n]
            source = chip(labels, turn, held, quotation.start)
            said = words_of(held.file)(in_line(quotation.text, held.file))
            quoted += (
                f"<blockquote>{labels.quote.format(said)}"
                f'<span class="vd-after">{source}</span></blockquote>'
            )
    caption = f"<figcaption>{labels.quoted}</figcaption>"
    return f'<figure class="vd-quoted">{caption}{quoted}</figure>' * bool(quoted)


def plain_text(answer: Answer) -> str:
    """The answer with numbered citations and its sources, for pasting elsewhere."""
    labels = labels_for(answer.question)
    by_number = {source.n: source for source in answer.sources}
    headings = copied_headings(answer)
    body, at = [], 0
    for sentence in sorted(answer.sentences, key=lambda s: s.start):
        body.append(answer.answer[at : sentence.end])
        numbers = [f"[{n}]" for n in sentence.citations]
        name = "" if sentence.start in headings else mark_of(sentence, by_number)
        if name == "unsupported" and numbers:
            body.append(f" ({labels.names[name]}; {labels.compare} {' '.join(numbers)})")
        else:
            body.extend(f" {number}" for number in numbers)
            why = f": {sentence.reason}" if sentence.reason else ""
            body.append(f" ({labels.names[name]}{why})" if name else "")
        at = sentence.end
    body.append(answer.answer[at:])
    for one in answer.quotes:
        file = by_number[one.n].file if one.n in by_number else ""
        said = labels.quote.format(unmarked(in_line(one.text, file), file))
        body.append(f"\n\n{labels.quoted}\n{said} [{one.n}]")
    cited = {n for sentence in answer.sentences for n in sentence.citations}
    cited |= {quotation.n for quotation in answer.quotes}
    listed = [_reference(source, labels) for source in answer.sources if source.n in cited]
    return "\n".join(["".join(body).strip(), *(["", *listed] if listed else [])])


def _reference(source: Source, labels: Labels) -> str:
    """A source as a list of references has it: `[1] Title. Journal. 2020. address`."""
    warning = f"{labels.retracted.upper()}: " if source.retracted else ""
    page = labels.page.format(source.page) if source.page else ""
    parts = (
        f"[{source.n}] {warning}{unmarked(source.title, source.file)}",
        source.journal,
        str(source.year or ""),
        ", ".join(filter(None, (source.file, unmarked(source.place, source.file), page))),
        source.url,
    )
    return ". ".join(part.rstrip(".") for part in parts if part)
