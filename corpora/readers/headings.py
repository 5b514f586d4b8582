"""The headings of a Markdown text that are written with hashes: "## Methods"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

LINE = re.compile(r"[^\n]+")
LONGEST = 1000  # characters of a line; a longer one is a paragraph
HEADING = re.compile(r"^(#{1,6})[ \t]+(.*?)[ \t]*#*[ \t]*$")
FENCE = re.compile(r"^ {0,3}(?P<sign>`{3,}(?=[^`]*$)|~{3,})(?P<behind>.*)$", re.MULTILINE)


@dataclass(slots=True)
class Fenced:
    """Whether lines, looked at in their order, are code, by the sign that its fence is of."""

    sign: str = ""

    def turned_by(self, line: str) -> bool:
        """Whether a line opens a fence or closes the one that is open: one of the same sign, as
        long or longer, with nothing behind it. A code span that begins a line opens none."""
        found = FENCE.match(line)
        if found is None:
            return False
        if not self.sign:
            self.sign = found["sign"]
            return True
        if found["sign"].startswith(self.sign) and not found["behind"].strip():
            self.sign = ""
            return True
        return False


@dataclass(frozen=True, slots=True)
class Heading:
    """A line `text[start:end]`, without its end, whose words are `text[first:last]`."""

    start: int
    first: int
    last: int
    end: int


def headings(text: str) -> Iterator[Heading]:
    """Those that have words, in order. What a fence holds is code, and no heading."""
    fenced = Fenced()
    # Not split: the lines of a large text would take many times its room.
    for each in LINE.finditer(text):
        line, at = each[0], each.start()
        code = fenced.turned_by(line) or fenced.sign
        if not code and len(line) < LONGEST and (found := HEADING.match(line)) and found[2]:
            yield Heading(at, at + found.start(2), at + found.end(2), at + len(line))
