"""What changed between two snapshots of a corpus, with the titles of what is still there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from vademecum.corpora import snapshots
from vademecum.corpora.snapshots import Change
from vademecum.corpora.store import CorpusRow, Store, chunks
from vademecum.errors import UsageError


def between(store: Store, row: CorpusRow, first: str, second: str) -> Iterator[Change]:
    """What leads from one snapshot to another, by document id.

    Raises UsageError for a snapshot that is not written down, and where more changed than is kept.
    """
    try:
        found = snapshots.between(store.database.read, row.id, first, second)
    except KeyError as error:
        raise UsageError(
            f"{row.name} was never seen in the state {error.args[0]}",
            f"`vademecum corpus snapshots {row.name}` lists those it was seen in",
        ) from None
    if found is None:
        raise UsageError(
            f"what changed between {first} and {second} was not kept document by document",
            f"lists hold the last {snapshots.MOST_CHANGES:,} changes",
        )
    return _titled(store, row, found)


def _titled(store: Store, row: CorpusRow, changes: Iterable[Change]) -> Iterator[Change]:
    for chunk in chunks(changes):
        here = store.titles(row.id, (change.doc_id for change in chunk))
        yield from (replace(c, title=here.get(c.doc_id, c.title)) for c in chunk)
