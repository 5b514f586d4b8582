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
    half = target.with_name(f".{target.name}{_ending(database)}")
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
    """At opening: nobody else has the library, so what is remembered was killed. Only a folder that
    is named as `begun` names it goes."""
    for (said,) in database.read("SELECT value FROM facts WHERE name = 'exporting'"):
        half = Path(_text(said))
        if half.name.startswith(".") and half.name.endswith(_ending(database)):
            shutil.rmtree(half, ignore_errors=True)
        _forget(database)


def _ending(database: Database) -> str:
    ((owner,),) = database.read("SELECT value FROM facts WHERE name = 'id'")
    return f".{owner[:12]}.half"


def _text(said: str) -> str:
    try:
        return str(json.loads(said))
    except ValueError:
        return ""


def _forget(database: Database) -> None:
    with suppress(OutOfSpace), database.transaction() as connection:
        connection.execute("DELETE FROM facts WHERE name = 'exporting'")
