"""A document's text, put together from headings and paragraphs, with its sections."""

from __future__ import annotations

from vademecum.corpora.document import Section
from vademecum.corpora.sections import BETWEEN

LABEL_CHARACTERS = 200


class TextBuilder:
    """Collects blocks in reading order.

    Blocks are joined by an empty line, a heading and what follows it by a line's end. Every
    paragraph belongs to the section of the headings above it; a section's label is their path.
    """

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0
        self._after_heading = False
        self._path: list[tuple[int, str]] = []  # level and title of the headings above
        self._sections: list[Section] = []
        self._open = False  # whether the next paragraph belongs to the last section

    @property
    def length(self) -> int:
        """Characters so far."""
        return self._length

    def heading(self, level: int, title: str) -> None:
        """Begin a section below those of lower levels; without a title, only end the others."""
        self.leave(level)
        if title:
            self._add(title)
            self._after_heading = True
            self._path.append((level, title.rstrip(" :.")[:LABEL_CHARACTERS]))

    def leave(self, level: int) -> None:
        """End the sections of this level and below: what follows belongs to the one above."""
        while self._path and self._path[-1][0] >= level:
            self._path.pop()
        self._open = False

    def paragraph(self, text: str) -> None:
        """Add a block of text; empty text adds nothing."""
        if not text:
            return
        start = self._add(text)
        end = self._length
        if self._open:
            last = self._sections[-1]
            self._sections[-1] = Section(last.label, last.start, end)
        else:
            label = BETWEEN.join(title for _, title in self._path)
            self._sections.append(Section(label, start, end))
            self._open = True

    def build(self) -> tuple[str, tuple[Section, ...]]:
        """The text and its sections; none where there was no heading."""
        labelled = any(section.label for section in self._sections)
        return "".join(self._parts), tuple(self._sections) if labelled else ()

    def _add(self, text: str) -> int:
        """Append a block; where it starts."""
        if self._parts:
            between = "\n" if self._after_heading else "\n\n"
            self._parts.append(between)
            self._length += len(between)
        self._after_heading = False
        start = self._length
        self._parts.append(text)
        self._length += len(text)
        return start
