"""An `Answer`, its sources and search results as a person reads them in a terminal."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from vademecum.app.console import clean, number, one_line, paragraph, seconds, shorten
from vademecum.app.excerpt import excerpt
from vademecum.app.labels import Labels
from vademecum.app.languages import LABELS, labels_for
from vademecum.app.markdown import plain
from vademecum.app.markdown_inline import in_line, unmarked
from vademecum.app.render_inline import inline
from vademecum.corpora.document import Kind
from vademecum.rag.answer import BEARING, Answer, Quotation, Sentence, Source
from vademecum.rag.attended import shares_read
from vademecum.rag.headings import copied_headings

STYLES = {
    "supported": "",
    "partial": "yellow",
    "overstated": "yellow",
    "unsupported": "red",
    "uncited": "dim",
}
WARNINGS = {labels.retracted.upper() for labels in LABELS.values()}
BEGINNING = 60  # characters that tell one sentence of an answer from the others

_MARKERS = re.compile(r"\s*\[\d+(?:\s*[,;]\s*\d+)*\]")
_END = re.compile(r"[.!?。！？…]+[\"'”’)]*$")


def answer(
    console: Console, found: Answer, *, thinking: bool = False, loading_s: float | None = None
) -> None:
    """The whole answer: its sentences, its sources, and a footer that says where it is from.
    `loading_s` is how long everything was loaded before it was asked, where that was for it."""
    labels = labels_for(found.question)
    if thinking and found.thinking:
        paragraph(console, Text(clean(found.thinking).strip(), style="dim italic"), indent=2)
        console.print()
    if found.abstained:
        paragraph(console, Text(clean(found.answer).strip(), style="bold"))
        if found.reason and found.reason.casefold() not in found.answer.casefold():
            paragraph(console, f"{labels.why}{one_line(found.reason)}")
    else:
        for line in sentences(found):
            paragraph(console, line)
        for text, reason in reasons(found):
            said = f"{labels.overstated}{labels.quote.format(text)}: {reason}."
            paragraph(console, Text(said, style="yellow"), indent=2)
        if found.reason:
            paragraph(console, Text(f"{labels.note}{one_line(found.reason)}", style="yellow"))
    files = {source.n: source.file for source in found.sources}
    for quotation in found.quotes:
        console.print()
        paragraph(console, Text(labels.quoted))
        paragraph(console, _quotation(quotation, files.get(quotation.n, ""), labels))
    if found.sources:
        console.print()
        console.print(Text(labels.sources[found.status], style="bold"))
        sources(console, found)
    console.print()
    paragraph(console, Text(footer(found, loading_s), style="dim"))


def sentences(found: Answer) -> list[Text]:
    """The answer's lines, each sentence with its [n] markers and, in words, what it lacks."""
    text = Text()
    at = 0
    labels = labels_for(found.question)
    headings = copied_headings(found)
    for sentence in found.sentences:
        gap = clean(_MARKERS.sub("", found.answer[at : sentence.start]))
        # What stands between sentences is layout; anything else is kept where it was.
        text.append(gap if gap.strip() or "\n" in gap else (" " if at else ""))
        if sentence.start in headings:
            text.append_text(inline(one_line(sentence.text), "bold"))
        else:
            text.append_text(_sentence(sentence, labels))
        at = sentence.end
    text.append(clean(_MARKERS.sub("", found.answer[at:])).rstrip())
    return [line for line in text.split("\n") if line.plain.strip()]


def _sentence(sentence: Sentence, labels: Labels) -> Text:
    body = one_line(_MARKERS.sub("", sentence.text))
    numbers = "".join(f"[{n}]" for n in sentence.citations)
    mark = labels.marks[sentence.support]
    if sentence.support == "unsupported" and numbers:
        # Behind the sentence they would be taken for its support.
        mark, numbers = labels.unsupported_near.format(numbers), ""
    end = _END.search(body)
    head, stop = (body[: end.start()], end.group()) if end else (body, "")
    text = inline(head, STYLES[sentence.support])
    if numbers:
        text.append(f" {numbers}", style="bold cyan")
    text.append(stop)
    if mark:
        text.append(f" {mark}", style="bold " + STYLES[sentence.support])
    return text


def reasons(found: Answer) -> list[tuple[str, str]]:
    """How the sentences that say too much begin, each with what is wrong with it."""
    return [
        (shorten(one_line(sentence.text), BEGINNING), one_line(sentence.reason))
        for sentence in found.sentences
        if sentence.reason
    ]


def _quotation(quotation: Quotation, file: str, labels: Labels) -> Text:
    words = unmarked(in_line(quotation.text, file), file)
    text = Text(labels.quote.format(one_line(words)), style="italic")
    return text.append(f" [{quotation.n}]", style="bold cyan not italic")


def sources(console: Console, found: Answer, *, whole: bool = False) -> None:
    """The numbered list of an answer's sources, each with its passage.

    The passage is cut to what it is cited for, unless all of it is wanted: `whole`. Beside several
    stands what share of the model's attention to sources each received, where that is known.
    """
    labels = labels_for(found.question)
    width = len(str(max(source.n for source in found.sources))) + 3
    read = shares_read(found.sentences) if len(found.sources) > 1 and not whole else ()
    for place, source in enumerate(found.sources):
        known = [
            *facts(
                labels,
                journal=source.journal,
                year=source.year,
                evidence_level=source.evidence_level,
                kind=source.kind,
                retracted=source.retracted,
            ),
            *place_facts(
                labels, source.file, source.place, source.page, source.licence, source.also
            ),
        ]
        if place < len(read):
            known.append(labels.attention.format(f"{100 * read[place]:.0f}"))
        text = Text(one_line(plain(source.text, source.file))) if whole else quote(source, found)
        reference(
            console,
            Text(f"[{source.n}]".ljust(width), style="bold cyan"),
            title=unmarked(source.title, source.file),
            facts=known,
            url=source.url,
            text=text,
        )


def quote(source: Source, found: Answer) -> Text:
    """The sentences of a passage that it is cited for, or else the one nearest to the question;
    where it is only near to what it does not bear, that is told."""
    labels = labels_for(found.question)
    citing = [sentence for sentence in found.sentences if source.n in sentence.citations]
    borne = [sentence.text for sentence in citing if sentence.support in BEARING]
    borne += [quotation.text for quotation in found.quotes if quotation.n == source.n]
    opening, _, closing = labels.quote.partition("{}")
    shown = excerpt(
        source.text, source.file, borne or [s.text for s in citing], asked=found.question
    )
    said = Text.assemble(opening, shown, closing)
    if citing and not borne:
        return Text(f"{labels.compare}: ", style="dim not italic") + said
    return said


def facts(
    labels: Labels,
    *,
    journal: str,
    year: int | None,
    evidence_level: str,
    kind: Kind,
    retracted: bool,
) -> list[str]:
    """What is known of a work, in reading order; that it was retracted first, where it cannot be
    missed."""
    known = [
        labels.retracted.upper() if retracted else "",
        ", ".join(part for part in (one_line(journal), str(year or "")) if part),
        one_line(labels.level(evidence_level)),
        labels.kinds[kind],
    ]
    return [part for part in known if part]


def place_facts(
    labels: Labels,
    file: str,
    section: str,
    page: int | None,
    licence: str,
    also: Sequence[str],
) -> list[str]:
    """In which file and where in it a passage stands, under what licence it may be used, and the
    ids of other documents of the work."""
    known = [
        one_line(file),
        one_line(unmarked(section, file)),
        labels.page.format(page) if page else "",
        one_line(licence),
        labels.also.format(one_line(", ".join(also))) if also else "",
    ]
    return [part for part in known if part]


def reference(
    console: Console,
    head: Text,
    *,
    title: str,
    facts: Sequence[str],
    url: str,
    text: Text,
) -> None:
    """One work under its number: title, facts, address and what is quoted of it."""
    indent = len(head.plain)
    paragraph(console, Text.assemble(head, (one_line(title), "bold")), indent=indent, first=indent)
    line = Text(" · ").join(
        Text(fact, style="bold red" if fact in WARNINGS else "") for fact in facts
    )
    paragraph(console, line, indent=indent)
    if url:
        paragraph(console, Text(one_line(url), style="blue"), indent=indent)
    paragraph(console, Text(style="italic").append_text(text), indent=indent)


def footer(found: Answer, loading_s: float | None = None) -> str:
    """Model, state of the corpus and times, on one line."""
    labels = labels_for(found.question)
    model, corpus, times = found.model, found.corpus, found.timings

    def clock(value: float) -> str:
        return labels.figure(seconds(value))

    name = labels.no_model
    if model.name != "none":
        name = labels.wrote.format(model.name, model.quantization, model.attention, found.seed)
    held = [labels.counted(labels.counted_documents, corpus.documents)]
    if corpus.newest:
        held.append(labels.newest.format(corpus.newest))
    parts = [
        name,
        labels.corpus.format(corpus.name, corpus.snapshot[:12], labels.listed.join(held)),
        labels.found_in.format(clock(times.retrieve_s)),
    ]
    if model.name != "none":
        if times.first_token_s:  # a model that was not asked wrote none
            parts.append(labels.first_word.format(clock(times.first_token_s)))
        if times.decode_tok_s:
            parts.append(labels.speed.format(labels.figure(number(times.decode_tok_s))))
    total = labels.total.format(clock(times.total_s))
    parts.append(
        total if loading_s is None else labels.after_loading.format(total, clock(loading_s))
    )
    return one_line(" · ".join(parts))
