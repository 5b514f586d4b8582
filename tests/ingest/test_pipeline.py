"""From files to a corpus: what is read, kept, skipped, replaced, failed."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from ingest_support import FakeEmbedder, article, deletion, write_pubmed

from vademecum.corpora.document import Document, Passage
from vademecum.corpora.library import Library
from vademecum.errors import OutOfSpace, UsageError
from vademecum.ingest import embedding, splitter
from vademecum.ingest.heading import embedding_text
from vademecum.ingest.pipeline import ingest
from vademecum.ingest.plan import Plan
from vademecum.ingest.report import IngestReport

NAME = "trials"
LONG = " ".join(f"Sentence number {n} says that aspirin works." for n in range(12))


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library.open(tmp_path / "library") as opened:
        yield opened


def assert_adds_up(report: IngestReport) -> None:
    assert report.read == report.kept + report.skipped + report.superseded + report.passed_over
    assert report.embedded <= report.passages
    assert report.seconds > 0


def run(library: Library, paths: Sequence[Path] | Plan, **options: Any) -> IngestReport:
    report = ingest(library, NAME, paths, options.pop("embedder", FakeEmbedder()), **options)
    assert_adds_up(report)
    assert library.verify(NAME).problems == []
    return report


def test_documents_are_kept_with_passages_that_fit_the_embedder(
    library: Library, tmp_path: Path
) -> None:
    path = write_pubmed(tmp_path / "a.xml", article(1, LONG), article(2), article(3, ""))
    embedder = FakeEmbedder()
    report = run(library, [path], embedder=embedder)
    assert (report.read, report.kept, report.titles_only, report.rejected) == (3, 3, 1, 0)
    info = library.corpus(NAME)
    assert (info.documents, info.passages) == (3, report.passages)
    assert info.counts == {"abstract": 2, "title": 1, "retracted": 0}
    assert report.passages > 3
    assert max(embedder.count_tokens(embedder.embedded)) <= embedder.max_tokens
    assert report.to_dict()["kept"] == 3


def test_the_title_is_embedded_with_each_passage_and_once_where_it_is_all() -> None:
    passage = Passage("pmid:1", 0, 0, 5, "Works")
    whole = Document("pmid:1", "Aspirin", "Works", "abstract")
    assert embedding_text(whole, passage) == "Aspirin\n\nWorks"
    title = Document("pmid:1", "Works", "Works", "title")
    assert embedding_text(title, passage) == "Works"
    untitled = Document("file:1", "", "Works", "full_text")
    assert embedding_text(untitled, passage) == "Works"


def test_only_what_an_older_version_embedded_otherwise_is_embedded_again(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paper = tmp_path / "a.md"
    paper.write_text(f"# Aim\n\n{LONG}\n\n# Doses\n\n{LONG.replace('aspirin', 'rest')}\n")
    paths = [paper, write_pubmed(tmp_path / "b.xml", article(1), article(2))]
    with monkeypatch.context() as older:
        older.setattr(splitter, "VERSION", splitter.VERSION - 1)
        older.setattr(embedding, "embedding_text", lambda d, p: f"{d.title}\n\n{p.text}")
        first = run(library, paths)
    embedder = FakeEmbedder()
    again = run(library, paths, embedder=embedder)
    assert (again.kept, again.passages) == (3, first.passages)
    assert 0 < again.embedded == len(embedder.embedded) < again.passages
    assert all(text.startswith(("Aim\nAim\n\n", "Aim\nDoses\n\n")) for text in embedder.embedded)


def test_texts_are_embedded_a_whole_batch_at_a_time(library: Library, tmp_path: Path) -> None:
    path = write_pubmed(tmp_path / "a.xml", *[article(n) for n in range(1, 11)])
    embedder = FakeEmbedder()
    run(library, [path], embedder=embedder, batch_size=4)
    assert [len(call) for call in embedder.calls] == [4, 4, 2]


def test_a_second_run_embeds_and_reads_nothing(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_pubmed(tmp_path / "a.xml.gz", *[article(n) for n in range(1, 6)])
    first = run(library, [path])
    embedder = FakeEmbedder()
    with monkeypatch.context() as patch:
        patch.setattr("vademecum.ingest.reading.reader_for", None)  # would fail if called
        second = run(library, [path], embedder=embedder)
    assert (second.read, second.kept, second.unchanged) == (0, 0, 1)
    assert second.job == first.job
    assert embedder.calls == []


def test_what_was_read_before_is_read_again_if_the_corpus_changed_since(
    library: Library, tmp_path: Path
) -> None:
    path = write_pubmed(tmp_path / "a.xml", *[article(n) for n in range(1, 6)])
    run(library, [path])
    run(library, [write_pubmed(tmp_path / "b.xml", deletion(3))])
    embedder = FakeEmbedder()
    report = run(library, [path], embedder=embedder)
    assert (report.kept, report.skipped) == (1, 4)
    assert len(embedder.embedded) == 1
    assert library.document("pmid:3", NAME) is not None


def test_only_what_changed_is_embedded_again(library: Library, tmp_path: Path) -> None:
    run(library, [write_pubmed(tmp_path / "a.xml", article(1), article(2, LONG))])
    retracted = '<PublicationType UI="D016441">Retracted Publication</PublicationType>'
    later = [article(1, "Aspirin does not work."), article(2, LONG, extra=retracted)]
    embedder = FakeEmbedder()
    report = run(library, [write_pubmed(tmp_path / "b.xml", *later)], embedder=embedder)
    assert report.kept == 2
    assert embedder.embedded == ["Trial 1.\n\nAspirin does not work."]
    changed = library.document("pmid:2", NAME)
    assert changed is not None
    assert changed.retracted
    assert library.search_lexical(NAME, "lowers", 5) == []


def test_a_change_of_the_splitter_splits_again(library: Library, tmp_path: Path) -> None:
    path = write_pubmed(tmp_path / "a.xml", article(1, LONG))
    few = run(library, [path], embedder=FakeEmbedder(max_tokens=200)).passages
    report = run(library, [path], embedder=FakeEmbedder(max_tokens=24))
    assert report.kept == 1
    assert report.passages > few
    assert library.corpus(NAME).passages == report.passages


def test_another_embedder_is_refused(library: Library, tmp_path: Path) -> None:
    path = write_pubmed(tmp_path / "a.xml", article(1))
    run(library, [path])
    with pytest.raises(UsageError, match="embedded with fake"):
        ingest(library, NAME, [path], FakeEmbedder("other"))


def test_deletions_delete_and_a_later_record_wins(library: Library, tmp_path: Path) -> None:
    run(library, [write_pubmed(tmp_path / "a.xml", article(1), article(2))])
    records = [article(3), deletion(1, 3, 9), article(2, "First."), article(2, "Second.")]
    report = run(library, [write_pubmed(tmp_path / "b.xml", *records)])
    assert (report.read, report.kept, report.superseded, report.deleted) == (3, 1, 2, 1)
    held = library.documents(NAME, ["pmid:1", "pmid:2", "pmid:3"])
    assert {doc_id: item.text for doc_id, item in held.items()} == {"pmid:2": "Second."}


def test_a_broken_file_keeps_what_was_read_and_the_others_go_on(
    library: Library, tmp_path: Path
) -> None:
    whole = write_pubmed(tmp_path / "whole.xml", article(1), article(2))
    broken = tmp_path / "broken.xml"
    broken.write_text(whole.read_text().replace("trial 2", "<trial 2").replace(">1<", ">7<"))
    good = write_pubmed(tmp_path / "z.xml", article(3))
    missing, odd = tmp_path / "missing.xml", tmp_path / "slides.pptx"
    odd.write_bytes(b"PK")
    report = run(library, [broken, missing, odd, good])
    assert [name for name, _ in report.failed_files] == [str(broken), str(missing), str(odd)]
    assert all(reason for _, reason in report.failed_files)
    assert library.document("pmid:3", NAME) is not None
    assert library.document("pmid:7", NAME) is not None
    job = library.jobs()[0]
    assert job.state == "failed"
    assert [file.state for file in job.files] == ["failed", "failed", "failed", "done"]
    assert job.files[0].reason == report.failed_files[0][1]
    again = run(library, [broken, good])  # a failed run is not remembered as done
    assert (again.kept, again.skipped, again.unchanged) == (0, 1, 1)
    assert len(again.failed_files) == 1


def test_rejected_records_are_counted_with_their_reason(library: Library, tmp_path: Path) -> None:
    nameless = article(1).replace('<PMID Version="1">1</PMID>', "")
    report = run(library, [write_pubmed(tmp_path / "a.xml", nameless, article(2))])
    assert (report.read, report.kept, report.rejected) == (1, 1, 1)
    [(where, reason)] = report.rejections
    assert "a.xml" in where
    assert reason
    assert report.failed_files == []


def test_a_file_of_which_nothing_can_be_taken_is_a_failure_with_a_reason(
    library: Library, tmp_path: Path
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("title,text\nAspirin,\n")
    report = run(library, [path])
    assert (report.read, report.rejected) == (0, 1)
    [(name, reason)] = report.failed_files
    assert name.endswith("a.csv")
    assert reason == "it holds nothing to read: none of its 1 records could be taken"


def test_a_limit_stops_reading(library: Library, tmp_path: Path) -> None:
    path = write_pubmed(tmp_path / "a.xml", *[article(n) for n in range(1, 10)])
    report = run(library, [path], limit=4, batch_size=3)
    assert (report.read, report.kept) == (4, 4)
    with pytest.raises(ValueError, match="limit"):
        ingest(library, NAME, [path], FakeEmbedder(), limit=0)


def test_the_newest_with_a_text_are_chosen(library: Library, tmp_path: Path) -> None:
    records = [article(n, year=2000 + n % 4) for n in range(1, 21)]
    records += [article(90, "", year=2030), article(100, year=2003)]
    path = write_pubmed(tmp_path / "a.xml", *records)
    report = run(library, Plan((path,), newest=3))
    assert (report.read, report.kept, report.passed_over) == (22, 3, 19)
    held = library.documents(NAME, [f"pmid:{n}" for n in range(1, 101)])
    assert set(held) == {"pmid:100", "pmid:19", "pmid:15"}
    more = run(library, Plan((path,), newest=3), limit=5)  # the limit is the number chosen
    assert (more.kept, more.skipped) == (2, 3)


def test_of_a_record_that_comes_again_the_later_version_is_chosen(
    library: Library, tmp_path: Path
) -> None:
    first = write_pubmed(tmp_path / "a.xml", *[article(n, f"Old {n}.") for n in range(1, 5)])
    second = write_pubmed(tmp_path / "b.xml", article(4, "New 4."), article(3, ""), deletion(2))
    report = run(library, Plan((first, second), newest=3))
    held = library.documents(NAME, [f"pmid:{n}" for n in range(1, 5)])
    assert {name: document.text for name, document in held.items()} == {"pmid:4": "New 4."}
    # 4 was replaced, 3 lost its text, 2 was deleted; 1 had made way for them
    assert (report.read, report.kept, report.superseded, report.passed_over) == (6, 1, 3, 2)


def test_a_pipe_is_not_waited_for(library: Library, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.txt")
    sound = write_pubmed(tmp_path / "b.xml", article(1))
    report = run(library, [tmp_path / "a.txt", sound])
    assert report.kept == 1
    [(name, reason)] = report.failed_files
    assert name.endswith("a.txt")
    assert reason == "it is not a regular file; save what it gives to one"


def test_a_file_that_goes_before_its_turn_is_told(library: Library, tmp_path: Path) -> None:
    sound = write_pubmed(tmp_path / "b.xml", article(1))
    report = run(library, [tmp_path / "a.txt", sound])
    assert report.kept == 1
    [(_, reason)] = report.failed_files
    assert reason.startswith("it cannot be read: No such file or directory; check that it is there")


def test_a_name_that_is_not_utf8_is_shown_escaped(library: Library, tmp_path: Path) -> None:
    good = tmp_path / os.fsdecode(b"n\xff.txt")
    good.write_text("Aspirin is a drug.")
    bad = tmp_path / os.fsdecode(b"m\xff.xml")
    bad.write_text("no XML")
    report = run(library, [good, bad])
    assert report.kept == 1
    [(name, reason)] = report.failed_files
    assert name.endswith("m\\udcff.xml")
    assert (name + reason).isprintable()
    doc_id = f"file:{hashlib.sha256(good.read_bytes()).hexdigest()[:32]}"
    assert library.documents(NAME, [doc_id])[doc_id].origin == "n\\udcff.txt"


def test_text_files_are_read_many_to_a_batch(library: Library, tmp_path: Path) -> None:
    paths = []
    for n in range(6):
        paths.append(tmp_path / f"note{n}.txt")
        paths[-1].write_text(f"Note {n}\n\nAspirin is a drug, says note {n}.")
    embedder = FakeEmbedder()
    report = run(library, paths, embedder=embedder, batch_size=4)
    assert (report.files, report.kept) == (6, 6)
    assert len(embedder.calls) == 2
    assert [file.state for file in library.jobs()[0].files] == ["done"] * 6


def test_an_interrupted_run_keeps_its_batches_and_goes_on_from_there(
    library: Library, tmp_path: Path
) -> None:
    path = write_pubmed(tmp_path / "a.xml", *[article(n) for n in range(1, 11)])

    class Interrupted(FakeEmbedder):
        def embed_passages(self, texts: Sequence[str]) -> Any:
            if len(self.calls) == 2:
                raise KeyboardInterrupt
            return super().embed_passages(texts)

    with pytest.raises(KeyboardInterrupt):
        ingest(library, NAME, [path], Interrupted(), batch_size=3)
    assert library.jobs()[0].state == "interrupted"
    assert library.corpus(NAME).documents == 6
    assert library.verify(NAME).problems == []
    embedder = FakeEmbedder()
    report = run(library, [path], embedder=embedder, batch_size=3)
    assert (report.kept, report.skipped) == (4, 6)
    assert len(embedder.embedded) == 4
    assert library.jobs()[0].state == "done"


def test_a_full_disk_stops_the_run_and_a_later_one_finishes_it(
    library: Library, tmp_path: Path
) -> None:
    path = write_pubmed(tmp_path / "a.xml", *[article(n, LONG) for n in range(1, 61)])
    library.create_corpus(NAME, embedder="fake", dim=8, fingerprint="f")
    pages = library._database.read("PRAGMA page_count")[0][0]
    library._database.read(f"PRAGMA max_page_count = {pages + 12}")
    with pytest.raises(OutOfSpace):
        ingest(library, NAME, [path], FakeEmbedder(), batch_size=4)
    held = library.corpus(NAME).documents
    assert 0 < held < 60
    assert library.verify(NAME).problems == []
    library._database.read("PRAGMA max_page_count = 1073741823")
    report = run(library, [path], batch_size=4)
    assert (report.kept, report.skipped) == (60 - held, held)


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {here!r})
from ingest_support import FakeEmbedder
from vademecum.corpora.library import Library
from vademecum.ingest.pipeline import ingest

class Dies(FakeEmbedder):
    def embed_passages(self, texts):
        if len(self.calls) == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().embed_passages(texts)

ingest(Library.open(Path({library!r})), "trials", [Path({path!r})], Dies(), batch_size=3)
"""


def test_a_killed_run_goes_on_where_it_was(tmp_path: Path) -> None:
    path = write_pubmed(tmp_path / "a.xml", *[article(n) for n in range(1, 11)])
    code = KILLED.format(
        here=str(Path(__file__).parent), library=str(tmp_path / "library"), path=str(path)
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    with Library.open(tmp_path / "library") as library:
        assert library.jobs()[0].state == "interrupted"
        report = run(library, [path])
        assert (report.kept, report.skipped) == (4, 6)


def test_killed_while_it_is_indexed_a_job_is_done(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    good = write_pubmed(tmp_path / "a.xml", *[article(n) for n in range(1, 8)])
    with monkeypatch.context() as patched:
        patched.setattr(Library, "index", killed)
        with pytest.raises(KeyboardInterrupt):
            ingest(library, NAME, [good], FakeEmbedder())
    assert [job.state for job in library.jobs()] == ["done"]
    assert library.verify(NAME).problems == []


def test_progress_counts_every_document_and_says_what_failed(
    library: Library, tmp_path: Path
) -> None:
    class Recorder:
        def __init__(self) -> None:
            self.tasks: list[tuple[str, int | None, str]] = []
            self.amounts: list[int] = []
            self.notes: list[str] = []
            self.open = 0

        def start(self, task: str, total: int | None, unit: str) -> None:
            assert self.open == 0
            self.open = 1
            self.tasks.append((task, total, unit))
            self.amounts.append(0)

        def advance(self, amount: int) -> None:
            self.amounts[-1] += amount

        def note(self, text: str) -> None:
            self.notes.append(text)

        def finish(self) -> None:
            self.open = 0

    good = write_pubmed(tmp_path / "a.xml", *[article(n) for n in range(1, 8)])
    empty = write_pubmed(tmp_path / "b.xml")
    progress = Recorder()
    ingest(library, NAME, [good, empty], FakeEmbedder(), batch_size=3, progress=progress)
    assert progress.open == 0
    assert [unit for _, _, unit in progress.tasks] == ["B", "documents", "passages"]
    indexed = library.corpus(NAME).passages - 3  # the indexes were made with the first batch
    assert progress.amounts == [good.stat().st_size + empty.stat().st_size, 7, indexed]
    assert [note.count("b.xml") for note in progress.notes] == [1]
    more = write_pubmed(tmp_path / "c.xml", article(9))
    ingest(library, NAME, [more], FakeEmbedder(), limit=500, progress=progress)
    # Nobody knows that the file holds less: there is nothing to count down to.
    assert (f"reading into {NAME}, up to 500", None, "documents") in progress.tasks
