"""The right-hand panel: numbered sources, and each passage marked inside its document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vademecum.app.english import ENGLISH
from vademecum.app.labels import Labels
from vademecum.app.languages import labels_for
from vademecum.app.web_inline import words_of
from vademecum.app.web_passage import WINDOW, passage_html
from vademecum.app.web_text import escape, safe_url
from vademecum.corpora.document import Document
from vademecum.rag.answer import Source

NAMED = 6  # authors


def anchor(turn: int, n: int) -> str:
    """The id of a source's card: what a citation chip points to."""
    return f"vd-source-{turn}-{n}"


def source_html(
    source: Source,
    document: Document | None,
    turn: int,
    read: float | None = None,
    labels: Labels = ENGLISH,
) -> str:
    """One card: what the source is, and, folded below it, its passage in context.

    `read` is its share of the model's attention to the sources, where that is known.
    """
    card = anchor(turn, source.n)
    shown = words_of(source.file)
    title = shown(source.title or labels.untitled)
    page = labels.page.format(source.page) if source.page else ""
    known = (source.journal, str(source.year or ""), source.file)
    facts = [*map(escape, known), shown(source.place), escape(page)]
    badges = []
    if source.retracted:
        badges.append(f'<span class="vd-badge vd-retracted">{labels.retracted}</span>')
    if source.evidence_level:
        level = escape(labels.level(source.evidence_level))
        badges.append(f'<span class="vd-badge vd-level">{level}</span>')
    badges.append(f'<span class="vd-badge">{labels.kinds[source.kind]}</span>')
    if read is not None:
        badges.append(
            f'<span class="vd-badge" title="{labels.attention_tip}">'
            f"{labels.attention.format(f'{100 * read:.0f}')}</span>"
        )
    if source.licence:
        licence = escape(source.licence)
        badges.append(f'<span class="vd-badge" title="{labels.licence}">{licence}</span>')
    link = _link(source, labels)
    if link:
        badges.append(link)
    retracted = " vd-is-retracted" if source.retracted else ""
    return (
        f'<article class="vd-source{retracted}" id="{card}" data-vd-source="{turn}-{source.n}">'
        f'<h3><button type="button" class="vd-source-title" data-vd-toggle="{turn}-{source.n}"'
        f' aria-expanded="false" aria-controls="{card}-text">'
        f'<span class="vd-n">{source.n}</span><span>{title}</span></button></h3>'
        f'<p class="vd-facts">{" · ".join(filter(None, facts))}</p>'
        f'<p class="vd-badges">{" ".join(badges)}</p>'
        f'<div class="vd-passage" id="{card}-text" role="region" tabindex="-1"'
        f' aria-label="{labels.in_context.format(source.n)}" hidden>'
        f"{_passage_or_note(source, document, labels)}</div></article>"
    )


def _passage_or_note(source: Source, document: Document | None, labels: Labels) -> str:
    if document is None or document.text[source.start : source.end] != source.text:
        note = labels.gone if document is None else labels.changed
        return f'<p class="vd-note">{note}</p><p><mark>{escape(source.text)}</mark></p>'
    more = labels.et_al if len(document.authors) > NAMED else ""
    authors = ", ".join(document.authors[:NAMED]) + more
    byline = f'<p class="vd-authors">{escape(authors)}</p>' if authors else ""
    ids = [_id(doc_id) for doc_id in (source.doc_id, *source.also)]
    if document.doi:
        ids.append(f"doi {document.doi}")
    part = f" · {labels.part}" if len(document.text) > WINDOW else ""
    return (
        f"{byline}{passage_html(document, source)}"
        f'<p class="vd-ids">{escape(" · ".join(ids))}{part}</p>'
    )


def _id(doc_id: str) -> str:
    """As people write it: "PMID 1", "PMC1"."""
    scheme, _, number = doc_id.partition(":")
    return {"pmid": f"PMID {number}", "pmcid": number}.get(scheme, doc_id)


def _link(source: Source, labels: Labels) -> str:
    url = safe_url(source.url)
    if not url:
        return ""
    pubmed = "pubmed" in source.url or "ncbi.nlm.nih.gov" in source.url
    name = "PubMed" if pubmed else labels.original
    return (
        f'<a class="vd-link" href="{url}" target="_blank" rel="noopener noreferrer"'
        f' aria-label="{labels.opens.format(name, source.n)}">{name}'
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
    labels = labels_for(question)
    if not sources:
        return (
            f'<section class="vd-turn-sources" data-vd-turn="{turn}"'
            f' aria-label="{labels.passages}"><p class="vd-note">{labels.none_match}</p></section>'
        )
    heading = labels.nearest if nearest else labels.counted(labels.counted_sources, len(sources))
    known = read if len(sources) > 1 else ()  # "100%" of a single one says nothing
    shares = [*known, *[None] * (len(sources) - len(known))]
    cards = "".join(
        source_html(source, documents.get(source.doc_id), turn, share, labels)
        for source, share in zip(sources, shares, strict=True)
    )
    # Only where the panel lies over the conversation, on narrow screens.
    close = (
        f'<button type="button" class="vd-close" data-vd-close aria-label="{labels.back}">'
        f"{labels.close}</button>"
    )
    return (
        f'<section class="vd-turn-sources" data-vd-turn="{turn}" aria-label="{heading}">'
        f"<header><h2>{heading}</h2>{close}</header>"
        f'<p class="vd-for">{labels.asked_for.format(escape(question))}</p>{cards}</section>'
    )


EMPTY_PANEL = (
    '<section class="vd-turn-sources vd-empty" data-vd-turn="0" aria-label="Sources">'
    "<h2>Sources</h2><p>The passages behind each answer appear here. Choose a number in the "
    "answer to read its passage in context.</p></section>"
)
