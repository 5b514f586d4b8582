"""Files into documents with their passages: the part of an ingestion that needs no library."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from vademecum.corpora.document import Deletion, Document, Passage, Rejection
from vademecum.corpora.readers import reader_for
from vademecum.corpora.readers.stream import printable
from vademecum.corpora.revision import file_number
from vademecum.errors import DocumentRejected, EmptyFile, VademecumError
from vademecum.ingest.checksum import md5_problem


@dataclass(frozen=True, slots=True)
class Taken:
    """A document or a deletion, from the file of that number; `passages` is None if the document
    was not split."""

    file: int
    record: Document | Deletion
    passages: tuple[Passage, ...] | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that could not be taken, and why."""

    file: int
    where: str
    reason: str


@dataclass(frozen=True, slots=True)
class Ended:
    """No more comes of a file. `failure` says why it could not be read to its end; `cut`: there was
    more in it than was asked for; `empty`: there was nothing in it; `gaps`: of some of its records
    nobody knows which they are, for they could not be taken; `unchanged`: it was not read, as the
    corpus holds all of it."""

    file: int
    failure: str = ""
    cut: bool = False
    empty: bool = False
    gaps: bool = False
    unchanged: bool = False


Event = Taken | Rejected | Ended
LOOK = "check that it is there and that you may read it"
CRASHED = "the process that read it crashed"
TOO_MUCH = "it may be damaged, or take more memory than there is: split it, or leave it out"
Files = Iterable[tuple[int, Path]]
Split = Callable[[Document], Iterable[Passage]]


def why(error: VademecumError) -> str:
    """What is wrong with a file and what to do about it, in a line."""
    return printable("; ".join(filter(None, (error.message, error.hint))))


class Source(Protocol):
    """Where events come from: this process, or one beside it."""

    def read(self, files: Files) -> Iterator[Event]:
        """The files one after the other, each with an `Ended` last, until enough were read."""
        ...

    def close(self) -> None:
        """Nothing more is wanted."""
        ...


@dataclass(slots=True)
class Reading:
    """Reads files in this process. Implements `Source`; can be sent to another one.

    `limit` is how many documents are read over all calls; `addresses` says where files that were
    fetched came from.
    """

    split: Split | None = None
    limit: int | None = None
    addresses: Mapping[Path, str] = field(default_factory=dict)

    def read(self, files: Files) -> Iterator[Event]:
        """As `Source` says. Raises nothing that a file could be the cause of."""
        for number, path in files:
            if self.limit == 0:
                return
            yield from self._file(number, path)

    def close(self) -> None:
        """Nothing is open between two events."""

    def _file(self, number: int, path: Path) -> Iterator[Event]:
        rejected = missing = taken = 0
        try:
            found = path.stat()
            if not stat.S_ISREG(found.st_mode):  # to open a pipe may wait for ever
                yield Ended(number, "it is not a regular file; save what it gives to one")
                return
            if problem := md5_problem(path):
                yield Ended(number, printable(problem))
                return
            if not found.st_size:
                yield _without_records(number, path)
                return
            for record in reader_for(path).read(path):
                if isinstance(record, Rejection):
                    rejected += 1
                    missing += not record.harmless
                    yield Rejected(number, printable(record.where), printable(record.reason))
                    continue
                if isinstance(record, Document) and self.limit == 0:
                    yield Ended(number, cut=True)
                    return
                taken += 1
                yield self._taken(number, path, record)
        except EmptyFile:
            yield _without_records(number, path)
        except DocumentRejected as error:
            yield Ended(number, why(error))
        except OSError as error:
            told = f"it cannot be read: {error.strerror or error}; {LOOK}"
            yield Ended(number, printable(told))
        else:
            if taken:
                yield Ended(number, gaps=bool(missing))
            elif rejected:
                none = f"none of its {rejected:,} records could be taken"
                yield Ended(number, f"it holds nothing to read: {none}")
            else:
                yield _without_records(number, path)

    def _taken(self, number: int, path: Path, record: Document | Deletion) -> Taken:
        if isinstance(record, Deletion):
            return Taken(number, record)
        if self.limit is not None:
            self.limit -= 1
        if not record.url and path in self.addresses:
            record = replace(record, url=self.addresses[path])
        passages = None if self.split is None else tuple(self.split(record))
        return Taken(number, record, passages)


def _without_records(number: int, path: Path) -> Ended:
    """Nothing is lost of an empty file, but NLM publishes none: one of its own was cut."""
    if file_number(path.name):
        return Ended(number, "it holds nothing to read: no records; download it again")
    return Ended(number, empty=True)
