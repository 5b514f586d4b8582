"""`--engine ray`, as somebody types it."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from cli_support import Cli
from words_support import TOPICS, citation, pubmed

from vademecum.ingest import ray_cluster

VADEMECUM = Path(sys.executable).parent / "vademecum"
needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed")


@pytest.fixture
def papers(tmp_path: Path) -> Path:
    path = tmp_path / "papers.xml"
    records = [
        citation(n, f"On {topic} {n}", text)
        for n, (topic, text) in enumerate(TOPICS.items(), start=1)
    ]
    path.write_text(pubmed(*records))
    return path


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--workers", "2"], "error: --workers and --shards are for Ray"),
        (["--engine", "local", "--shards", "x"], "error: --workers and --shards are for Ray"),
        (["--watch", "--engine", "ray"], "error: --watch takes folders, and neither"),
        (["--engine", "spark"], "error: invalid value for '--engine'"),
        (["--engine", "ray", "--workers", "0"], "error: invalid value for '--workers'"),
    ],
)
def test_options_that_do_not_go_together(
    cli: Cli, papers: Path, home: Path, arguments: list[str], told: str
) -> None:
    result = cli("ingest", str(papers), "--corpus", "papers", *arguments)
    assert result.code == 2
    assert result.errors[0].lower().startswith(told.lower())
    assert not (home / "library").exists()


def test_without_ray_nothing_is_begun(
    cli: Cli, papers: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_cluster, "find_spec", lambda _: None)
    monkeypatch.delitem(sys.modules, "ray", raising=False)
    result = cli("ingest", str(papers), "--corpus", "papers", "--engine", "ray")
    assert result.code == 2
    assert result.stderr.splitlines() == [
        "error: Ray is not installed",
        "hint: pip install 'vademecum[ray]'",
    ]
    assert not (home / "library").exists()


def vectors(home: Path, corpus: str) -> list[Any]:
    with sqlite3.connect(f"file:{home}/library/library.sqlite?mode=ro", uri=True) as database:
        return database.execute(
            "SELECT d.doc_id, d.hash, p.hash, p.vector FROM corpora c "
            "JOIN documents d ON d.corpus = c.id JOIN passages p ON p.document = d.id "
            "WHERE c.name = ? ORDER BY d.id, p.ordinal",
            (corpus,),
        ).fetchall()


@pytest.fixture
def room() -> Iterator[Path]:
    """A folder for what Ray writes, by which its processes are known: none is left."""
    with tempfile.TemporaryDirectory(prefix="v-", dir="/tmp") as folder:
        yield Path(folder)
        until = time.monotonic() + 20
        while (left := _mentioning(folder)) and time.monotonic() < until:
            time.sleep(0.2)
        assert left == []


def _mentioning(folder: str) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if folder in command:
            found.append(command)
    return found


def environment(home: Path, room: Path) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    return {**ours, "VADEMECUM_HOME": str(home), "TMPDIR": str(room)}


@needs_ray
@pytest.mark.e2e
def test_ray_on_this_machine_embeds_as_one_process_does(
    home: Path, papers: Path, room: Path
) -> None:
    done = {}
    for engine in ("ray", "local"):
        arguments = ["ingest", str(papers), "--corpus", engine, "--engine", engine, "--json"]
        done[engine] = subprocess.run(
            [str(VADEMECUM), *arguments],
            env=environment(home, room) | {"VADEMECUM_OFFLINE": "1"},
            capture_output=True,
            text=True,
            timeout=280,
        )
        assert done[engine].returncode == 0, done[engine].stderr
        assert json.loads(done[engine].stdout)["kept"] == 3
    assert vectors(home, "ray") == vectors(home, "local") != []
    told = [line for line in done["ray"].stderr.splitlines() if "documents" not in line]
    assert [line for line in told if line.startswith("Ray on this machine: ")] == told[1:2]
    assert all("ray::" not in line and "raylet" not in line for line in told)
    assert not list(room.glob("vademecum-ray-*"))


@needs_ray
@pytest.mark.e2e
@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_of_ray_outlives_the_command(
    home: Path, tmp_path: Path, room: Path, how: signal.Signals
) -> None:
    """Ctrl-C goes to all processes of the terminal, a kill to one."""
    many = tmp_path / "many.xml"
    text = " ".join(TOPICS.values())
    many.write_text(pubmed(*[citation(n, f"On {n}", text) for n in range(1, 4000)]))
    with subprocess.Popen(
        [str(VADEMECUM), "ingest", str(many), "--corpus", "many", "--engine", "ray"],
        env=environment(home, room),
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("reading into many: "):
                break
        assert any("raylet" in command for command in _mentioning(str(room)))
        if how == signal.SIGINT:
            os.killpg(process.pid, how)
        else:
            process.send_signal(how)
        rest = process.stderr.read()
    assert process.returncode == (130 if how == signal.SIGINT else -how if how == 9 else 15)
    assert "Traceback" not in rest
