"""Files that cannot be read, as they are told while the job runs: each reason once."""

from __future__ import annotations

from collections.abc import Sequence

from vademecum.progress import Progress

NAMED = 5


class Failures:
    """Tells the first file with a reason at once, and the others that have it at the end."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._names: dict[str, list[str]] = {}  # by reason

    def tell(self, name: str, reason: str) -> None:
        """A file and what is wrong with it, in which most readers name it themselves."""
        cause = reason.removeprefix(f"{name}: ")
        names = self._names.setdefault(cause, [])
        names.append(name)
        if len(names) == 1:
            self._progress.note(f"{name}: {cause}")

    def finish(self) -> None:
        """No other file will be told of."""
        for first, *others in self._names.values():
            if others:
                self._progress.note(f"the same of {some(others)} as of {first}")
        self._names.clear()


def some(names: Sequence[str]) -> str:
    """The first few, and how many more there are."""
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
