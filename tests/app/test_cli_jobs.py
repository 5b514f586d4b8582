"""Jobs through the command line: watched, paused, resumed and waited for from another terminal."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cli_support import Cli
from holder_support import closing, holding
from words_support import WordEmbedder, citation, pubmed

from vademecum.corpora.look import Look
from vademecum.errors import AssetError, OutOfSpace

RUNNING = """
import sys, time
from pathlib import Path
sys.path.insert(0, {here!r})
from words_support import WordEmbedder
from vademecum.app import rooms
from vademecum.app.cli import run
from vademecum.ingest import pipeline

class Slow(WordEmbedder):
    def embed_passages(self, texts):
        time.sleep(0.15)
        return super().embed_passages(texts)

rooms.load_embedder = lambda *_: Slow()
pipeline.ingest.__kwdefaults__["batch_size"] = 5
print("ready", flush=True)
sys.exit(run(["ingest", {path!r}, "--corpus", "slow", "--json"]))
"""


@pytest.fixture
def look(home: Path) -> Look:
    return Look(home / "library")


def write(path: Path, first: int, count: int) -> Path:
    records = [
        citation(n, f"On drug {n}", f"Drug {n} lowered fever in {n} children.")
        for n in range(first, first + count)
    ]
    path.write_text(pubmed(*records))
    return path


@contextmanager
def started(home: Path, path: Path) -> Iterator[subprocess.Popen[str]]:
    """A slow ingestion of `path` in another terminal."""
    code = RUNNING.format(here=str(Path(__file__).parent), path=str(path))
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "VADEMECUM_HOME": str(home)},
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            if process.poll() is None:
                process.kill()


@contextmanager
def another_terminal(home: Path, path: Path) -> Iterator[subprocess.Popen[str]]:
    """The same, once it has committed something."""
    with started(home, path) as process:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            job = next(Look(home / "library").jobs(), None)
            if job is not None and job.report.get("kept"):
                break
            time.sleep(0.05)
        else:
            pytest.fail("it did not begin")
        yield process


def test_a_running_job_is_shown_paused_and_resumed(cli: Cli, home: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "many.xml", 1, 400)
    with another_terminal(home, path) as other:
        shown = cli("jobs", "show")
        assert shown.code == 0, shown.stderr
        assert "job 1: running" in shown.stdout
        assert f"{path} into slow" in shown.stdout
        assert "documents/s" in shown.stdout
        assert "begun" in shown.stdout
        assert "running" in cli("jobs").stdout
        refused = cli("ingest", str(path), "--corpus", "few", "--no-wait")
        assert refused.code == 1
        assert f"process {other.pid} has the library" in refused.errors[0]
        wrong = cli("ingest", str(tmp_path / "nowhere"), "--corpus", "few")
        assert (wrong.code, "waiting" in wrong.stderr) == (2, False)  # told before any waiting
        asked = cli("jobs", "pause")
        assert asked.code == 0
        assert "job 1 is paused" in asked.stderr
        out, err = other.communicate(timeout=60)
        assert other.returncode == 1
        assert "error: job 1 was paused" in err
        assert "hint: `vademecum jobs resume 1` goes on" in err
        kept = json.loads(out)["kept"]
        assert 0 < kept < 400
    done = cli("jobs", "resume", "--json")
    assert done.code == 0, done.stderr
    report = done.json
    assert (report["job"], report["state"], report["read"]) == (1, "done", 400)
    assert cli("corpus", "show", "slow", "--json").json["documents"] == 400
    assert cli("corpus", "verify", "slow").code == 0
    again = cli("jobs", "resume")
    assert again.code == 1
    assert again.errors[0] == "error: no job was left undone"


def test_ctrl_c_stops_after_the_batch(cli: Cli, home: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "many.xml", 1, 400)
    with another_terminal(home, path) as other:
        other.send_signal(signal.SIGINT)
        _, err = other.communicate(timeout=60)
    assert other.returncode == 130
    assert "stopping after this batch" in err
    assert "stopped; `vademecum jobs resume 1` goes on" in err
    assert "Traceback" not in err
    job = cli("jobs", "show", "1", "--json").json
    assert (job["state"], job["report"]["read"] % 5) == ("interrupted", 0)
    assert cli("corpus", "show", "slow", "--json").json["documents"] == job["report"]["kept"] > 0
    assert cli("jobs", "cancel", "1").code == 0  # nobody is at it: it is given up
    assert cli("jobs", "show", "1", "--json").json["state"] == "cancelled"
    refused = cli("jobs", "resume", "1")
    assert refused.code == 1
    assert refused.errors[0] == "error: nothing is left of job 1: it is cancelled"
    assert cli("jobs", "cancel", "1").code == 1


def test_a_second_ctrl_c_says_how_to_go_on_and_the_empty_corpus_does_too(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any) -> Any:
        raise KeyboardInterrupt

    path = write(tmp_path / "a.xml", 1, 3)
    for command in (("ingest", str(path), "--corpus", "few"), ("jobs", "resume")):
        with monkeypatch.context() as patch:
            patch.setattr(WordEmbedder, "embed_passages", interrupted)
            done = cli(*command)
        assert done.code == 130
        assert done.stderr.splitlines()[-1] == "stopped; `vademecum jobs resume 1` goes on"
    goes_on = "few is empty; job 1 into it was not finished: `vademecum jobs resume 1` goes on"
    for command in (("search", "aspirin"), ("ask", "What is it?", "--model", "none")):
        assert goes_on in cli(*command).stderr
    assert cli("jobs", "resume").code == 0
    assert "empty" not in cli("search", "aspirin").stderr


def test_a_second_ingestion_waits_for_its_turn(
    cli: Cli, home: Path, tmp_path: Path, look: Look
) -> None:
    path, small = write(tmp_path / "many.xml", 1, 1000), write(tmp_path / "few.xml", 9000, 3)
    with another_terminal(home, path) as other, started(home, small) as waiting:
        told = ""
        until = time.monotonic() + 60
        while f"process {waiting.pid}" not in told and time.monotonic() < until:
            told = cli("jobs").stdout
        assert f"waiting: process {waiting.pid}: ingest {small} into slow" in told
        assert "job 1 is cancelled" in cli("jobs", "cancel").stderr
        assert other.wait(timeout=60) == 1
        _, err = waiting.communicate(timeout=60)
        assert waiting.returncode == 0, err
        assert f"process {other.pid} is at job 1 (into slow): waiting for our turn" in err
    assert [job.state for job in look.jobs()] == ["done", "cancelled"]
    assert "waiting" not in cli("jobs").stdout


def test_a_library_whose_owner_is_at_no_job_is_not_waited_for(
    cli: Cli, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vademecum.app.turns.PATIENCE_S", 0.5)
    path = write(tmp_path / "few.xml", 1, 3)
    with holding(home / "library") as owner:
        done = cli("ingest", str(path), "--corpus", "few")
        assert done.code == 1
        assert f"process {owner.pid} has the library" in done.errors[0]
        threading.Timer(0.2, closing(owner)).start()
        assert cli("ingest", str(path), "--corpus", "few").code == 0


@pytest.mark.parametrize("work", ["indexing few", ""])
def test_an_owner_at_work_is_waited_for_however_long_it_takes(
    cli: Cli, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, work: str
) -> None:
    """Its job is over, or it never had one: what it is at ends by itself."""
    monkeypatch.setattr("vademecum.app.turns.PATIENCE_S", 0.3)
    monkeypatch.setattr("vademecum.app.turns.CLOSING_S", 0.3)
    path = write(tmp_path / "few.xml", 1, 3)
    at_work = f"working = library.at_work({work!r})\nworking.__enter__()"
    with holding(home / "library", once_open=at_work) as owner:
        threading.Timer(2.0, closing(owner)).start()
        done = cli("ingest", str(path), "--corpus", "few")
    assert done.code == (0 if work else 1), done.stderr
    assert (f"process {owner.pid} is indexing few: waiting for our turn" in done.stderr) == (
        work != ""
    )


def test_a_library_that_is_served_is_not_waited_for_and_its_page_is_named(
    cli: Cli, home: Path, tmp_path: Path
) -> None:
    path = write(tmp_path / "few.xml", 1, 3)
    serving = "library.serving('http://127.0.0.1:7861')"
    with holding(home / "library", once_open=serving) as owner:
        done = cli("ingest", str(path), "--corpus", "few")
    assert done.code == 1
    assert f"process {owner.pid} has the library" in done.errors[0]
    assert "waiting" not in done.stderr
    assert "http://127.0.0.1:7861" in done.errors[1]
    assert f"`kill {owner.pid}`" in done.errors[1]


def test_retry_reads_a_mended_file(cli: Cli, tmp_path: Path) -> None:
    good, bad = write(tmp_path / "a.xml", 1, 3), tmp_path / "b.xml"
    bad.write_text("<PubmedArticleSet>")
    failed = cli("ingest", str(good), str(bad), "--corpus", "few")
    assert failed.code == 1
    assert failed.errors[1].endswith("vademecum jobs retry 1")
    assert failed.errors[0] == "error: b.xml could not be read"
    assert failed.stderr.count("malformed XML") == 1
    assert failed.stderr.count("download the file again") == 1
    shown = cli("jobs", "show").stdout
    assert "job 1: failed" in shown
    assert "3 documents read, 3 kept" in shown
    assert "b.xml: malformed XML" in shown.replace("\n", " ")
    assert "b.xml: b.xml: " not in cli("jobs").stdout.replace("\n", " ")
    write(bad, 10, 2)
    done = cli("jobs", "retry")
    assert done.code == 0, done.stderr
    run, whole = done.stdout.splitlines()
    assert run.startswith("few, this run: 1 file; 2 documents read, 2 kept; 2 passages embedded; ")
    assert whole.startswith("few, job 1 in all: 2 files; 5 documents read, 5 kept; 5 passages")
    assert "job 1: done" in cli("jobs", "show", "1").stdout
    nothing = cli("jobs", "retry")
    assert nothing.code == 1
    assert nothing.errors[0] == "error: no job has files that failed"


def test_a_job_with_one_bad_file_is_told_apart_from_one_that_broke_off(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = write(tmp_path / "a.xml", 1, 3), tmp_path / "b.xml"
    bad.write_text("<PubmedArticleSet>")
    done = cli("ingest", str(good), str(bad), "--corpus", "few")
    assert done.code == 1
    assert done.stdout.startswith("few: 2 files, 1 failed; 3 documents read, 3 kept; ")

    def full(*_: Any, **__: Any) -> Any:
        raise OutOfSpace("the disk is full")

    monkeypatch.setattr("vademecum.corpora.library.Library.commit", full)
    assert cli("ingest", str(write(tmp_path / "c.xml", 9, 1)), "--corpus", "few").code == 1
    _, broken_off, one_bad, *_ = (line.split("  ") for line in cli("jobs").stdout.splitlines())
    assert "failed: 1 of 2 files" in [cell.strip() for cell in one_bad]
    assert "failed" in [cell.strip() for cell in broken_off]
    assert cli("jobs", "show", "1").stdout.startswith("job 1: failed: 1 of 2 files\n")
    assert cli("jobs", "show", "2").stdout.startswith("job 2: failed: the disk is full\n")
    assert cli("jobs", "show", "1", "--json").json["state"] == "failed"


def test_a_reason_that_many_files_share_is_told_once(cli: Cli, tmp_path: Path) -> None:
    for name in ("a.pdf", "b.pdf", "c.pdf"):
        (tmp_path / name).write_text("no PDF")
    done = cli("ingest", str(tmp_path), "--corpus", "few")
    assert done.stderr.count("not a PDF file") == 1
    assert "the same of b.pdf, c.pdf as of a.pdf" in done.stderr
    for shown in (cli("jobs", "show").stdout, cli("jobs").stdout):
        told = " ".join(shown.split())
        assert told.count("not a PDF file") == 1
        assert "a.pdf and 2 more files: not a PDF file" in told


def test_retry_drops_a_file_that_is_gone_and_says_so(cli: Cli, tmp_path: Path) -> None:
    good, bad, worse = write(tmp_path / "a.xml", 1, 3), tmp_path / "b.xml", tmp_path / "c.xml"
    for path in (bad, worse):
        path.write_text("<PubmedArticleSet>")
    cli("ingest", str(good), str(bad), str(worse), "--corpus", "few")
    bad.unlink()
    still = cli("jobs", "retry", "--json")
    assert still.code == 1
    assert still.errors[0] == "error: c.xml could not be read"
    assert f"{bad}: gone since, and dropped from job 1" in still.stderr
    assert (still.json["run"]["files"], still.json["run"]["read"], still.json["read"]) == (1, 0, 3)
    worse.unlink()
    done = cli("jobs", "retry")
    assert done.code == 0, done.stderr
    assert f"{worse}: gone since, and dropped from job 1" in done.stderr
    assert str(bad) not in done.stderr  # told once
    shown = cli("jobs", "show", "1").stdout
    assert "job 1: done" in shown
    assert "b.xml and 1 more file: gone since" in " ".join(shown.split())
    assert "gone since" not in cli("jobs").stdout


def test_a_retry_that_cannot_begin_drops_nothing(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = write(tmp_path / "a.xml", 1, 3), tmp_path / "b.xml"
    bad.write_text("<PubmedArticleSet>")
    cli("ingest", str(good), str(bad), "--corpus", "few")
    bad.unlink()

    def unavailable(*_: Any) -> Any:
        raise AssetError("the embedder could not be had")

    assert cli("jobs", "retry", "--workers", "2").code == 2
    with monkeypatch.context() as patch:
        patch.setattr("vademecum.app.rooms.load_embedder", unavailable)
        assert cli("jobs", "retry").errors[0] == "error: the embedder could not be had"
    files = cli("jobs", "show", "--json").json["files"]
    assert [file["state"] for file in files] == ["done", "failed"]
    done = cli("jobs", "retry")
    assert done.code == 0, done.stderr
    assert f"{bad}: gone since, and dropped from job 1" in done.stderr


def test_a_job_with_nothing_left_is_told_before_the_embedder_is_loaded(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli("ingest", str(write(tmp_path / "a.xml", 1, 3)), "--corpus", "few")
    monkeypatch.setattr("vademecum.app.rooms.load_embedder", lambda *_: pytest.fail("loaded"))
    for command in ("resume", "retry"):
        assert cli("jobs", command, "1").errors[0].endswith(": it is done")


@pytest.mark.parametrize("command", ["show", "resume", "retry", "pause", "cancel"])
def test_a_job_that_is_not_there_is_wrong_usage(cli: Cli, tmp_path: Path, command: str) -> None:
    cli("ingest", str(write(tmp_path / "a.xml", 1, 3)), "--corpus", "few")
    done = cli("jobs", command, "99")
    assert done.code == 2
    assert done.errors[0] == "error: there is no job 99"


def test_pausing_what_does_not_run_is_wrong_usage(cli: Cli, tmp_path: Path) -> None:
    assert cli("jobs", "pause").errors[0] == "error: no job is running"
    cli("ingest", str(write(tmp_path / "a.xml", 1, 3)), "--corpus", "few")
    assert cli("jobs", "pause", "1").errors[0] == "error: job 1 is not running: it is done"
    assert cli("jobs", "show", "--json").json["state"] == "done"


def test_a_job_of_many_files_shows_those_that_need_a_look(cli: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "papers"
    folder.mkdir()
    for n in range(45):
        (folder / f"note{n:02}.txt").write_text(f"Aspirin helps {n}.")
    (folder / "bad.xml").write_text("<PubmedArticleSet>")
    cli("ingest", str(folder), "--corpus", "few")
    shown = cli("jobs", "show").stdout
    assert "note07.txt" not in shown
    assert "bad.xml" in shown
    assert "46 files: 1 failed, 45 done; --all lists each" in shown
    assert "note07.txt" in cli("jobs", "show", "--all").stdout


def test_a_run_tells_of_the_files_that_it_did_not_read(cli: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "papers"
    folder.mkdir()
    (folder / "a.txt").write_text("Aspirin helps.")
    (folder / "b.txt").write_text("Statins help.")
    cli("ingest", str(folder), "--corpus", "few")
    (folder / "c.txt").write_text("Metformin helps.")
    told = cli("ingest", str(folder), "--corpus", "few").stdout
    assert told.startswith("few: 3 files, 2 unchanged; 1 document read, 1 kept; 1 passage embedded")
    shown = cli("jobs", "show").stdout
    assert [line.split()[-4] for line in shown.splitlines() if ".txt" in line] == [
        *("unchanged", "unchanged", "done")
    ]
    told = cli("ingest", str(folder), "--corpus", "few").stdout
    assert told.startswith("few: 3 files, 3 unchanged; nothing was to be read; ")


# --dry-run


def states(result: Any) -> dict[str, str]:
    return {Path(file["path"]).name: file["state"] for file in result.json["files"]}


def test_a_dry_run_tells_what_would_be_read_and_writes_nothing(
    cli: Cli, home: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "papers"
    folder.mkdir()
    write(folder / "a.xml", 1, 3)
    (folder / "b.txt").write_text("Aspirin helps.")
    (folder / "c.xml").write_text("<PubmedArticleSet>")
    before = cli("ingest", str(folder), "--corpus", "few", "--dry-run", "--json")
    assert before.code == 0, before.stderr
    assert states(before) == {"a.xml": "new", "b.txt": "new", "c.xml": "new"}
    assert before.json["bytes"] == sum(path.stat().st_size for path in folder.iterdir())
    assert not (home / "library").exists()
    cli("ingest", str(folder), "--corpus", "few")
    (folder / "b.txt").write_text("Aspirin harms.")
    (folder / "d.txt").write_text("Something new.")
    after = cli("ingest", str(folder), "--corpus", "few", "--dry-run", "--json")
    assert states(after) == {
        "a.xml": "unchanged",
        "b.txt": "changed",
        "c.xml": "failed before",
        "d.txt": "new",
    }
    other = cli("ingest", str(folder), "--corpus", "other", "--dry-run", "--json")
    assert set(states(other).values()) == {"new"}
    told = cli("ingest", str(folder), "--corpus", "few", "--dry-run").stdout
    assert "few: 4 files" in told
    assert "1 unchanged, 1 changed, 1 failed before, 1 new; nothing was read" in told
    assert len(cli("jobs", "list", "--json").json) == 1


def test_a_dry_run_fetches_nothing(cli: Cli, home: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Aspirin helps.")
    url = "http://127.0.0.1:9/guideline.pdf"
    done = cli("ingest", url, str(tmp_path / "a.txt"), "--corpus", "few", "--dry-run", "--json")
    assert states(done) == {"guideline.pdf": "remote", "a.txt": "new"}
    assert done.json["files"][0]["size"] is None
