"""Zip files from outside (Word, EPUB): opened within limits, and read, never extracted."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vademecum.errors import DocumentRejected

MAX_ENTRIES = 20_000
MAX_ENTRY = 64 << 20  # of one part, unpacked
MAX_TOTAL = 512 << 20
AGAIN = "download the file again, or save it anew in the program that made it"


class Archive:
    """The parts of a zip file by name; what a part is called is never a path of ours."""

    def __init__(self, opened: zipfile.ZipFile) -> None:
        self._zip = opened
        self.names = frozenset(opened.namelist())

    def read(self, name: str, most: int = MAX_ENTRY) -> bytes:
        """A part's bytes; raises DocumentRejected (without the file's name) if it is missing,
        damaged or larger than `most`."""
        try:
            with self._zip.open(name) as part:
                data = part.read(most + 1)
        except KeyError as error:
            raise DocumentRejected(f"its part {name[:100]!r} is missing", hint=AGAIN) from error
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            OSError,
            RuntimeError,
            ValueError,
            NotImplementedError,
        ) as error:
            # RuntimeError is what zipfile raises for a part under a password.
            raise DocumentRejected(f"its part {name[:100]!r} is damaged", hint=AGAIN) from error
        if len(data) > most:
            raise DocumentRejected(
                f"its part {name[:100]!r} is larger than {most >> 20} MB", hint="split the file"
            )
        return data


@contextmanager
def opened(path: Path) -> Iterator[Archive]:
    """A zip file whose parts, unpacked, stay within the limits; raises DocumentRejected
    (without the file's name) if they do not or it is no sound zip file."""
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, EOFError, OSError, ValueError, NotImplementedError) as error:
        raise DocumentRejected("damaged, or not a file of this kind", hint=AGAIN) from error
    with archive:
        parts = archive.infolist()
        if len(parts) > MAX_ENTRIES:
            raise DocumentRejected(f"more than {MAX_ENTRIES:,} parts", hint="split the file")
        # A part is never read beyond the size that is stated for it.
        if sum(part.file_size for part in parts) > MAX_TOTAL:
            raise DocumentRejected(
                f"larger than {MAX_TOTAL >> 20} MB when unpacked", hint="split the file"
            )
        yield Archive(archive)
