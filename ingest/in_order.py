"""The events of all files of a run, in the order in which these are to be taken."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from vademecum.corpora.document import Document
from vademecum.errors import DocumentRejected, HashMismatch
from vademecum.ingest.batch import Gathered
from vademecum.ingest.plan import Supply
from vademecum.ingest.reading import Ended, Event, Reading, Rejected, Source, Taken, why
from vademecum.ingest.unchanged import Unchanged
from vademecum.ingest.work import Work

GONE = "its source lists it, and has it no more"


class InOrder:
    """What `source` reads, and between that the files that need not be read. `waiting` are batches
    that are not written yet."""

    def __init__(
        self,
        work: Work,
        source: Source,
        unchanged: Unchanged,
        waiting: Callable[[], Iterable[Gathered]],
    ) -> None:
        self._work = work
        self._plan = work.plan
        self._source = source
        self._unchanged = unchanged
        self._waiting = waiting

    def events(self) -> Iterator[Event]:
        """Of all files. Raises what bringing one does."""
        supply = self._plan.supply
        return self._lying() if supply is None else self._brought(supply)

    def _lying(self) -> Iterator[Event]:
        """Of files that are here, those first that could not be fetched."""
        missing, unchanged = self._plan.unavailable, self._unchanged
        paths = self._work.paths.items()
        yield from (Ended(number, missing[path]) for number, path in paths if path in missing)
        there = [(number, path) for number, path in paths if path not in missing]
        known = deque(number for number, _ in there if number in unchanged)
        for event in self._source.read([file for file in there if file[0] not in unchanged]):
            while known and known[0] < event.file:
                yield from self._known(known.popleft())
            yield event
        for number in known:
            yield from self._known(number)

    def _known(self, number: int) -> Iterator[Event]:
        """A file whose turn has come, and that need not be read if what was read before it does not
        take the place of something in it."""
        touched = self._unchanged.touched(number, self._waiting())
        if not touched and self._unchanged.holds(number):
            yield Ended(number, unchanged=True)
        else:
            reading = Reading(addresses=self._plan.addresses)
            yield from reading.read([(number, self._work.paths[number])])

    def _brought(self, supply: Supply) -> Iterator[Event]:
        """Of files that are brought one by one, when their turn comes."""
        read = 0
        for number, path in self._work.paths.items():
            if self._work.left is not None and read >= self._work.left:
                return
            try:
                brought = supply.bring(path)
            except (DocumentRejected, HashMismatch) as error:
                yield Ended(number, why(error))
                continue
            yield from (Rejected(number, record, GONE) for record in brought.gone)
            for event in self._source.read([(number, path)]):
                read += isinstance(event, Taken) and isinstance(event.record, Document)
                yield _not_whole(event, brought.lacking) if brought.lacking else event


def _not_whole(event: Event, lacking: str) -> Event:
    """Of a file that could be read, and is not all that it should be: not told of one of which no
    more was wanted."""
    if not isinstance(event, Ended) or event.failure or event.cut:
        return event
    return replace(event, failure=lacking, empty=False)
