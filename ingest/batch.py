"""The records that one commit will take: of two of one work the later."""

from __future__ import annotations

from dataclasses import dataclass, field

from vademecum.corpora.document import Deletion, Document
from vademecum.corpora.revision import Revision
from vademecum.ingest.reading import Ended, Taken


@dataclass(slots=True)
class Gathered:
    """Documents and deletions by id, in the order in which they came; files that ended."""

    documents: dict[str, tuple[Taken, Document]] = field(default_factory=dict)
    deletions: dict[str, tuple[Taken, Deletion]] = field(default_factory=dict)
    ended: list[Ended] = field(default_factory=list)
    held: list[tuple[str, str]] = field(default_factory=list)  # place, id
    touched: set[int] = field(default_factory=set)  # files with something in the batch
    records: int = 0  # that came, those included that gave way to others
    passages: int = 0

    def add(self, taken: Taken) -> Taken | None:
        """Take a record; what gives way to a later one, which may be the record itself."""
        record = taken.record
        self.records += 1
        self.touched.add(taken.file)
        waiting = self.documents.get(record.doc_id)
        if waiting is not None and Revision.of(record).precedes(Revision.of(waiting[1])):
            return taken
        self.documents.pop(record.doc_id, None)
        if isinstance(record, Document):
            self.documents[record.doc_id] = (taken, record)
            self.passages += len(taken.passages or ())
        else:
            self.deletions[record.doc_id] = (taken, record)
        return waiting[0] if waiting is not None else None

    def end(self, ended: Ended) -> None:
        """No more comes of a file."""
        self.touched.add(ended.file)
        self.ended.append(ended)
