"""A file of which the corpus holds all, as it would be read, is not read again: with one more file
in a folder, that one alone. What comes of it is what comes of reading all of them."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from ingest_support import FakeEmbedder, article, deletion, write_pubmed
from test_copies import article as full_text

from vademecum.corpora.library import Library
from vademecum.corpora.readers import reader_for
from vademecum.ingest import record, unchanged
from vademecum.ingest.again import failed_of, left_of
from vademecum.ingest.pipeline import ingest, resume
from vademecum.ingest.plan import Plan
from vademecum.ingest.record import of_this_run
from vademecum.ingest.report import IngestReport
from vademecum.ingest.sources import resolve
from vademecum.ingest.web import Web

NAME = "papers"


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library.open(tmp_path / "library") as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A text, a table, a full text and records of PubMed: six documents."""
    made = tmp_path / "papers"
    made.mkdir()
    (made / "a.txt").write_text("Aspirin helps.")
    (made / "b.csv").write_text("id,text\n1,One finding.\n2,Another finding.\n")
    full_text(made / "c.nxml", pmcid="PMC1")
    write_pubmed(made / "d.xml", article(1), article(2))
    return made


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that are read, in order."""
    names: list[str] = []

    def noted(path: Path) -> Any:
        names.append(path.name)
        return reader_for(path)

    monkeypatch.setattr("vademecum.ingest.reading.reader_for", noted)
    return names


def run(library: Library, source: Path | Sequence[Path], **options: Any) -> IngestReport:
    plan = resolve([str(source)]) if isinstance(source, Path) else Plan(tuple(source))
    embedder = options.pop("embedder", None) or FakeEmbedder()
    report = ingest(library, NAME, plan, embedder, **options)
    assert report.read == report.kept + report.skipped + report.superseded + report.passed_over
    return report


def contents(library: Library) -> dict[str, Any]:
    """All that must be equal, whatever was read; not which of several files that hold the same has
    written it."""
    found = library.verify(NAME)
    assert found.problems == []
    tables = {
        "origins": "SELECT doc_id, origin FROM documents WHERE origin GLOB 'pubmed26n*'",
        "passages": "SELECT d.doc_id, d.hash, d.fingerprint, d.revised, p.ordinal, "
        "p.hash, p.vector FROM documents d JOIN passages p ON p.document = d.id",
        "places": "SELECT place, doc_id FROM places",
        "withdrawn": "SELECT doc_id, version, origin FROM withdrawn",
        "taken": "SELECT name FROM taken",
        "notices": "SELECT source, target, kind FROM notices",
        "identifiers": "SELECT doc_id, identifier FROM identifiers",
    }
    rows = {name: sorted(library._database.read(sql)) for name, sql in tables.items()}
    return {"snapshot": library.corpus(NAME).snapshot, **rows}


# what is passed over


def test_one_more_file_is_the_only_one_that_is_read(
    library: Library, folder: Path, opened: list[str]
) -> None:
    run(library, folder)
    opened.clear()
    (folder / "bb.txt").write_text("Ibuprofen helps.")
    embedder = FakeEmbedder()
    report = run(library, folder, embedder=embedder)
    assert opened == ["bb.txt"]
    assert (report.state, report.files, report.unchanged, report.read) == ("done", 5, 4, 1)
    assert (report.kept, report.skipped, len(embedder.embedded)) == (1, 0, 1)
    assert library.corpus(NAME).documents == 7
    job = library.jobs()[0]
    assert [file.state for file in job.files] == [
        *("unchanged", "unchanged", "done", "unchanged", "unchanged")
    ]
    assert job.report["unchanged"] == 4


@pytest.mark.parametrize("apart", [True, False])
def test_nothing_that_a_file_holds_goes_because_it_was_not_read(
    library: Library, folder: Path, apart: bool
) -> None:
    """Twice, for what is known of it has to stay, too."""
    run(library, folder)
    before = contents(library)
    for n in range(2):
        (folder / f"e{n}.txt").write_text(f"New {n}.")
        report = run(library, folder, apart=apart)
        assert (report.unchanged, report.displaced, report.deleted) == (4 + n, 0, 0)
    now = contents(library)
    assert set(before["places"]) < set(now["places"])
    assert set(before["passages"]) < set(now["passages"])


def test_files_that_failed_are_read_again_and_no_others(
    library: Library, folder: Path, opened: list[str]
) -> None:
    (folder / "broken.xml").write_text("<PubmedArticleSet>")
    assert run(library, folder).state == "failed"
    opened.clear()
    report = run(library, folder)
    assert opened == ["broken.xml"]
    assert (report.state, report.failed, report.unchanged) == ("failed", 1, 4)


def test_a_file_whose_pages_say_nothing_is_passed_over_one_with_lost_rows_is_not(
    library: Library, tmp_path: Path, opened: list[str]
) -> None:
    twice, torn = tmp_path / "twice.csv", tmp_path / "torn.csv"
    twice.write_text("id,text\n1,One.\n1,One.\n")
    torn.write_text("id,text\n1,One.\n2\n")
    report = run(library, [twice, torn])
    assert report.rejected == 2
    opened.clear()
    report = run(library, [twice, torn, full_text(tmp_path / "x.nxml")])
    assert opened == ["torn.csv", "x.nxml"]
    assert (report.unchanged, report.rejected) == (1, 1)


def test_what_was_read_in_many_batches_is_whole_as_well(
    library: Library, tmp_path: Path, opened: list[str]
) -> None:
    many = write_pubmed(tmp_path / "many.xml", *map(article, range(1, 41)))
    run(library, [many], batch_size=3)
    opened.clear()
    assert run(library, [many, full_text(tmp_path / "x.nxml")]).unchanged == 1
    assert opened == ["x.nxml"]


def test_what_was_held_before_is_whole_once_it_was_read(
    library: Library, tmp_path: Path, opened: list[str]
) -> None:
    """A copy elsewhere holds the same documents: read once, it is known there, too."""
    first = write_pubmed(tmp_path / "first.xml", article(1))
    copy = Path(shutil.copy(first, tmp_path / "copy.xml"))
    run(library, [first])
    assert run(library, [first, copy]).unchanged == 1
    opened.clear()
    assert run(library, [first, copy, full_text(tmp_path / "x.nxml")]).unchanged == 2
    assert opened == ["x.nxml"]


# what is not


def changed_bytes(path: Path) -> None:
    path.write_text(path.read_text().replace("One finding", "No finding"))


def explained(path: Path) -> None:
    path.with_name("fields.toml").write_text('text = "text"\ntitle = "id"\n')


def checked(path: Path) -> None:
    path.with_name("b.csv.md5").write_text("0" * 32)


@pytest.mark.parametrize("change", [changed_bytes, explained, checked])
def test_a_file_that_would_be_read_otherwise_is(
    library: Library, folder: Path, opened: list[str], change: Callable[[Path], None]
) -> None:
    run(library, folder)
    opened.clear()
    change(folder / "b.csv")
    report = run(library, folder)
    assert report.unchanged == 3
    assert opened == ([] if change is checked else ["b.csv"])  # its checksum is another
    assert report.failed == (change is checked)


def test_other_readers_and_another_splitter_read_all_of_them(
    library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(library, folder)
    assert run(library, folder, embedder=FakeEmbedder(max_tokens=20)).unchanged == 0
    assert run(library, [*folder.iterdir()], embedder=FakeEmbedder(max_tokens=20)).unchanged == 4
    monkeypatch.setattr(record, "readers_fingerprint", lambda: "others")
    assert run(library, [*folder.iterdir()], embedder=FakeEmbedder(max_tokens=20)).unchanged == 0


@pytest.mark.parametrize("options", [{"limit": 3}, {"newest": 3}])
def test_where_documents_are_counted_all_are_read(
    library: Library, folder: Path, options: dict[str, int]
) -> None:
    run(library, folder)
    files = tuple(sorted(folder.iterdir()))
    plan = Plan(files, newest=options.get("newest"))
    report = ingest(library, NAME, plan, FakeEmbedder(), limit=options.get("limit"))
    assert report.unchanged == 0
    assert report.read >= 3


def test_what_a_limit_cut_or_a_selection_left_out_is_not_whole(
    library: Library, tmp_path: Path
) -> None:
    path = write_pubmed(tmp_path / "a.xml", *map(article, range(1, 6)))
    run(library, [path], limit=3)
    ingest(library, NAME, Plan((path,), newest=4), FakeEmbedder())
    report = run(library, [path])
    assert (report.unchanged, report.read, report.kept) == (0, 5, 0)
    assert run(library, [path, full_text(tmp_path / "x.nxml")]).unchanged == 1


def test_nlms_numbered_files_are_read_in_their_order(library: Library, tmp_path: Path) -> None:
    one = write_pubmed(tmp_path / "pubmed26n0001.xml", article(1))
    run(library, [one])
    two = write_pubmed(tmp_path / "pubmed26n0002.xml", article(1, "Revised."))
    assert run(library, [one, two]).unchanged == 0


def test_a_file_that_deletes_is_read_again(library: Library, tmp_path: Path) -> None:
    first = write_pubmed(tmp_path / "a.xml", article(1), article(2))
    update = write_pubmed(tmp_path / "b.xml", article(3), deletion(1))
    run(library, [first, update])
    report = run(library, [first, update, full_text(tmp_path / "x.nxml")])
    assert report.unchanged == 0
    assert library.document("pmid:1", NAME) is None


def test_what_took_the_place_of_a_file_has_it_read_again(library: Library, tmp_path: Path) -> None:
    """Also where it is read in the same run, before the file's turn."""
    old = write_pubmed(tmp_path / "a.xml", article(1, "Old."))
    new = write_pubmed(tmp_path / "b.xml", article(1, "New."), article(2))
    run(library, [old, new])
    assert library.documents(NAME, ["pmid:1"])["pmid:1"].text == "New."
    report = run(library, [old, new, full_text(tmp_path / "x.nxml")])
    assert report.unchanged == 0
    assert library.documents(NAME, ["pmid:1"])["pmid:1"].text == "New."


def test_a_file_is_read_where_what_waits_to_be_written_would_take_its_place(
    library: Library, tmp_path: Path
) -> None:
    known = write_pubmed(tmp_path / "b.xml", article(1, "Known."))
    run(library, [known])
    earlier = write_pubmed(tmp_path / "a.xml", article(1, "Otherwise."))
    report = run(library, [earlier, known])
    assert (report.unchanged, report.read) == (0, 2)
    assert library.documents(NAME, ["pmid:1"])["pmid:1"].text == "Known."
    # The other way round what was known is passed over, and then replaced.
    report = run(library, [known, write_pubmed(tmp_path / "c.xml", article(1, "Last."))])
    assert (report.unchanged, report.read) == (1, 1)
    assert library.documents(NAME, ["pmid:1"])["pmid:1"].text == "Last."


def test_what_a_file_held_before_it_changed_is_not_known_when_it_changes_back(
    library: Library, tmp_path: Path
) -> None:
    """Its text lived on in a copy meanwhile, and what it said in between was another's as well."""
    folder = tmp_path / "papers"
    folder.mkdir()
    first, copy = folder / "f.txt", folder / "g.txt"
    first.write_text("One.")
    run(library, folder)
    copy.write_text("One.")
    run(library, folder)
    first.write_text("Two.")
    (folder / "h.txt").write_text("Two.")
    run(library, folder)
    first.write_text("One.")
    run(library, folder)
    copy.write_text("Three.")
    assert run(library, folder).displaced == 0
    assert {text for (text,) in library._database.read("SELECT text FROM documents")} == {
        "One.", "Two.", "Three.",
    }  # fmt: skip


def test_a_batch_of_nothing_new_begins_a_reading_as_well(library: Library, tmp_path: Path) -> None:
    records = [article(number) for number in range(1, 7)]
    some = write_pubmed(tmp_path / "f.xml", *records[:5])
    other = write_pubmed(tmp_path / "g.xml", records[5])
    run(library, [some, other], batch_size=2)
    write_pubmed(some, *records[:3], records[5], records[4])  # 4 is gone, 6 has come
    run(library, [some, other], batch_size=2)
    other.unlink()
    # What another file deletes before its turn, it holds.
    deleting = write_pubmed(tmp_path / "a.xml", article(7), deletion(6))
    report = run(library, [deleting, some], batch_size=2)
    assert report.unchanged == 0
    assert library.document("pmid:6", NAME) is not None


def test_a_moved_file_of_several_batches_is_read_once_more(
    library: Library, tmp_path: Path
) -> None:
    before = write_pubmed(tmp_path / "f.xml", *map(article, range(1, 7)))
    run(library, [before], batch_size=2)
    moved = before.rename(tmp_path / "g.xml")
    assert run(library, [moved], batch_size=2).unchanged == 0
    one_more = full_text(tmp_path / "x.nxml")
    assert run(library, [moved, one_more], batch_size=2).unchanged == 1


def test_of_two_versions_in_two_files_neither_is_written_again(
    library: Library, tmp_path: Path
) -> None:
    earlier = write_pubmed(tmp_path / "a.xml", *(article(n, "Earlier.") for n in range(1, 5)))
    later = write_pubmed(tmp_path / "b.xml", *(article(n, "Later.") for n in range(1, 5)))
    run(library, [earlier, later])
    report = run(library, [earlier, later, full_text(tmp_path / "x.nxml")])
    assert (report.kept, report.superseded) == (1, 4)
    assert library.documents(NAME, ["pmid:1"])["pmid:1"].text == "Later."


def test_rows_that_a_table_took_with_it_come_back(library: Library, tmp_path: Path) -> None:
    """A corpus that was deleted, and made anew under its name, holds nothing."""
    table = tmp_path / "t.csv"
    table.write_text("id,text\n1,One.\n2,Two.\n")
    run(library, [table])
    library.delete_corpus(NAME)
    report = run(library, [table])
    assert (report.unchanged, report.kept) == (0, 2)


def test_a_file_that_changed_while_it_was_read_is_not_taken_for_what_it_was(
    library: Library, tmp_path: Path
) -> None:
    """It is hashed first, and read then."""
    path = tmp_path / "a.txt"
    path.write_text("What it says.")

    class Meddling(FakeEmbedder):
        def embed_passages(self, texts: Sequence[str]) -> Any:
            path.write_text("What it says since then.")
            return super().embed_passages(texts)

    run(library, [path], embedder=Meddling())
    path.write_text("What it says.")
    assert run(library, [path, full_text(tmp_path / "x.nxml")]).unchanged == 0


def test_a_file_that_changes_before_its_turn_is_read(library: Library, tmp_path: Path) -> None:
    first, second = tmp_path / "a.txt", tmp_path / "b.txt"
    second.write_text("What it says.")
    run(library, [second])

    class Meddling(FakeEmbedder):
        def embed_passages(self, texts: Sequence[str]) -> Any:
            if len(self.calls) == 0:
                second.write_text("What it says since then.")
            return super().embed_passages(texts)

    first.write_text("It comes first.")
    third = tmp_path / "aa.txt"
    third.write_text("And it comes next.")
    report = run(library, [first, third, second], embedder=Meddling(), batch_size=1)
    assert (report.unchanged, report.kept) == (0, 3)
    assert [text for (text,) in library._database.read("SELECT text FROM documents")] == [
        "It comes first.",
        "And it comes next.",
        "What it says since then.",
    ]


# jobs that do not end


def test_a_job_that_is_gone_on_with_does_not_read_what_it_passed_over(
    library: Library, folder: Path, opened: list[str]
) -> None:
    run(library, folder)
    for name in ("aa.txt", "e.txt", "f.txt"):
        (folder / name).write_text(f"This is {name}.")

    class Dying(FakeEmbedder):
        def embed_passages(self, texts: Sequence[str]) -> Any:
            if self.calls:
                raise RuntimeError("killed")
            return super().embed_passages(texts)

    with pytest.raises(RuntimeError):
        run(library, folder, embedder=Dying(), batch_size=1)
    job = library.jobs()[0]
    states = {Path(file.path).name: file.state for file in job.files}
    assert states["aa.txt"] == "done"
    assert states["f.txt"] == "pending"
    opened.clear()
    with Web() as web:
        work = left_of(library, job, web)
        whole = resume(library, work, FakeEmbedder())
    assert opened == ["e.txt", "f.txt"]
    assert (whole.state, whole.files, whole.unchanged, whole.kept) == ("done", 7, 4, 3)
    passed = sum(state == "unchanged" for state in states.values())
    assert of_this_run(whole, work).unchanged == 4 - passed


def test_a_retry_passes_over_what_another_job_has_read_meanwhile(
    library: Library, folder: Path, opened: list[str]
) -> None:
    (folder / "broken.xml").write_text("<PubmedArticleSet>")
    job = run(library, folder).job
    write_pubmed(folder / "broken.xml", article(9))
    run(library, [folder / "broken.xml"])
    opened.clear()
    assert job is not None
    found = library.job_log.find(job)
    assert found is not None
    with Web() as web:
        report = resume(library, failed_of(library, found, web), FakeEmbedder())
    assert (report.state, report.unchanged, opened) == ("done", 1, [])


# an older library


def test_a_library_of_before_this_was_known_reads_each_file_once_more(
    tmp_path: Path, folder: Path
) -> None:
    with Library.open(tmp_path / "library") as library:
        run(library, folder)
        before = contents(library)
    with closing(sqlite3.connect(tmp_path / "library" / "library.sqlite")) as old, old:
        old.execute("DROP TABLE whole_documents")
        old.execute("DROP TABLE whole_files")
        old.execute("PRAGMA user_version = 8")
    with Library.open(tmp_path / "library") as library:
        assert contents(library) == before
        (folder / "e.txt").write_text("New.")
        embedder = FakeEmbedder()
        report = run(library, folder, embedder=embedder)
        assert (report.unchanged, report.skipped, len(embedder.embedded)) == (0, 6, 1)
        (folder / "f.txt").write_text("Newer.")
        assert run(library, folder).unchanged == 5


# whatever happens to a folder, the corpus is what reading all of it makes of it


def step(chance: random.Random, folder: Path, number: int) -> None:
    """Something that people, and programs, do to the files of a folder."""
    name = chance.choice(["a", "b", "c"])
    below = folder / chance.choice([".", "x", "y"])
    below.mkdir(exist_ok=True)
    what = chance.randrange(7)
    if what == 0:
        (below / f"{name}.txt").write_text(f"Text {chance.randrange(3)}.")
    elif what == 1:
        rows = [f"{n},Row {n} of {chance.randrange(3)}." for n in range(chance.randrange(1, 4))]
        (below / f"{name}.csv").write_text("\n".join(["id,text", *rows]) + "\n")
    elif what == 2:
        file, first = chance.choice([(f"pubmed26n000{number % 3}.xml", 11), (f"{name}.xml", 1)])
        numbers = range(first, first + 3)
        records = [article(n, f"Says {chance.randrange(3)}.") for n in numbers]
        kept = chance.sample(records, chance.randrange(1, 4))
        gone = [deletion(chance.choice(numbers))] if chance.random() < 0.3 else []
        write_pubmed(below / file, *kept, *gone)
    elif what == 3:
        central = chance.choice(["", f"PMC{ord(name)}"])
        full_text(below / f"{name}{number % 2}.nxml", pmcid=central, doi=f"10.1000/{name}")
    elif files := sorted(path for path in folder.rglob("*") if path.is_file()):
        path = chance.choice(files)
        if what == 4:
            path.unlink()
        elif what == 5:
            path.replace(below / path.name)
        else:
            shutil.copy(path, below / path.name.replace("a", "b"))  # may be the same


@pytest.mark.parametrize("seed", range(12))
def test_it_comes_to_the_same_corpus_as_reading_all_of_a_folder(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    folder = tmp_path / "papers"
    folder.mkdir()
    passed = 0
    with Library.open(tmp_path / "one") as one, Library.open(tmp_path / "other") as other:
        for number in range(12):
            for _ in range(chance.randrange(1, 4)):
                try:
                    step(chance, folder, number)
                except shutil.SameFileError:
                    continue
            files = sorted(path for path in folder.rglob("*") if path.is_file())
            if not files:
                continue
            size = chance.choice([1, 2, 64])
            plan = resolve([str(folder)])
            passed += ingest(one, NAME, plan, FakeEmbedder(), batch_size=size).unchanged
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(unchanged.Unchanged, "__contains__", lambda *_: False)
                patch.setattr(record.JobRecord, "_known", lambda *_: False)
                report = ingest(other, NAME, plan, FakeEmbedder(), batch_size=size)
            assert report.unchanged == 0
            assert contents(one) == contents(other), number
    assert passed
