"""Embedding by actors of Ray: each holds an embedder, and writes what it embeds into a shard."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from vademecum.errors import ClusterUnavailable
from vademecum.ingest import shards
from vademecum.ingest.ray_cluster import Cluster
from vademecum.ingest.ray_results import HINT, telling, waited_for
from vademecum.ingest.shards import Shards
from vademecum.model.interface import TextEmbedder

# Batches for each worker: one that it embeds, one that waits for it, one that waits for its commit.
ROOM = 3
RETRIES = 3  # of a batch whose worker dies; the worker is started anew as often as needed

Load = Callable[[], TextEmbedder]


class Embedder:
    """What an actor does. `load` is called once, there."""

    def __init__(self, load: Load) -> None:
        self._load = load

    @cached_property
    def _embedder(self) -> TextEmbedder:
        return self._load()

    def embed(self, texts: Sequence[str], path: Path, fingerprint: str) -> None:
        """Into a shard. Doing it twice changes nothing. Raises as `write` and `load` do."""
        shards.write(path, fingerprint, texts, self._embedder.embed_passages(texts))


@dataclass(frozen=True, slots=True)
class Begun:
    """A shard to be; nothing where nothing has to be embedded."""

    reference: Any = None
    path: Path | None = None


class RayPool:
    """Implements `ahead.Pool`. `idle` is called while nothing comes."""

    def __init__(
        self, cluster: Cluster, load: Load, made: Shards, idle: Callable[[], None]
    ) -> None:
        import ray

        one = {"num_gpus": 1} if cluster.gpus else {"num_cpus": 1}
        actor = ray.remote(Embedder).options(max_restarts=-1, max_task_retries=RETRIES, **one)
        self._actors: list[Any] = [actor.remote(load) for _ in range(cluster.workers)]
        self._busy: dict[Any, int] = {}  # which actor is at it
        self._made = made
        self._idle = idle

    @property
    def room(self) -> int:
        """In batches."""
        return ROOM * len(self._actors)

    def begin(self, texts: Sequence[str]) -> Begun:
        """Give them to the worker that has least to do."""
        if not texts:
            return Begun()
        path = self._made.fresh()
        freest = self._freest()
        with telling():
            reference = self._actors[freest].embed.remote(texts, path, self._made.fingerprint)
        self._busy[reference] = freest
        return Begun(reference, path)

    def is_done(self, begun: Begun) -> bool:
        """Whether `finish` would not wait."""
        import ray

        return begun.reference is None or bool(ray.wait([begun.reference], timeout=0)[0])

    def finish(self, begun: Begun) -> None:
        """Its vectors are among the shards then. Raises ClusterUnavailable, and what the worker
        raised."""
        import ray

        if begun.path is None:
            return
        with telling():
            waited_for(begun.reference, self._idle)
            ray.get(begun.reference)
        if not self._made.take_in(begun.path):
            raise ClusterUnavailable(f"a worker of Ray wrote {begun.path}, but not here", HINT)

    def _freest(self) -> int:
        import ray

        if self._busy:
            done, _ = ray.wait(list(self._busy), num_returns=len(self._busy), timeout=0)
            for reference in done:
                del self._busy[reference]
        at_work = Counter(self._busy.values())
        return min(range(len(self._actors)), key=lambda actor: at_work[actor])
