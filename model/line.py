"""A fair line for one resource: first come, first served; one too many is refused."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue

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
        # A suspended stream may be collected as garbage, and so leave, at any moment in any thread,
        # inside these very lines too. An RLock lets it, and a SimpleQueue is made for it: unlike
        # what a Condition is told, a call that comes just before its wait is not lost.
        self._changing = threading.RLock()
        self._line: deque[SimpleQueue[None]] = deque()  # the first one is being served

    @property
    def waiting(self) -> int:
        """How many wait."""
        return max(0, len(self._line) - 1)

    @contextmanager
    def place(self, deadline: Deadline) -> Iterator[FinishReason | None]:
        """Wait until it is one's turn, which lasts as long as the block; None, or why it never was.

        Raises EngineBusy if the line is full.
        """
        ticket: SimpleQueue[None] = SimpleQueue()
        with self._changing:
            if len(self._line) > self._most:
                raise EngineBusy(
                    f"{self._name} is answering, and {self._most} more requests wait",
                    "try again in a moment",
                )
            self._line.append(ticket)
            self._line[0].put(None)  # being called twice does no harm
        try:
            reason = self._wait(ticket, deadline)
            if reason:  # whoever gave up stands in nobody's way, however long his block lasts
                self._leave(ticket)
            yield reason
        finally:
            self._leave(ticket)

    def _wait(self, ticket: SimpleQueue[None], deadline: Deadline) -> FinishReason | None:
        while not (reason := deadline.reached()):
            # A queue cannot wait for an Event as well, so one is looked at now and then.
            patience = deadline.left()
            with suppress(Empty):
                ticket.get(timeout=min(patience, POLL_S) if deadline.cancel else patience)
                return None
        return reason

    def _leave(self, ticket: SimpleQueue[None]) -> None:
        with self._changing:
            if ticket in self._line:
                self._line.remove(ticket)
                if self._line:
                    self._line[0].put(None)
