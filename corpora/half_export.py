"""The folder of an export that is not whole yet.

The library remembers it: what a kill leaves of it, which may be as large as the corpus, goes at the
next opening.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vademecum.corpora.database import Database
from vademecum.errors import OutOfSpace


@contextmanager
def begun(database: Database, target: Path) -> Iterator[Path]:
    """An empty folder beside `target`, of this library alone; it goes if the block fails. Raises
    OSError."""
    ((owner,),) = database.read("SELECT value FROM facts WHERE name = 'id'")
    half = target.with_name(f".{target.name}.{owner[:12]}.half")
    target.parent.mkdir(parents=True, exist_ok=True)
    if half.exists():
        shutil.rmtree(half)
    with suppress(OutOfSpace), database.transaction() as connection:  # the other disk may have room
        connection.execute(
            "INSERT OR REPLACE INTO facts VALUES ('exporting', ?)", (json.dumps(str(half)),)
        )
    half.mkdir()
    try:
        yield half
    except BaseException:
        shutil.rmtree(half, ignore_errors=True)
        raise
    finally:
        _forget(database)


def clear(database: Database) -> None:
    """At opening: nobody else has the library, so what is remembered was killed."""
    for (half,) in database.read("SELECT value FROM facts WHERE name = 'exporting'"):
        shutil.rmtree(json.loads(half), ignore_errors=True)
        _forget(database)


def _forget(database: Database) -> None:
    with suppress(OutOfSpace), database.transaction() as connection:
        connection.execute("DELETE FROM facts WHERE name = 'exporting'")
