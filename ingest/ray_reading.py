"""Reading and splitting by actors of Ray, each at one file; the events come in the files' order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

from vademecum.corpora.document import Document
from vademecum.ingest.parcels import parcels
from vademecum.ingest.ray_results import crashes, telling, waited_for
from vademecum.ingest.reading import CRASHED, TOO_MUCH, Ended, Event, Files, Reading, Taken

PARCELS_AHEAD = 8  # of a file, before its reader pauses
ATTEMPTS = 3  # at a file whose reader dies: a machine may have failed, or the file be the cause


class Reader:
    """What an actor does."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def read(self, file: tuple[int, Path], limit: int | None) -> Iterator[list[Event]]:
        """One file, no more than `limit` documents of it."""
        yield from parcels(replace(self._reading, limit=limit).read([file]))


@dataclass(slots=True)
class _Open:
    """A file that a reader is at; `parcels` is a generator of Ray."""

    file: tuple[int, Path]
    limit: int | None
    reader: Any
    parcels: Any = field(init=False)

    def __post_init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        read = self.reader.read.options(
            num_returns="streaming", _generator_backpressure_num_objects=PARCELS_AHEAD
        )
        self.parcels = read.remote(self.file, self.limit)


class RaySource:
    """A `Source` that has up to `ahead` files read at a time; one, where a limit counts.

    `idle` is called while nothing comes; what it raises ends the reading.
    """

    def __init__(self, reading: Reading, ahead: int, idle: Callable[[], None]) -> None:
        self._reading = reading
        self._ahead = ahead if reading.limit is None else 1
        self._left = reading.limit
        self._idle = idle
        self._open: deque[_Open] = deque()
        self._free: list[Any] = []  # readers

    def read(self, files: Files) -> Iterator[Event]:
        """As `Source` says. Raises ClusterUnavailable."""
        waiting = iter(files)
        while self._left != 0:
            for file in islice(waiting, self._ahead - len(self._open)):
                reader = self._free.pop() if self._free else self._reader()
                self._open.append(_Open(file, self._left, reader))
            if not self._open:
                return
            for event in self._events(self._open[0]):
                if isinstance(event, Taken) and isinstance(event.record, Document):
                    self._left = None if self._left is None else self._left - 1
                yield event
            self._free.append(self._open.popleft().reader)

    def close(self) -> None:
        """Readers end when nobody holds them."""
        self._open.clear()
        self._free.clear()

    def _reader(self) -> Any:
        import ray

        # The processors are the embedders'; to read takes little beside that.
        actor = ray.remote(Reader).options(num_cpus=0, scheduling_strategy="SPREAD")
        return actor.remote(self._reading)

    def _events(self, opened: _Open) -> Iterator[Event]:
        """All of a file. If its reader dies, another begins it anew, and what that gives again is
        left out."""
        given = 0
        with telling():
            for attempt in range(1, ATTEMPTS + 1):
                try:
                    for event in islice(self._arriving(opened.parcels), given, None):
                        given += 1
                        yield event
                    return
                except crashes() as error:
                    if getattr(error, "actor_init_failed", False):  # not the file's fault
                        raise
                opened.reader = self._reader()
                if attempt < ATTEMPTS:
                    opened.begin()
        yield Ended(opened.file[0], f"{CRASHED} {ATTEMPTS} times; {TOO_MUCH}")

    def _arriving(self, sent: Any) -> Iterator[Event]:
        import ray

        while True:
            waited_for(sent, self._idle)
            try:
                reference = next(sent)
            except StopIteration:
                return
            yield from ray.get(reference)
