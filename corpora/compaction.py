"""Giving the room of what was replaced and deleted back to the disk.

Deleted rows leave holes in SQLite's file, deleted vectors stay in a graph, deleted words in their
segments. What is derived is made again where too much of it is dead; SQLite writes its file anew
(VACUUM) and puts it in place of the old one in one transaction.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from vademecum.corpora.database import Database
from vademecum.corpora.outbox import DerivedIndex, Outbox
from vademecum.corpora.store import CorpusRow, Store
from vademecum.errors import OutOfSpace
from vademecum.progress import Progress

DEAD = 0.2  # of what an index holds: then it is made again
LEAST_DEAD = 1_000  # passages; fewer are not worth the work


@dataclass(frozen=True, slots=True)
class Compaction:
    """Bytes before and after, by part; `remade` names the indexes that were made again."""

    before: dict[str, int]
    after: dict[str, int]
    remade: tuple[str, ...]

    @property
    def freed(self) -> int:
        """Bytes, over all parts."""
        return sum(self.before.values()) - sum(self.after.values())


def compact(
    store: Store,
    outbox: Outbox,
    indexes: Mapping[str, DerivedIndex],
    remake: Callable[[CorpusRow, Progress, Collection[str]], None],
    folder: Path,
    progress: Progress,
) -> Compaction:
    """All parts of a library whose indexes are up to date.

    Raises OutOfSpace before anything is touched where the disk cannot hold both the old and the
    new file.
    """
    database = store.database
    before = _sizes(database, indexes)
    free = shutil.disk_usage(folder).free
    needed = max(2 * before["store"], *before.values())  # a copy, and the log of putting it back
    if free < needed:
        raise OutOfSpace(
            f"compacting needs {needed:,} bytes for a time, and {folder} has {free:,} free",
            "free some space and run the same command again",
        )
    remade = []
    for row in store.corpora():
        worn = {name for name in indexes if _worn(store, outbox, row, name)}
        if worn:
            remake(row, progress, worn)
            remade += [f"{name} of {row.name}" for name in sorted(worn)]
    for name, index in indexes.items():
        progress.start(f"compacting {name}", None, "B")
        index.compact()
        progress.finish()
    progress.start("compacting the store", None, "B")
    database.vacuum()
    progress.finish()
    return Compaction(before, _sizes(database, indexes), tuple(remade))


def _worn(store: Store, outbox: Outbox, row: CorpusRow, name: str) -> bool:
    dead = outbox.dead(row.id, name)
    return dead >= LEAST_DEAD and dead >= DEAD * (dead + store.passages_of(row.id))


def _sizes(database: Database, indexes: Mapping[str, DerivedIndex]) -> dict[str, int]:
    sizes = {"store": database.size()}
    return {**sizes, **{name: index.size() for name, index in indexes.items()}}
