"""Contracts by clause: "ARTICLE IV", "4.", "4.2", "Section 4.2"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from vademecum.corpora.document import Section
from vademecum.corpora.readers.structure import LINE_CHARACTERS, Mark, sections_between
from vademecum.corpora.readers.text import Facts, TextReader, decode
from vademecum.errors import DocumentRejected

CLAUSES = 5  # fewer are a numbered list
BEGINNING = 6000  # characters in which a contract says that it is one

NAMED = re.compile(
    r"\b(?:agreement|contract|lease|deed|amendment|licen[cs]e|terms and conditions)\b",
    re.IGNORECASE,
)
PARTIES = re.compile(
    r"by and (?:between|among)|\bbetween\b[^.;]{0,200}?\((?:the )?[\"“]|entered into|witnesseth"
    r"|hereinafter|the parties|either party|effective date|\bhereby\b|in consideration of",
    re.IGNORECASE,
)
ARTICLE = re.compile(
    r"\s*(?:#+\s*|\**)((?:ARTICLE|Article)\s+(?:[IVXLC]+|\d{1,3}))\b[\s.:–—-]*(.{0,200})$"
)
ANNEX = re.compile(
    r"\s*(?:#+\s*|\**)((?:EXHIBIT|SCHEDULE|APPENDIX|ANNEX|ATTACHMENT|Exhibit|Schedule|Appendix|Annex"
    r"|Attachment)\s+(?:[A-Z]|[IVX]+|\d{1,2})(?:-\d+)?)\b(?![.(]\w)[\s.:–—-]*(.{0,100})$"
)
CLAUSE = re.compile(
    r"\s*(?:#+\s*|\**)(?:(?:SECTION|Section|§)\s*)?(\d{1,3}(?:\.\d{1,3}){0,3})(?:\.|\)|:)?(?=\s)"
    r"[ \t]*(.*)$"
)
# "Term. This Agreement ...": what the clause calls itself.
HEADED = re.compile(r"[_*]*([A-Z][^.:;]{1,70}?)[_*]*\s*(?:[.:](?=\s|$)|--+|—|$)")
LEADERS = re.compile(r"\.{4,}|(?:\. ){4,}|\s\d{1,3}\s*$")  # a line of the table of contents
UNIT = re.compile(
    r"(?:percent|days?|months?|years?|shares?|dollars?|%|\$|USD|of|and|or|to)\b", re.I
)

# Files that lost their line ends keep wide gaps where those were.
GAP = re.compile(
    r"(?:\n|(?<![ \t])[ \t]{2,}+)(?=[ \t]*+"
    r"(?:ARTICLE|Article|SECTION|Section|EXHIBIT|SCHEDULE|Exhibit|Schedule"
    r"|\d{1,3}(?:\.\d{1,3}){0,3}[.):]?[ \t]+[\"“A-Z]))|\n"
)

EXHIBIT_LEVEL, ARTICLE_LEVEL, CLAUSE_LEVEL = 1, 2, 3


class ContractReader(TextReader):
    """Reads contracts in .txt and .md: one document, a section for each numbered clause.

    A section's label is its place: "ARTICLE II TERM > 2.1 Initial term". Lettered parts of a
    clause stay with it.
    """

    def claims(self, beginning: bytes) -> bool:
        """Whether it speaks of parties to an agreement, and its clauses are numbered in order."""
        try:
            text = decode(beginning, "", whole=False)
        except DocumentRejected:
            return False
        return bool(clauses(text))

    def structure(self, text: str, path: Path) -> tuple[tuple[Section, ...], Facts]:
        """The clauses."""
        return clauses(text), Facts()


def clauses(text: str) -> tuple[Section, ...]:
    """The numbered clauses of a contract; none if the text is not one."""
    beginning = text[:BEGINNING]
    if not NAMED.search(beginning) or len(PARTIES.findall(beginning)) < 2:
        return ()
    marks = _marks(text)
    if sum(mark.level >= CLAUSE_LEVEL for mark in marks) < CLAUSES:
        return ()
    return sections_between(text, marks)


def _marks(text: str) -> list[Mark]:
    marks: list[Mark] = []
    last: tuple[int, ...] = (0,)
    for at, line in _lines_at(text):
        if (found := ARTICLE.match(line)) or (found := ANNEX.match(line)):
            if LEADERS.search(line) or found[2][:1].islower():
                continue  # the table of contents; a sentence: "Section 4 of this Agreement"
            exhibit = found.re is ANNEX
            if exhibit and not marks:
                continue  # what the contract itself is filed as
            title = _short(found[2])
            marks.append(
                Mark(
                    EXHIBIT_LEVEL if exhibit else ARTICLE_LEVEL,
                    " ".join(filter(None, (found[1], title))),
                    at,
                    at + (len(line) if title == found[2].strip(" .*_-") else found.end(1)),
                )
            )
            if exhibit:
                last = (0,)  # numbers begin anew
            continue
        found = CLAUSE.match(line)
        if not found or LEADERS.search(line) or UNIT.match(found[2]) or found[2][:1].islower():
            continue
        number = tuple(map(int, found[1].split(".")))
        if not _follows(number, last):
            continue
        last = number
        headed = HEADED.match(found[2])
        title = _short(headed[1]) if headed else ""
        if (
            headed
            and headed[0].rstrip(" _*")[-1:] not in (".", ":", "-", "—")
            and not _named(title)
        ):
            title = ""  # the first line of a sentence
        marks.append(
            Mark(
                CLAUSE_LEVEL + len(number) - 1,
                " ".join(filter(None, (found[1], title))),
                at,
                at + found.start(2),
            )
        )
    return marks


def _lines_at(text: str) -> Iterator[tuple[int, str]]:
    """What may begin with a heading or a number, up to where the next may."""
    at = 0
    for gap in GAP.finditer(text):
        if text[at : gap.start()].strip():
            yield at, text[at : min(gap.start(), at + LINE_CHARACTERS)]
        at = gap.end()
    if text[at:].strip():
        yield at, text[at : at + LINE_CHARACTERS]


def _follows(number: tuple[int, ...], last: tuple[int, ...]) -> bool:
    """Whether a clause may come next: the first one below, or a little further on at any level."""
    if number[-1] == 0:
        return len(number) == 2 and number[0] in {last[0], last[0] + 1} and number > last
    if number == (1,) and last != (1,):
        return True  # a schedule, or the text behind its table of contents
    depth = len(number)
    next_article = number[-1] == 1 and 0 < number[0] - last[0] <= 1
    if depth > len(last):
        return number[: len(last)] == last or next_article or number[0] == last[0]
    if number[:-1] == last[: depth - 1] and 0 < number[-1] - last[depth - 1] <= 3:
        return True
    return depth > 1 and next_article


def _named(title: str) -> bool:
    """Whether its words are written as those of a title."""
    return all(word[:1].isupper() for word in title.split() if len(word) > 3)


def _short(title: str) -> str:
    """A title that can be a label; "" for a sentence."""
    title = " ".join(title.strip(" .*_-\t").split())
    return title if title and len(title.split()) <= 10 else ""
