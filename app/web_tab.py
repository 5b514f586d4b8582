"""What a tab tells of itself with every event: which it is, and what it shows. See `web_tab.js`."""

from __future__ import annotations

import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tab:
    """A tab of a browser, in its own words: nothing here is to be trusted."""

    ticket: str = ""
    before: str = ""  # the ticket of the tab that this one was made of
    turns: int = 0  # finished, that it shows or, being loaded again, has shown
    asked: str = ""  # what was being answered when the server went, and the page was loaded again
    typed: str = ""  # and what stood in its box

    @classmethod
    def read(cls, text: str | None) -> Tab:
        """What the browser sent; an unknown tab, if it sent anything else."""
        try:
            told = json.loads(text or "{}")
        except (ValueError, RecursionError):
            return cls()
        if not isinstance(told, dict):
            return cls()

        def word(name: str) -> str:
            value = told.get(name)
            return value if isinstance(value, str) else ""

        turns = told.get("turns")
        return cls(
            word("ticket"),
            word("before"),
            turns if isinstance(turns, int) else 0,
            word("asked"),
            word("typed"),
        )
