"""Words as HTML as the marks of Markdown around them say: the marks are there, and not shown."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterator, Sequence

from vademecum.app.markdown_inline import Span, inline_spans
from vademecum.app.web_text import escape, safe_url

TAGS = (("code", "code"), ("del", "del"), ("em", "em"), ("strong", "strong"))


def inline(text: str) -> str:
    """What a model wrote, within a line. Its links are their words: it may have made them up."""
    spans = [span for span in inline_spans(text, 0, len(text)) if span.kind != "link"]
    edges = sorted({0, len(text), *(at for span in spans for at in (span.start, span.end))})
    return "".join(
        styled(escape(text[start:end]), over) for start, end, over in parted(spans, edges)
    )


def words_of(file: str) -> Callable[[str], str]:
    """How words of a file become HTML: those of a Markdown file as its marks say."""
    return inline if file.lower().endswith(".md") else escape


def parted(spans: Sequence[Span], edges: Sequence[int]) -> Iterator[tuple[int, int, list[Span]]]:
    """What lies between edges, which ascend and are where spans begin and end, with the spans that
    stand over it."""
    coming = deque(sorted(spans, key=lambda span: span.start))
    over: list[Span] = []
    for start, end in itertools.pairwise(edges):
        while coming and coming[0].start <= start:
            over.append(coming.popleft())
        over = [span for span in over if span.end > start]
        yield start, end, over


def styled(piece: str, spans: Sequence[Span]) -> str:
    """Escaped text as the spans say that stand over it."""
    over = {span.kind: span.url for span in spans}
    if "label" in over:
        over.pop("strong", None)  # it is as strong as it gets
    if "bullet" in over or "rule" in over:
        kind = "bullet" if "bullet" in over else "rule"
        return f'<span class="vd-{kind}"><span hidden>{piece}</span></span>'
    if "mark" in over:
        return f"<span hidden>{piece}</span>"
    for kind, tag in TAGS:
        if kind in over:
            piece = f"<{tag}>{piece}</{tag}>"
    if "image" in over:
        piece = f'<span class="vd-image">{piece}</span>'
    if "label" in over:
        piece = f'<strong class="vd-label">{piece}</strong>'
    url = safe_url(over.get("link", ""))
    if url:
        piece = (
            f'<a href="{url}" title="{url}" target="_blank" rel="noopener noreferrer">{piece}</a>'
        )
    return piece
