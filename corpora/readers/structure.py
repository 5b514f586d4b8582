"""Sections of running text: headings and numbers at the start of lines, found in place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vademecum.corpora.document import Section
from vademecum.corpora.readers.building import LABEL_CHARACTERS
from vademecum.corpora.sections import BETWEEN

LINE_CHARACTERS = 2000  # of a line that are looked at


@dataclass(frozen=True, slots=True)
class Mark:
    """A heading in the text: `text[start:content]` is what the label stands for."""

    level: int
    label: str
    start: int
    content: int


def lines_at(text: str) -> Iterator[tuple[int, str]]:
    """Each line with the place where it starts."""
    at = 0
    for line in text.split("\n"):
        yield at, line[:LINE_CHARACTERS]
        at += len(line) + 1


def sections_between(text: str, marks: Sequence[Mark]) -> tuple[Section, ...]:
    """What stands between headings, labelled by the path of those above it; nothing for a
    heading that only other headings follow."""
    sections: list[Section] = []
    path: list[Mark] = []
    ends = [mark.start for mark in marks[1:]] + [len(text)]
    for mark, end in zip(marks, ends, strict=True):
        while path and path[-1].level >= mark.level:
            path.pop()
        path.append(mark)
        content = text[mark.content : end]
        if content.strip():
            start = mark.content + len(content) - len(content.lstrip())
            label = BETWEEN.join(part.label for part in path)[:LABEL_CHARACTERS]
            sections.append(Section(label, start, start + len(content.strip())))
    return tuple(sections)
