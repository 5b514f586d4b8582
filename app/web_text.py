"""Text from models, documents and people, as HTML that is only ever text.

Everything that did not come from this program passes through `escape` here. The little
formatting that models write is kept (paragraphs, lists, headings here, bold and its like in
`web_inline`); nothing else is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from html import escape as html_escape
from urllib.parse import urlsplit

from vademecum.rag.words import HAN

UNFINISHED_MARKER = re.compile(r"[ \t]*[\[［【][^\]］】\n]{0,16}$")
LINE = re.compile(
    r"[ \t]*(?:(?:(?P<bullet>[-*•])|(?P<number>\d{1,3})[.)]|(?P<hash>\#{1,6}))[ \t]+)?"
)
# Control characters show as nothing or as boxes, and direction overrides make text read as what
# it is not; tabs and line ends stay.
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

Block = str  # "p", "ul", "ol" or "h"


def escape(text: str) -> str:
    """`text` so that a browser shows it letter by letter, in content and in attributes."""
    return html_escape(CONTROL.sub("", text), quote=True)


def safe_url(url: str) -> str:
    """`url` escaped, or "" if it is not plain http(s): a document may carry `javascript:`."""
    cleaned = url.strip()
    try:
        parts = urlsplit(cleaned)
    except ValueError:
        return ""
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        return ""
    return escape(cleaned)


def sentence_case(text: str) -> str:
    """`text` as a sentence: a capital in front, a stop at its end."""
    whole = text[:1].upper() + text[1:]
    if whole[-1:] in ".!?。！？":
        return whole
    return f"{whole}。" if HAN.search(whole[-1:]) else f"{whole}."


@dataclass(frozen=True, slots=True)
class Line:
    """A line of an answer: `text[start:end]` is its content, without bullet or indent."""

    block: Block
    start: int
    end: int
    number: int  # of an "ol" line, as written


def lines(text: str) -> list[Line | None]:
    """The lines of `text` in order; None where a blank line parts two paragraphs."""
    found: list[Line | None] = []
    offset = 0
    for raw in text.splitlines(keepends=True):
        content = raw.rstrip()
        head = LINE.match(content)
        if not content or head is None:
            found.append(None)
        else:
            block = (
                "ul" if head["bullet"] else "ol" if head["number"] else "h" if head["hash"] else "p"
            )
            found.append(
                Line(block, offset + head.end(), offset + len(content), int(head["number"] or 1))
            )
        offset += len(raw)
    return found


def blocks(text: str, render: Callable[[int, int], str]) -> str:
    """`text` as paragraphs, lists and headings; `render(start, end)` gives a line's inside."""
    out: list[str] = []
    opened = ""

    def close() -> None:
        nonlocal opened
        if opened:
            out.append(f"</{opened}>")
        opened = ""

    for line in lines(text):
        if line is None:
            # A blank line between two items does not end their list.
            if opened == "p":
                close()
            continue
        body = render(line.start, line.end)
        if line.block == "h":
            close()
            out.append(f'<p class="vd-heading">{body}</p>')
        elif line.block == "p":
            if opened == "p":
                out.append(f"<br>{body}")
            else:
                close()
                opened = "p"
                out.append(f"<p>{body}")
        else:
            if opened != line.block:
                close()
                opened = line.block
                first = f' start="{line.number}"' if line.block == "ol" and line.number > 1 else ""
                out.append(f"<{line.block}{first}>")
            out.append(f"<li>{body}</li>")
    close()
    return "".join(out)


def seconds(value: float) -> str:
    """`0.12 s`, `3.4 s`, `48 s`, `2 min 5 s`."""
    if value < 1:
        return f"{value:.2f} s"
    if value < 10:
        return f"{value:.1f} s"
    if value < 59.5:
        return f"{value:.0f} s"
    whole = round(value)
    return f"{whole // 60} min {whole % 60} s"


def whole_seconds(value: float) -> str:
    """`1 s` and up, for a clock that a person watches."""
    return f"{max(1, round(value))} s" if value < 59.5 else seconds(value)
