"""The questions of all tabs in line: some are answered at once, some wait, more are turned away."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor

from vademecum.app.web_stream import Run


class Line:
    """Answers `at_once` questions at a time, in the order in which they came; `waiting` more wait.

    Gradio has a queue, too. What waits there is known to nobody else: a page that is loaded again
    loses its question, and once it is full no page can be loaded.
    """

    def __init__(self, at_once: int, waiting: int) -> None:
        self._at_once, self._most = at_once, at_once + waiting
        self._pool = ThreadPoolExecutor(at_once, thread_name_prefix="answer")
        self._runs: list[Run] = []  # not over yet, in order
        self._lock = threading.Lock()

    def join(self, begin: Callable[[Executor], Run]) -> Run | None:
        """The run that `begin` hands to the pool, at the end of the line; None if that is full."""
        with self._lock:
            if len(self._runs) >= self._most:
                return None
            run = begin(self._pool)
            self._runs.append(run)
        run.when_over(lambda: self._leave(run))
        return run

    def ahead(self, run: Run) -> int:
        """How many questions come before one that waits; 0 for one whose turn has come."""
        with self._lock:
            place = self._runs.index(run) if run in self._runs else 0
        return place if place >= self._at_once else 0

    def close(self) -> None:
        """Stop everything under way, with time for what is written to be checked; what comes later
        is not taken."""
        with self._lock:
            runs = list(self._runs)
        for run in runs:
            run.stop()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _leave(self, run: Run) -> None:
        with self._lock:
            self._runs.remove(run)
