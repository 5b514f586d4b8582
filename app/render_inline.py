"""Words for a terminal as the marks of Markdown around them say: the marks are left out."""

from __future__ import annotations

import itertools

from rich.text import Text

from vademecum.app.markdown_inline import inline_spans

STYLES = {"strong": "bold", "em": "italic", "del": "strike"}


def inline(text: str, style: str = "") -> Text:
    """What a model wrote, within a line. Of its links the words: it may have made them up."""
    spans = list(inline_spans(text, 0, len(text)))
    cuts = {0, len(text), *(at for span in spans for at in (span.start, span.end))}
    out = Text(style=style)
    for start, end in itertools.pairwise(sorted(cuts)):
        over = {span.kind for span in spans if span.start <= start < span.end}
        if "mark" not in over:
            styles = [STYLES[kind] for kind in sorted(over) if kind in STYLES]
            out.append(text[start:end], style=" ".join(styles))
    return out
