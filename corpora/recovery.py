"""What a killed process left undone is finished when the library is opened."""

from __future__ import annotations

from vademecum.corpora import half_export
from vademecum.corpora.indexes import Indexes
from vademecum.corpora.job_log import JobLog
from vademecum.corpora.store import Store
from vademecum.errors import LibraryError, OutOfSpace
from vademecum.progress import Progress


def finish(store: Store, jobs: JobLog, indexes: Indexes, progress: Progress) -> None:
    """An index that cannot be mended waits for its use, and what a full disk cannot take for the
    next opening."""
    try:
        with store.database.transaction() as connection:
            connection.execute("DELETE FROM corpora WHERE importing")
        jobs.interrupt_running()
    except OutOfSpace as error:
        progress.note(f"{error.message}: what is there can be read, and nothing be added")
    half_export.clear(store.database)
    try:
        indexes.bury()
    except LibraryError as error:
        progress.note(f"the indexes of a deleted corpus are still there: {error.message}")
    for row in store.corpora():
        if (pending := indexes.outbox.pending(row.id)) == 0:
            continue
        progress.start(f"bringing the indexes of {row.name} up to date", pending, "passages")
        try:
            indexes.whole(row, progress)
        except LibraryError as error:
            progress.note(f"{error.message}; {error.hint}")
        progress.finish()
