"""Reading in a process of its own: the same events, bounded memory, and a crash costs one file."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ingest_support import FakeEmbedder, WordCounter, article, deletion, write_pubmed

from vademecum.corpora.document import Document, Passage
from vademecum.corpora.library import Library
from vademecum.errors import VademecumError
from vademecum.ingest import apart, frames, reader_process
from vademecum.ingest.apart import Apart
from vademecum.ingest.pipeline import ingest
from vademecum.ingest.placing import open_source
from vademecum.ingest.plan import Plan
from vademecum.ingest.reading import Ended, Event, Reading, Rejected, Taken
from vademecum.ingest.report import IngestReport
from vademecum.ingest.splitter import splitter_for

NAME = "trials"
LONG = " ".join(f"Sentence number {n} says that aspirin works." for n in range(15))


def idle() -> None:
    """Nobody wants anything else."""


@pytest.fixture
def mixed(tmp_path: Path) -> list[tuple[int, Path]]:
    """Records of every kind, a notice, deletions, revisions, rejects, and files that fail."""
    nameless = article(9).replace('<PMID Version="1">9</PMID>', "")
    paths = [
        write_pubmed(
            tmp_path / "pubmed26n0001.xml.gz",
            *[article(n, LONG if n % 7 == 0 else None) for n in range(1, 150)],
            nameless,
        ),
        write_pubmed(
            tmp_path / "pubmed26n0002.xml.gz",
            article(3, "New."),
            deletion(4, 5, 400),
            article(6, ""),
            article(2),
        ),
        tmp_path / "missing.xml",
        tmp_path / "a.md",
        tmp_path / "b.csv",
        tmp_path / "broken.xml",
        tmp_path / "empty.txt",
    ]
    paths[3].write_text("# One\n\nAspirin helps.\n")
    paths[4].write_text("text\n" + "".join(f"Row {n} of the table.\n" for n in range(90)))
    paths[5].write_text(write_pubmed(tmp_path / "c.xml", article(77)).read_text()[:-30] + "<")
    paths[6].write_text("")
    return list(enumerate(paths))


def split() -> Any:
    return splitter_for(WordCounter(24)).split


def events(source: Any, files: list[tuple[int, Path]]) -> list[Event]:
    try:
        return list(source.read(files))
    finally:
        source.close()


@pytest.mark.parametrize("limit", [None, 0, 1, 149, 150, 170])
def test_both_ways_give_the_same_events(mixed: list[tuple[int, Path]], limit: int | None) -> None:
    addresses = {mixed[3][1]: "https://example.org/a"}
    here = events(Reading(split(), limit, addresses), mixed)
    there = events(Apart(Reading(split(), limit, addresses), idle), mixed)
    assert there == here
    documents = [item for item in here if isinstance(item, Taken) and item.passages is not None]
    assert limit is None or len(documents) == limit
    if limit is None:
        assert [bool(item.failure) for item in here if isinstance(item, Ended)] == [
            False, False, True, False, False, True, False,
        ]  # fmt: skip
        assert [item.file for item in here if isinstance(item, Ended) and item.empty] == [6]
        assert [type(item) for item in here].count(Rejected) == 1
        assert any(len(item.passages or ()) > 5 for item in documents)


def test_both_ways_give_the_same_library(mixed: list[tuple[int, Path]], tmp_path: Path) -> None:
    found = []
    reports: list[IngestReport] = []
    for way in (False, True):
        with Library.open(tmp_path / f"library-{way}") as library:
            paths = [path for _, path in mixed]
            reports.append(ingest(library, NAME, paths, FakeEmbedder(), batch_size=16, apart=way))
            assert library.verify(NAME).problems == []
            rows = library._database.read(
                "SELECT d.doc_id, d.record, d.text, d.hash, d.retracted, p.hash, p.vector "
                "FROM documents d JOIN passages p ON p.document = d.id ORDER BY d.id, p.ordinal"
            )
            files = [(file.state, file.reason, file.counts) for file in library.jobs()[0].files]
            found.append((rows, files, library._database.read("SELECT * FROM withdrawn")))
    assert found[0] == found[1]
    here, there = (report.to_dict() for report in reports)
    assert {**here, "seconds": 0} == {**there, "seconds": 0}


def test_files_of_a_supply_are_asked_for_one_by_one(mixed: list[tuple[int, Path]]) -> None:
    source = Apart(Reading(split(), 151, {}), idle)
    try:
        first = list(source.read(mixed[:1]))
        second = list(source.read(mixed[1:2]))
        third = list(source.read(mixed[3:4]))
    finally:
        source.close()
    assert (len(first), second[-1], third) == (151, Ended(1, cut=True), [])


def test_where_reading_apart_pays(tmp_path: Path) -> None:
    small = Plan((write_pubmed(tmp_path / "a.xml", article(1)),))
    large = tmp_path / "b.xml.gz"
    large.write_bytes(bytes(1 << 20))
    embedder: Any = FakeEmbedder()

    def chosen(plan: Plan, limit: int | None = None, apart: bool | None = None) -> type:
        stop: Any = type("Stop", (), {"check": staticmethod(idle)})
        return type(open_source(plan, embedder, limit, stop, apart))

    assert chosen(small) is Reading
    assert chosen(Plan((large,))) is Apart
    assert chosen(Plan((large,)), limit=10) is Reading
    assert chosen(Plan((large,), newest=10)) is Reading
    assert chosen(small, apart=True) is Apart
    assert chosen(Plan((large,)), apart=False) is Reading

    class Bound:
        """An embedder whose counting cannot be sent anywhere."""

        max_tokens = 24
        count_tokens = FakeEmbedder().count_tokens

    embedder = Bound()
    assert chosen(Plan((large,)), apart=True) is Reading


CRASHER = '''
import os, signal
from vademecum.corpora.readers import registry
from vademecum.corpora.document import Document

class Crasher:
    suffixes = (".crash",)
    def read(self, path):
        yield Document("file:before", "Before", "Read before the crash.", "full_text")
        print("to the terminal")
        {how}

registry.READERS = (*registry.READERS, Crasher())
'''  # fmt: skip


@pytest.fixture
def crasher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """A reader that takes its process with it, known there alone."""

    def install(how: str) -> None:
        (tmp_path / "sitecustomize.py").write_text(CRASHER.format(how=how))
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    return install


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", "signal 9"),
        ("os.write(2, b'out of luck\\n'); os._exit(3)", "out of luck"),
        ("os._exit(3)", "to the terminal"),
    ],
)
def test_a_crash_fails_the_file_and_the_next_are_read(
    tmp_path: Path, crasher: Any, how: str, told: str
) -> None:
    crasher(how)
    paths = [tmp_path / "a.txt", tmp_path / "b.crash", tmp_path / "c.txt"]
    for path in paths:
        path.write_text(f"Aspirin in {path.name}.")
    files = list(enumerate(paths))
    found = events(Apart(Reading(split(), 9, {}), idle), files)
    ends = [item for item in found if isinstance(item, Ended)]
    assert [end.file for end in ends] == [0, 1, 2]
    assert [bool(end.failure) for end in ends] == [False, True, False]
    assert told in ends[1].failure
    assert ends[1].failure.endswith("split it, or leave it out")


def test_a_crash_is_a_failed_file_of_the_job(tmp_path: Path, crasher: Any) -> None:
    crasher("os.abort()")
    paths = [tmp_path / "a.txt", tmp_path / "b.crash", tmp_path / "c.txt"]
    for path in paths:
        path.write_text(f"Aspirin in {path.name}.")
    with Library.open(tmp_path / "library") as library:
        report = ingest(library, NAME, paths, FakeEmbedder(), apart=True)
        assert [name for name, _ in report.failed_files] == [str(paths[1])]
        assert (report.state, report.kept) == ("failed", 2)
        assert [file.state for file in library.jobs()[0].files] == ["done", "failed", "done"]


def test_a_process_that_cannot_start_is_one_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_pubmed(tmp_path / "a.xml", article(1))
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with Library.open(tmp_path / "library") as library:
        with pytest.raises(VademecumError, match="could not be started"):
            ingest(library, NAME, [path], FakeEmbedder(), apart=True)
        job = library.jobs()[0]
        assert (job.state, job.can_resume) == ("failed", True)


def test_it_ends_when_nobody_listens(mixed: list[tuple[int, Path]]) -> None:
    source = Apart(Reading(split(), None, {}), idle)
    reading = source.read(mixed)
    next(reading)
    child = source._child
    assert child is not None
    source.close()
    assert child._process.returncode is not None
    source.close()


def test_it_ends_with_its_parent(mixed: list[tuple[int, Path]], tmp_path: Path) -> None:
    many = write_pubmed(tmp_path / "many.xml.gz", *[article(n, LONG) for n in range(1000)])
    code = f"""
import sys, time
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from ingest_support import WordCounter
from vademecum.ingest.apart import Apart
from vademecum.ingest.reading import Reading
from vademecum.ingest.splitter import splitter_for
source = Apart(Reading(splitter_for(WordCounter(24)).split), lambda: None)
next(source.read([(0, Path({str(many)!r}))]))
print(source._child._process.pid, flush=True)
time.sleep(60)
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
    for _ in range(100):
        if not _runs(child):
            break
        threading.Event().wait(0.1)
    else:
        pytest.fail("it reads on for nobody")


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_no_more_waits_than_there_is_room_for() -> None:
    ahead = frames.Ahead(most_events=10, most_bytes=100)
    sent: list[int] = []

    def send() -> None:
        for n in range(20):
            if not ahead.put(bytes(30), 4):
                return
            sent.append(n)

    thread = threading.Thread(target=send)
    thread.start()
    threading.Event().wait(0.2)
    assert len(sent) == 3  # 90 bytes; of events 12, as it was 8 before
    assert ahead.get(1.0) == bytes(30)
    threading.Event().wait(0.2)
    assert len(sent) == 4
    ahead.end()
    thread.join(5)
    assert not thread.is_alive()
    assert ahead.put(b"", 0) is False


def test_one_frame_always_has_room() -> None:
    ahead = frames.Ahead(most_events=1, most_bytes=1)
    assert ahead.put(bytes(1000), 50)
    assert ahead.get(0.1) == bytes(1000)
    with pytest.raises(TimeoutError):
        ahead.get(0.01)
    ahead.end()
    assert ahead.get(0.1) is None


def test_frames_are_small_and_files_do_not_share_them() -> None:
    class Scripted:
        def read(self, files: list[tuple[int, Path]]) -> Iterator[Event]:
            for number, path in files:
                for n in range(int(path.name)):
                    text = "x" * 100_000 if number == 2 else "x"
                    document = Document(f"file:{n}", "", text, "full_text")
                    yield Taken(number, document, (Passage(f"file:{n}", 0, 0, 1, "x"),))
                yield Ended(number)

    pipe = io.BytesIO()
    files = [(0, Path("1")), (1, Path("200")), (2, Path("7"))]
    reader_process.serve(Scripted(), files, pipe)  # type: ignore[arg-type]
    pipe.seek(0)
    sizes = []
    while (frame := frames.read(pipe)) is not None:
        sizes.append(frame[1])
    assert sizes == [2, 64, 64, 64, 9, 3, 3, 2, 0]


def test_a_frame_that_was_cut_is_no_frame() -> None:
    pipe = io.BytesIO()
    frames.write(pipe, ["one"], 1)
    whole = pipe.getvalue()
    for length in range(len(whole)):
        assert frames.read(io.BytesIO(whole[:length])) is None


def test_stopping_does_not_wait_for_a_slow_file(tmp_path: Path, crasher: Any) -> None:
    crasher("import time; time.sleep(60)")
    path = tmp_path / "slow.crash"
    path.write_text("x")
    stop = threading.Event()
    threading.Timer(1.0, stop.set).start()
    with Library.open(tmp_path / "library") as library:
        report = ingest(library, NAME, [path], FakeEmbedder(), apart=True, stop=stop)
    assert report.state == "interrupted"
    assert report.seconds < 30
    assert apart.POLL_S < 1
