"""Which of two records of one work is the later.

NLM's files are to be taken in the order of their numbers. Where a file comes late (it was damaged,
and is read again after the next ones), what it says must not undo what later files said.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from vademecum.corpora.document import Deletion, Document

VERSION_DIGITS = 18  # PubMed's have one
NUMBERED = re.compile(r"(?:pubmed|medline)(\d{2})n(\d{4,})\.xml(?:\.gz)?", re.IGNORECASE)


def file_number(name: str) -> tuple[int, int] | None:
    """Year and number of one of NLM's files, "pubmed26n1334.xml.gz"; None of another file."""
    found = NUMBERED.fullmatch(name)
    return (int(found[1]), int(found[2])) if found else None


@dataclass(frozen=True, slots=True)
class Revision:
    """Where a record stands among the records of its work."""

    version: str = ""  # of the work: PubMed keeps several of some
    origin: str = ""  # the name of the file it came in
    revised: str = ""  # the day the source last changed it, ISO 8601

    @classmethod
    def of(cls, record: Document | Deletion) -> Revision:
        """That of a record as a reader yields it."""
        revised = record.revised if isinstance(record, Document) else ""
        return cls(record.version, record.origin, revised)

    def precedes(self, other: Revision) -> bool:
        """Whether this one is surely the earlier: by version, by file, else by day."""
        mine, theirs = _number(self.version), _number(other.version)
        if mine is not None and theirs is not None and mine != theirs:
            return mine < theirs
        here, there = file_number(self.origin), file_number(other.origin)
        if here and there:
            return here < there
        return bool(self.revised and other.revised) and self.revised < other.revised


def _number(version: str) -> int | None:
    """Python refuses to convert thousands of digits."""
    return int(version) if version.isdecimal() and len(version) <= VERSION_DIGITS else None


def sift(
    records: Iterable[Document | Deletion], known: Mapping[str, Revision]
) -> tuple[set[str], set[str]]:
    """Ids of records that come too late for what is known of their works, by id, and of those that
    are later than it."""
    outdated: set[str] = set()
    later: set[str] = set()
    for item in records:
        if (held := known.get(item.doc_id)) is not None:
            new = Revision.of(item)
            if new.precedes(held):
                outdated.add(item.doc_id)
            elif held.precedes(new):
                later.add(item.doc_id)
    return outdated, later
