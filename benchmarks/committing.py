"""How fast does one process commit what the workers of Ray read and embed?

    python benchmarks/committing.py FILE.xml.gz [--documents 6000] [--workers 2]

Documents of a PubMed file, read and cut as for all-MiniLM-L6-v2, their vectors random: embedding
costs next to nothing. Seconds are those of the committing process, all its threads, so that other
work on the machine changes little: from the first document to the last in SQLite, and until both
indexes have them, too. Prints one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np

from vademecum.corpora.library import Library
from vademecum.ingest.engine import Engine
from vademecum.ingest.pipeline import ingest
from vademecum.model.embedder import Embedder
from vademecum.progress import Silent


class RandomEmbedder:
    """Counts tokens as all-MiniLM-L6-v2 does, and embeds at once."""

    name, dim = "random", 384

    def __init__(self) -> None:
        self.counter = Embedder.load().counter
        self.max_tokens = self.counter.max_tokens

    @property
    def loader(self) -> Callable[[], RandomEmbedder]:
        return RandomEmbedder

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return self.counter.count_tokens(texts)

    def embed_passages(self, texts: Sequence[str]) -> Any:
        rows = np.random.default_rng(len(texts)).standard_normal((len(texts), self.dim))
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)

    def embed_query(self, text: str) -> Any:
        return self.embed_passages([text])[0]


class Stopwatch(Silent):
    """Starts when Ray has started and reading begins."""

    def start(self, task: str, total: int | None, unit: str) -> None:
        self.spent, self.wall = process_time(), perf_counter()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--documents", type=int, default=6000)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    watch, embedder, engine = Stopwatch(), RandomEmbedder(), Engine("ray", options.workers)
    with tempfile.TemporaryDirectory() as folder:
        with Library.open(Path(folder)) as library:
            report = ingest(
                library,
                "all",
                [options.file],
                embedder,
                limit=options.documents,
                progress=watch,
                engine=engine,
            )
            stored = process_time() - watch.spent
        indexed, wall = process_time() - watch.spent, perf_counter() - watch.wall
    print(
        json.dumps(
            {
                "benchmark": "committing",
                "documents": report.kept,
                "passages": report.passages,
                "stored_per_s": round(report.passages / stored),
                "indexed_per_s": round(report.passages / indexed),
                "wall_s": round(wall, 1),
                "workers": options.workers,
                "ray": version("ray"),
                "python": platform.python_version(),
                "cores": len(os.sched_getaffinity(0)),
                "machine": platform.machine(),
            }
        )
    )


if __name__ == "__main__":
    main()
