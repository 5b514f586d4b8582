"""What somebody sees in a terminal of 80 or 60 columns: nothing is cut, and no row is too long."""

from __future__ import annotations

import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from rich.cells import cell_len
from words_support import citation, pubmed

pty = pytest.importorskip("pty")  # not on Windows

CONTROLS = re.compile(r"\x1b\[[0-?]*[@-~]|\r")
RUN = """
import sys, time
sys.path.insert(0, {here!r})
from words_support import WordEmbedder
from vademecum.app import rooms
from vademecum.app.cli import run

class Slow(WordEmbedder):
    def embed_passages(self, texts):
        time.sleep(0.3)
        return super().embed_passages(texts)

rooms.load_embedder = lambda *_: Slow()
sys.exit(run(sys.argv[1:]))
"""


def seen(columns: int, home: Path, *arguments: str) -> tuple[int, list[str]]:
    """The exit code, and every row that was written, also those that were drawn over."""
    import fcntl
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    environment = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "NO_COLOR")}
    with subprocess.Popen(
        [sys.executable, "-c", RUN.format(here=str(Path(__file__).parent)), *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**environment, "VADEMECUM_HOME": str(home), "TERM": "xterm-256color"},
    ) as process:
        os.close(theirs)
        written = b""
        while True:
            try:
                piece = os.read(ours, 1 << 16)
            except OSError:  # how Linux tells that nobody writes any more
                break
            if not piece:
                break
            written += piece
    os.close(ours)
    rows = re.split(r"\n|\r(?!\n)|\x1b\[\d*A", written.decode())
    return process.returncode, [CONTROLS.sub("", row).rstrip() for row in rows]


@pytest.mark.parametrize("columns", [80, 60])
def test_ingesting_fits_the_terminal(home: Path, tmp_path: Path, columns: int) -> None:
    folder = tmp_path / "a folder with a name that is longer than many names of folders are"
    folder.mkdir()
    records = [citation(n, f"On drug {n}", f"Drug {n} lowered fever.") for n in range(1, 301)]
    (folder / "good.xml").write_text(pubmed(*records))
    (folder / "broken.xml").write_text("<PubmedArticleSet>")
    code, rows = seen(columns, home, "ingest", str(folder), "--corpus", "drugs")
    assert code == 1
    assert max(map(cell_len, rows)) <= columns
    told = " ".join(" ".join(rows).split())
    assert "drugs: 2 files, 1 failed; 300 documents read, 300 kept; 300 passages embedded; " in told
    assert "error: broken.xml could not be read hint: what could be read is kept; " in told
    assert "then: vademecum jobs retry 1" in told  # no word was cut
    assert any("reading into drugs: " in row and " so far" in row for row in rows)
    for command in ("jobs show", "jobs retry", "search fever"):
        _, rows = seen(columns, home, *command.split())
        assert rows
        assert max(map(cell_len, rows)) <= columns, command


@pytest.mark.parametrize(("columns", "titles"), [(80, False), (130, True)])
def test_names_of_models_can_be_typed_as_they_are_listed(
    home: Path, columns: int, titles: bool
) -> None:
    code, rows = seen(columns, home, "models")
    assert code == 0
    assert max(map(cell_len, rows)) <= columns
    words = " ".join(rows).split()
    assert {"tiny", "r1-qwen-1.5b", "r1-0528-qwen3-8b"} <= set(words)
    assert ("DeepSeek-R1-Distill-Qwen-1.5B" in words) == titles
