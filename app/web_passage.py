"""A passage inside its document as HTML: every character of the text, and what lays it out."""

from __future__ import annotations

import re

from vademecum.app.markdown_inline import Span
from vademecum.app.markdown_layout import Layout, Level, Place, layout
from vademecum.app.web_inline import parted, styled
from vademecum.app.web_text import escape
from vademecum.corpora.document import Document
from vademecum.corpora.readers.headings import headings
from vademecum.rag.answer import Source
from vademecum.rag.sentences import sentences_of

WINDOW = 6_000  # characters: a longer text is shown around the passage only
MARGIN = 1_500  # characters to show on either side then
WRAPPED = range(55, 121)  # characters of a line that goes on in the next, in a typed text


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
    of its own that carries its offset, so that a click can single one out. Every character of a
    Markdown file is there, too: its marks are not shown, and what they say is.
    """
    text = document.text
    first, last = shown_part(document, source.start, source.end)
    found = _layout(document, first, last)
    sentences = [(source.start + a, source.start + b) for a, b in sentences_of(source.text)]

    cuts = {first, last, source.start, source.end, *found.places}
    cuts.update(at for span in sentences for at in span)
    cuts.update(at for span in found.spans for at in (span.start, span.end))
    edges = sorted(at for at in cuts if first <= at <= last)

    before = max((at for at in found.places if at <= first), default=None)
    place: Place = (Level("p", first),) if before is None else found.places[before]
    out = [_open(place)]
    if first > 0:
        out.append('<span class="vd-cut">… </span>')
    for start, end, over in parted(found.spans, edges):
        following = found.places.get(start, place)
        out.append(_move(place, following))
        place = following
        piece = styled(escape(text[start:end]), over)
        if source.start <= start < source.end:
            at = next((a for a, b in sentences if a <= start < b), None)
            offset = "" if at is None else f' data-vd-at="{at}"'
            piece = f"<mark{offset}>{piece}</mark>"
        out.append(piece)
    if last < len(text):
        out.append('<span class="vd-cut"> …</span>')
    out.append(_move(place, ()))
    return "".join(out)


def _layout(document: Document, first: int, last: int) -> Layout:
    """What is to be seen of how a document is laid out: sections, headings, lines, Markdown."""
    typed = document.file.lower().endswith(".md")
    found = layout(document.text, first, last) if typed else Layout()
    for start, end in _label_spans(document):
        found.spans.append(Span(start, end, "label"))
        found.places.setdefault(start, (Level("p", start),))
    for title in headings(document.text) if typed else ():
        found.spans.append(Span(title.start, title.end, "label"))
        found.spans.append(Span(title.start, title.first, "mark"))
        found.spans.append(Span(title.last, title.end, "mark"))
        found.places[title.start] = (Level("p", title.start),)
    for at in _line_breaks(document):
        if found.breaks(at):
            found.places.setdefault(at, (Level("p", at),))
    found.spans = [span for span in found.spans if span.start < last and span.end > first]
    return found


def _open(place: Place) -> str:
    css = ((level, f' class="{level.css}"' if level.css else "") for level in place)
    return "".join(f"<{level.tag}{named}>" for level, named in css)


def _move(before: Place, after: Place) -> str:
    """The tags that end what `before` is in and begin what `after` is in."""
    same = 0
    while same < min(len(before), len(after)) and before[same] == after[same]:
        same += 1
    closed = "".join(f"</{level.tag}>" for level in reversed(before[same:]))
    return closed + _open(after[same:])


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
