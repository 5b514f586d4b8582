"""What is in a library can be read on a disk that has no room left."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from library_support import NAME, assert_sound, batch, document, filled, vector_of

from vademecum.corpora import exact
from vademecum.corpora.document import Filters
from vademecum.corpora.library import Library
from vademecum.errors import OutOfSpace
from vademecum.progress import Silent

WORKS = [
    document(n, f"Aspirin lowers the risk in {year}. Bleeding was frequent in {n}.", date=f"{year}")
    for n, year in enumerate(range(1990, 2020))
]


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of 6 MB."""
    folder = Path(tempfile.mkdtemp())
    mount = ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        folder.rmdir()
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)
    folder.rmdir()


class Notes(Silent):
    def __init__(self) -> None:
        self.told: list[str] = []

    def note(self, text: str) -> None:
        self.told.append(text)


def fill(disk: Path) -> Path:
    """A file that takes all the room there is."""
    with (disk / "ballast").open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    return disk / "ballast"


def found(library: Library, **filters: Any) -> list[str]:
    hits = library.search_dense(NAME, vector_of("aspirin"), 5, Filters(**filters))
    return [hit.passage.passage_id for hit in hits]


def test_a_full_disk_can_be_searched(small_disk: Path) -> None:
    path = small_disk / "library"
    with filled(path, *WORKS) as library:
        expected = found(library)
    ballast = fill(small_disk)
    with Library.open(path) as library:
        assert found(library) == expected
        assert len(library.search_lexical(NAME, "aspirin", 5)) == 5
        assert library.corpus(NAME).documents == len(WORKS)
        assert library.document("pmid:3", NAME) == WORKS[3]
        with pytest.raises(OutOfSpace, match="is full"):
            library.commit(NAME, batch(document(99)))
    ballast.unlink()
    with Library.open(path) as library:
        assert_sound(library, 2 * len(WORKS))


def test_what_is_not_indexed_yet_can_be_read_but_not_searched(small_disk: Path) -> None:
    """No answer comes from half an index."""
    path = small_disk / "library"
    with filled(path, *WORKS):
        pass
    library = Library.open(path)
    library.job_log.begin(library.job_log.plan(NAME, {}, []), "key", {})
    library.commit(NAME, batch(document(99)))
    library.close()  # the job runs, and its last documents are not indexed yet
    ballast = fill(small_disk)
    notes = Notes()
    with Library.open(path, progress=notes) as library:
        assert any("nothing be added" in note for note in notes.told)
        assert library.corpus(NAME).documents == len(WORKS) + 1
        assert library.document("pmid:99", NAME) == document(99)
        with pytest.raises(OutOfSpace, match="is full"):
            found(library)
    ballast.unlink()
    with Library.open(path) as library:
        assert library.jobs()[0].state == "interrupted"
        assert_sound(library, 2 * len(WORKS) + 2)


@pytest.mark.parametrize("filters", [{}, {"year_from": 2011}, {"year_to": 1800}])
def test_without_an_index_the_same_passages_are_nearest(
    tmp_path: Path, filters: dict[str, Any]
) -> None:
    with filled(tmp_path, *WORKS) as library:
        store, vector, wanted = library._store, vector_of("aspirin"), Filters(**filters)
        by_index = library._indexes.vectors.query(1, vector, 7, wanted)
        by_hand = exact.nearest(store, 1, vector, 7, wanted)
        assert [passage for passage, _ in by_hand] == [passage for passage, _ in by_index]
        scores = [score for _, score in by_hand]
        assert scores == pytest.approx([score for _, score in by_index], abs=1e-3)
