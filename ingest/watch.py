"""A folder that is watched: what is new or changed in it, once it is complete."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

from vademecum.corpora.readers import guides_of
from vademecum.errors import UsageError
from vademecum.ingest.checksum import beside
from vademecum.ingest.sources import in_order, readable_below

POLL_S = 2.0
KEPT = 100_000  # files that are gone and known if they return, as of a disk that was not mounted

# Size, time of change and inode of a file, then of what lies beside it and decides how it is read:
# a map of fields, a checksum.
Stamp = tuple[tuple[int, int, int], ...]


class Watch:
    """Looks at folders again and again.

    A file counts when two looks in a row find it the same, so that one which is still being copied
    is left alone. Looking, not being told: it works on network drives and in containers, too.
    """

    def __init__(
        self,
        folders: Sequence[Path],
        *,
        poll_s: float = POLL_S,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        for folder in folders:
            if not folder.is_dir():
                raise UsageError(f"{folder} is not a folder", "--watch takes folders alone")
        self._folders = tuple(folders)
        self._poll_s = poll_s
        self._wait = wait
        self._read: dict[Path, Stamp] = {}  # as it was when it was handed out
        self._seen: dict[Path, Stamp] = {}

    def changes(self) -> Iterator[tuple[Path, ...]]:
        """Files that are new or changed, in the order of reading, whenever there are some; for
        ever. The first are all that there are."""
        while True:
            now = self._look()
            settled = [
                path
                for path, stamp in now.items()
                if self._seen.get(path) == stamp and self._read.get(path) != stamp
            ]
            self._seen = now
            self._forget(now)
            if settled:
                yield in_order(settled)
                self._read.update({path: now[path] for path in settled})
            else:
                self._wait(self._poll_s)

    def _forget(self, now: Collection[Path]) -> None:
        """A folder that is emptied as it is read, for years, needs no more memory each day."""
        if len(self._read) > KEPT:
            for path in [path for path in self._read if path not in now][:-KEPT]:
                del self._read[path]

    def _look(self) -> dict[Path, Stamp]:
        found: dict[Path, Stamp] = {}
        for folder in self._folders:
            for path in readable_below(folder):
                try:
                    found[path] = _stamp(path)
                except OSError:
                    continue  # gone between the two
        return found


def _stamp(path: Path) -> Stamp:
    checksum = beside(path)
    files = [path, *guides_of(path), *([checksum] if checksum.is_file() else [])]
    stats = [file.stat() for file in files]
    return tuple((stat.st_size, stat.st_mtime_ns, stat.st_ino) for stat in stats)
