"""What the tests of a conversation on the page share: how one asks, and goes."""

from __future__ import annotations

from collections.abc import Iterator

from web_support import CORPUS

from vademecum.app.web_kept import Conversation, Given
from vademecum.app.web_talk import Shown, Talk

QUESTION = "Does metformin lower the risk of cancer?"
GIVEN = Given(CORPUS)


def ask(
    talk: Talk, held: Conversation, question: str | None = QUESTION, seen: int = 0
) -> list[Shown]:
    return list(talk.ask(question, GIVEN, held, seen))


def start(talk: Talk, held: Conversation, until: str) -> Iterator[Shown]:
    """Ask, and read on until the page shows `until`."""
    steps = talk.ask(QUESTION, GIVEN, held)
    for shown in steps:
        if until in (shown.live or ""):
            return steps
    raise AssertionError(f"{until!r} was never shown")


def left(steps: Iterator[Shown]) -> None:
    """Close what feeds a page, as Gradio does once the page is gone."""
    steps.close()  # type: ignore[attr-defined]
