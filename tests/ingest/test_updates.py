"""Baseline and update files: the later record wins, in whatever order the files are read."""

from __future__ import annotations

import hashlib
import random
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from ingest_support import FakeEmbedder, article, deletion, write_pubmed

from vademecum.corpora.document import Deletion, Document
from vademecum.corpora.library import Library
from vademecum.corpora.readers import reader_for
from vademecum.corpora.revision import Revision, file_number
from vademecum.ingest.checksum import md5_named, md5_problem
from vademecum.ingest.pipeline import ingest
from vademecum.ingest.report import IngestReport
from vademecum.ingest.sources import resolve

NAME = "pubmed"


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library.open(tmp_path / "library") as opened:
        yield opened


def run(library: Library, *paths: Path, corpus: str = NAME, batch_size: int = 64) -> IngestReport:
    embedder = FakeEmbedder()
    report = ingest(library, corpus, list(paths), embedder, batch_size=batch_size)
    assert report.read == report.kept + report.skipped + report.superseded + report.passed_over
    return report


def numbered(folder: Path, number: int, *records: str) -> Path:
    return write_pubmed(folder / f"pubmed26n{number:04}.xml.gz", *records)


def text(library: Library, pmid: int) -> str:
    found = library.document(f"pmid:{pmid}", NAME)
    return found.text if found else ""


@pytest.mark.parametrize("batch_size", [1, 64])
def test_what_is_deleted_and_comes_again_unchanged_stays(
    library: Library, tmp_path: Path, batch_size: int
) -> None:
    run(library, numbered(tmp_path, 1, article(1), article(2)))
    later = numbered(tmp_path, 2, deletion(1, 2)), numbered(tmp_path, 3, article(1), article(9))
    run(library, *later, batch_size=batch_size)
    assert library.documents(NAME, ["pmid:1", "pmid:2"]).keys() == {"pmid:1"}
    assert library.documents(NAME, ["pmid:1"])["pmid:1"].origin == "pubmed26n0003.xml.gz"
    assert library.verify(NAME).problems == []


def test_numbered_files_are_taken_in_order_whatever_the_order_given(tmp_path: Path) -> None:
    names = ["updatefiles/pubmed26n1335.xml.gz", "a.txt", "baseline/pubmed26n1334.xml.gz", "b.txt"]
    names.append("old/pubmed25n1500.xml.gz")
    paths = [tmp_path / name for name in names]
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        path.touch()
    got = [path.name for path in resolve([str(path) for path in paths]).files]
    assert got == [
        "pubmed25n1500.xml.gz",
        "a.txt",
        "pubmed26n1334.xml.gz",
        "b.txt",
        "pubmed26n1335.xml.gz",
    ]


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("pubmed26n1334.xml.gz", (26, 1334)),
        ("medline16n0902.xml", (16, 902)),
        ("pubmed26n10001.xml.gz", (26, 10001)),
        ("my-pubmed26n1334.xml.gz", None),
        ("pubmed26n1334.xml.gz.md5", None),
        ("export.xml", None),
    ],
)
def test_numbers_of_files(name: str, number: tuple[int, int] | None) -> None:
    assert file_number(name) == number


def test_which_revision_is_the_earlier() -> None:
    one, two = Revision("1", "pubmed26n0001.xml.gz"), Revision("1", "pubmed26n0002.xml.gz")
    assert one.precedes(two)
    assert not two.precedes(one)
    assert not one.precedes(one)
    assert two.precedes(Revision("2", "pubmed26n0001.xml.gz"))  # another version of the work
    assert Revision("1", "pubmed25n9999.xml.gz").precedes(one)
    found = Revision("1", "search.xml", "2026-03-01")
    assert Revision("1", "pubmed26n0001.xml.gz", "2026-02-01").precedes(found)
    assert not found.precedes(Revision("1", "pubmed26n0001.xml.gz"))  # nobody knows
    assert not Revision("1", "a.xml").precedes(Revision("1", "b.xml"))


def test_a_version_that_is_no_number_to_be_read_ends_no_job(tmp_path: Path) -> None:
    """Python converts no more than 4,300 digits: the first such record ended the job, each time."""
    odd = article(1, "Odd.").replace('Version="1"', f'Version="{"9" * 5000}"')
    path = write_pubmed(tmp_path / "a.xml", odd, article(2), odd.replace("Odd.", "Odder."))
    more = write_pubmed(tmp_path / "b.xml", odd.replace("Odd.", "Odd again."), article(3))
    with Library.open(tmp_path / "library") as library:
        report = ingest(library, NAME, [path, more], FakeEmbedder(), batch_size=1)
        assert (report.state, report.read, report.failed) == ("done", 5, 0)
        assert library.corpus(NAME).documents == 3


def test_a_file_that_comes_late_undoes_nothing(library: Library, tmp_path: Path) -> None:
    first = numbered(tmp_path, 1, article(1, "Old."), article(2), article(3, "Only."))
    second = numbered(tmp_path, 2, article(1, "New."), deletion(2, 9))
    run(library, second)
    report = run(library, first)
    assert (report.kept, report.superseded) == (1, 2)
    assert text(library, 1) == "New."
    assert text(library, 2) == ""
    assert text(library, 3) == "Only."
    back = run(library, numbered(tmp_path, 3, article(2, "It came back.")))
    assert back.kept == 1
    assert text(library, 2) == "It came back."
    assert run(library, numbered(tmp_path, 2, deletion(2))).deleted == 0  # of before it came back
    assert library.verify(NAME).sound


def test_what_a_later_file_repeats_is_later(library: Library, tmp_path: Path) -> None:
    run(library, numbered(tmp_path, 1, article(1, "First.")))
    repeated = run(library, numbered(tmp_path, 3, article(1, "First."), article(2)))
    assert (repeated.skipped, repeated.embedded) == (1, 1)
    assert run(library, numbered(tmp_path, 2, article(1, "Between."))).superseded == 1
    assert text(library, 1) == "First."


def test_of_two_versions_of_a_work_the_higher_is_kept(library: Library, tmp_path: Path) -> None:
    second = article(1, "Second version.").replace('Version="1"', 'Version="2"')
    one = numbered(tmp_path, 1, second, article(1, "First version."))
    assert run(library, one).superseded == 1
    later = numbered(tmp_path, 2, article(1, "First, revised."), deletion(1))
    report = run(library, later, batch_size=1)
    assert (report.superseded, report.deleted) == (1, 0)
    assert text(library, 1) == "Second version."


def test_a_killed_run_embeds_nothing_again_that_a_later_file_replaced(
    library: Library, tmp_path: Path
) -> None:
    files = [
        numbered(tmp_path, 1, article(1, "Old."), article(2)),
        numbered(tmp_path, 2, article(1, "New."), deletion(2)),
    ]
    run(library, *files, batch_size=1)
    embedder = FakeEmbedder()
    again = ingest(library, NAME, [*files, numbered(tmp_path, 3, article(3))], embedder)
    assert (again.kept, len(embedder.embedded)) == (1, 1)


def test_every_order_of_the_files_gives_the_same_corpus(library: Library, tmp_path: Path) -> None:
    chance = random.Random(5)
    files = []
    for number in range(1, 6):
        records = [
            article(pmid, f"In file {number if chance.random() < 0.7 else 0}.")
            for pmid in chance.sample(range(1, 9), 4)
        ]
        files.append(numbered(tmp_path, number, *records, deletion(chance.randint(1, 8))))
    run(library, *files, corpus="in-order")
    expected = library.corpus("in-order").snapshot
    for turn in range(8):
        shuffled = chance.sample(files, len(files))
        for path in shuffled:  # a job each, as where a file is retried
            run(library, path, corpus=f"turn-{turn}", batch_size=chance.choice([1, 3, 64]))
        assert library.corpus(f"turn-{turn}").snapshot == expected, shuffled


# md5


def test_both_ways_of_writing_a_checksum() -> None:
    digest = hashlib.md5(b"").hexdigest()
    assert md5_named(f"MD5(pubmed26n1334.xml.gz)= {digest.upper()}\n") == digest
    assert md5_named(f"{digest}  pubmed26n1334.xml.gz\n") == digest
    assert md5_named("<html>503</html>") == md5_named("") == md5_named("ab" * 20) == ""


def test_a_file_unlike_its_checksum_is_not_read_and_the_rest_is(
    library: Library, tmp_path: Path
) -> None:
    one, two = numbered(tmp_path, 1, article(1)), numbered(tmp_path, 2, article(2))
    sound = one.read_bytes()
    for path in (one, two):
        beside = path.with_name(path.name + ".md5")
        beside.write_text(f"MD5({path.name})= {hashlib.md5(path.read_bytes()).hexdigest()}\n")
    numbered(tmp_path, 1, article(1, "Not what was sent."))
    report = run(library, one, two)
    [(name, reason)] = report.failed_files
    assert name == str(one)
    assert "MD5" in reason
    assert report.kept == 1
    assert text(library, 1) == ""
    one.write_bytes(sound)
    assert run(library, one, two).kept == 1


def test_a_checksum_that_is_none_is_said(tmp_path: Path) -> None:
    path = numbered(tmp_path, 1, article(1))
    assert md5_problem(path) == ""
    path.with_name(path.name + ".md5").write_text("")
    assert "names no MD5" in md5_problem(path)


def test_of_a_checksum_no_more_is_read_than_one_can_have(tmp_path: Path) -> None:
    path = numbered(tmp_path, 1, article(1))
    beside = path.with_name(path.name + ".md5")
    beside.write_text(f"MD5({path.name})= {hashlib.md5(path.read_bytes()).hexdigest()}\n")
    with beside.open("r+b") as file:
        file.truncate(200_000_000)  # with a hole, which takes no room on the disk
    tracemalloc.start()
    assert md5_problem(path) == ""
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


def test_real_baseline_and_update_files(real_data: Path, library: Library) -> None:
    folder = real_data / "pubmed" / "baseline2026"
    paths = sorted(folder.rglob("*.xml.gz"))
    assert [md5_problem(path) for path in paths] == ["", "", ""]
    plan = resolve([str(folder)])
    assert [file_number(path.name) for path in plan.files] == [(20, 1016), (26, 1334), (26, 1335)]
    records = [item for path in plan.files for item in reader_for(path).read(path)]
    deleted = {item.doc_id for item in records if isinstance(item, Deletion)}
    assert len(deleted) >= 262
    documents = [item for item in records if isinstance(item, Document)]
    assert all(len(item.revised) == 10 for item in documents)
    report = run(library, *plan.files)
    assert report.failed_files == []
    expected: set[str] = set()
    for item in records:
        if isinstance(item, Deletion):
            expected.discard(item.doc_id)
        elif isinstance(item, Document):
            expected.add(item.doc_id)
    assert set(library._store.doc_ids(1)) == expected
    backwards = run(library, *reversed(plan.files), corpus="backwards")
    assert backwards.read == report.read
    assert library.corpus("backwards").snapshot == library.corpus(NAME).snapshot
