"""`vademecum ingest` from the network and from watched folders, as it is typed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_support import Cli


class Embedder:
    """Equal vectors for all."""

    name, dim, max_tokens = "equal", 2, 64

    def count_tokens(self, texts: list[str]) -> list[int]:
        return [len(text.split()) + 2 for text in texts]

    def embed_passages(self, texts: list[str]) -> Any:
        return np.full((len(texts), 2), 0.5**0.5, dtype=np.float32)


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    monkeypatch.setenv("VADEMECUM_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("vademecum.app.rooms.load_embedder", lambda *_: Embedder())
    monkeypatch.chdir(tmp_path)
    return Cli(capsys)


@pytest.mark.parametrize(
    "source", [("pubmed",), ("--query", "statins"), ("https://example.org/paper.pdf",)]
)
def test_nothing_is_fetched_offline(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, source: tuple[str, ...]
) -> None:
    monkeypatch.setenv("VADEMECUM_OFFLINE", "1")
    done = cli("ingest", *source, "--corpus", "tests")
    assert done.code == 1
    assert "VADEMECUM_OFFLINE forbids fetching" in done.errors[0]
    assert done.errors[1].startswith("hint: unset VADEMECUM_OFFLINE")


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("a.txt", "--query", "statins"),
        ("--watch",),
        ("papers", "--watch", "--limit", "3"),
        ("--query", "statins", "--watch"),
        ("nowhere", "--watch"),
    ],
)
def test_what_makes_no_sense_is_wrong_usage(cli: Cli, arguments: tuple[str, ...]) -> None:
    done = cli("ingest", *arguments, "--corpus", "tests")
    assert done.code == 2
    assert len(done.errors) == 2


def test_a_watch_reports_what_it_read_and_ends_with_ctrl_c(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "papers"
    folder.mkdir()
    (folder / "a.md").write_text("# Aspirin\n\nAspirin helps.\n")
    (folder / "b.md").write_bytes(b"\xff\xfe\x00")

    def changes(self: object) -> Iterator[tuple[Path, ...]]:
        yield (folder / "a.md",)
        (folder / "a.md").write_text("# Aspirin\n\nAspirin harms.\n")
        yield (folder / "a.md", folder / "c.md")
        raise KeyboardInterrupt

    monkeypatch.setattr("vademecum.ingest.watch.Watch.changes", changes)
    done = cli("ingest", "papers", "--watch", "--corpus", "tests", "--json")
    assert done.code == 0
    reports = [json.loads(line) for line in done.stdout.replace("}\n{", "}\x00{").split("\x00")]
    assert [report["kept"] for report in reports] == [1, 1]
    assert "c.md" in done.stderr
    assert "stopped" in done.stderr
    assert cli("corpus", "show", "tests", "--json").json["documents"] == 1  # the changed one
