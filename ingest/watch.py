"""A folder that is watched: what is new or changed in it, once it is complete."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

from vademecum.errors import UsageError
from vademecum.ingest.plan import stamp_of
from vademecum.ingest.sources import in_order, readable_below

POLL_S = 2.0
KEPT = 100_000  # files that are gone and known if they return, as of a disk that was not mounted


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
        self._read: dict[Path, int] = {}  # as it was when it was handed out
        self._seen: dict[Path, int] = {}

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

    def _look(self) -> dict[Path, int]:
        found: dict[Path, int] = {}
        for folder in self._folders:
            for path in readable_below(folder):
                try:
                    found[path] = stamp_of(path)
                except OSError:
                    continue  # gone between the two
        return found
