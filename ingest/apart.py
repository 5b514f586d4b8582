"""Reading and splitting in a process of its own, beside the embedder.

Not `multiprocessing`: that imports the caller's own program again in the new process, which a plain
script does not survive.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO

from vademecum.corpora.document import Document
from vademecum.corpora.readers.stream import printable
from vademecum.errors import VademecumError
from vademecum.ingest import frames
from vademecum.ingest.reading import CRASHED, TOO_MUCH, Ended, Event, Files, Reading, Taken

POLL_S = 0.25


class Apart:
    """A `Source` whose files are read by a child process. If that crashes, the file that it was
    reading has failed, and another child goes on with the next.

    `idle` is called while nothing comes, several times a second; what it raises ends the reading.
    """

    def __init__(self, reading: Reading, idle: Callable[[], None]) -> None:
        self._reading = reading
        self._idle = idle
        self._child: _Child | None = None

    def read(self, files: Files) -> Iterator[Event]:
        """As `Source` says. Raises VademecumError if no child can be started."""
        left = deque(files)
        while left and self._reading.limit != 0:
            child = self._child = self._child or _Child(self._reading, self._idle)
            child.ask(list(left))
            for event in child.answers():
                if isinstance(event, Ended):
                    left.popleft()
                elif isinstance(event, Taken) and isinstance(event.record, Document):
                    self._count()
                yield event
            if child.crash is None:
                return
            self.close()
            number, _ = left.popleft()
            yield Ended(number, f"{CRASHED} ({child.crash}); {TOO_MUCH}")

    def _count(self) -> None:
        """Another child would have so many less to read."""
        if self._reading.limit is not None:
            self._reading = replace(self._reading, limit=self._reading.limit - 1)

    def close(self) -> None:
        """End the child, whatever it is doing."""
        if self._child is not None:
            self._child.close()
            self._child = None


class _Child:
    """One process and the thread that takes what it sends. `crash` says how it died, if it did."""

    def __init__(self, reading: Reading, idle: Callable[[], None]) -> None:
        self.crash: str | None = None
        self._idle = idle
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the child
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "vademecum.ingest.reader_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            # Its tokenizer leaves the other cores to the embedder.
            env={**os.environ, "TOKENIZERS_PARALLELISM": "false"},
            start_new_session=True,  # Ctrl-C is for us to answer
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._asked: IO[bytes] = self._process.stdin
        self._ahead = frames.Ahead()
        self._thread = threading.Thread(
            target=_pump, args=(self._process.stdout, self._ahead), daemon=True
        )
        self._thread.start()
        try:
            self._start(reading)
        except BaseException:
            self.close()
            raise

    def _start(self, reading: Reading) -> None:
        try:
            frames.write(self._asked, sys.path)
            frames.write(self._asked, reading)
        except BrokenPipeError:
            pass
        if self._next() is None:
            raise VademecumError(
                f"the process that reads could not be started ({self._how_it_died()})",
                "run `vademecum doctor`, or the same command with --debug",
            )

    def ask(self, files: list[tuple[int, Path]]) -> None:
        """These are to be read next."""
        try:
            frames.write(self._asked, files)
        except BrokenPipeError:
            return  # `answers` will say so

    def answers(self) -> Iterator[Event]:
        """The events of what was asked; ends early, with `crash` set, where the child dies."""
        while (frame := self._next()) is not None:
            events: list[Event] = pickle.loads(frame)
            if not events:
                return
            yield from events
        self.crash = self._how_it_died()

    def _next(self) -> bytes | None:
        while True:
            try:
                return self._ahead.get(POLL_S)
            except TimeoutError:
                self._idle()

    def _how_it_died(self) -> str:
        code = self._process.wait()
        self._said.seek(0)
        last = self._said.read()[-4096:].decode(errors="replace").strip().rpartition("\n")[2]
        return f"signal {-code}" if code < 0 else printable(last[:200]) or f"exit code {code}"

    def close(self) -> None:
        self._ahead.end()
        self._process.kill()
        self._process.wait()
        self._thread.join()
        for pipe in (self._process.stdin, self._process.stdout, self._said):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue  # what it had not read yet


def _pump(pipe: IO[bytes], ahead: frames.Ahead) -> None:
    try:
        while (frame := frames.read(pipe)) is not None:
            if not ahead.put(*frame):
                return
    finally:
        ahead.end()
