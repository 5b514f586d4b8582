"""The right-hand panel: numbered sources, and each passage marked inside its document."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence

from vademecum.app.labels import labels_for, sources_counted
from vademecum.app.web_text import escape, safe_url
from vademecum.corpora.document import Document
from vademecum.corpora.sentences import split_sentences
from vademecum.rag.answer import Source

KIND_WORDS = {"abstract": "abstract only", "full_text": "full text", "title": "title only"}
WINDOW = 6_000  # characters: a longer text is shown around the passage only
MARGIN = 1_500  # characters to show on either side then
WRAPPED = range(55, 121)  # characters of a line that goes on in the next, in a typed text

# Only where the panel lies over the conversation, on narrow screens.
CLOSE = (
    '<button type="button" class="vd-close" data-vd-close aria-label="Back to the answer">'
    "Close</button>"
)


def anchor(turn: int, n: int) -> str:
    """The id of a source's card: what a citation chip points to."""
    return f"vd-source-{turn}-{n}"


def shown_part(document: Document, start: int, end: int) -> tuple[int, int]:
    """Which characters to show: a whole abstract, or the surroundings in a long text."""
    text = document.text
    if len(text) <= WINDOW:
        return 0, len(text)
    first, last = max(0, start - MARGIN), min(len(text), end + MARGIN)
    # Whole sentences if there are any, whole words otherwise.
    if first > 0:
        starts = [
            at + len(stop)
            for stop in ("\n", ". ", "。")
            if (at := text.find(stop, first, start)) >= 0
        ]
        first = min(starts, default=text.find(" ", first, start) + 1 or first)
    if last < len(text):
        ends = [at + 1 for stop in ("\n", ". ", "。") if (at := text.rfind(stop, end, last)) >= 0]
        last = max(ends, default=last)
    return first, last


def passage_html(document: Document, source: Source) -> str:
    """The document's text with the passage in `<mark>` and section labels in bold.

    The joined text of the marks is exactly `source.text`. Each sentence of the passage is a mark
    of its own that carries its offset, so that a click can single one out.
    """
    text = document.text
    first, last = shown_part(document, source.start, source.end)
    labels = _label_spans(document)
    marks = [(source.start + a, source.start + b) for a, b in split_sentences(source.text)]

    cuts = {first, last, source.start, source.end}
    cuts.update(at for span in (*labels, *marks) for at in span)
    breaks = {start for start, _ in labels}
    breaks.update(_line_breaks(document))
    cuts.update(breaks)

    out = ["<p>"]
    if first > 0:
        out.append('<span class="vd-cut">… </span>')
    edges = sorted(at for at in cuts if first <= at <= last)
    for start, end in itertools.pairwise(edges):
        if start in breaks and start > first:
            out.append("</p><p>")
        piece = escape(text[start:end])
        if any(a <= start < b for a, b in labels):
            piece = f'<strong class="vd-label">{piece}</strong>'
        if source.start <= start < source.end:
            at = next((a for a, b in marks if a <= start < b), None)
            offset = "" if at is None else f' data-vd-at="{at}"'
            piece = f"<mark{offset}>{piece}</mark>"
        out.append(piece)
    if last < len(text):
        out.append('<span class="vd-cut"> …</span>')
    out.append("</p>")
    return "".join(out)


def _line_breaks(document: Document) -> list[int]:
    """Where lines begin that are lines, too: not those that an editor wrapped."""
    typed = document.file.lower().endswith((".txt", ".md"))
    text = document.text
    found = []
    for match in re.finditer(r"\n+", text):
        start, end = match.span()
        before = start - (text.rfind("\n", 0, start) + 1)
        if not (typed and end - start == 1 and before in WRAPPED and text[end : end + 1].isalpha()):
            found.append(end)
    return found


def _label_spans(document: Document) -> list[tuple[int, int]]:
    """Where the section labels stand: between the end of one section and the start of the next."""
    spans = []
    before = 0
    for section in document.sections:
        gap = document.text[before : section.start]
        label = gap.strip()
        if section.label and label:
            start = before + gap.index(label)
            spans.append((start, start + len(label)))
        before = section.end
    return spans


def source_html(
    source: Source, document: Document | None, turn: int, read: float | None = None
) -> str:
    """One card: what the source is, and, folded below it, its passage in context.

    `read` is its share of the model's attention to the sources, where that is known.
    """
    card = anchor(turn, source.n)
    title = escape(source.title) or "Untitled"
    page = f"p. {source.page}" if source.page else ""
    known = (source.journal, str(source.year or ""), source.file, source.section, page)
    facts = [escape(fact) for fact in known if fact]
    badges = []
    if source.retracted:
        badges.append('<span class="vd-badge vd-retracted">Retracted</span>')
    if source.evidence_level:
        badges.append(f'<span class="vd-badge vd-level">{escape(source.evidence_level)}</span>')
    badges.append(f'<span class="vd-badge">{KIND_WORDS[source.kind]}</span>')
    if read is not None:
        badges.append(
            '<span class="vd-badge" title="Of what the model paid to the sources while it wrote">'
            f"{read:.0%} of the attention</span>"
        )
    if source.licence:
        badges.append(f'<span class="vd-badge" title="Licence">{escape(source.licence)}</span>')
    link = _link(source)
    if link:
        badges.append(link)
    retracted = " vd-is-retracted" if source.retracted else ""
    return (
        f'<article class="vd-source{retracted}" id="{card}" data-vd-source="{turn}-{source.n}">'
        f'<h3><button type="button" class="vd-source-title" data-vd-toggle="{turn}-{source.n}"'
        f' aria-expanded="false" aria-controls="{card}-text">'
        f'<span class="vd-n">{source.n}</span><span>{title}</span></button></h3>'
        f'<p class="vd-facts">{" · ".join(facts)}</p>'
        f'<p class="vd-badges">{" ".join(badges)}</p>'
        f'<div class="vd-passage" id="{card}-text" role="region" tabindex="-1"'
        f' aria-label="Source {source.n}, passage in context" hidden>'
        f"{_passage_or_note(source, document)}</div></article>"
    )


def _passage_or_note(source: Source, document: Document | None) -> str:
    if document is None or document.text[source.start : source.end] != source.text:
        what = "is no longer" if document is None else "has changed"
        return (
            f'<p class="vd-note">This document {what} in the library. '
            "This is the passage the answer used.</p>"
            f"<p><mark>{escape(source.text)}</mark></p>"
        )
    authors = ", ".join(document.authors[:6]) + (", et al." if len(document.authors) > 6 else "")
    byline = f'<p class="vd-authors">{escape(authors)}</p>' if authors else ""
    ids = [_id(doc_id) for doc_id in (source.doc_id, *source.also)]
    if document.doi:
        ids.append(f"doi {document.doi}")
    part = " · part of the full text" if len(document.text) > WINDOW else ""
    return (
        f"{byline}{passage_html(document, source)}"
        f'<p class="vd-ids">{escape(" · ".join(ids))}{part}</p>'
    )


def _id(doc_id: str) -> str:
    """As people write it: "PMID 1", "PMC1"."""
    scheme, _, number = doc_id.partition(":")
    return {"pmid": f"PMID {number}", "pmcid": number}.get(scheme, doc_id)


def _link(source: Source) -> str:
    url = safe_url(source.url)
    if not url:
        return ""
    name = "PubMed" if "pubmed" in source.url or "ncbi.nlm.nih.gov" in source.url else "Original"
    return (
        f'<a class="vd-link" href="{url}" target="_blank" rel="noopener noreferrer"'
        f' aria-label="{name} page of source {source.n}, opens in a new tab">{name}'
        '<span aria-hidden="true"> ↗</span></a>'
    )


def panel_html(
    sources: Sequence[Source],
    documents: Mapping[str, Document],
    *,
    turn: int,
    question: str,
    nearest: bool,
    read: Sequence[float] = (),
) -> str:
    """The sources of one turn. `nearest`: they were found but do not answer the question.

    `read` has the share of the model's attention that each received, where that is known.
    """
    if not sources:
        return (
            f'<section class="vd-turn-sources" data-vd-turn="{turn}" aria-label="Sources">'
            '<p class="vd-note">No passage of this library matches this question.</p></section>'
        )
    nearby = labels_for(question).nearest
    heading = nearby if nearest else sources_counted(question, len(sources))
    known = read if len(sources) > 1 else ()  # "100%" of a single one says nothing
    shares = [*known, *[None] * (len(sources) - len(known))]
    cards = "".join(
        source_html(source, documents.get(source.doc_id), turn, share)
        for source, share in zip(sources, shares, strict=True)
    )
    return (
        f'<section class="vd-turn-sources" data-vd-turn="{turn}" aria-label="{heading}">'
        f"<header><h2>{heading}</h2>{CLOSE}</header>"
        f'<p class="vd-for">for “{escape(question)}”</p>{cards}</section>'
    )


EMPTY_PANEL = (
    '<section class="vd-turn-sources vd-empty" data-vd-turn="0" aria-label="Sources">'
    "<h2>Sources</h2><p>The passages behind each answer appear here. Choose a number in the "
    "answer to read its passage in context.</p></section>"
)
