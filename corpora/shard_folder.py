"""The folder in which vectors of a job wait that were embedded ahead of their commit.

`ingest/shards.py` says what lies in it. It goes when its job is done or cancelled, or the corpus of
the job is deleted.
"""

from __future__ import annotations

import hashlib
import shutil
from contextlib import suppress
from pathlib import Path
from uuid import uuid4


def of(library: Path, owner: str, job: int, shared: Path | None) -> Path:
    """That of a job of the library in the folder `library`, whose id is `owner`: in the library, or
    in a folder that all machines see and other libraries may use, too.

    Earlier versions named it by the path of the library, which may be the same on two machines:
    what they left has its new name from now on. What a `remove` left that was killed goes.
    """
    if shared is None:
        _sweep(library, "shards-")
        return library / f"shards-{job}"
    _sweep(shared, f"vademecum-{owner[:12]}-job-")
    folder = shared / f"vademecum-{owner[:12]}-job-{job}"
    path = hashlib.sha256(str(library).encode(errors="surrogateescape")).hexdigest()
    with suppress(OSError):  # there is none, as a rule
        if not folder.exists():
            (shared / f"vademecum-{path[:12]}-job-{job}").rename(folder)
    return folder


def remove(folder: Path) -> None:
    """With all that is in it. It loses its name first: a worker that is still at a file finds no
    place for it then."""
    gone = folder.with_name(f".{folder.name}.{uuid4().hex}")
    with suppress(OSError):
        folder.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)


def _sweep(place: Path, prefix: str) -> None:
    """What lost its name, and was not removed. Only who owns the library comes here, so nobody
    else is at it."""
    for gone in place.glob(f".{prefix}*"):
        shutil.rmtree(gone, ignore_errors=True)
