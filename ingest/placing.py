"""Where files are read: in this process, or in one of its own beside the embedder."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from vademecum.ingest.apart import Apart
from vademecum.ingest.plan import Plan, size_of
from vademecum.ingest.reading import Reading, Source
from vademecum.ingest.splitter import splitter_for
from vademecum.ingest.stopping import Stop
from vademecum.model.interface import TextEmbedder, TokenCounter

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


def open_source(
    plan: Plan, embedder: TextEmbedder, limit: int | None, stop: Stop, apart: bool | None
) -> Source:
    """A source of `limit` documents; of a selection they come whole, of all others split.

    In a process of its own if `apart`, by default if there is enough to read. An embedder that is
    not `Portable` has its files read here.
    """
    if plan.newest is not None:  # nothing is embedded before all of it is read
        return Reading(None, limit, plan.addresses)
    if not isinstance(embedder, Portable) or not (_pays(plan, limit) if apart is None else apart):
        return Reading(splitter_for(embedder).split, limit, plan.addresses)
    split = splitter_for(embedder.counter).split
    return Apart(Reading(split, limit, plan.addresses), stop.check)


def _pays(plan: Plan, limit: int | None) -> bool:
    if limit is not None and limit < APART_DOCUMENTS:
        return False
    if plan.supply is not None:
        return True
    sizes = [(size_of(path) or 0) * (PACKED if path.suffix == ".gz" else 1) for path in plan.files]
    return sum(sizes) >= APART_BYTES
