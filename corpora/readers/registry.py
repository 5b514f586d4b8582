"""The readers there are: our own, and those of other packages.

A package adds one by an entry point of the group `vademecum.readers` that names a class (made
without arguments) or an object:

    [project.entry-points."vademecum.readers"]
    notes = "my_package.notes:NotesReader"

Readers of other packages are asked first, so that they can replace ours.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from vademecum.corpora import sentences
from vademecum.corpora.document import Record
from vademecum.corpora.readers.base import Choosy, Guided, Reader
from vademecum.corpora.readers.contracts import ContractReader
from vademecum.corpora.readers.docx import DocxReader
from vademecum.corpora.readers.epub import EpubReader
from vademecum.corpora.readers.html import HtmlReader
from vademecum.corpora.readers.jats import JatsReader
from vademecum.corpora.readers.pdf import PdfReader
from vademecum.corpora.readers.pubmed import PubmedReader
from vademecum.corpora.readers.rows import RowReader
from vademecum.corpora.readers.statutes import StatuteReader
from vademecum.corpora.readers.stream import chunks, printable
from vademecum.corpora.readers.text import TextReader
from vademecum.errors import DocumentRejected, VademecumError

GROUP = "vademecum.readers"

# Of several readers for one ending, those that know their kind of file come first; the last one
# takes what nobody claims.
READERS: tuple[Reader, ...] = (
    JatsReader(),
    PubmedReader(),
    HtmlReader(),
    PdfReader(),
    DocxReader(),
    EpubReader(),
    RowReader(),
    StatuteReader(),
    ContractReader(),
    TextReader(),
)


def readers() -> tuple[Reader, ...]:
    """Every reader, in the order in which they are asked.

    Raises VademecumError where another package's reader cannot be loaded.
    """
    return (*_added(), *READERS)


def suffixes() -> tuple[str, ...]:
    """The file name endings that can be read, each once."""
    ours = (*READERS, *_added())
    return tuple(dict.fromkeys(suffix for reader in ours for suffix in reader.suffixes))


def reader_for(path: Path) -> Guarded:
    """The reader for a file, by its name and, where several would take it, by how it begins.

    Its `read` raises nothing but DocumentRejected (and OSError). Raises DocumentRejected if
    there is no reader.
    """
    found = _takers(path)
    if not found:
        raise DocumentRejected(
            f"{printable(path.name)}: no reader for this kind of file",
            hint=f"files that can be read end in {', '.join(suffixes())}",
        )
    return Guarded(_chosen(found, path) if len(found) > 1 else found[0])


def _takers(path: Path) -> list[Reader]:
    """The readers for files of that name."""
    name = path.name.lower()
    return [reader for reader in readers() if name.endswith(reader.suffixes)]


def _chosen(found: list[Reader], path: Path) -> Reader:
    beginning = _beginning(path)
    for reader in found:
        if not isinstance(reader, Choosy) or reader.claims(beginning):
            return reader
    return found[-1]


def _beginning(path: Path) -> bytes:
    """b"" where there is no such file, or it cannot be opened: whoever reads it will say so."""
    if not path.is_file():  # to open a pipe may wait for ever
        return b""
    try:
        return next(chunks(path), b"")
    except DocumentRejected:
        return b""


def guides_of(path: Path) -> tuple[Path, ...]:
    """Other files that decide what is read from this one, where they are there."""
    found = _takers(path)
    if not any(isinstance(reader, Guided) for reader in found):
        return ()  # without a look into the file
    reader = _chosen(found, path) if len(found) > 1 else found[0]
    guides = reader.guides(path) if isinstance(reader, Guided) else ()
    return tuple(guide for guide in guides if guide.is_file())


@cache
def fingerprint() -> str:
    """Equal as long as every file is read alike; 16 hexadecimal digits.

    Over the sources of our readers and of the sentences that they take titles from, so that no
    change of them is forgotten, and the versions of the packages that add others.
    """
    digest = hashlib.sha256()
    for source in (*sorted(Path(__file__).parent.glob("*.py")), Path(sentences.__file__)):
        digest.update(source.read_bytes())
    for entry in sorted(entry_points(group=GROUP), key=_place):
        version = entry.dist.version if entry.dist else ""
        digest.update(f"{entry.name} {entry.value} {version}\n".encode())
    return digest.hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Guarded:
    """A reader whose faults cost one file, not the job that reads a million."""

    reader: Reader

    @property
    def suffixes(self) -> tuple[str, ...]:
        """The endings of the reader inside."""
        return self.reader.suffixes

    def read(self, path: Path) -> Iterator[Record]:
        """What the reader inside yields; an error it did not mean becomes DocumentRejected."""
        try:
            yield from self.reader.read(path)
        except (VademecumError, OSError):
            raise
        except Exception as error:
            kind = type(self.reader)
            told = " ".join(f"{type(error).__name__}: {error}".split())[:200]
            raise DocumentRejected(
                f"{printable(path.name)}: {kind.__name__} failed ({printable(told)})",
                hint=f"a fault of {kind.__module__}: report it with the file",
            ) from error


@cache
def _added() -> tuple[Reader, ...]:
    return tuple(_load(entry) for entry in sorted(entry_points(group=GROUP), key=_place))


def _place(entry: EntryPoint) -> tuple[str, str]:
    return (entry.name, entry.value)


def _load(entry: EntryPoint) -> Reader:
    try:
        named: Any = entry.load()
        reader = named() if isinstance(named, type) else named
        fits = all(isinstance(suffix, str) and suffix for suffix in reader.suffixes)
        if not fits or not isinstance(reader.suffixes, tuple) or not callable(reader.read):
            raise TypeError("it has no tuple of suffixes, or no read")
    except Exception as error:
        package = entry.dist.name if entry.dist else entry.value
        raise VademecumError(
            f"the reader {entry.name!r} of {package} cannot be loaded "
            f"({type(error).__name__}: {error})",
            hint=f"upgrade or uninstall {package}",
        ) from error
    return reader  # type: ignore[no-any-return]  # its shape was just looked at
