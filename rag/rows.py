"""Rows of tables, which are no sentences: each with the names of its columns, as one.

A row of a file is a passage of short paragraphs ("shift: night"), of a table in a text it is a line
between bars. Apart, "pharmacist: Ruth Adeyemi" and "night" answer nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from vademecum.rag.dates import by_days, days_of

NAMED = re.compile(r"[^\n:]{1,60}: \S")
SHORT = 100  # characters of a paragraph of a row: a column of prose has sentences of its own
# That somebody works is said by a row with his name: "When does Ruth work?"
WORKS = re.compile(r"\bworks?(?=\W*\Z| (?:on|at|in)\b)")
# A day that only bounds what is asked of: "before 3 December", "in the week of 30 November".
AROUND = re.compile(
    r"(?:\b(?:before|after|until|till|by|from|since|between|to|through|vor|nach|bis|ab|seit|von|vom"
    r"|zwischen)(?: (?:the|dem|den|zum|zu))?|[-–]) +Day\d{4}\b"
    r"|\b(?:between|zwischen|weeks?|wochen?|starting|onwards?)\b",
    re.IGNORECASE,
)
LINE = re.compile(r"\s*\|.*\|\s*\Z")
RULE = re.compile(r"[\s|:-]+\Z")


def row_of(passage: str) -> str:
    """A passage that is a row of a file, in one line; "" if it is none."""
    parts = passage.split("\n\n")
    named = sum(NAMED.match(part) is not None for part in parts)
    if len(parts) < 2 or 2 * named < len(parts) or any(len(part) > SHORT for part in parts):
        return ""
    return "; ".join(parts)


def of_another_day(passage: str, question: str) -> bool:
    """Whether a passage is a row of a file and names days, none of them one that is asked about:
    who is on duty on the first is not on the second."""
    return bool(row_of(passage)) and _on_others(passage, question)


def on_another_day(sentence: str, question: str) -> bool:
    """Likewise of a sentence, unless it speaks of what is before a day, after it or between two."""
    return _on_others(sentence, question) and AROUND.search(by_days(sentence)) is None


def _on_others(text: str, question: str) -> bool:
    asked = days_of(question)
    if not asked or AROUND.search(by_days(question)):
        return False
    named = days_of(text)
    return bool(named) and named.isdisjoint(asked)


def is_row(sentence: str) -> bool:
    """Whether a sentence is a row, as they are told here."""
    return sentence.count("; ") > 0 and all(NAMED.match(part) for part in sentence.split("; "))


def told(sentences: Sequence[str]) -> Iterator[str]:
    """The sentences, and of tables among them each row with what its head calls the cells; the head
    and the rule below it tell nothing."""
    head: list[str] = []
    for line, below in zip(sentences, [*sentences[1:], ""], strict=True):
        if not LINE.match(line):
            head = []
            yield line
        elif LINE.match(below) and RULE.match(below):
            head = _cells(line)
        elif not RULE.match(line):
            cells = _cells(line)
            names = head if len(head) == len(cells) else [""] * len(cells)
            yield "; ".join(
                f"{name}: {cell}" if name else cell
                for name, cell in zip(names, cells, strict=True)
                if cell
            )


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]
