"""Asking the job of another process to pause or to end: a small file in the library's folder.

Only one process owns a library, so nobody else can tell the job through the library itself.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Literal

from vademecum.errors import OutOfSpace

Wish = Literal["pause", "cancel"]


class Control:
    """`library.control` says which job is to do what. The job looks after every batch."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "library.control"

    def ask(self, job_id: int, wish: Wish) -> None:
        """Leave a wish for a running job; of several the last counts. Raises OutOfSpace."""
        fresh = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        try:
            fresh.write_text(json.dumps({"job": job_id, "wish": wish}), "utf-8")
            fresh.replace(self._path)
        except OSError as error:
            raise OutOfSpace(
                f"{self._path} cannot be written: {error.strerror}",
                "check the permissions of the folder and its free space",
            ) from error

    def wish(self, job_id: int) -> Wish | None:
        """What the job was asked to do, if anything."""
        try:
            found = json.loads(self._path.read_text("utf-8"))
            asked = found["wish"] if found["job"] == job_id else None
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return asked if asked in ("pause", "cancel") else None

    def clear(self) -> None:
        """Nothing is asked any more."""
        self._path.unlink(missing_ok=True)
