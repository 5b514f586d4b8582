"""What one run of the ingestion is to read, and a key that says whether it was done before."""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from vademecum.corpora.document import Document
from vademecum.corpora.readers import guides_of
from vademecum.corpora.readers.stream import printable
from vademecum.ingest.checksum import beside

SAMPLE_SIZE = 1000
READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Brought:
    """A file that can be read. `lacking` says what is missing of it that should be there, "" if
    nothing; `gone` are records that its source has no more, and that nobody need wait for."""

    lacking: str = ""
    gone: tuple[str, ...] = ()


class Supply(Protocol):
    """Brings files when their turn comes."""

    def bring(self, path: Path) -> Brought:
        """Put the file there. Raises HashMismatch or DocumentRejected where only this file cannot
        be had."""
        ...

    def release(self, path: Path) -> None:
        """All of the file is in the library."""
        ...


@dataclass(frozen=True, slots=True)
class Plan:
    """Files in the order of reading; `supply` brings those that are not there yet, `addresses`
    says where those came from that were fetched, `unavailable` why others could not be.

    `newest`: of all documents in them only so many, the newest that have more than a title.
    `sources` and `query` are what was asked for, as it was written.
    """

    files: tuple[Path, ...]
    newest: int | None = None
    supply: Supply | None = field(default=None, compare=False)
    addresses: Mapping[Path, str] = field(default_factory=dict, compare=False)
    unavailable: Mapping[Path, str] = field(default_factory=dict, compare=False)
    sources: tuple[str, ...] = field(default=(), compare=False)
    query: str | None = field(default=None, compare=False)

    def limited(self, limit: int | None) -> Plan:
        """A limit on a selection chooses that many of the newest instead."""
        if self.newest is None or limit is None:
            return self
        return replace(self, newest=limit)

    def to_dict(self, limit: int | None) -> dict[str, Any]:
        """Plain data, for the record of the job: enough to go on from, in whatever folder."""
        return {
            "sources": list(self.sources),
            "query": self.query,
            "files": [str(path.absolute()) for path in self.files],
            "addresses": {str(path.absolute()): url for path, url in self.addresses.items()},
            "newest": self.newest,
            "limit": limit,
            "brought": self.supply is not None,
        }

    def place(self, path: Path) -> str:
        """Where people would look for a file: its address, or its absolute path."""
        return self.addresses.get(path) or printable(str(path.absolute()))


def newest_first(document: Document) -> tuple[str, int, str]:
    """The order of `Plan.newest`, greatest first: date, then number, then id."""
    number = document.doc_id.rpartition(":")[2]
    return (document.date, int(number) if number.isdigit() else 0, document.doc_id)


def job_key(
    files: Sequence[tuple[str, str]], plan: Plan, limit: int | None, fingerprint: str
) -> str:
    """Equal for runs that would read the same bytes at the same places (`files`: each place and
    identity), take the same of them and split alike."""
    identity = [list(files), plan.newest, limit, fingerprint]
    return hashlib.sha256(json.dumps(identity).encode()).hexdigest()


def size_of(path: Path) -> int | None:
    """Bytes of a regular file, None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def is_gone(path: Path) -> bool:
    """Whether a file lay there, and does not any more; where the folder is not there either, its
    disk may only not be mounted."""
    try:
        path.stat()
    except FileNotFoundError:
        return path.parent.is_dir()
    except OSError:
        return False  # reading it will say what is wrong
    return False


def stamp_of(path: Path) -> int:
    """Equal as long as the file, its guides and its checksum have the sizes, times of change and
    inodes that they have. Raises OSError."""
    stats = [file.stat() for file in (path, *_around(path))]
    return hash(tuple((stat.st_size, stat.st_mtime_ns, stat.st_ino) for stat in stats))


def node_of(path: Path) -> str:
    """By what its disk knows a file: the same wherever it is moved there, another for each copy. ""
    where that is not known."""
    try:
        found = path.stat()
    except OSError:
        return ""
    return f"{found.st_dev}:{found.st_ino}" if found.st_ino else ""


def _around(path: Path) -> tuple[Path, ...]:
    """What lies beside a file and decides whether and how it is read."""
    checksum = beside(path)
    return (*guides_of(path), *((checksum,) if checksum.is_file() else ()))


def identity_of(path: Path, advance: Callable[[int], None]) -> str:
    """Equal as long as the same would be read: over a file's bytes, the ending that chooses its
    reader, its guides and its checksum.

    `advance` hears how many bytes were read. Raises OSError.
    """
    own = file_hash(path, advance)
    others = [file_hash(other, lambda _: None) for other in _around(path)]
    packed = path.suffix.lower() == ".gz"  # what is in it has the ending before
    ending = Path(path.stem).suffix if packed else path.suffix
    parts = [own, printable(ending.lower()), *others]
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()


def file_hash(path: Path, advance: Callable[[int], None]) -> str:
    """SHA-256 of a file's bytes; `advance` hears how many were read. Raises OSError."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(READ_BYTES):
            digest.update(block)
            advance(len(block))
    return digest.hexdigest()
