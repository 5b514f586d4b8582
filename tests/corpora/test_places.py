"""What the next version of a file no longer holds, goes."""

from __future__ import annotations

from dataclasses import replace

from job_support import FILES, SOURCE
from library_support import NAME, batch, document, prepared

from vademecum.corpora.document import Document
from vademecum.corpora.library import Batch, Library
from vademecum.corpora.places import tails


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


def test_a_library_says_where_a_document_was_read(library: Library) -> None:
    library.commit(NAME, held(("/b", 1), ("/a", 2), job=1))
    library.commit(NAME, held(("/a", 1), job=1))
    assert library.places(NAME, ["file:1", "file:2", "file:3"]) == {"file:1": "/a", "file:2": "/a"}
    assert library.places(NAME, []) == {}


def test_the_shortest_end_of_a_path_that_tells_it_from_the_others() -> None:
    read = {
        "1": "/a/2021/notes.md",
        "2": "/b/2021/notes.md",
        "3": "/b/other.md",
        "4": "/b/other.md",
    }
    ends = {"1": "a/2021/notes.md", "2": "b/2021/notes.md", "3": "other.md", "4": "other.md"}
    assert tails(read) == ends
    # One that is the end of another is told whole; a name is compared whole.
    assert tails({"1": "/notes.md", "2": "/a/notes.md"}) == {"1": "/notes.md", "2": "a/notes.md"}
    assert tails({"1": "/x/keynotes.md", "2": "/x/notes.md"})["2"] == "notes.md"


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
