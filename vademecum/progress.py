"""Progress of long work, as a protocol: rooms report it, doors draw it."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Receives what long work reports about itself."""

    def start(self, task: str, total: int | None, unit: str) -> None:
        """A task begins; `total` in `unit`s ("B" for bytes), None if not known."""
        ...

    def advance(self, amount: int) -> None:
        """So much more of the current task is done."""
        ...

    def note(self, text: str) -> None:
        """A line worth reading: a warning, what was found."""
        ...

    def finish(self) -> None:
        """The current task is over."""
        ...


class Silent:
    """Draws nothing."""

    def start(self, task: str, total: int | None, unit: str) -> None:
        pass

    def advance(self, amount: int) -> None:
        pass

    def note(self, text: str) -> None:
        pass

    def finish(self) -> None:
        pass
