"""Readers: each turns one file format into documents, deletions and rejections.

A bad record inside a sound file is yielded as a `Rejection` and reading goes on. A file that
cannot be read to its end raises `DocumentRejected`, after everything before the damage.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from vademecum.corpora.document import Record
from vademecum.corpora.readers.pubmed import PubmedReader
from vademecum.corpora.readers.stream import printable
from vademecum.corpora.readers.text import TextReader
from vademecum.errors import DocumentRejected


class Reader(Protocol):
    """Reads one kind of file."""

    @property
    def suffixes(self) -> tuple[str, ...]:
        """The file name endings it reads, in lower case: `(".xml", ".xml.gz")`."""
        ...

    def read(self, path: Path) -> Iterator[Record]:
        """Yield what the file holds, in file order; raises DocumentRejected."""
        ...


READERS: tuple[Reader, ...] = (PubmedReader(), TextReader())


def reader_for(path: Path) -> Reader:
    """The reader for a file, by its name; raises DocumentRejected if there is none."""
    name = path.name.lower()
    for reader in READERS:
        if name.endswith(reader.suffixes):
            return reader
    known = ", ".join(suffix for reader in READERS for suffix in reader.suffixes)
    raise DocumentRejected(
        f"{printable(path.name)}: no reader for this kind of file",
        hint=f"files that can be read end in {known}",
    )
