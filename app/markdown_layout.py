"""How a text in Markdown is laid out, told as stretches of the text as it stands.

The words that a reader sees must be the words that were checked, so nothing is taken out or
replaced here: marks are named, to be hidden by whoever shows the text. Where a mark may be a sign
it stays: "HLA-A*02:01", "2 * 3", "(*) significant", "> 2 mmol/L" and "- 5 %" at the start of a
line, footnotes with a star, brackets that are followed by brackets and no address.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from vademecum.app.markdown_inline import Span, inline_spans
from vademecum.corpora.readers.headings import FENCE, Fenced

FAR = 20_000  # characters that a block may begin before what is shown, to be known for what it is
NEAR = 500  # characters beyond what is shown in which a pair of marks may end
BLANK = re.compile(r"\n[ \t]*\n")
LANGUAGE = re.compile(r"[\w+#.-]*[ \t]*\Z")  # behind a fence; other words are shown
# "- ve culture" is a negative one.
BULLET = re.compile(r"(?P<indent>[ \t]*)(?P<mark>[-+*])[ \t]+(?!ve\b)(?=[^\W\d]|!?\[|[*_`\"“„(~])")
NUMBER = re.compile(r"(?P<indent>[ \t]*)(?:\d{1,3}[.)]|[-+](?=[ \t]+\d))[ \t]")
# "> ten days" is longer than they are.
QUOTED = re.compile(
    r"[ \t]{0,3}>[ \t]*(?!(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twice"
    r"|half|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|elf|zwölf|ULN|LLN)\b)"
    r"(?=[^\W\d]|[*_`\[\"“„#>]|$)"
)
RULE = re.compile(r"[ \t]{0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$")
UNDERLINE = re.compile(r" {0,3}(?:=+|-{2,})[ \t]*$")
DELIMITERS = re.compile(r"[ \t]*(?:\|[ \t]*)?:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*(?:\|[ \t]*)?$")
PIPE = re.compile(r"(?<!\\)\|")

Tag = Literal["p", "pre", "div", "table", "tr", "th", "td"]


@dataclass(frozen=True, slots=True)
class Level:
    """An element that a stretch stands in, and where that begins."""

    tag: Tag
    start: int
    css: str = ""


Place = tuple[Level, ...]  # from the outermost


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


@dataclass
class Layout:
    """What the marks of a text say."""

    spans: list[Span] = field(default_factory=list)
    places: dict[int, Place] = field(default_factory=dict)  # where blocks begin, and in what
    solid: list[tuple[int, int]] = field(default_factory=list)  # code and tables: broken as told
    prose: list[tuple[int, int]] = field(default_factory=list)  # each paragraph, item and cell

    def begin(self, line: _Line, css: str, indent: str = "") -> None:
        """A paragraph of its own begins with a line."""
        depth = min(3, len(indent.expandtabs(4)) // 2)
        css = f"{css} vd-in{depth}" if depth else css
        self.places[line.start] = (Level("p", line.start, css),)
        self.prose.append((line.start, line.end))

    def breaks(self, at: int) -> bool:
        """Whether a paragraph may begin at `at`."""
        return not any(start <= at <= end for start, end in self.solid)


def layout(text: str, first: int, last: int) -> Layout:
    """The layout of `text[first:last]`, as far as blocks go that reach into it."""
    begin = _block_start(text, first)
    stop = BLANK.search(text, last)
    end = min(len(text) if stop is None else stop.start(), last + FAR)
    lines = list(_lines(text, begin, end))
    found = Layout()
    at = _after_front_matter(lines) if begin == 0 else 0
    for line in {lines[0], lines[at - 1]} if at else ():
        found.spans.append(Span(line.start, line.end, "rule"))
    code: int | None = None  # where it begins
    fenced = Fenced()
    for fence in FENCE.finditer(text, 0, begin):
        fenced.turned_by(fence.group())
    if fenced.sign:
        code = begin
        found.places[begin] = (Level("pre", begin),)
    while at < len(lines):
        line = lines[at]
        if fenced.turned_by(line.text):
            if code is None:
                code = line.start
                found.places[code] = (Level("pre", code),)
                said = line.text.lstrip(" ").removeprefix(fenced.sign)
                shown = line.end - len(said)
                behind = min(line.end + 1, len(text)) if LANGUAGE.match(said) else shown
                found.spans.append(Span(line.start, behind, "mark"))
            else:
                # With the lines behind it, which would be empty lines of code.
                behind = line.end
                while text[behind : behind + 1] == "\n":
                    behind += 1
                found.spans.append(Span(line.start, behind, "mark"))
                found.solid.append((code, line.end))
                code = None
        elif code is None:
            if rows := _table(lines, at):
                _lay_out_table(rows, found)
                at += len(rows)
                continue
            _lay_out_line(lines, at, found)
        at += 1
    if code is not None:
        found.solid.append((code, end))
    for start, stop_at in found.prose:
        if start < last and stop_at > first:
            found.spans += inline_spans(text, max(start, first - NEAR), min(stop_at, last + NEAR))
    return found


def _block_start(text: str, first: int) -> int:
    """Where the block begins that `first` stands in: after a blank line, or `FAR` before."""
    far = max(0, first - FAR)
    blank = [each.end() for each in BLANK.finditer(text, far, first)]
    if blank:
        return blank[-1]
    return far if far == 0 else text.rfind("\n", 0, far) + 1 or far


def _lines(text: str, begin: int, end: int) -> Iterator[_Line]:
    for raw in text[begin:end].split("\n"):
        yield _Line(raw, begin)
        begin += len(raw) + 1


def _after_front_matter(lines: list[_Line]) -> int:
    """How many lines stand between "---" and "---" at the start of a file."""
    if not lines or lines[0].text.rstrip() != "---":
        return 0
    closing = (i for i, line in enumerate(lines[1:], 1) if line.text.rstrip() in {"---", "..."})
    return next(closing, -1) + 1


def _lay_out_line(lines: list[_Line], at: int, found: Layout) -> None:
    line = lines[at]
    before = lines[at - 1] if at else None
    after = lines[at + 1] if at + 1 < len(lines) else None
    parted = before is None or not before.text.strip() or before.text.lstrip()[0] == "#"
    bullet, number = BULLET.match(line.text), NUMBER.match(line.text)
    if RULE.match(line.text) and (parted or line.text.strip()[0] != "-"):
        found.spans.append(Span(line.start, line.end, "rule"))
    elif UNDERLINE.match(line.text) and not parted and _heads(lines, at - 1, found):
        found.spans.append(Span(lines[at - 1].start, lines[at - 1].end, "label"))
        found.spans.append(Span(line.start, line.end, "mark"))
        found.solid.append((line.start, line.start))
    elif bullet and (
        bullet["mark"] == "-" or any(_is_item(bullet["mark"], each) for each in (before, after))
    ):
        start = line.start + bullet.start("mark")
        found.spans.append(Span(start, line.start + bullet.end(), "bullet"))
        found.begin(line, "vd-item", bullet["indent"])
    elif number:  # its number stays, as does a sign before a figure
        found.begin(line, "vd-item", number["indent"])
    elif (quoted := QUOTED.match(line.text)) and (parted or _is_quoted(before)):
        found.spans.append(Span(line.start, line.start + quoted.end(), "mark"))
        found.begin(line, "vd-quote")
    elif (
        not parted
        and line.text.lstrip()[:1] != "#"
        and found.prose
        and found.prose[-1][1] == line.start - 1
        and line.text.strip()
    ):
        found.prose[-1] = (found.prose[-1][0], line.end)
        if found.prose[-1][0] in found.places and line.text[0].isspace():  # it goes on in an item
            found.solid.append((line.start, line.start))
    else:
        found.prose.append((line.start, line.end))


def _heads(lines: list[_Line], at: int, found: Layout) -> bool:
    """Whether a line is one of words, alone, that an underline makes a heading."""
    line = lines[at]
    alone = at == 0 or not lines[at - 1].text.strip()
    return alone and line.start not in found.places and line.text.lstrip()[:1] not in "#|"


def _is_item(mark: str, line: _Line | None) -> bool:
    """Whether it is an item of a list with such marks; a star or plus alone may be a sign."""
    item = BULLET.match(line.text) if line else None
    return item is not None and item["mark"] == mark


def _is_quoted(line: _Line | None) -> bool:
    return line is not None and QUOTED.match(line.text) is not None


def _table(lines: list[_Line], at: int) -> list[_Line]:
    """The lines of the table whose head is `lines[at]`; none where it is no head."""
    if at + 1 == len(lines) or "|" not in lines[at].text:
        return []
    below = lines[at + 1].text
    if not DELIMITERS.match(below) or len(_cells(below)) != len(_cells(lines[at].text)):
        return []
    end = at + 2
    while end < len(lines) and "|" in lines[end].text and not FENCE.match(lines[end].text):
        end += 1
    return lines[at:end]


def _cells(row: str) -> list[int]:
    """Where the cells of a row begin, each with the pipe before it."""
    pipes = [each.start() for each in PIPE.finditer(row)]
    starts = [0, *pipes]
    if pipes and not row[: pipes[0]].strip():
        starts.remove(pipes[0])  # the pipe before all
    if pipes and len(starts) > 1 and not row[pipes[-1] + 1 :].strip():
        starts.pop()  # the pipe behind all
    return starts


def _lay_out_table(rows: list[_Line], found: Layout) -> None:
    head, delimiters, *others = rows
    around = (Level("div", head.start, "vd-table"), Level("table", head.start))
    for row in (head, *others):
        tag: Tag = "th" if row is head else "td"
        cells = [row.start + cell for cell in _cells(row.text)]
        for at, end in itertools.pairwise([*cells, row.end]):
            found.places[at] = (*around, Level("tr", row.start), Level(tag, at))
            found.prose.append((at, end))
        for pipe in PIPE.finditer(row.text):
            at = row.start + pipe.start()
            found.spans.append(Span(at, at + 1, "mark"))
    found.spans.append(Span(delimiters.start, delimiters.end, "mark"))
    found.solid.append((head.start, rows[-1].end))
