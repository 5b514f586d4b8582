"""What the next version of a file no longer holds, goes."""

from __future__ import annotations

from dataclasses import replace

from job_support import FILES, SOURCE
from library_support import NAME, batch, document, prepared

from vademecum.corpora.document import Document
from vademecum.corpora.library import Batch, Library


def held(*documents: tuple[str, int], job: int, read: tuple[str, ...] = ()) -> Batch:
    """Documents at places, as a job has read them; of `read` the whole."""
    return Batch(
        [prepared(file(number)) for _, number in documents],
        "split-1",
        job=job,
        held=[(place, f"file:{number}") for place, number in documents],
        read_places=read,
    )


def file(number: int) -> Document:
    return replace(document(number), doc_id=f"file:{number}")


def ids(library: Library) -> set[str]:
    return set(library.documents(NAME, [f"file:{n}" for n in range(9)]))


def test_what_a_place_no_longer_holds_goes_once_it_is_read_whole(library: Library) -> None:
    library.commit(NAME, held(("/a", 1), ("/a", 2), ("/b", 3), job=1, read=("/a", "/b")))
    written = library.commit(NAME, held(("/a", 2), ("/a", 4), job=2))
    assert (written.displaced, ids(library)) == (0, {"file:1", "file:2", "file:3", "file:4"})
    written = library.commit(NAME, Batch([], "split-1", job=2, read_places=["/a"]))
    assert (written.displaced, written.deleted) == (1, 0)
    assert ids(library) == {"file:2", "file:3", "file:4"}
    assert library.verify(NAME).problems == []


def test_what_another_place_holds_stays(library: Library) -> None:
    library.commit(NAME, held(("/a", 1), job=1, read=("/a",)))
    library.commit(NAME, held(("/copy", 1), job=2, read=("/copy",)))
    library.commit(NAME, held(("/a", 2), job=3, read=("/a",)))
    assert ids(library) == {"file:1", "file:2"}
    library.commit(NAME, held(("/copy", 2), job=4, read=("/copy",)))
    assert ids(library) == {"file:2"}


def test_a_job_that_goes_on_may_find_a_file_changed(library: Library) -> None:
    number = library.job_log.plan(NAME, SOURCE, FILES)
    library.commit(NAME, held(("/a", 1), job=number))
    library.job_log.reopen(number, [0], SOURCE)
    library.commit(NAME, held(("/a", 2), job=number, read=("/a",)))
    assert ids(library) == {"file:2"}


def test_a_batch_of_no_job_holds_nothing(library: Library) -> None:
    library.commit(NAME, batch(document(1)))
    assert library._database.read("SELECT * FROM places") == []
