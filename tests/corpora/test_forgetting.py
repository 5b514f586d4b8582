"""A library forgets documents that it is told to: by their files, or by their ids."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from crash_support import Kill
from job_support import FILES, SOURCE
from library_support import NAME, assert_sound, document, filled, prepared

from vademecum.corpora.document import Document
from vademecum.corpora.layout import IS_WHOLE
from vademecum.corpora.library import Batch, Library
from vademecum.corpora.whole import FileRead


def file(
    number: int, body: str = "Aspirin lowers the risk. Bleeding is more frequent."
) -> Document:
    return replace(document(number, body), doc_id=f"file:{number}", title=f"Title {number}")


def paper(body: str, scheme: str = "doi:10.1000/x") -> Document:
    return replace(document(1, body), doc_id=scheme)


def read(library: Library, place: str, *documents: Document, whole: bool = True) -> None:
    """An ingestion of one file."""
    job = library.job_log.plan(NAME, SOURCE, FILES)
    library.job_log.begin(job, f"key {place}", {0: f"identity {place}"})
    ids = [item.doc_id for item in documents]
    held = [(place, doc_id) for doc_id in ids if not doc_id.startswith(("pmid:", "pmcid:"))]
    new = library.needs(NAME, documents, "split-1")
    library.commit(
        NAME,
        Batch(
            [prepared(item) for item in new],
            "split-1",
            job=job,
            held=held,
            read_places=[place],
            read=[FileRead(0, place, ids, True, True, len(ids) * whole, "how")],
        ),
    )
    snapshot = library.corpus(NAME).snapshot
    library.job_log.finish(job, "done", {}, snapshot=snapshot)


def ids(library: Library) -> list[str]:
    assert_sound(library)
    return sorted(doc_id for (doc_id,) in library._database.read("SELECT doc_id FROM documents"))


def whole(library: Library) -> list[str]:
    rows = library._database.read(f"SELECT place FROM whole_files f WHERE {IS_WHOLE}")
    return sorted(place for (place,) in rows)


def test_what_came_from_a_file_goes_with_it(library: Library) -> None:
    read(library, "/a", file(1), file(2))
    read(library, "/b", file(3))
    before = library.corpus(NAME).snapshot
    assert library.leaving(NAME, places=["/a"]).doc_ids == ("file:1", "file:2")
    assert ids(library) == ["file:1", "file:2", "file:3"]  # it was only asked
    assert library.forget(NAME, places=["/a"]).doc_ids == ("file:1", "file:2")
    assert ids(library) == ["file:3"]
    assert library.places_named(NAME) == ["/b"]
    assert whole(library) == ["/b"]
    told = library.changes(NAME, before, library.corpus(NAME).snapshot)
    assert [(change.doc_id, change.what, change.title) for change in told] == [
        ("file:1", "deleted", "Title 1"),
        ("file:2", "deleted", "Title 2"),
    ]
    assert library.search_lexical(NAME, "aspirin", 9)[0].passage.doc_id == "file:3"


def test_records_with_a_number_go_with_their_file_too(library: Library) -> None:
    read(library, "/a.xml", document(1), replace(document(2), doc_id="pmcid:PMC2"))
    library.forget(NAME, places=["/a.xml"])
    assert ids(library) == []


def test_so_do_those_of_a_file_of_which_not_all_is_there(library: Library) -> None:
    read(library, "/a.xml", document(1), whole=False)
    assert whole(library) == []
    library.forget(NAME, places=["/a.xml"])
    assert ids(library) == []


@pytest.mark.parametrize("is_whole", [True, False])
def test_what_an_earlier_reading_of_it_gave_goes_too(library: Library, is_whole: bool) -> None:
    """The second may have been cut short, or the file: records with a number stay then."""
    read(library, "/a.xml", document(1), document(2))
    read(library, "/a.xml", document(1), whole=is_whole)
    assert whole(library) == ["/a.xml"] * is_whole
    library.forget(NAME, places=["/a.xml"])
    assert ids(library) == []


def test_what_another_file_holds_stays(library: Library) -> None:
    read(library, "/a", file(1), document(2))
    read(library, "/b", file(1), document(2))
    gone = library.forget(NAME, places=["/a"])
    assert (gone.doc_ids, gone.held, gone.again) == ((), 2, ())
    assert ids(library) == ["file:1", "pmid:2"]
    assert (library.places_named(NAME), whole(library)) == (["/b"], ["/b"])
    library.forget(NAME, places=["/b"])
    assert ids(library) == []


def test_both_files_of_it_together_take_it_along(library: Library) -> None:
    read(library, "/a", file(1))
    read(library, "/b", file(1))
    assert library.forget(NAME, places=["/a", "/b"]).doc_ids == ("file:1",)
    assert ids(library) == []


@pytest.mark.parametrize("scheme", ["doi:10.1000/x", "pmid:1", "pmcid:PMC1"])
def test_a_version_that_gave_way_is_read_again(library: Library, scheme: str) -> None:
    read(library, "/a", paper("The first version.", scheme))
    read(library, "/b", paper("The second version.", scheme))
    gone = library.forget(NAME, places=["/b"])
    assert gone.doc_ids == (scheme,)
    assert gone.again == (("/a",) if scheme.startswith("doi:") else ())
    assert ids(library) == []
    assert whole(library) == []  # the next ingestion reads it
    read(library, "/a", paper("The first version.", scheme))
    assert ids(library) == [scheme]


def test_the_stored_version_stays_if_the_other_file_goes(library: Library) -> None:
    read(library, "/a", paper("The first version."))
    read(library, "/b", paper("The second version."))
    assert library.forget(NAME, places=["/a"]).held == 1
    assert library.documents(NAME, ["doi:10.1000/x"])["doi:10.1000/x"].text == "The second version."
    assert whole(library) == ["/b"]


def test_where_it_is_not_known_whose_version_it_is_it_stays(library: Library) -> None:
    read(library, "/a", paper("The first version."), whole=False)
    read(library, "/b", paper("The second version."))
    assert library.forget(NAME, places=["/b"]).held == 1
    assert ids(library) == ["doi:10.1000/x"]


def test_documents_are_forgotten_by_their_ids_whoever_holds_them(library: Library) -> None:
    read(library, "/a", file(1), file(2))
    read(library, "/b", file(1))
    gone = library.forget(NAME, doc_ids=["file:1", "file:9"])
    assert (gone.doc_ids, gone.again) == (("file:1",), ("/a", "/b"))
    assert ids(library) == ["file:2"]
    assert library.places_named(NAME) == ["/a"]
    assert whole(library) == []  # a file that still has it is read again


@pytest.mark.parametrize(
    "source", [{"query": "statins"}, {"newest": 1000}, {"brought": True}, {"taken": "a file"}]
)
def test_what_a_search_or_nlm_may_have_brought_goes_by_its_id_alone(
    library: Library, source: dict[str, object]
) -> None:
    read(library, "/a.xml", document(1), file(2))
    if "taken" in source:
        library.commit(NAME, Batch([], "split-1", taken=["pubmed26n0001.xml.gz"]))
    else:
        library.job_log.plan(NAME, SOURCE | source, [])
    gone = library.forget(NAME, places=["/a.xml"])
    assert (gone.doc_ids, gone.brought) == (("file:2",), 1)
    assert ids(library) == ["pmid:1"]
    library.forget(NAME, doc_ids=["pmid:1"])
    assert ids(library) == []


def test_no_ingestion_is_taken_for_done_after_it(library: Library) -> None:
    read(library, "/a", file(1))
    read(library, "/b", file(1))
    snapshot = library.corpus(NAME).snapshot
    assert library.job_log.done_before(NAME, "key /a", snapshot) is not None
    library.forget(NAME, places=["/a"])
    assert library.corpus(NAME).snapshot == snapshot
    assert library.job_log.done_before(NAME, "key /a", snapshot) is None


@pytest.mark.parametrize(
    "fault",
    [
        "before forgetting.write",
        "before outbox.Outbox.add",  # inside the transaction
        "after catalogue.Catalogue.changed",  # of one document, and not the others
        "after outbox.Outbox.feed",
        "before forgetting.end",
        "after forgetting.end",  # inside the last transaction
    ],
)
def test_killed_in_between_it_is_finished_by_the_same_call(
    tmp_path: Path, kill: Kill, fault: str
) -> None:
    with filled(tmp_path) as library:
        read(library, "/a", file(1), file(2), document(3), file(9))
        read(library, "/b", file(9))
    kill(tmp_path, fault, "forget")
    with Library.open(tmp_path) as library:
        # What is still there is known to be of the file, or nobody could remove it.
        left = set(ids(library))
        assert set(library.leaving(NAME, places=["/a"]).doc_ids) == left - {"file:9"}
        assert "file:9" in left
        library.forget(NAME, places=["/a"])
        assert ids(library) == ["file:9"]
        assert library.places_named(NAME) == whole(library) == ["/b"]
