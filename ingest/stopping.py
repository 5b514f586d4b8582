"""Stopping a job between two batches: Ctrl-C, or what another terminal asks for."""

from __future__ import annotations

import threading
import time

from vademecum.corpora.control import Control
from vademecum.corpora.jobs import JobState

LOOK_S = 0.25

STATES: dict[str, JobState] = {"pause": "paused", "cancel": "cancelled"}


class Stopped(BaseException):
    """The job is to end now, in that state.

    No `Exception`: raised within a reader, it is no fault of the file.
    """

    def __init__(self, state: JobState) -> None:
        super().__init__(state)
        self.state = state


class Stop:
    """Looks whether the job is to stop. `event` is set by whoever started it, in this process."""

    def __init__(self, control: Control, job: int, event: threading.Event | None) -> None:
        self._control = control
        self._job = job
        self._event = event or threading.Event()
        self._next = 0.0

    def check(self) -> None:
        """Raises Stopped if it is. Cheap enough for every record: does not look every time."""
        if self._event.is_set() or time.monotonic() >= self._next:
            self.look()

    def look(self) -> None:
        """Raises Stopped if it is."""
        if self._event.is_set():
            raise Stopped("interrupted")
        self._next = time.monotonic() + LOOK_S
        if (wish := self._control.wish(self._job)) is not None:
            self._control.clear()
            raise Stopped(STATES[wish])
