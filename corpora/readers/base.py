"""What a reader is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, runtime_checkable

from vademecum.corpora.document import Record


class Reader(Protocol):
    """Reads one kind of file.

    A bad record inside a sound file is yielded as a `Rejection` and reading goes on. A file that
    cannot be read to its end raises `DocumentRejected`, after everything before the damage, and
    one that holds nothing `EmptyFile`.
    """

    @property
    def suffixes(self) -> tuple[str, ...]:
        """The file name endings it reads, in lower case: `(".xml", ".xml.gz")`."""
        ...

    def read(self, path: Path) -> Iterator[Record]:
        """Yield what the file holds, in file order; raises DocumentRejected."""
        ...


@runtime_checkable
class Choosy(Protocol):
    """What a reader may have besides: several kinds of file end in `.xml`."""

    def claims(self, beginning: bytes) -> bool:
        """Whether a file that begins like this (64 KB, decompressed) is of its kind.

        Asked only where several readers take files of that name.
        """
        ...


@runtime_checkable
class Guided(Protocol):
    """What a reader may have besides: other files decide what it makes of one."""

    def guides(self, path: Path) -> tuple[Path, ...]:
        """Where they would lie, whether they are there or not."""
        ...
