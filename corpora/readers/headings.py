"""The headings of a Markdown text that are written with hashes: "## Methods"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

LONGEST = 1000  # characters of a line; a longer one is a paragraph
HEADING = re.compile(r"^(#{1,6})[ \t]+(.*?)[ \t]*#*[ \t]*$")
FENCE = re.compile(r"^ {0,3}(```|~~~)")


@dataclass(frozen=True, slots=True)
class Heading:
    """A line `text[start:end]`, without its end, whose words are `text[first:last]`."""

    start: int
    first: int
    last: int
    end: int


def headings(text: str) -> Iterator[Heading]:
    """Those that have words, in order. What a fence holds is code, and no heading."""
    at = 0
    fenced = False
    for line in text.split("\n"):
        if FENCE.match(line):
            fenced = not fenced
        elif not fenced and len(line) < LONGEST and (found := HEADING.match(line)) and found[2]:
            yield Heading(at, at + found.start(2), at + found.end(2), at + len(line))
        at += len(line) + 1
