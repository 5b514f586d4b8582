"""What passes between a reader in a process of its own and the process that embeds.

Both are ours and of one version: objects are pickled, in frames that say how long they are and how
many events they hold.
"""

from __future__ import annotations

import pickle
import struct
import threading
from collections import deque
from typing import IO, Any

HEAD = struct.Struct("<QI")  # bytes, events

MOST_EVENTS = 1024  # read ahead of the embedder
MOST_BYTES = 16 << 20


def write(pipe: IO[bytes], content: Any, events: int = 0) -> None:
    """Send one frame. Raises OSError if nobody listens."""
    data = pickle.dumps(content, pickle.HIGHEST_PROTOCOL)
    pipe.write(HEAD.pack(len(data), events))
    pipe.write(data)
    pipe.flush()


def read(pipe: IO[bytes]) -> tuple[bytes, int] | None:
    """The next frame, still pickled, and its number of events; None at the end."""
    head = pipe.read(HEAD.size)
    if len(head) < HEAD.size:
        return None
    length, events = HEAD.unpack(head)
    data = pipe.read(length)
    return (data, events) if len(data) == length else None


class Ahead:
    """Frames that arrived and wait: no more than so many events and bytes, but always one."""

    def __init__(self, most_events: int = MOST_EVENTS, most_bytes: int = MOST_BYTES) -> None:
        self._most_events = most_events
        self._most_bytes = most_bytes
        self._frames: deque[tuple[bytes, int]] = deque()
        self._events = self._bytes = 0
        self._ended = False
        self._changed = threading.Condition()

    def put(self, frame: bytes, events: int) -> bool:
        """Wait for room, and add; False if nothing more is wanted."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or not self._frames or self._fits(frame))
            if self._ended:
                return False
            self._frames.append((frame, events))
            self._events += events
            self._bytes += len(frame)
            self._changed.notify_all()
            return True

    def get(self, timeout: float) -> bytes | None:
        """The next frame. Raises TimeoutError; None once all were taken and no more will come."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._frames or self._ended, timeout):
                raise TimeoutError
            if not self._frames:
                return None
            frame, events = self._frames.popleft()
            self._events -= events
            self._bytes -= len(frame)
            self._changed.notify_all()
            return frame

    def end(self) -> None:
        """No more will come, or is wanted."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _fits(self, frame: bytes) -> bool:
        return self._events < self._most_events and self._bytes + len(frame) <= self._most_bytes
