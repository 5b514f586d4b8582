"""What an ingestion meets in real folders: full disks, other programs, lost indexes."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from ingest_support import FakeEmbedder, article, write_pubmed
from mode_support import bound_by_modes

from vademecum.corpora.batch import Batch, Written
from vademecum.corpora.library import Library
from vademecum.errors import LibraryDamaged, LibraryLocked, OutOfSpace
from vademecum.ingest.again import left_of
from vademecum.ingest.pipeline import ingest, resume
from vademecum.ingest.report import IngestReport
from vademecum.ingest.web import Web

NAME = "trials"
LONG = " ".join(f"Sentence number {n} says that aspirin works." for n in range(20))
FILES = 24


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_pubmed(tmp_path / "a.xml", *[article(n, LONG) for n in range(1, FILES + 1)])


class Meddling(FakeEmbedder):
    def __init__(self, at: int, act: Any) -> None:
        super().__init__()
        self.at, self.act = at, act

    def embed_passages(self, texts: Sequence[str]) -> Any:
        if len(self.calls) == self.at:
            self.act()
        return super().embed_passages(texts)


def finish(library: Library) -> IngestReport:
    with Web() as web:
        report = resume(library, left_of(library, library.jobs()[0], web), FakeEmbedder())
    assert report.state == "done"
    assert library.corpus(NAME).documents == FILES
    assert library.verify(NAME).problems == []
    return report


LIMITED = """
import resource, signal, sys
from pathlib import Path
sys.path.insert(0, {here!r})
from ingest_support import FakeEmbedder
from vademecum.corpora.batch import Batch, Written
from vademecum.corpora.library import Library

from vademecum.errors import LibraryError
from vademecum.ingest.pipeline import ingest

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
library = Library.open(Path({library!r}))
library.create_corpus("trials", embedder="fake", dim=8, fingerprint="f")
resource.setrlimit(resource.RLIMIT_FSIZE, ({most}, {most}))
try:
    ingest(library, "trials", [Path({path!r})], FakeEmbedder(), batch_size=4)
except LibraryError as error:
    print(type(error).__name__, error.message, error.hint, sep="|")
"""


def test_files_that_cannot_grow_lose_nothing(path: Path, tmp_path: Path) -> None:
    code = LIMITED.format(
        here=str(Path(__file__).parent),
        library=str(tmp_path / "library"),
        path=str(path),
        most=400_000,
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "|" in done.stdout, done.stderr
    with Library.open(tmp_path / "library") as library:
        assert library.corpus(NAME).documents < FILES
        finish(library)


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of 3 MB."""
    folder = Path(tempfile.mkdtemp())
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        folder.rmdir()
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)
    folder.rmdir()


def test_a_disk_that_fills_up_stops_it_until_there_is_room(path: Path, small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    with Library.open(small_disk / "library") as library:

        def fill() -> None:
            free = shutil.disk_usage(small_disk).free
            ballast.write_bytes(bytes(max(0, free - (64 << 10))))

        with pytest.raises(OutOfSpace) as full:
            ingest(library, NAME, [path], Meddling(2, fill), batch_size=4)
        assert "free some space" in full.value.hint
    ballast.unlink()
    with Library.open(small_disk / "library") as library:
        assert 0 < library.corpus(NAME).documents < FILES
        assert library.jobs()[0].state in ("failed", "interrupted")
        finish(library)


def test_what_was_not_embedded_is_not_counted(path: Path, tmp_path: Path) -> None:
    def break_off() -> None:
        raise OutOfSpace("no memory", "")

    with Library.open(tmp_path / "library") as library:
        with pytest.raises(OutOfSpace):
            ingest(library, NAME, [path], Meddling(2, break_off), batch_size=4)
        job, corpus = library.jobs()[0], library.corpus(NAME)
        assert (job.report["kept"], job.report["passages"]) == (corpus.documents, corpus.passages)
        assert corpus.documents == 8
        finish(library)


@pytest.mark.parametrize("fails", ["transaction", "index"])
def test_a_batch_counts_if_the_library_has_it(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    """Whether the disk was full for the batch itself, or only for the indexes behind it."""
    with Library.open(tmp_path / "library") as library:
        commit, batches = library.commit, 0

        def full(corpus: str, batch: Batch, **how: Any) -> Written:
            nonlocal batches
            batches += 1
            if batches < 3:
                return commit(corpus, batch, **how)
            if fails == "index":
                commit(corpus, batch, **how)
            raise OutOfSpace("the disk is full", "")

        monkeypatch.setattr(library, "commit", full)
        with pytest.raises(OutOfSpace):
            ingest(library, NAME, [path], FakeEmbedder(), batch_size=4)
        monkeypatch.undo()
        [job], corpus = library.jobs(), library.corpus(NAME)
        assert corpus.documents == (12 if fails == "index" else 8)
        assert (job.report["kept"], job.report["passages"]) == (corpus.documents, corpus.passages)
        assert job.report["read"] == job.report["kept"]
        assert finish(library).kept == FILES


def test_another_program_that_writes_is_waited_for_and_then_told(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Library.open(tmp_path / "library") as library:
        library._database.read("PRAGMA busy_timeout = 200")
        other = sqlite3.connect(
            tmp_path / "library" / "library.sqlite", isolation_level=None, check_same_thread=False
        )
        embedder = Meddling(2, lambda: other.execute("BEGIN IMMEDIATE"))
        with pytest.raises(LibraryLocked, match="another program is writing"):
            ingest(library, NAME, [path], embedder, batch_size=4)
        other.execute("ROLLBACK")
        library._database.read("PRAGMA busy_timeout = 5000")
        other.execute("BEGIN IMMEDIATE")
        threading.Timer(0.3, lambda: other.execute("ROLLBACK")).start()
        # Nobody could write how it ended; to this process it still runs.
        report = ingest(library, NAME, [path], FakeEmbedder(), batch_size=4)
        assert (report.state, report.kept + report.skipped) == ("done", FILES)
        other.close()
        assert library.verify(NAME).problems == []


def test_a_folder_that_cannot_be_written_is_told(path: Path, tmp_path: Path) -> None:
    folder = tmp_path / "library"
    folder.mkdir(mode=0o500)
    with bound_by_modes(), pytest.raises(OutOfSpace, match="cannot be written"):
        Library.open(folder)


def test_a_library_that_turns_read_only_is_told(path: Path, tmp_path: Path) -> None:
    with Library.open(tmp_path / "library") as library:
        only = Meddling(2, lambda: library._database.read("PRAGMA query_only = ON"))
        with pytest.raises(OutOfSpace, match="cannot be written"):
            ingest(library, NAME, [path], only, batch_size=4)
        library._database.read("PRAGMA query_only = OFF")
    with Library.open(tmp_path / "library") as library:
        assert library.jobs()[0].state == "interrupted"
        finish(library)


@pytest.mark.parametrize("index", ["chroma", "lexical"])
def test_an_index_that_was_deleted_is_told_and_rebuilt(
    path: Path, tmp_path: Path, index: str
) -> None:
    with Library.open(tmp_path / "library") as library:
        ingest(library, NAME, [path], FakeEmbedder(), batch_size=4)
    shutil.rmtree(tmp_path / "library" / index)
    more = write_pubmed(tmp_path / "b.xml", article(FILES + 1))
    with Library.open(tmp_path / "library") as library:
        with suppress(LibraryDamaged):  # unless it was mended at the opening
            ingest(library, NAME, [more], FakeEmbedder())
        library.rebuild(NAME)
        embedder = FakeEmbedder()
        report = ingest(library, NAME, [path, more], embedder)
        assert (report.kept, report.unchanged, embedder.calls) == (0, 2, [])
        assert library.verify(NAME).problems == []
