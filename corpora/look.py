"""What can be told of a library without opening it, while another process may have it open."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vademecum.corpora.database import ReadOnly
from vademecum.corpora.job_list import ListedJob, listed
from vademecum.corpora.jobs import ACTIVE, FileState, Job, JobState, among, job_of, jobs_of
from vademecum.corpora.layout import IS_WHOLE, PLACES


@dataclass(frozen=True, slots=True)
class Active:
    """A job at work."""

    id: int
    corpus: str
    state: JobState


class Look:
    """Reads `library.sqlite` and writes nothing. Where there is no library yet, it is empty.

    Raises LibraryDamaged where the file cannot be read or is of another layout.
    """

    def __init__(self, folder: Path) -> None:
        self._rows = ReadOnly(folder.absolute() / "library.sqlite")

    def jobs(self) -> Iterator[Job]:
        """The newest first, each read when its turn comes."""
        return jobs_of(self._rows)

    def job_list(self, most: int) -> Iterator[ListedJob]:
        """As `Library.job_list`."""
        return listed(self._rows, most)

    def job(self, job_id: int) -> Job | None:
        """The job of that number."""
        return job_of(self._rows, job_id)

    def state(self, job_id: int) -> JobState | None:
        """Of the job of that number, without reading its files."""
        found = self._rows.read("SELECT state FROM jobs WHERE id = ?", (job_id,))
        return found[0][0] if found else None

    def active(self) -> Active | None:
        """The job that the process which has the library open is at, if it is at one. Who waits
        asks again and again: its files are not read."""
        found = self._rows.read(
            f"SELECT id, corpus, state FROM jobs WHERE {among(ACTIVE)} ORDER BY id DESC", ACTIVE
        )
        return Active(*found[0]) if found else None

    def files(self, corpus: str) -> Iterator[tuple[str, FileState, str]]:
        """Of all files that jobs of a corpus read or were to read, those of the newest job first:
        the path, how the job left it, its identity. A job's are read when its turn comes."""
        for (job_id,) in self._rows.read(
            "SELECT id FROM jobs WHERE corpus = ? ORDER BY id DESC", (corpus,)
        ):
            for (source,) in self._rows.read("SELECT source FROM jobs WHERE id = ?", (job_id,)):
                paths = json.loads(source)["files"]
                for number, state, identity in self._rows.read(
                    "SELECT number, state, identity FROM job_files WHERE job = ?", (job_id,)
                ):
                    if number < len(paths):
                        yield paths[number], state, identity

    def places_named(self, corpus: str) -> list[str]:
        """As `Library.places_named`; none of a corpus to be."""
        sql = "SELECT id FROM corpora WHERE name = ? AND NOT importing"
        found = self._rows.read(sql, (corpus,))
        return [place for (place,) in self._rows.read(PLACES, found[0])] if found else []

    def whole(self, corpus: str, readers: str) -> dict[str, str]:
        """Identities of the files of which the corpus holds all, by their places: as long as it is
        these readers that would read them, and what splits and embeds is what did so last."""
        rows = self._rows.read(
            f"SELECT f.place, f.identity FROM whole_files f JOIN corpora c ON c.id = f.corpus "
            f"WHERE c.name = ? AND f.how = c.fingerprint || '/' || ? AND {IS_WHOLE}",
            (corpus, readers),
        )
        return dict(rows)

    def taken(self, corpus: str) -> set[str]:
        """As `Library.taken`."""
        rows = self._rows.read(
            "SELECT t.name FROM taken t JOIN corpora c ON c.id = t.corpus WHERE c.name = ?",
            (corpus,),
        )
        return {name for (name,) in rows}
