"""Where the work of a job is done: files are read in this process, in one beside it, or on Ray."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol, runtime_checkable

from vademecum.corpora.readers.stream import interruptible
from vademecum.ingest.apart import Apart
from vademecum.ingest.batch import Gathered
from vademecum.ingest.plan import Plan, size_of
from vademecum.ingest.reading import Reading, Source
from vademecum.ingest.shards import Shards
from vademecum.ingest.splitter import splitter_for
from vademecum.ingest.stopping import Stop
from vademecum.ingest.work import Work
from vademecum.ingest.writing import Writer
from vademecum.model.interface import TextEmbedder, TokenCounter
from vademecum.progress import Progress

# A process takes half a second of a core to start, as much as to read and split 200 abstracts. What
# it reads then costs the embedder's cores nothing but 0.03 ms a document to take over.
APART_BYTES = 4 << 20
PACKED = 6  # how much longer the text of a .gz file is
APART_DOCUMENTS = 1000


@runtime_checkable
class Portable(Protocol):
    """What an embedder may have besides: something small that counts tokens as it does, and can be
    sent to another process."""

    @property
    def counter(self) -> TokenCounter: ...


class Batches(Protocol):
    """Where batches go: to the library, at once or when their vectors are there."""

    def commit(self, gathered: Gathered) -> None:
        """Take the next batch."""
        ...

    def waiting(self) -> Iterable[Gathered]:
        """Those that are not in the library yet."""
        ...

    def finish(self) -> None:
        """All of them are to be in the library on return."""
        ...


@contextmanager
def placed(
    work: Work,
    embedder: TextEmbedder,
    writer: Writer,
    shards: Shards,
    stop: Stop,
    progress: Progress,
    apart: bool | None,
) -> Iterator[tuple[Source, Batches]]:
    """Where events come from and batches go, as the engine of the job says.

    Raises UsageError, ClusterUnavailable.
    """
    if work.engine.name == "ray":
        from vademecum.ingest.on_ray import opened

        reading = sent(work.plan, embedder, work.left)
        with opened(
            reading,
            embedder,
            shards,
            writer,
            workers=work.engine.workers,
            stop=stop,
            progress=progress,
        ) as both:
            yield both
        return
    source = open_source(work.plan, embedder, work.left, stop, apart)
    try:
        with interruptible(stop.check):  # one beside this process is waited for
            yield source, writer
    finally:
        source.close()


def open_source(
    plan: Plan, embedder: TextEmbedder, limit: int | None, stop: Stop, apart: bool | None
) -> Source:
    """A source of `limit` documents; of a selection they come whole, of all others split.

    In a process of its own if `apart`, by default if there is enough to read. An embedder that is
    not `Portable` has its files read here.
    """
    pays = _pays(plan, limit) if apart is None else apart
    if plan.newest is None and pays and isinstance(embedder, Portable):
        return Apart(sent(plan, embedder, limit), stop.check)
    # Nothing of a selection is embedded before all of it is read.
    split = splitter_for(embedder).split if plan.newest is None else None
    return Reading(split, limit, plan.addresses)


def sent(plan: Plan, embedder: TextEmbedder, limit: int | None) -> Reading:
    """What can be sent to another process to read there; it splits, too, if the embedder is
    `Portable`, and nothing of a selection."""
    if plan.newest is None and isinstance(embedder, Portable):
        return Reading(splitter_for(embedder.counter).split, limit, plan.addresses)
    return Reading(None, limit, plan.addresses)


def _pays(plan: Plan, limit: int | None) -> bool:
    if limit is not None and limit < APART_DOCUMENTS:
        return False
    if plan.supply is not None:
        return True
    sizes = [(size_of(path) or 0) * (PACKED if path.suffix == ".gz" else 1) for path in plan.files]
    return sum(sizes) >= APART_BYTES
