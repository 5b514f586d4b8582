"""Batches whose texts are embedded elsewhere while earlier ones are written, in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from vademecum.ingest.batch import Gathered
from vademecum.ingest.shards import Shards
from vademecum.ingest.writing import Writer


class Pool(Protocol):
    """Others that embed. Their vectors come by way of `Shards`."""

    @property
    def room(self) -> int:
        """How many batches may be with them, or wait for their commit."""
        ...

    def begin(self, texts: Sequence[str]) -> Any:
        """Have these embedded; what to wait for."""
        ...

    def is_done(self, begun: Any) -> bool: ...

    def finish(self, begun: Any) -> None:
        """Wait for it."""
        ...


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A batch, the texts that it claimed, and what the pool waits for."""

    gathered: Gathered
    claimed: Sequence[str]
    begun: Any


class Ahead:
    """Takes batches as a `Writer` does, and writes each when its vectors are there.

    What will have to be embedded is foreseen from what the library holds when a batch comes; what
    was foreseen wrongly (a batch between the two changed it) the writer embeds itself, or it is
    given up. What an earlier batch is having embedded is not embedded twice: that one is written
    first, so its vectors are there by then.
    """

    def __init__(self, writer: Writer, pool: Pool, shards: Shards) -> None:
        self._writer = writer
        self._pool = pool
        self._shards = shards
        self._waiting: deque[_Waiting] = deque()

    def commit(self, gathered: Gathered) -> None:
        """Write what is ready; what is not, only where no more may wait. Raises what the library
        does, what embedding elsewhere does, and what is raised to stop."""
        claimed = self._writer.foresee(gathered)
        begun = self._pool.begin(self._shards.claim(claimed))
        self._waiting.append(_Waiting(gathered, claimed, begun))
        while self._waiting and (
            len(self._waiting) > self._pool.room or self._pool.is_done(self._waiting[0].begun)
        ):
            self._write()

    def waiting(self) -> list[Gathered]:
        """Those that are not written yet, in order."""
        return [one.gathered for one in self._waiting]

    def finish(self) -> None:
        """Write all that waits."""
        while self._waiting:
            self._write()

    def _write(self) -> None:
        first = self._waiting[0]
        self._pool.finish(first.begun)
        self._writer.commit(first.gathered)
        self._shards.give_up(first.claimed)
        self._waiting.popleft()
