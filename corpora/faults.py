"""What the derived indexes say went wrong, as errors for people."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vademecum.errors import LibraryDamaged, LibraryError, OutOfSpace

NO_SPACE = ("database or disk is full", "(code: 13)", "No space left", "disk I/O error")
LEAST_FREE = 1_000_000  # bytes; on a fuller disk every failure is taken for want of space
NO_FILES = ("Too many open files", "TooManyOpenFiles")
NO_WRITE = ("readonly database", "unable to open database file", "Permission denied", "Read-only")


@contextmanager
def explaining(folder: Path, *classes: type[Exception]) -> Iterator[None]:
    """Turn what an index in `folder` raises into OutOfSpace or LibraryDamaged.

    Chroma and tantivy are Rust: on files they did not expect they may panic, which arrives as
    a BaseException of a class that cannot be imported.
    """
    try:
        yield
    except classes as error:
        raise _explained(str(error), folder) from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise _explained(str(error), folder) from error


def said(error: BaseException) -> str:
    """What an error says, in one line of a length that can be read."""
    return " ".join(str(error).split())[:200]


def _explained(text: str, folder: Path) -> LibraryError:
    short = " ".join(text.split())[:200]
    if any(sign in text for sign in NO_FILES):
        return OutOfSpace(
            f"{folder} cannot be opened: this process may open no more files ({short})",
            "nothing is lost: allow more (`ulimit -n 4096`) and run the same command again",
        )
    # Chroma does not always say so: a compaction that found no room only "failed to apply logs".
    if any(sign in text for sign in NO_SPACE) or _free(folder) < LEAST_FREE:
        return OutOfSpace(
            f"the disk that holds {folder} is full ({short})",
            "nothing is lost: free some space and run the same command again",
        )
    if any(sign in text for sign in NO_WRITE):
        return OutOfSpace(
            f"{folder} cannot be written ({short})",
            "check the permissions of the folder and that it was not removed, then try again",
        )
    return LibraryDamaged(f"the index in {folder} cannot be read ({short})")


def _free(folder: Path) -> int:
    """Bytes free on the disk of a folder, or of what is left of its path and may be looked at."""
    there = next(part for part in (folder, *folder.parents) if os.path.exists(part))  # noqa: PTH110
    return shutil.disk_usage(there).free
