"""A file, or what a .gz file holds, as a stream of byte chunks."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import BinaryIO, Protocol

from isal import igzip, igzip_lib

from vademecum.errors import DocumentRejected

CHUNK_BYTES = 1 << 16
DOWNLOAD_AGAIN = "download the file again; the records before the damage were read"

# A stretch of a .gz file that holds so much more than it takes was made to keep a reader busy:
# PubMed's files are packed 10:1, tables padded with blanks 320:1, columns of "0.0" 490:1, and
# nothing at all 1,000:1. The stretch is long beside the half megabyte that is read ahead.
BOMB_BYTES = 128 << 20
BOMB_RATIO = 600

_between: ContextVar[Callable[[], None]] = ContextVar("_between", default=lambda: None)


@contextmanager
def interruptible(check: Callable[[], None]) -> Iterator[None]:
    """Within the block, `check` is called between two chunks of any file: also where a reader
    finds nothing to yield for hours. To end it, `check` raises what is no `Exception`: readers
    take those for faults of their file."""
    token = _between.set(check)
    try:
        yield
    finally:
        _between.reset(token)


class _Unpacking(Protocol):
    def read1(self, size: int, /) -> bytes: ...


def printable(name: str) -> str:
    r"""A file's name as text that can be stored and shown: a byte not UTF-8 becomes \udc80-\udcff.

    Python reads such a byte as half a surrogate pair, which nothing can encode.
    """
    return name.encode("utf-8", "backslashreplace").decode()


def chunks(path: Path) -> Iterator[bytes]:
    """Yield the (decompressed) bytes of a file in order, at most `CHUNK_BYTES` at a time.

    Raises DocumentRejected if the file cannot be opened, its gzip data are damaged, after
    every byte before the damage, or they unpack to far more than anything that is worth reading.
    """
    between = _between.get()
    try:
        if path.name.lower().endswith(".gz"):
            for chunk in _unpacked(path):
                between()
                yield chunk
        else:
            with path.open("rb") as plain:
                while chunk := plain.read(CHUNK_BYTES):
                    between()
                    yield chunk
    except EOFError as error:
        raise DocumentRejected(
            f"{printable(path.name)}: the gzip data end too early", hint=DOWNLOAD_AGAIN
        ) from error
    except gzip.BadGzipFile as error:
        raise DocumentRejected(
            f"{printable(path.name)}: not sound gzip data ({error})",
            hint="download the file again, or drop .gz from the name of a file not compressed",
        ) from error
    except zlib.error as error:
        raise DocumentRejected(
            f"{printable(path.name)}: the gzip data are damaged", hint=DOWNLOAD_AGAIN
        ) from error
    except OSError as error:
        raise DocumentRejected(
            f"{printable(path.name)}: {error.strerror or error}",
            hint="check that the file exists and that you may read it",
        ) from error


def _unpacked(path: Path) -> Iterator[bytes]:
    """What a gzip file holds. igzip is three times as fast as gzip, but drops bytes before a
    fault: there gzip goes on, which gives them and says what is wrong."""
    given = 0
    try:
        with path.open("rb") as packed, igzip.open(packed, "rb") as stream:
            for chunk in _bounded(stream, packed, path):
                given += len(chunk)
                yield chunk
            return
    # isal's stub calls the class an instance.
    except (EOFError, gzip.BadGzipFile, igzip_lib.IsalError):  # type: ignore[misc]
        pass
    with path.open("rb") as packed, gzip.open(packed, "rb") as stream:
        stream.seek(given)
        # read1, not read: read gathers several blocks and drops them all if one is bad.
        yield from _bounded(stream, packed, path)


def _bounded(stream: _Unpacking, packed: BinaryIO, path: Path) -> Iterator[bytes]:
    """What comes of `stream`, which unpacks `packed`. Raises DocumentRejected for a bomb."""
    given = 0
    at = packed.tell()
    while chunk := stream.read1(CHUNK_BYTES):
        given += len(chunk)
        if given >= BOMB_BYTES:
            taken = packed.tell() - at
            if given > BOMB_RATIO * taken:
                raise DocumentRejected(
                    f"{printable(path.name)}: {taken:,} bytes of it unpack to more than "
                    f"{given >> 20:,} MB, which nothing does that is worth reading",
                    hint="unpack it and look at it; the records before were read",
                )
            given, at = 0, at + taken
        yield chunk


def whole(path: Path, most: int, hint: str) -> bytes:
    """All (decompressed) bytes of a file; raises DocumentRejected if there are more than `most`."""
    data = bytearray()
    for chunk in chunks(path):
        data += chunk
        if len(data) > most:
            raise DocumentRejected(f"{printable(path.name)}: larger than {most >> 20} MB", hint)
    return bytes(data)
