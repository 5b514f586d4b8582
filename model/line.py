"""A fair line for one resource: first come, first served; one too many is refused."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from vademecum.errors import EngineBusy
from vademecum.model.deadline import Deadline
from vademecum.model.interface import FinishReason

POLL_S = 0.02  # how soon somebody who waits notices that an Event of his was set


class Line:
    """Lets one in at a time, in the order in which they came.

    Whoever leaves the line, because of a deadline, an error or a closed generator, frees the place.
    """

    def __init__(self, name: str, waiting: int) -> None:
        """`waiting` may stand in line besides the one who is served; `name` is for messages."""
        self._name = name
        self._most = waiting
        self._changed = threading.Condition()
        self._line: deque[object] = deque()  # the first one is being served

    @property
    def waiting(self) -> int:
        """How many wait."""
        return max(0, len(self._line) - 1)

    @contextmanager
    def place(self, deadline: Deadline) -> Iterator[FinishReason | None]:
        """Wait until it is one's turn, which lasts as long as the block; None, or why it never was.

        Raises EngineBusy if the line is full.
        """
        ticket = object()
        with self._changed:
            if len(self._line) > self._most:
                raise EngineBusy(
                    f"{self._name} is answering, and {self._most} more requests wait",
                    "try again in a moment",
                )
            self._line.append(ticket)
        try:
            yield self._wait(ticket, deadline)
        finally:
            with self._changed:
                self._line.remove(ticket)
                self._changed.notify_all()

    def _wait(self, ticket: object, deadline: Deadline) -> FinishReason | None:
        with self._changed:
            while not (reason := deadline.reached()) and self._line[0] is not ticket:
                # A condition cannot wait for an Event as well, so one is looked at now and then.
                patience = deadline.left()
                self._changed.wait(min(patience, POLL_S) if deadline.cancel else patience)
            return reason
