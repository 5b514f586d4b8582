"""The library of those who fill it: opened once those who came before are done with it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from vademecum.app import rooms
from vademecum.corpora.lock import owner
from vademecum.corpora.look import Look
from vademecum.corpora.waiting import Line
from vademecum.errors import LibraryError, LibraryLocked
from vademecum.progress import Progress
from vademecum.settings import settings

if TYPE_CHECKING:
    from vademecum.corpora.library import Library

POLL_S = 0.3
PATIENCE_S = 10.0  # for a process that says of no work: a search ends soon, a server does not
CLOSING_S = 60.0  # for one that was, and has not closed the library yet


@contextmanager
def library_in_turn(
    wants: str, progress: Progress, wait: bool, *, for_ever: bool = False
) -> Iterator[Library]:
    """The library, once those who came before are done with it; at once or not at all without
    `wait`. Raises what `Library.open` does; LibraryLocked where its owner is at nothing that ends
    by itself, unless that is waited for, too (`for_ever`)."""
    if wait:
        line = Line(settings().library)
        with line.standing(wants) as ticket:
            library = _turn(line, ticket, progress, for_ever)
    else:
        library = rooms.open_library(progress)
    with library, library.at_work("reading files"):
        yield library


def _turn(line: Line, ticket: str, progress: Progress, for_ever: bool) -> Library:
    told = ""
    until = time.monotonic() + (float("inf") if for_ever else PATIENCE_S)
    while True:
        ahead = [other for other in line.standing_now() if other.name < ticket]
        try:
            if not ahead:
                return rooms.open_library(progress)
            busy, until = _busy(ahead[-1].pid), max(until, time.monotonic() + CLOSING_S)
        except LibraryLocked as error:
            busy = _busy(None)
            if busy:
                until = max(until, time.monotonic() + CLOSING_S)
            elif time.monotonic() > until or (_on_a_page() and not for_ever):
                raise
            busy = busy or f"{error.message}: waiting for it to end"
        if busy != told:
            progress.note(busy)
        told = busy
        time.sleep(POLL_S)


def _on_a_page() -> bool:
    """Whether the library's owner serves it: that ends when somebody ends it."""
    found = owner(settings().library)
    return found is not None and bool(found.page)


def _busy(ahead: int | None) -> str:
    """Whom this process waits for; "" where the library's owner is at nothing that ends."""
    folder = settings().library
    try:
        job = Look(folder).active()
    except LibraryError:
        job = None
    found = owner(folder)
    at_work = found is not None and bool(found.work) and not found.page
    if job is None and ahead is None and not at_work:
        return ""
    who = found or "another process"
    first = f"{who} is at job {job.id} (into {job.corpus})" if job else ""
    if job is None and found is not None and at_work:
        first = f"{who} is {found.work}"
    behind = f"process {ahead} is before this one in the queue" if ahead is not None else ""
    return f"{' and '.join(filter(None, (first, behind)))}: waiting for our turn"
