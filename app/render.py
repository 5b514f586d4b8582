"""An `Answer`, its sources and search results as a person reads them in a terminal."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from vademecum.app.console import clean, number, one_line, paragraph, plural, seconds, shorten
from vademecum.app.labels import labels_for
from vademecum.app.markdown import plain
from vademecum.corpora.document import Kind
from vademecum.rag.answer import Answer, Quotation, Sentence, Source
from vademecum.rag.attended import shares_read
from vademecum.rag.evidence import evidence

STYLES = {
    "supported": "",
    "partial": "yellow",
    "overstated": "yellow",
    "unsupported": "red",
    "uncited": "dim",
}
QUOTE = 280  # characters of a passage shown below an answer
BEGINNING = 60  # characters that tell one sentence of an answer from the others

_MARKERS = re.compile(r"\s*\[\d+(?:\s*[,;]\s*\d+)*\]")
_END = re.compile(r"[.!?。！？…]+[\"'”’)]*$")


def answer(console: Console, found: Answer, *, thinking: bool = False) -> None:
    """The whole answer: its sentences, its sources, and a footer that says where it is from."""
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
            said = f"{labels.overstated}“{text}”: {reason}."
            paragraph(console, Text(said, style="yellow"), indent=2)
        if found.reason:
            paragraph(console, Text(f"{labels.note}{one_line(found.reason)}", style="yellow"))
    for quotation in found.quotes:
        console.print()
        paragraph(console, Text(labels.quoted))
        paragraph(console, _quotation(quotation))
    if found.sources:
        console.print()
        console.print(Text(labels.sources[found.status], style="bold"))
        sources(console, found.sources, found.sentences)
    console.print()
    paragraph(console, Text(footer(found), style="dim"))


def sentences(found: Answer) -> list[Text]:
    """The answer's lines, each sentence with its [n] markers and, in words, what it lacks."""
    text = Text()
    at = 0
    marks = labels_for(found.question).marks
    for sentence in found.sentences:
        gap = clean(_MARKERS.sub("", found.answer[at : sentence.start]))
        # What stands between sentences is layout; anything else is kept where it was.
        text.append(gap if gap.strip() or "\n" in gap else (" " if at else ""))
        text.append_text(_sentence(sentence, marks[sentence.support]))
        at = sentence.end
    text.append(clean(_MARKERS.sub("", found.answer[at:])).rstrip())
    return [line for line in text.split("\n") if line.plain.strip()]


def _sentence(sentence: Sentence, mark: str) -> Text:
    body = one_line(_MARKERS.sub("", sentence.text))
    end = _END.search(body)
    head, stop = (body[: end.start()], end.group()) if end else (body, "")
    text = Text(head, style=STYLES[sentence.support])
    if sentence.citations:
        text.append(" " + "".join(f"[{n}]" for n in sentence.citations), style="bold cyan")
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


def _quotation(quotation: Quotation) -> Text:
    text = Text(f"“{one_line(quotation.text)}”", style="italic")
    return text.append(f" [{quotation.n}]", style="bold cyan not italic")


def sources(
    console: Console, found: Sequence[Source], sentences: Sequence[Sentence] | None
) -> None:
    """A numbered list of sources, each with its passage.

    The passage is cut to what best carries the `sentences` that cite it; None shows it whole. With
    them stands what share of the model's attention to sources each of several received, where that
    is known.
    """
    width = len(str(max(source.n for source in found))) + 3
    read = shares_read(sentences or ()) if len(found) > 1 else ()
    for place, source in enumerate(found):
        attention = f"{read[place]:.0%} of the attention" if place < len(read) else ""
        reference(
            console,
            Text(f"[{source.n}]".ljust(width), style="bold cyan"),
            title=source.title,
            facts=[
                *facts(
                    source.journal,
                    source.year,
                    source.evidence_level,
                    source.kind,
                    source.retracted,
                ),
                *place_facts(source.file, source.section, source.page, source.licence, source.also),
                *([attention] if attention else []),
            ],
            url=source.url,
            text=one_line(plain(source.text, source.file))
            if sentences is None
            else quote(source, sentences),
        )


def quote(source: Source, sentences: Sequence[Sentence]) -> str:
    """About QUOTE characters of a passage, from where it says what it is cited for."""
    citing = [sentence for sentence in sentences if source.n in sentence.citations]
    start = None
    if citing:
        start = evidence(max(citing, key=lambda sentence: sentence.score).text, source)
    at = 0 if start is None else start - source.start
    return ("… " if at else "") + shorten(plain(source.text[at:], source.file), QUOTE)


def facts(
    journal: str, year: int | None, evidence_level: str, kind: Kind, retracted: bool
) -> list[str]:
    """What is known of a work, in reading order; RETRACTED first, where it cannot be missed."""
    kinds = {"abstract": "abstract only", "title": "title only", "full_text": "full text"}
    known = [
        "RETRACTED" if retracted else "",
        ", ".join(part for part in (one_line(journal), str(year or "")) if part),
        one_line(evidence_level),
        kinds[kind],
    ]
    return [part for part in known if part]


def place_facts(
    file: str, section: str, page: int | None, licence: str, also: Sequence[str]
) -> list[str]:
    """In which file and where in it a passage stands, under what licence it may be used, and the
    ids of other documents of the work."""
    others = one_line(", ".join(also))
    known = [
        one_line(file),
        one_line(section),
        f"p. {page}" if page else "",
        one_line(licence),
        f"also {others}" if others else "",
    ]
    return [part for part in known if part]


def reference(
    console: Console,
    head: Text,
    *,
    title: str,
    facts: Sequence[str],
    url: str,
    text: str,
) -> None:
    """One work under its number: title, facts, address and what is quoted of it."""
    indent = len(head.plain)
    paragraph(console, Text.assemble(head, (one_line(title), "bold")), indent=indent, first=indent)
    line = Text(" · ").join(
        Text(fact, style="bold red" if fact == "RETRACTED" else "") for fact in facts
    )
    paragraph(console, line, indent=indent)
    if url:
        paragraph(console, Text(one_line(url), style="blue"), indent=indent)
    paragraph(console, Text(f"“{text}”", style="italic"), indent=indent)


def footer(found: Answer) -> str:
    """Model, state of the corpus and times, on one line."""
    model = found.model
    name = "no model: sentences copied from the sources"
    if model.name != "none":
        name = (
            f"{model.name} ({model.quantization}, {model.attention} attention, seed {found.seed})"
        )
    corpus = found.corpus
    newest = f", newest {corpus.newest}" if corpus.newest else ""
    times = found.timings
    parts = [
        name,
        f"{corpus.name}@{corpus.snapshot[:12]} ({plural(corpus.documents, 'document')}{newest})",
        f"found in {seconds(times.retrieve_s)}",
    ]
    if model.name != "none":
        if times.first_token_s:  # a model that was not asked wrote none
            parts.append(f"first token {seconds(times.first_token_s)}")
        if times.decode_tok_s:
            parts.append(f"{number(times.decode_tok_s)} tokens/s")
    parts.append(f"total {seconds(times.total_s)}")
    return one_line(" · ".join(parts))
