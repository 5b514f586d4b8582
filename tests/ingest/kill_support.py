"""Ingestions that are killed at random moments, from a process that has imported all it needs.

Each run is a fork of it, as fast to start as to kill.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import chromadb  # noqa: F401 - what the library imports when it is needed
import tantivy  # noqa: F401
from ingest_support import FakeEmbedder

from vademecum.corpora.library import Library
from vademecum.ingest.again import left_of
from vademecum.ingest.engine import Engine
from vademecum.ingest.pipeline import ingest, resume
from vademecum.ingest.web import Web

NAME = "trials"
BATCH = 16


class Logged(FakeEmbedder):
    """Writes down what it embeds before it gives it away, a line a call with the number of the
    run, whatever happens then."""

    def __init__(self, log: Path, pause_s: float, number: int = 0) -> None:
        super().__init__()
        self._log = log
        self._pause_s = pause_s
        self._number = number

    @property
    def loader(self) -> Callable[[], FakeEmbedder]:
        return partial(Logged, self._log, self._pause_s, self._number)

    def embed_passages(self, texts: Sequence[str]) -> Any:
        vectors = super().embed_passages(texts)
        time.sleep(self._pause_s)
        with self._log.open("a") as log:
            log.write(json.dumps([self._number, list(texts)]) + "\n")
        return vectors


def work(folder: Path, files: Sequence[Path], way: str, pause_s: float, number: int = 0) -> None:
    """What somebody does who knows of no kill: begin, or resume what was left."""
    embedder = Logged(folder / "embedded.log", pause_s, number)
    engine = Engine("ray" if way == "ray" else "local")
    how: Any = {"batch_size": BATCH, "apart": way == "apart"}
    with Library.open(folder / "library") as library, Web() as web:
        jobs = library.jobs()
        if jobs and jobs[0].can_resume:
            left = left_of(library, jobs[0], web)
            left.engine = engine
            resume(library, left, embedder, **how)
        elif not jobs or jobs[0].source["files"] != list(map(str, files)):  # what was held before
            ingest(library, NAME, files, embedder, engine=engine, **how)


def opening(folder: Path) -> float:
    """Seconds until a run can begin with its work, on this machine as busy as it is."""
    began = time.monotonic()
    run = os.fork()
    if run == 0:
        with Library.open(folder / "other") as library:
            library.create_corpus(NAME, embedder="fake", dim=8, fingerprint="f")
        os._exit(0)
    os.waitpid(run, 0)
    return time.monotonic() - began


def main() -> None:
    """`folder kills openings ways pause files...`: prints how many runs were killed, and
    how many of those had embedded something.

    A run is killed while or after it embeds one of its first batches, or, three in ten, within so
    many times what it takes to open a library. The runs take turns in the ways, which are "here",
    "apart" (reading in a process of its own) and "ray".
    """
    folder, kills, openings = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    ways, pause_s, files = sys.argv[4].split(","), float(sys.argv[5]), sys.argv[6:]
    chance = random.Random(7)
    longest = openings * opening(folder)
    log = folder / "embedded.log"
    killed = runs = at_work = 0
    while True:
        runs += 1
        before = _calls(log)
        run = os.fork()
        if run == 0:
            try:
                work(folder, list(map(Path, files)), ways[runs % len(ways)], pause_s, runs)
                os._exit(0)
            except Exception:  # noqa: BLE001 - told, and an exit code
                traceback.print_exc()
            finally:
                os._exit(1)
        if killed < kills:
            # To begin (to start a reader, to connect) may take longer than all else: most runs get
            # as far as to embed.
            if chance.random() < 0.7:
                calls = before + chance.randint(1, 5)
                while _calls(log) < calls and _runs(run):
                    time.sleep(0.02)
                time.sleep(chance.uniform(0.0, 2 * pause_s))
            else:
                time.sleep(chance.uniform(0.0, longest))
            os.kill(run, signal.SIGKILL)
        _, status = os.waitpid(run, 0)
        if os.WIFSIGNALED(status):
            killed += 1
            at_work += _calls(log) > before
        elif status:
            sys.exit(f"run {runs} failed")
        else:
            break  # done, perhaps before it could be killed as often as was wanted
    print(json.dumps({"killed": killed, "at_work": at_work, "runs": runs}))


def _runs(run: int) -> bool:
    return os.waitid(os.P_PID, run, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None


def _calls(log: Path) -> int:
    return log.read_bytes().count(b"\n") if log.exists() else 0


if __name__ == "__main__":
    main()
