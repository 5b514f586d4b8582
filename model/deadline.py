"""When to give up on a request."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from vademecum.model.interface import FinishReason, GenerationOptions

LONGEST_WAIT_S = 3600.0  # queues take no infinity


@dataclass(frozen=True, slots=True)
class Deadline:
    """When to give up: at a time (of `time.monotonic`), or when somebody says so."""

    at: float
    cancel: threading.Event | None

    @classmethod
    def of(cls, options: GenerationOptions, cancel: threading.Event | None) -> Deadline:
        """Counts from now."""
        limit = options.timeout_s
        return cls(float("inf") if limit is None else time.monotonic() + limit, cancel)

    def reached(self) -> FinishReason | None:
        """Why to stop now, if there is a reason."""
        if self.cancel is not None and self.cancel.is_set():
            return "cancelled"
        return "timeout" if time.monotonic() >= self.at else None

    def left(self) -> float:
        """Seconds until the time comes, an hour at most."""
        return min(LONGEST_WAIT_S, max(0.0, self.at - time.monotonic()))
