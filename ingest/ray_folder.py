"""The folder in which a Ray of our own keeps its logs and sockets: it goes with its process."""

from __future__ import annotations

import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

PREFIX = "vademecum-ray-"
LOCK = "owner.lock"
SHORT = 16  # characters of the folder around it
YOUNG_S = 60.0  # its owner may not have locked it yet


@contextmanager
def own_folder() -> Iterator[str]:
    """A new one; what killed processes left is removed first."""
    place = _place()
    with (
        tempfile.TemporaryDirectory(prefix=PREFIX, dir=place, ignore_cleanup_errors=True) as folder,
        FileLock(Path(folder) / LOCK),
    ):
        us = Path(folder).stat().st_uid
        for left in place.glob(f"{PREFIX}*"):
            with suppress(OSError, Timeout):  # it is in use
                _remove_unless_owned(left, us)
        yield folder


def _remove_unless_owned(folder: Path, us: int) -> None:
    found = folder.lstat()
    # Anybody can put a folder there, or a link that leads to one of ours.
    ours = stat.S_ISDIR(found.st_mode) and found.st_uid == us
    if ours and time.time() - found.st_mtime > YOUNG_S:
        with FileLock(folder / LOCK).acquire(blocking=False):
            shutil.rmtree(folder)


def _place() -> Path:
    """The path of a socket has 107 bytes, and Ray adds 70."""
    usual, short = Path(tempfile.gettempdir()), Path("/tmp")
    return short if len(str(usual)) > SHORT and short.is_dir() else usual
