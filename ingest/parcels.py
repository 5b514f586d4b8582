"""Events in lists that are small enough to be sent to another process, and not kept waiting."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from vademecum.ingest.reading import Event, Taken

MOST_EVENTS = 64  # in a list
MOST_CHARACTERS = 1 << 18
MOST_S = 0.2


def parcels(events: Iterable[Event]) -> Iterator[list[Event]]:
    """The same events in the same order; a list is full at so many events or characters, or after
    a while."""
    waiting: list[Event] = []
    characters = 0
    began = time.monotonic()
    for event in events:
        waiting.append(event)
        characters += _size(event)
        full = len(waiting) >= MOST_EVENTS or characters >= MOST_CHARACTERS
        if full or time.monotonic() - began > MOST_S:
            yield waiting
            waiting, characters, began = [], 0, time.monotonic()
    if waiting:
        yield waiting


def _size(event: Event) -> int:
    document = event.record if isinstance(event, Taken) else None
    return len(getattr(document, "text", ""))
