"""Where in a document a stretch of its text stands: its parts, and the headings above them.

A section's label is the path of the headings above it, joined by `BETWEEN`. Readers list the
innermost sections in order; what stands between two of them is the heading of the second.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

from vademecum.corpora.document import Document

BETWEEN = " > "  # "Methods > Participants"
FOREWORD = 200  # characters before a heading that are a part of their own

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a document's text with its heading in it, and the path of headings it is under."""

    path: Path
    start: int
    end: int


def parts_of(document: Document) -> list[Part]:
    """The text cut at its sections, in order; each part begins where the one before it ends.

    A heading stands in the part that it heads. What belongs to no section has an empty path.
    """
    parts: list[Part] = []
    at = 0
    for section in document.sections:
        if section.end <= at:
            continue  # inside the one before it
        path = _path(section.label)
        gap = document.text[at : section.start]
        heading = _heading(gap, path)
        if len(gap[:heading].strip()) > FOREWORD:
            parts.append(Part((), at, at + heading))
            at += heading
        parts.append(Part(path, at, section.end))
        at = section.end
    end = len(document.text)
    if document.text[at:].strip() or not parts:
        parts.append(Part((), at, end))
    else:
        parts[-1] = Part(parts[-1].path, parts[-1].start, end)
    return parts


def label_of(document: Document, start: int, end: int) -> str:
    """The path of headings that all sections of `text[start:end]` have in common, "" if none."""
    sections = document.sections
    first = bisect_right(sections, start, key=lambda section: section.end)
    inside = takewhile(lambda section: section.start < end, sections[first:])
    paths = [_path(section.label) for section in inside]
    return BETWEEN.join(common(paths)) if paths else ""


def around(document: Document, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The sections that `text[start:end]` stands in, the outermost first, without white space
    around them; none where it stands in no section."""
    parts = parts_of(document)
    first = max(0, bisect_right(parts, start, key=lambda part: part.start) - 1)
    last = max(first, bisect_right(parts, end - 1, key=lambda part: part.start) - 1)
    path = common([part.path for part in parts[first : last + 1]])
    for depth in range(1, len(path) + 1):
        left, right = first, last
        while left > 0 and parts[left - 1].path[:depth] == path[:depth]:
            left -= 1
        while right + 1 < len(parts) and parts[right + 1].path[:depth] == path[:depth]:
            right += 1
        yield trimmed(document.text, parts[left].start, parts[right].end)


def common(paths: Sequence[Path]) -> Path:
    """The beginning that all paths share."""
    shortest = min(paths, key=len)
    for depth, label in enumerate(shortest):
        if any(path[depth] != label for path in paths):
            return shortest[:depth]
    return shortest


def trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """Leave out white space at both ends."""
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return start, end


def _path(label: str) -> Path:
    return tuple(label.split(BETWEEN)) if label else ()


def _heading(gap: str, path: Path) -> int:
    """Where in the text before a section its headings begin: the start of the line of the first
    one. Those of sections above it stand there only if they are new."""
    at = len(gap)
    for label in reversed(path):
        found = gap.rfind(label, 0, at)
        if found < 0:
            break
        at = gap.rfind("\n", 0, found) + 1
    return at
