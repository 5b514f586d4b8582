"""On Ray, whatever dies, an ingestion comes to the library that it comes to in one process."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from ingest_support import FakeEmbedder, article, deletion, write_pubmed
from kill_support import BATCH, NAME, Logged, work
from ray_support import Held, Mortal, cluster, missing
from test_kills import LONG, check, contents, killed_again_and_again, make_files, make_more

from vademecum.corpora.control import Control
from vademecum.corpora.library import Library
from vademecum.corpora.look import Look
from vademecum.errors import ClusterUnavailable, UsageError, VademecumError
from vademecum.ingest import ray_cluster, ray_folder
from vademecum.ingest.again import left_of
from vademecum.ingest.engine import Engine
from vademecum.ingest.pipeline import ingest, resume
from vademecum.ingest.plan import Plan
from vademecum.ingest.report import IngestReport
from vademecum.ingest.web import Web

# Not imported here: it reads the environment when it is.
needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed")
RAY = Engine("ray")


@pytest.fixture(scope="module")
def ray(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Two workers, for all tests of the module."""
    folder = tmp_path_factory.mktemp("cluster")
    with cluster(folder) as environment, pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        yield


def both(
    tmp_path: Path, source: Any, embedder: FakeEmbedder | None = None, **options: Any
) -> list[IngestReport]:
    """The same by one process and on Ray: asserts that the libraries are the same."""
    found: list[Any] = []
    reports = []
    for engine in (Engine(), RAY):
        with Library.open(tmp_path / engine.name) as library:
            used = FakeEmbedder() if engine.name == "local" or embedder is None else embedder
            report = ingest(library, NAME, source, used, batch_size=BATCH, engine=engine, **options)
            order = library._database.read("SELECT doc_id FROM documents ORDER BY id")
            found.append((contents(library), order))
            assert not list(library.path.glob("shards-*"))
            reports.append(report)
        assert bool(used.calls) == (engine.name == "local")  # on Ray the workers' embedders do it
    assert found[0] == found[1]
    here, there = ({**report.to_dict(), "seconds": 0} for report in reports)
    assert {**here, "failed_files": 0} == {**there, "failed_files": 0}
    return reports


@needs_ray
def test_the_same_library(tmp_path: Path, ray: None) -> None:
    """Records of every kind, in every order, and files that fail."""
    nameless = article(9).replace('<PMID Version="1">9</PMID>', "")
    notice = article(
        700, "Retracted.", extra='<PublicationType UI="D016440">Retraction of Publication'
        "</PublicationType>",
    )  # fmt: skip
    files = [
        *make_files(tmp_path, 120),
        write_pubmed(tmp_path / "pubmed26n0004.xml.gz", nameless, notice, deletion(7), article(6)),
        tmp_path / "missing.xml",
        tmp_path / "rows.csv",
        tmp_path / "empty.txt",
    ]
    files[-2].write_text("text\n" + "".join(f"Row {n} of the table.\n" for n in range(90)))
    files[-1].write_text("")
    here, there = both(tmp_path, files)
    assert here.failed_files == there.failed_files
    assert len(here.failed_files) == 1
    assert there.rejected == 1
    job = next(Look(tmp_path / "ray").jobs())
    assert job.source["engine"] == "ray"
    assert [(file.state, file.counts) for file in job.files] == [
        (file.state, file.counts) for file in next(Look(tmp_path / "local").jobs()).files
    ]


@needs_ray
def test_files_that_are_known_are_not_read(tmp_path: Path, ray: None) -> None:
    known, files = make_more(tmp_path, 40)
    found: list[Any] = []
    for engine in (Engine(), RAY):
        with Library.open(tmp_path / engine.name) as library:
            ingest(library, NAME, known, FakeEmbedder())
            report = ingest(library, NAME, files, FakeEmbedder(), batch_size=BATCH, engine=engine)
            assert report.unchanged == len(known) - 2
            found.append(contents(library))
    assert found[0] == found[1]


@needs_ray
@pytest.mark.parametrize("newest", [None, 40])
def test_limits_and_selections(tmp_path: Path, ray: None, newest: int | None) -> None:
    both(tmp_path, Plan(tuple(make_files(tmp_path, 40)), newest=newest), limit=50)


@needs_ray
def test_workers_that_are_killed_change_nothing(
    tmp_path: Path, ray: None, capfd: pytest.CaptureFixture[str]
) -> None:
    """An embedder, a reader in the middle of a file, and every reader of another file."""
    crashing = {"once": str(tmp_path / "read"), "always": "always"}
    paths = [*make_files(tmp_path, 60), *(tmp_path / f"{name}.crash" for name in crashing)]
    for path, text in zip(paths[-2:], crashing.values(), strict=True):
        path.write_text(text)
    last = tmp_path / "b.txt"
    last.write_text("The last.")
    embedder = Mortal(tmp_path / "embedded")
    with Library.open(tmp_path / "library") as library:
        report = ingest(library, NAME, [*paths, last], embedder, batch_size=BATCH, engine=RAY)
        found = contents(library)
        files = library.jobs()[0].files
    assert (tmp_path / "read").exists()
    assert (tmp_path / "embedded").exists()
    why = "the process that read it crashed 3 times"
    [(name, told)] = report.failed_files
    assert (name, told.partition(";")[0]) == (str(paths[-1]), why)
    assert [file.state for file in files] == [*["done"] * 5, "failed", "done"]
    once, always, after = (file.counts["read"] for file in files[-3:])
    assert (once, after) == (200, 1)
    assert always <= 130  # what had left the reader when it died
    assert capfd.readouterr().out == ""  # deaths are not told on the user's terminal
    with Library.open(tmp_path / "expected") as library:
        ingest(library, NAME, [*paths[:-2], last], FakeEmbedder(), batch_size=BATCH)
        wanted = contents(library)
    ours = [row for row in found[1] if not row[0].startswith(("file:once-", "file:always-"))]
    assert (ours, found[2:4]) == (wanted[1], wanted[2:4])


@needs_ray
def test_what_waits_when_a_job_is_stopped_is_not_embedded_again(tmp_path: Path, ray: None) -> None:
    """It waits in a folder that all machines see."""
    files = make_files(tmp_path, 120)
    log, shared = tmp_path / "embedded.log", tmp_path / "shared"
    engine = Engine("ray", 2, shared)
    stop = threading.Event()
    when_embedded(log, 2, stop.set)
    with Library.open(tmp_path / "library") as library:
        held = Held(log, 0.1)  # the first batch does not come: what others embed has to wait
        report = ingest(library, NAME, files, held, batch_size=BATCH, stop=stop, engine=engine)
        assert (report.state, report.kept) == ("interrupted", 0)
        assert len(list(shared.glob("*/*.parquet"))) >= 2
        with Web() as web:
            left = left_of(library, library.jobs()[0], web)
        assert left.engine == engine  # as it was begun
        left.engine = replace(engine, name="local")
        assert resume(library, left, Logged(log, 0), batch_size=BATCH - 1).state == "done"
        assert list(shared.iterdir()) == []
    check(tmp_path, files, lost=1)


def when_embedded(log: Path, calls: int, act: Callable[[], object]) -> threading.Thread:
    """Does something once workers have embedded so many batches."""

    def wait() -> None:
        while not log.exists() or log.read_text().count("\n") < calls:
            time.sleep(0.02)
        act()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


@needs_ray
def test_a_job_that_is_paused_goes_on_to_the_same_library(tmp_path: Path, ray: None) -> None:
    files = make_files(tmp_path, 120)
    log = tmp_path / "embedded.log"
    with Library.open(tmp_path / "library") as library:
        control = Control(library.path)
        asking = when_embedded(log, 4, lambda: control.ask(1, "pause"))
        report = ingest(library, NAME, files, Logged(log, 0.15), batch_size=BATCH, engine=RAY)
        asking.join()
        assert report.state == "paused"
        assert 0 < library.corpus(NAME).documents < 200
        with Web() as web:
            work = left_of(library, library.jobs()[0], web)
        assert work.engine == RAY
        assert resume(library, work, Logged(log, 0), batch_size=BATCH).state == "done"
    check(tmp_path, files, lost=2)  # what the two workers were at


@needs_ray
def test_a_job_that_is_cancelled_leaves_a_sound_library_and_no_vectors(
    tmp_path: Path, ray: None
) -> None:
    files = make_files(tmp_path, 120)
    log = tmp_path / "embedded.log"
    with Library.open(tmp_path / "library") as library:
        control = Control(library.path)
        asking = when_embedded(log, 4, lambda: control.ask(1, "cancel"))
        report = ingest(library, NAME, files, Logged(log, 0.3), batch_size=BATCH, engine=RAY)
        asking.join()
        assert report.state == "cancelled"
        time.sleep(0.5)  # what the workers were at, if they still were
        assert list(library.path.glob("*shards-*")) == []
        rows = contents(library)[1]
        assert rows
        with Web() as web, pytest.raises(VademecumError, match="nothing is left of job 1"):
            left_of(library, library.jobs()[0], web)
        again = ingest(library, NAME, files, FakeEmbedder(), batch_size=BATCH)
        assert again.state == "done"
        assert again.skipped > 0  # what was committed stayed
        found = contents(library)
    with Library.open(tmp_path / "expected") as library:
        ingest(library, NAME, files, FakeEmbedder(), batch_size=BATCH)
        assert contents(library) == found


@needs_ray
@pytest.mark.slow
def test_workers_that_always_die_end_the_job_and_lose_nothing(tmp_path: Path, ray: None) -> None:
    files = make_files(tmp_path, 60)
    with Library.open(tmp_path / "library") as library:
        with pytest.raises(ClusterUnavailable, match="workers of Ray die again and again"):
            ingest(library, NAME, files, Mortal(None), batch_size=BATCH, engine=RAY)
        job = library.jobs()[0]
        assert (job.state, job.can_resume) == ("failed", True)
        with Web() as web:
            left = left_of(library, job, web)
        left.engine = Engine()
        resume(library, left, FakeEmbedder(), batch_size=BATCH)
        found = contents(library)
    with Library.open(tmp_path / "expected") as library:
        ingest(library, NAME, files, FakeEmbedder())
        assert contents(library) == found


@needs_ray
@pytest.mark.parametrize(("first", "second"), [("ray", "here"), ("here", "ray")])
def test_one_engine_goes_on_where_the_other_was_killed(
    tmp_path: Path, ray: None, first: str, second: str
) -> None:
    files = make_files(tmp_path, 120)
    code = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from kill_support import work
work(Path({str(tmp_path)!r}), [Path(path) for path in sys.argv[1:]], {first!r}, 0.15)
"""
    log = tmp_path / "embedded.log"
    with subprocess.Popen([sys.executable, "-c", code, *map(str, files)]) as process:
        while process.poll() is None and (not log.exists() or log.read_text().count("\n") < 6):
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
    job = next(Look(tmp_path / "library").jobs())
    assert job.state == "running"
    assert job.source["engine"] == ("ray" if first == "ray" else "local")
    work(tmp_path, files, second, 0)
    check(tmp_path, files, lost=2)  # what the two workers were at, or the one batch


@needs_ray
def test_workers_hold_to_the_settings_and_tell_what_they_cannot_do(
    tmp_path: Path, ray: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VADEMECUM_OFFLINE", "1")
    monkeypatch.setenv("VADEMECUM_HOME", "/nowhere/at/all")
    path = write_pubmed(tmp_path / "a.xml", article(1, LONG))

    class Absent(FakeEmbedder):
        @property
        def loader(self) -> Any:
            return missing

    with Library.open(tmp_path / "library") as library:
        with pytest.raises(UsageError, match="no weights on this machine") as caught:
            ingest(library, NAME, [path], Absent(), engine=RAY)
        assert caught.value.hint == "copy them to /nowhere/at/all"


@needs_ray
def test_other_machines_cannot_reach_it(ray: None) -> None:
    host, port = os.environ["RAY_ADDRESS"].split(":")
    assert host == "127.0.0.1"
    socket.create_connection((host, int(port)), 5).close()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as outwards:
        try:
            outwards.connect(("192.0.2.1", 9))  # sends nothing: tells our address on the network
        except OSError:
            pytest.skip("this machine has no network")
        ours = outwards.getsockname()[0]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((ours, int(port)), 5)


@needs_ray
def test_a_cluster_that_does_not_answer(
    tmp_path: Path, ray: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1025")
    path = write_pubmed(tmp_path / "a.xml", article(1))
    with Library.open(tmp_path / "library") as library:
        with pytest.raises(
            ClusterUnavailable, match=r"no Ray cluster answers at 127\.0\.0\.1:1025"
        ):
            ingest(library, NAME, [path], FakeEmbedder(), engine=RAY)
        assert library.jobs()[0].can_resume


@needs_ray
@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("ways", ["ray", "ray,here"])
def test_twenty_kills(tmp_path: Path, ray: None, ways: str) -> None:
    files = make_files(tmp_path, 3000)
    runs = killed_again_and_again(tmp_path, files, kills=20, openings=10, way=ways, pause_s=0.2)
    check(tmp_path, files, lost=2)  # what the two workers were at
    assert runs["at_work"] >= 8  # the others were not connected yet


def test_without_ray_one_line_says_how_to_have_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_cluster, "find_spec", lambda _: None)
    monkeypatch.delitem(sys.modules, "ray", raising=False)
    path = write_pubmed(tmp_path / "a.xml", article(1))
    with Library.open(tmp_path / "library") as library, pytest.raises(UsageError) as caught:
        ingest(library, NAME, [path], FakeEmbedder(), engine=RAY)
    assert caught.value.message == "Ray is not installed"
    assert caught.value.hint == "pip install 'vademecum[ray]'"


def test_a_folder_that_a_killed_process_left_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_folder, "_place", lambda: tmp_path)
    left, young = (tmp_path / f"{ray_folder.PREFIX}{name}" for name in ("left", "young"))
    for folder in (left, young):
        folder.mkdir()
        (folder / "log").write_text("x")
    with ray_folder.own_folder() as used:
        for path in tmp_path.iterdir():
            if path != young:
                os.utime(path, (1, 1))
        with ray_folder.own_folder() as other:
            assert {Path(used), Path(other), young} == set(tmp_path.iterdir())
    assert list(tmp_path.iterdir()) == [young]


def test_a_link_among_such_folders_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_folder, "_place", lambda: tmp_path)
    precious = tmp_path / "precious"
    precious.mkdir()
    os.utime(precious, (1, 1))
    (tmp_path / f"{ray_folder.PREFIX}link").symlink_to(precious)
    with ray_folder.own_folder():
        pass
    assert list(precious.iterdir()) == []  # no lock either


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_what_another_user_put_there_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_folder, "_place", lambda: tmp_path)
    theirs = tmp_path / f"{ray_folder.PREFIX}theirs"
    theirs.mkdir()
    os.chown(theirs, 12345, 12345)
    os.utime(theirs, (1, 1))
    with ray_folder.own_folder():
        pass
    assert list(theirs.iterdir()) == []


def test_only_a_machine_of_the_cluster_can_use_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_cluster, "find_spec", lambda _: object())
    monkeypatch.setenv("RAY_ADDRESS", "ray://127.0.0.1:10001")
    with pytest.raises(UsageError, match="is not the address of a cluster"):
        ray_cluster.require()


def test_an_embedder_that_cannot_be_loaded_elsewhere(tmp_path: Path) -> None:
    class Here:
        name, dim, max_tokens = "here", 8, 24
        count_tokens = FakeEmbedder().count_tokens

    path = write_pubmed(tmp_path / "a.xml", article(1))
    embedder: Any = Here()
    told = pytest.raises(UsageError, match="the embedder here cannot be loaded by others")
    with Library.open(tmp_path / "library") as library, told:
        ingest(library, NAME, [path], embedder, engine=RAY)
