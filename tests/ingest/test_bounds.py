"""What a job keeps in memory does not grow with the number of its files and records."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ingest_support import FakeEmbedder, article, write_pubmed

from vademecum.corpora.library import Batch, Library
from vademecum.ingest import pipeline
from vademecum.ingest.again import left_of
from vademecum.ingest.pipeline import ingest, resume
from vademecum.ingest.report import TOLD, Tally
from vademecum.ingest.web import Web

NAME = "notes"
NO_TEXT = "\x01\x02"  # a file of it cannot be read; an empty one would be passed over
BATCH = 4


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library.open(tmp_path / "library") as opened:
        yield opened


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[Batch]:
    """What is written from now on."""
    written: list[Batch] = []
    commit = Library.commit

    def noted(self: Library, corpus: str, batch: Batch, **options: Any) -> Any:
        written.append(batch)
        return commit(self, corpus, batch, **options)

    monkeypatch.setattr(Library, "commit", noted)
    return written


def texts(folder: Path, *contents: str) -> list[Path]:
    folder.mkdir()
    paths = [folder / f"{n:03}.txt" for n in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_text(content)
    return paths


def test_files_that_fail_are_written_down_in_batches_and_told_by_the_first(
    library: Library, tmp_path: Path, batches: list[Batch]
) -> None:
    paths = texts(tmp_path / "a", *[NO_TEXT] * 50)
    report = ingest(library, NAME, paths, FakeEmbedder(), batch_size=BATCH)
    assert (report.state, report.failed, len(report.failed_files)) == ("failed", 50, TOLD)
    assert [name for name, _ in report.failed_files] == [str(path) for path in paths[:TOLD]]
    assert max(len(batch.files) for batch in batches) == BATCH
    [job] = library.jobs()
    assert (len(job.failed), job.report["failed"]) == (50, 50)
    assert all(file.reason for file in job.failed)


def test_what_failed_before_counts_when_a_job_goes_on(library: Library, tmp_path: Path) -> None:
    paths = texts(tmp_path / "a", *[NO_TEXT] * 9, *[f"Note {n}." for n in range(9)])

    class Full(FakeEmbedder):
        def embed_passages(self, texts: Any) -> Any:
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        ingest(library, NAME, paths, Full(), batch_size=BATCH)
    [job] = library.jobs()
    assert (job.state, len(job.failed)) == ("interrupted", 8)  # the ninth waited with the notes
    with Web() as web:
        report = resume(library, left_of(library, job, web), FakeEmbedder(), batch_size=BATCH)
    assert (report.state, report.failed, report.kept) == ("failed", 9, 9)


def test_the_same_text_again_and_again_fills_batches(
    library: Library, tmp_path: Path, batches: list[Batch]
) -> None:
    paths = texts(tmp_path / "a", *["Aspirin helps."] * 50)
    report = ingest(library, NAME, paths, FakeEmbedder(), batch_size=BATCH)
    assert (report.read, library.corpus(NAME).documents) == (50, 1)
    assert max(len(batch.held) for batch in batches) == BATCH
    assert sum(len(batch.held) for batch in batches) == 50


def test_revisions_of_one_record_fill_batches(
    library: Library, tmp_path: Path, batches: list[Batch]
) -> None:
    path = write_pubmed(tmp_path / "a.xml", *[article(1, f"Version {n}.") for n in range(50)])
    report = ingest(library, NAME, [path], FakeEmbedder(), batch_size=BATCH)
    assert (report.read, report.kept + report.superseded) == (50, 50)
    assert len(batches) == 13
    assert [hit.passage.text for hit in library.search_lexical(NAME, "version", 9)] == [
        "Version 49."
    ]


def test_counts_of_files_that_are_written_down_are_let_go(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = texts(tmp_path / "a", *[f"Note {n}." for n in range(50)])
    used: list[Tally] = []
    most = 0

    class Watched(Tally):
        def count(self, file: int, name: str, amount: int = 1) -> None:
            nonlocal most
            super().count(file, name, amount)
            most = max(most, len([n for n in range(len(paths)) if self.of(n)]))
            used.append(self)

    monkeypatch.setattr(pipeline, "Tally", Watched)
    report = ingest(library, NAME, paths, FakeEmbedder(), batch_size=BATCH)
    assert report.kept == 50
    assert most <= BATCH + 1  # the file that fills the batch is counted before it is written
    assert [n for n in range(len(paths)) if used[-1].of(n)] == []
    assert all(file.counts["kept"] == 1 for file in library.jobs()[0].files)
