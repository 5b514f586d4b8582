"""In which sections of its passage a source is cited: where short articles of a statute or clauses
of a contract share a passage, that it stands below them all says nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from vademecum.corpora.document import Section
from vademecum.rag.answer import BEARING, Quotation, Sentence, Source
from vademecum.rag.evidence import bearing


def located(
    sources: Sequence[Source], sentences: Sequence[Sentence], quotes: Sequence[Quotation]
) -> tuple[Source, ...]:
    """The sources, each with the sections that hold what it is cited or quoted for."""
    return tuple(
        replace(source, cited_sections=_labels(source, sentences, quotes))
        if source.sections
        else source
        for source in sources
    )


def _labels(
    source: Source, sentences: Sequence[Sentence], quotes: Sequence[Quotation]
) -> tuple[str, ...]:
    spans = [(quote.start, quote.end) for quote in quotes if quote.n == source.n]
    for sentence in sentences:
        if source.n in sentence.citations and sentence.support in BEARING:
            found = bearing(sentence.text, source.text)
            if found:
                spans.append((source.start + found[0], source.start + found[1]))
    cited = {_section(source.sections, start, end) for start, end in spans}
    return tuple(dict.fromkeys(one.label for one in source.sections if one in cited))


def _section(sections: Sequence[Section], start: int, end: int) -> Section | None:
    """The one that a sentence ends in, which may begin with the heading above it."""
    inside = [one for one in sections if one.start < end and one.end > start]
    return inside[-1] if inside else None
