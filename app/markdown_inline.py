"""The marks of Markdown within a paragraph, as stretches of the text that holds them.

Stricter than CommonMark where a mark may be a sign of the field: stars and underscores pair only
around whole words, and an address must look like one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["mark", "strong", "em", "code", "del", "link", "image", "bullet", "rule", "label"]

LONGEST = 400  # characters between a pair of marks

# What is taken as it stands: an escaped sign, and code between as many backticks as it begins with.
LITERAL = re.compile(
    rf"\\(?P<sign>[!-/:-@\[\]-`{{-~])"
    rf"|(?<!`)(?P<ticks>`+)(?!`)(?P<code>(?:.|\n){{1,{LONGEST}}}?)(?<!`)(?P=ticks)(?!`)"
    r"|(?<!\]\()<(?P<auto>https?://[^\s<>]+)>"
)
TARGET = (
    r"<?(?P<url>(?:https?://|mailto:|\.{1,2}/|\#)[^\s()<>]*(?:\([^\s()<>]*\)[^\s()<>]*)*"
    r"|[\w%./-]+\.(?:md|html?|pdf|png|jpe?g|gif|svg|webp|txt|docx?|xlsx?|csv)(?:\#[^\s()<>]*)?)>?"
)
LINK = re.compile(
    rf"(?P<image>!)?\[(?P<words>[^\[\]]{{1,{LONGEST}}})\]\([ \t]*{TARGET}"
    r"(?P<title>\s+(?:\"[^\"\n]*\"|'[^'\n]*'))?[ \t]*\)"
)
# Words begin and end what is emphasised: not ") significant (" between two stars in brackets. A
# star behind a letter or digit opens nothing ("HLA-A*02:01"), but Chinese has no spaces.
LATIN = r"0-9A-Za-z\u00c0-\u024f\u0370-\u04ff_"
BEGINS = r"(?=[^\W_]|[\"'“„‘«(\[<+≥≤≈±%&$€£\-−–\0\1])"
ENDS = r"(?<=[^\W_]|[\"'”’“».,:;!?%)\]>+\-–°\0\1。，：；！？）])"


def _pair(mark: str, inside: str, before: str, behind: str = "") -> re.Pattern[str]:
    text = rf"{inside}{{1,{LONGEST}}}?"
    behind = behind or before
    return re.compile(rf"(?<![{before}\\])({mark}){BEGINS}{text}{ENDS}({mark})(?![{behind}])")


PAIRS: tuple[tuple[re.Pattern[str], tuple[Kind, ...]], ...] = (
    (_pair(r"\*\*\*", r"(?:[^*])", rf"{LATIN}*"), ("strong", "em")),
    (_pair(r"___", r"(?:[^_]|(?<=\w)_(?=\w))", r"\w"), ("strong", "em")),
    # "**A**irway": the letters of a mnemonic.
    (_pair(r"\*\*", r"(?:[^*]|(?<!\*)\*(?!\*))", rf"{LATIN}*", r"0-9*"), ("strong",)),
    (_pair(r"__", r"(?:[^_]|(?<!_)_(?!_))", r"\w"), ("strong",)),
    (_pair(r"\*(?![0-9])", r"[^*]", rf"{LATIN}*"), ("em",)),  # "*1* and *2*" are alleles
    (_pair(r"_", r"(?:[^_]|(?<=\w)_(?=\w))", r"\w"), ("em",)),
    (_pair(r"~~", r"[^~]", r"~"), ("del",)),
)


@dataclass(frozen=True, slots=True)
class Span:
    """`text[start:end]` is a mark, not to be shown, or is shown in a way of its own."""

    start: int
    end: int
    kind: Kind
    url: str = ""


def inline_spans(text: str, start: int, end: int) -> Iterator[Span]:
    """What is marked within the paragraph `text[start:end]`."""
    # The same text with all taken out, place for place, that a pair of marks may not begin with.
    plain = list(text[start:end])

    def cover(first: int, last: int, sign: str) -> None:
        plain[first:last] = sign * (last - first)

    for found in LITERAL.finditer("".join(plain)):
        first, last = found.span()
        if found["sign"]:
            yield Span(start + first, start + first + 1, "mark")
            cover(first, last, "\1")
            continue
        kind = "code" if found["code"] else "auto"
        inner, outer = found.span(kind)
        yield Span(start + first, start + inner, "mark")
        yield Span(start + outer, start + last, "mark")
        if found["code"]:
            yield Span(start + inner, start + outer, "code")
        else:
            yield Span(start + inner, start + outer, "link", found["auto"])
        cover(first, last, "\1")
    for found in LINK.finditer("".join(plain)):
        inner, outer = found.span("words")
        shown: Kind = "image" if found["image"] else "link"
        yield Span(start + inner, start + outer, shown, found["url"])
        marks = [(found.start(), inner), (outer, found.end())]
        if found["title"] and shown == "link":  # it may say what is said nowhere else
            first, last = found.span("title")
            marks[1:] = [(outer, first), (last, found.end())]
        for first, last in marks:
            yield Span(start + first, start + last, "mark")
            cover(first, last, "\0")
    for pattern, kinds in PAIRS:
        for found in pattern.finditer("".join(plain)):
            (first, inner), (outer, last) = found.span(1), found.span(2)
            yield Span(start + first, start + inner, "mark")
            yield Span(start + outer, start + last, "mark")
            for each in kinds:
                yield Span(start + inner, start + outer, each)
            cover(first, inner, "\0")
            cover(outer, last, "\0")


def unmarked(words: str, file: str) -> str:
    """A title or heading of a Markdown file without its marks; of any other file as it stands."""
    if not file.lower().endswith(".md"):
        return words
    marks = [span for span in inline_spans(words, 0, len(words)) if span.kind == "mark"]
    for mark in sorted(marks, key=lambda span: span.start, reverse=True):
        words = words[: mark.start] + words[mark.end :]
    return words


def in_line(quoted: str, file: str) -> str:
    """What is quoted of a Markdown file as it stands in a line: a row of a table as its cells."""
    row = quoted.strip()
    if not (file.lower().endswith(".md") and len(row) > 1 and row[0] == row[-1] == "|"):
        return quoted
    return " · ".join(filter(None, map(str.strip, row.split("|"))))
