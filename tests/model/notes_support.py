"""What is said while a model is loaded, for tests to look at."""

from __future__ import annotations

from vademecum.progress import Silent


class Notes(Silent):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def note(self, text: str) -> None:
        self.told.append(text)
