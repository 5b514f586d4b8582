"""The records that one commit will take: of two of one work the later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from vademecum.corpora.document import Deletion, Document
from vademecum.corpora.places import is_local
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
    deleting: set[int] = field(default_factory=set)  # files that gave deletions
    also: dict[str, set[int]] = field(default_factory=dict)  # other files that hold it just so

    def add(self, taken: Taken) -> Taken | None:
        """Take a record; what gives way to a later one, which may be the record itself."""
        record = taken.record
        self.records += 1
        self.touched.add(taken.file)
        if isinstance(record, Deletion):
            self.deleting.add(taken.file)
        waiting = self.documents.get(record.doc_id)
        if waiting is not None and Revision.of(record).precedes(Revision.of(waiting[1])):
            return taken
        self.documents.pop(record.doc_id, None)
        also = self.also.pop(record.doc_id, set())
        if isinstance(record, Document):
            if waiting is not None and waiting[1].content_hash() == record.content_hash():
                self.also[record.doc_id] = also | {waiting[0].file}
            self.documents[record.doc_id] = (taken, record)
            self.passages += len(taken.passages or ())
        else:
            self.deletions[record.doc_id] = (taken, record)
        return waiting[0] if waiting is not None else None

    def clashes(self, taken: Taken) -> bool:
        """Whether another file of the batch gave its document the id that this one has. Which of
        them keeps it is told once the library has the first."""
        waiting = self.documents.get(taken.record.doc_id)
        return waiting is not None and waiting[0].file != taken.file and is_local(waiting[1])

    def renamed(self, names: Mapping[str, str]) -> tuple[Gathered, list[Taken]]:
        """The same with other ids for documents; those that turned out to be one with another."""
        if not names:
            return self, []
        held = [(place, names.get(doc_id, doc_id)) for place, doc_id in self.held]
        found = replace(self, documents={}, held=held)
        same: list[Taken] = []
        for doc_id, (taken, document) in self.documents.items():
            if new := names.get(doc_id):
                document = replace(document, doc_id=new)
                passages = taken.passages
                if passages is not None:
                    passages = tuple(replace(passage, doc_id=new) for passage in passages)
                taken = replace(taken, record=document, passages=passages)
            if earlier := found.documents.pop(document.doc_id, None):
                same.append(earlier[0])
            found.documents[document.doc_id] = taken, document
        return found, same

    def end(self, ended: Ended) -> None:
        """No more comes of a file."""
        self.touched.add(ended.file)
        self.ended.append(ended)
