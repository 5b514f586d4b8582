"""What can be told of a library without opening it, while another process may have it open."""

from __future__ import annotations

from pathlib import Path

from vademecum.corpora.database import ReadOnly
from vademecum.corpora.jobs import ACTIVE, Job, jobs_of


class Look:
    """Reads `library.sqlite` and writes nothing. Where there is no library yet, it is empty.

    Raises LibraryDamaged where the file cannot be read or is of another layout.
    """

    def __init__(self, folder: Path) -> None:
        self._rows = ReadOnly(folder.absolute() / "library.sqlite")

    def jobs(self, corpus: str | None = None) -> list[Job]:
        """Of a corpus or of all, the newest first."""
        if corpus is None:
            return jobs_of(self._rows)
        return jobs_of(self._rows, "WHERE corpus = ?", (corpus,))

    def job(self, job_id: int) -> Job | None:
        """The job of that number."""
        found = jobs_of(self._rows, "WHERE id = ?", (job_id,))
        return found[0] if found else None

    def active(self) -> Job | None:
        """The job that the process which has the library open is at, if it is at one."""
        marks = ",".join("?" * len(ACTIVE))
        found = jobs_of(self._rows, f"WHERE state IN ({marks})", ACTIVE)
        return found[0] if found else None

    def taken(self, corpus: str) -> set[str]:
        """As `Library.taken`."""
        rows = self._rows.read(
            "SELECT t.name FROM taken t JOIN corpora c ON c.id = t.corpus WHERE c.name = ?",
            (corpus,),
        )
        return {name for (name,) in rows}
