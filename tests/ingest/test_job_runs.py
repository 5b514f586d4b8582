"""A job that is stopped goes on from what it recorded; what changed is read again, and replaces."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from ingest_support import FakeEmbedder, article, deletion, write_pubmed
from site_support import serving

from vademecum.assets import SAMPLE_PUBMED, PackageFile
from vademecum.corpora.control import Control, Wish
from vademecum.corpora.jobs import Job
from vademecum.corpora.library import Library
from vademecum.corpora.readers import reader_for
from vademecum.errors import NothingToDo, OutOfSpace
from vademecum.ingest.again import failed_of, left_of
from vademecum.ingest.pipeline import ingest, resume
from vademecum.ingest.plan import Plan
from vademecum.ingest.record import of_this_run
from vademecum.ingest.report import BY_FILE, IngestReport
from vademecum.ingest.sources import SAMPLE, resolve
from vademecum.ingest.web import Web
from vademecum.progress import Progress
from vademecum.settings import Settings

NAME = "trials"


class Meddling(FakeEmbedder):
    """Does something when it is asked to embed for the so-manieth time."""

    def __init__(self, at: int, act: Callable[[], object]) -> None:
        super().__init__()
        self.at = at
        self.act = act

    def embed_passages(self, texts: Sequence[str]) -> Any:
        if len(self.calls) == self.at:
            self.act()
        return super().embed_passages(texts)


def broken_off() -> None:
    raise OutOfSpace("the disk is full", "free some")


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library.open(tmp_path / "library") as opened:
        yield opened


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Three of ten records each."""
    return [
        write_pubmed(tmp_path / f"{n}.xml", *[article(10 * n + k) for k in range(1, 11)])
        for n in range(3)
    ]


def contents(library: Library) -> list[Any]:
    """All that must be equal, whatever happened on the way."""
    assert library.verify(NAME).problems == []
    rows = library._database.read(
        "SELECT d.doc_id, d.hash, d.fingerprint, p.ordinal, p.hash, p.vector "
        "FROM documents d JOIN passages p ON p.document = d.id ORDER BY d.doc_id, p.ordinal"
    )
    return [library.corpus(NAME).snapshot, rows]


def uninterrupted(tmp_path: Path, source: Any, **options: Any) -> list[Any]:
    with Library.open(tmp_path / "expected") as other:
        ingest(other, NAME, source, FakeEmbedder(), **options)
        return contents(other)


def stopped(library: Library, source: Any, at: int = 3, **options: Any) -> IngestReport:
    """An ingestion that Ctrl-C ends after `at` batches of four."""
    stop = threading.Event()
    embedder = Meddling(at - 1, stop.set)
    return ingest(library, NAME, source, embedder, batch_size=4, stop=stop, **options)


def go_on(library: Library, job: int | None, embedder: FakeEmbedder | None = None) -> IngestReport:
    assert job is not None
    with Web() as web:
        work = left_of(library, named(library, job), web)
    return resume(library, work, embedder or FakeEmbedder(), batch_size=4)


def named(library: Library, job: int) -> Job:
    found = library.job_log.find(job)
    assert found is not None
    return found


def test_a_stop_ends_it_after_the_batch_and_resume_does_the_rest(
    library: Library, files: list[Path], tmp_path: Path
) -> None:
    report = stopped(library, files)
    assert (report.state, library.corpus(NAME).documents) == ("interrupted", 12)
    job = library.jobs()[0]
    assert [file.state for file in job.files] == ["done", "pending", "pending"]
    assert [file.counts.get("read", 0) for file in job.files] == [10, 2, 0]
    embedder = FakeEmbedder()
    report = go_on(library, report.job, embedder)
    assert report.state == "done"
    assert len(embedder.embedded) == 18
    assert (report.files, report.read, report.kept, report.skipped) == (3, 30, 30, 0)
    assert library.jobs()[0].id == job.id
    assert len(library.jobs()) == 1
    assert contents(library) == uninterrupted(tmp_path, files)


def test_what_is_forgotten_before_it_goes_on_is_read_with_the_next_ingestion(
    library: Library, files: list[Path], tmp_path: Path
) -> None:
    job = stopped(library, files).job
    assert len(library.forget(NAME, places=[str(files[0])]).doc_ids) == 10
    assert go_on(library, job).state == "done"
    assert library.corpus(NAME).documents == 20
    assert ingest(library, NAME, files, FakeEmbedder()).kept == 10
    assert contents(library) == uninterrupted(tmp_path, files)


def test_a_job_that_stops_often_counts_as_one_that_does_not(
    library: Library, files: list[Path], tmp_path: Path
) -> None:
    """Unchanged is only what the library held before the job began."""
    ingest(library, NAME, files[1:2], FakeEmbedder(), limit=3)
    job = stopped(library, files, at=1).job
    assert job is not None
    runs: list[IngestReport] = []
    for at in (1, 2, 1, 99):
        stop = threading.Event()
        with Web() as web:
            work = left_of(library, named(library, job), web)
        embedder = Meddling(at - 1, stop.set)
        whole = resume(library, work, embedder, batch_size=4, stop=stop)
        runs.append(of_this_run(whole, work))
    assert whole.state == "done"
    assert (whole.read, whole.kept, whole.skipped) == (30, 27, 3)
    with Library.open(tmp_path / "expected") as other:
        ingest(other, NAME, files[1:2], FakeEmbedder(), limit=3)
        expected = ingest(other, NAME, files, FakeEmbedder())
    for name in BY_FILE:
        assert getattr(whole, name) == getattr(expected, name), name
    assert all(run.kept for run in runs)
    assert all(run.read >= run.kept + run.skipped for run in runs)  # of files begun again, too
    assert (runs[-1].read, runs[-1].kept, runs[-1].skipped) == (20, 12, 8)
    assert sum(run.kept for run in runs) == 27 - 4  # after the four of the first
    told = [file.counts for file in named(library, job).files]
    assert [(one["read"], one["kept"], one.get("skipped", 0)) for one in told] == [
        (10, 10, 0),
        (10, 7, 3),
        (10, 10, 0),
    ]


def test_a_run_that_is_killed_before_its_first_batch_forgets_nothing(
    library: Library, files: list[Path]
) -> None:
    report = stopped(library, files, at=1)
    for _ in range(2):
        with pytest.raises(OutOfSpace):
            go_on(library, report.job, Meddling(0, broken_off))
        assert library.jobs()[0].files[0].counts["kept"] == 4
    report = go_on(library, report.job)
    assert (report.read, report.kept, report.skipped) == (30, 30, 0)


def test_what_a_mended_file_gave_before_it_failed_was_kept(
    library: Library, files: list[Path]
) -> None:
    sound = files[1].read_text()
    files[1].write_text(sound.replace("trial 15", "<trial 15"))
    report = ingest(library, NAME, files, FakeEmbedder())
    assert report.kept == 29  # all but the record that is damaged
    files[1].write_text(sound)
    with Web() as web:
        work = failed_of(library, library.jobs()[0], web)
        report = resume(library, work, FakeEmbedder())
    assert (report.read, report.kept, report.skipped) == (30, 30, 0)
    assert of_this_run(report, work).kept == 1


def test_a_selection_that_is_gone_on_with_counts_as_one(
    library: Library, files: list[Path]
) -> None:
    plan = Plan(tuple(files), newest=20)
    report = stopped(library, plan, at=2)
    assert report.kept == 8
    report = go_on(library, report.job)
    assert (report.read, report.kept, report.skipped, report.passed_over) == (30, 20, 0, 10)


def test_what_was_resumed_is_known_as_if_it_had_never_stopped(
    library: Library, files: list[Path]
) -> None:
    go_on(library, stopped(library, files).job)
    embedder = FakeEmbedder()
    again = ingest(library, NAME, files, embedder)
    assert (again.read, again.unchanged, embedder.calls) == (0, 3, [])


@pytest.mark.parametrize("limit", [12, 14, 20, 25, 30])
def test_a_limit_counts_over_all_runs(
    library: Library, files: list[Path], tmp_path: Path, limit: int
) -> None:
    first = stopped(library, files, at=2, limit=limit)
    report = go_on(library, first.job)
    assert (report.state, report.read) == ("done", limit)
    assert library.corpus(NAME).documents == limit
    assert contents(library) == uninterrupted(tmp_path, files, limit=limit)


def test_a_selection_is_chosen_again(library: Library, files: list[Path], tmp_path: Path) -> None:
    plan = Plan(tuple(files), newest=15)
    first = stopped(library, plan, at=2)
    assert library.corpus(NAME).documents == 8
    report = go_on(library, first.job)
    assert (report.state, report.read, report.passed_over) == ("done", 30, 15)
    assert contents(library) == uninterrupted(tmp_path, plan)


@pytest.mark.parametrize(("wish", "state"), [("pause", "paused"), ("cancel", "cancelled")])
def test_another_process_can_have_it_paused_or_cancelled(
    library: Library, files: list[Path], wish: Wish, state: str
) -> None:
    control = Control(library.path)
    control.ask(1, wish)  # of an earlier run: to be ignored
    embedder = Meddling(1, lambda: control.ask(1, wish))
    report = ingest(library, NAME, files, embedder, batch_size=4)
    assert (report.state, library.corpus(NAME).documents) == (state, 8)
    assert control.wish(1) is None
    if wish == "cancel":
        with pytest.raises(NothingToDo, match="it is cancelled"):
            go_on(library, 1)
    else:
        assert go_on(library, 1).state == "done"
        with pytest.raises(NothingToDo, match="nothing is left of job 1: it is done"):
            go_on(library, 1)


def test_a_wish_for_another_job_is_none_for_this(library: Library, files: list[Path]) -> None:
    embedder = Meddling(1, lambda: Control(library.path).ask(99, "cancel"))
    assert ingest(library, NAME, files, embedder, batch_size=4).state == "done"


def test_a_job_that_an_error_ended_says_so_and_can_be_resumed(
    library: Library, files: list[Path], tmp_path: Path
) -> None:
    def full() -> None:
        raise OutOfSpace("the disk is full", "free some space")

    with pytest.raises(OutOfSpace):
        ingest(library, NAME, files, Meddling(2, full), batch_size=4)
    job = library.jobs()[0]
    assert (job.state, job.reason, job.can_resume) == ("failed", "the disk is full", True)
    assert go_on(library, job.id).state == "done"
    assert contents(library) == uninterrupted(tmp_path, files)


def test_the_same_command_tells_of_the_job_that_was_left(
    library: Library, files: list[Path]
) -> None:
    notes: list[str] = []

    class Notes:
        def start(self, task: str, total: int | None, unit: str) -> None: ...
        def advance(self, amount: int) -> None: ...
        def finish(self) -> None: ...
        def note(self, text: str) -> None:
            notes.append(text)

    stopped(library, files)
    ingest(library, NAME, files, FakeEmbedder(), progress=Notes())
    assert any("vademecum jobs resume 1" in note for note in notes)


def test_retry_reads_the_failed_files_alone(
    library: Library, files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = files[1].read_text()
    files[1].write_text(sound.replace("trial 15", "<trial 15"))
    report = ingest(library, NAME, files, FakeEmbedder(), batch_size=4)
    assert (report.state, report.kept) == ("failed", 29)
    job = library.jobs()[0]
    assert [file.state for file in job.files] == ["done", "failed", "done"]
    assert not job.can_resume
    with Web() as web:
        with pytest.raises(NothingToDo, match="nothing is left"):
            left_of(library, job, web)
        again = resume(library, failed_of(library, job, web), FakeEmbedder())
        assert again.state == "failed"  # nobody mended it
        assert len(again.failed_files) == 1
        files[1].write_text(sound)
        opened: list[Path] = []

        def noted(path: Path) -> Any:
            opened.append(path)
            return reader_for(path)

        monkeypatch.setattr("vademecum.ingest.reading.reader_for", noted)
        embedder = FakeEmbedder()
        again = resume(library, failed_of(library, named(library, job.id), web), embedder)
        assert opened == [files[1]]
        assert (again.state, again.files, again.read, again.failed_files) == ("done", 3, 30, [])
        assert len(embedder.embedded) == 1
        with pytest.raises(NothingToDo, match="no file of job 1 failed"):
            failed_of(library, named(library, job.id), web)
    assert contents(library) == uninterrupted(tmp_path, files)


def test_a_failed_file_that_is_gone_since_is_dropped_from_its_job(
    library: Library, files: list[Path], tmp_path: Path
) -> None:
    files[1].write_text("<PubmedArticleSet>")
    report = ingest(library, NAME, files, FakeEmbedder())
    assert (report.state, report.read) == ("failed", 20)
    files[1].unlink()
    with Web() as web:
        work = failed_of(library, library.jobs()[0], web)
        assert work.paths == {}
        again = resume(library, work, FakeEmbedder())
        assert (again.state, again.read, again.failed_files) == ("done", 20, [])
        job = library.jobs()[0]
        assert [(file.state, file.reason) for file in job.files] == [
            ("done", ""),
            ("gone", "gone since"),
            ("done", ""),
        ]
        with pytest.raises(NothingToDo):
            failed_of(library, job, web)
    assert contents(library) == uninterrupted(tmp_path, [files[0], files[2]])
    known = ingest(library, NAME, [files[0], files[2]], FakeEmbedder())
    assert (known.job, known.kept) == (job.id, 0)  # the job is as if it had never had the file


def test_a_failed_file_of_a_disk_that_is_not_mounted_is_not_dropped(
    library: Library, tmp_path: Path
) -> None:
    disk, away = tmp_path / "disk", tmp_path / "away"
    disk.mkdir()
    path = disk / "a.xml"
    path.write_text("<PubmedArticleSet>")
    ingest(library, NAME, [path], FakeEmbedder())
    disk.rename(away)
    with Web() as web:
        resume(library, failed_of(library, library.jobs()[0], web), FakeEmbedder())
        assert [file.state for file in library.jobs()[0].files] == ["failed"]
        away.rename(disk)
        write_pubmed(path, article(1))
        work = failed_of(library, library.jobs()[0], web)
        assert resume(library, work, FakeEmbedder()).state == "done"


def test_the_sample_that_is_gone_or_damaged_is_fetched_again(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = write_pubmed(tmp_path / "there.xml.gz", *[article(n) for n in range(1, 9)]).read_bytes()
    asset = replace(
        SAMPLE_PUBMED, name="sample.xml.gz", sha256=sha256(data).hexdigest(), size=len(data)
    )
    here = tmp_path / "assets" / asset.name
    fetched: list[str] = []

    def bring(wanted: PackageFile, target: Path, _: Progress) -> None:
        fetched.append(wanted.name)
        target.write_bytes(data)

    for module in ("sources", "again"):
        monkeypatch.setattr(f"vademecum.ingest.{module}.SAMPLE_PUBMED", asset)
    monkeypatch.setattr("vademecum.assets._fetch", bring)
    monkeypatch.setenv("VADEMECUM_HOME", str(tmp_path))
    plan = resolve([SAMPLE])
    here.unlink()
    assert ingest(library, NAME, plan, FakeEmbedder(), limit=5).state == "failed"
    for damage in (b"", b"x" * len(data)):
        if damage:
            here.write_bytes(damage)
        with Web() as web:
            work = failed_of(library, library.jobs()[0], web)
        assert here.read_bytes() == data
    report = resume(library, work, FakeEmbedder())
    assert (report.state, report.read, report.kept) == ("done", 8, 5)
    assert fetched == [asset.name] * 3


def test_an_address_that_failed_is_fetched_anew(library: Library, tmp_path: Path) -> None:
    with serving() as site, Web(settings=Settings(home=tmp_path, offline=False)) as web:
        site.files["/a.xml"] = b"<PubmedArticleSet>"
        plan = resolve([f"{site.url}/a.xml"], web=web)
        assert ingest(library, NAME, plan, FakeEmbedder()).state == "failed"
        write_pubmed(tmp_path / "a.xml", article(1))
        site.files["/a.xml"] = (tmp_path / "a.xml").read_bytes()
        work = failed_of(library, library.jobs()[0], web)
        assert resume(library, work, FakeEmbedder()).state == "done"


def test_a_retry_that_was_killed_as_it_began_is_ended_by_the_next(
    library: Library, files: list[Path]
) -> None:
    files[1].write_text("<PubmedArticleSet>")
    ingest(library, NAME, files, FakeEmbedder())
    files[1].unlink()
    with Web() as web:
        failed_of(library, library.jobs()[0], web)  # drops the file, and that was all
        job = library.jobs()[0]
        assert (job.state, job.can_retry, job.can_resume) == ("failed", True, False)
        work = failed_of(library, job, web)
    assert resume(library, work, FakeEmbedder()).state == "done"
    assert not library.jobs()[0].can_retry


def test_what_one_run_of_a_job_did_is_told_apart_from_the_whole(
    library: Library, files: list[Path]
) -> None:
    sound = files[1].read_text()
    files[1].write_text("<PubmedArticleSet>")
    first = ingest(library, NAME, files, FakeEmbedder())
    files[1].write_text(sound)
    with Web() as web:
        work = failed_of(library, library.jobs()[0], web)
        whole = resume(library, work, FakeEmbedder())
    run = of_this_run(whole, work)
    assert (whole.files, whole.read, whole.kept) == (3, 30, 30)
    assert (run.files, run.read, run.kept) == (1, 10, 10)
    assert run.embedded == whole.embedded - first.embedded > 0
    assert run.seconds == pytest.approx(whole.seconds - first.seconds)


def test_what_failed_before_is_of_the_whole_job_not_of_the_run_that_goes_on(
    library: Library, files: list[Path]
) -> None:
    files[0].write_text("<PubmedArticleSet>")
    first = stopped(library, files, at=1)
    assert (first.state, first.failed) == ("interrupted", 1)
    files[2].write_text("<PubmedArticleSet>")
    with Web() as web:
        work = left_of(library, library.jobs()[0], web)
    whole = resume(library, work, FakeEmbedder(), batch_size=4)
    run = of_this_run(whole, work)
    assert (whole.failed, run.failed) == (2, 1)
    assert [name for name, _ in whole.failed_files] == [str(files[0]), str(files[2])]
    assert [name for name, _ in run.failed_files] == [str(files[2])]


def test_a_failure_is_recorded_with_what_was_read_before_it(
    library: Library, tmp_path: Path
) -> None:
    path = write_pubmed(tmp_path / "a.xml", *[article(n) for n in range(1, 7)])
    path.write_text(path.read_text().replace("trial 6", "<trial 6"))
    stop = threading.Event()
    embedder = Meddling(0, stop.set)
    report = ingest(library, NAME, [path], embedder, batch_size=4, stop=stop)
    # The damage was met after the batch under way: as long as its records wait, it did not happen.
    assert (report.state, library.corpus(NAME).documents) == ("interrupted", 4)
    assert library.jobs()[0].files[0].state == "pending"
    report = go_on(library, report.job)
    assert (report.state, library.corpus(NAME).documents) == ("failed", 5)


# what is read again


def test_a_changed_text_takes_the_place_of_the_one_before(library: Library, tmp_path: Path) -> None:
    path, other = tmp_path / "a.md", tmp_path / "b.md"
    path.write_text("# Aspirin\n\nAspirin helps.\n")
    other.write_text("# Statins\n\nStatins help.\n")
    ingest(library, NAME, [path, other], FakeEmbedder())
    path.write_text("# Aspirin\n\nAspirin harms.\n")
    report = ingest(library, NAME, [path], FakeEmbedder())
    assert (report.kept, report.displaced, report.deleted) == (1, 1, 0)
    assert library.corpus(NAME).documents == 2
    found = [hit.passage.text for hit in library.search_lexical(NAME, "aspirin", 5)]
    assert found == ["# Aspirin\n\nAspirin harms."]
    assert library.verify(NAME).problems == []


def test_a_change_that_cannot_be_read_displaces_nothing(library: Library, tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text("# Aspirin\n\nAspirin helps.\n")
    ingest(library, NAME, [path], FakeEmbedder())
    path.write_bytes(bytes(range(256)) * 8)
    report = ingest(library, NAME, [path], FakeEmbedder())
    assert (report.state, library.corpus(NAME).documents) == ("failed", 1)


def test_rows_that_are_gone_from_a_table_are_gone_from_the_corpus(
    library: Library, tmp_path: Path
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text\n" + "".join(f"Aspirin {n} helps.\n" for n in range(9)))
    ingest(library, NAME, [path], FakeEmbedder(), batch_size=2)
    path.write_text("text\n" + "".join(f"Aspirin {n} helps.\n" for n in range(3, 12)))
    report = ingest(library, NAME, [path], FakeEmbedder(), batch_size=2)
    assert (report.kept, report.skipped, report.displaced) == (3, 6, 3)
    assert library.corpus(NAME).documents == 9
    cut = ingest(library, NAME, [path], FakeEmbedder(), limit=2)  # says nothing of the rest
    assert (cut.displaced, library.corpus(NAME).documents) == (0, 9)


def test_an_address_keeps_one_document(library: Library, tmp_path: Path) -> None:
    url = "https://example.org/guideline"
    for text, name in (("First.", "a.txt"), ("Second.", "b.txt")):  # the name may change with it
        path = tmp_path / name
        path.write_text(text)
        ingest(library, NAME, Plan((path,), addresses={path: url}), FakeEmbedder())
    assert library.corpus(NAME).documents == 1
    assert [hit.passage.text for hit in library.search_lexical(NAME, "second", 5)] == ["Second."]


def test_records_that_have_a_number_are_not_displaced(library: Library, tmp_path: Path) -> None:
    path = write_pubmed(tmp_path / "search.xml", article(1), article(2))
    ingest(library, NAME, [path], FakeEmbedder())
    write_pubmed(path, article(3), deletion(2))
    report = ingest(library, NAME, [path], FakeEmbedder())
    assert (report.displaced, report.deleted) == (0, 1)
    assert set(library.documents(NAME, ["pmid:1", "pmid:2", "pmid:3"])) == {"pmid:1", "pmid:3"}


def test_a_changed_map_of_fields_reads_a_table_again(library: Library, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("one,two\nAspirin helps.,Statins help.\n")
    fields = tmp_path / "fields.toml"
    fields.write_text('text = "one"\n')
    ingest(library, NAME, [path], FakeEmbedder())
    fields.write_text('text = "two"\n')
    report = ingest(library, NAME, [path], FakeEmbedder())
    assert (report.kept, report.displaced) == (1, 1)
    assert [hit.passage.text for hit in library.search_lexical(NAME, "statins", 5)] == [
        "Statins help."
    ]
    again = ingest(library, NAME, [path], FakeEmbedder())
    assert (again.job, again.kept, again.unchanged) == (report.job, 0, 1)


def test_a_changed_reader_reads_again_and_embeds_what_it_changed(
    library: Library, files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = ingest(library, NAME, files, FakeEmbedder())
    monkeypatch.setattr("vademecum.ingest.record.readers_fingerprint", lambda: "of tomorrow")
    embedder = FakeEmbedder()
    report = ingest(library, NAME, files, embedder)
    assert report.job != first.job
    assert (report.read, report.skipped, embedder.calls) == (30, 30, [])


def test_the_same_bytes_with_another_ending_are_read_anew(tmp_path: Path) -> None:
    text = tmp_path / "n.txt"
    text.write_text("# Dose\n\nAspirin is taken with water.\n")
    with Library.open(tmp_path / "library") as library:
        ingest(library, NAME, [text], FakeEmbedder())
        report = ingest(library, NAME, [text.rename(tmp_path / "n.md")], FakeEmbedder())
        assert report.kept == 1
        ids = [row[0] for row in library._database.read("SELECT doc_id FROM documents")]
        [document] = library.documents(NAME, ids).values()
    assert [section.label for section in document.sections] == ["Dose"]


def test_so_does_the_ending_of_what_is_packed(tmp_path: Path) -> None:
    packed = tmp_path / "rows.jsonl.gz"
    packed.write_bytes(gzip.compress(b'{"text": "Aspirin is taken with water."}\n'))
    with Library.open(tmp_path / "library") as library:
        first = ingest(library, NAME, [packed], FakeEmbedder())
        renamed = packed.rename(tmp_path / "rows.csv.gz")
        report = ingest(library, NAME, [renamed], FakeEmbedder())
    assert (first.kept, first.failed) == (1, 0)
    assert (report.read, report.skipped) == (
        0,
        0,
    )  # as a table it is a heading: not taken for known
