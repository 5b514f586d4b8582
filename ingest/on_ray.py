"""Reading, splitting and embedding on Ray; this process commits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, runtime_checkable

from vademecum.errors import UsageError
from vademecum.ingest.ahead import Ahead
from vademecum.ingest.ray_cluster import connected
from vademecum.ingest.ray_embedding import RayPool
from vademecum.ingest.ray_reading import RaySource
from vademecum.ingest.reading import Reading
from vademecum.ingest.shards import Shards
from vademecum.ingest.stopping import Stop
from vademecum.ingest.writing import Writer
from vademecum.model.interface import TextEmbedder
from vademecum.progress import Progress


@runtime_checkable
class Loadable(Protocol):
    """What an embedder may have besides: a way to have the same one in another process."""

    @property
    def loader(self) -> Callable[[], TextEmbedder]: ...


@contextmanager
def opened(
    reading: Reading,
    embedder: TextEmbedder,
    shards: Shards,
    writer: Writer,
    *,
    workers: int | None,
    stop: Stop,
    progress: Progress,
) -> Iterator[tuple[RaySource, Ahead]]:
    """Where events come from and batches go. Raises UsageError, ClusterUnavailable."""
    if not isinstance(embedder, Loadable):
        raise UsageError(
            f"the embedder {embedder.name} cannot be loaded by others",
            "give it a `loader`, or use the engine `local`",
        )
    with connected(workers, progress) as cluster:
        pool = RayPool(cluster, embedder.loader, shards, stop.check)
        source = RaySource(reading, cluster.readers, stop.check)
        try:
            yield source, Ahead(writer, pool, shards)
        finally:
            source.close()
