"""How fast do passages go into a vector store, and out of it again?

    python benchmarks/loading.py [--passages 50000] [--dim 384] [--queries 200] [--stores milvus]

Random unit vectors with the metadata of a PubMed abstract. `chroma-steps` takes them as they came
before there was anything else: in batches of 100 passages, its graph written down every 5,000;
`chroma` as a library feeds it, in large steps and with few writes; `chroma-server` and `milvus`
(milvus-lite) start a server on this machine. Then searches of 10, of which the share of the true
nearest is told, and the size on disk. Each runs in a process of its own. Seconds are those of
the processor, the server's included, so that other work on the machine changes little. Prints a
table, then one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from time import perf_counter, process_time

import numpy as np

from vademecum.corpora.document import Document, Filters, MeshHeading, Passage
from vademecum.corpora.outbox import STEP
from vademecum.corpora.store import Entry
from vademecum.corpora.vectors import Place, VectorStore, open_vectors

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "corpora"))

STORES = ("chroma-steps", "chroma", "chroma-server", "milvus")
SMALL = 100  # passages: what a batch of 64 abstracts makes
K = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--passages", type=int, default=50_000)
    parser.add_argument("--dim", type=int, default=384)
    parser.add_argument("--stores", default=",".join(STORES))
    parser.add_argument("--queries", type=int, default=200)
    options = parser.parse_args()
    rows = []
    for store in options.stores.split(","):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            rows.append(
                pool.apply(measured, (store, options.passages, options.dim, options.queries))
            )
    print(
        f"{'store':14} {'load/s':>8} {'open s':>7} {'search ms':>9} {'recall':>7} "
        f"{'MB':>6} {'RSS MB':>7}"
    )
    for row in rows:
        print(
            f"{row['store']:14} {row['per_s']:>8,} {row['open_s']:>7} {row['search_ms']:>9} "
            f"{row['recall']:>7} {row['disk_mb']:>6,} {row['rss_mb']:>7,}"
        )
    print(
        json.dumps(
            {
                "benchmark": "loading",
                "passages": options.passages,
                "dim": options.dim,
                "queries": options.queries,
                "stores": rows,
                "chromadb": version("chromadb"),
                "python": platform.python_version(),
                "cores": len(os.sched_getaffinity(0)),
                "machine": platform.machine(),
            }
        )
    )


def measured(name: str, count: int, dim: int, queries: int) -> dict[str, str | int | float]:
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((count, dim), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    asked = vectors[rng.choice(count, queries)] + 0.05 * rng.standard_normal(
        (queries, dim), dtype=np.float32
    )
    with tempfile.TemporaryDirectory() as folder, opened(name, Path(folder)) as (store, server):
        small = name == "chroma-steps"
        store.create(1, dim)
        started, wall = spent(server), perf_counter()
        if not small:
            store.expect(1, count)
        for at in range(0, count, SMALL if small else STEP):
            store.apply(1, list(entries(vectors, at, at + (SMALL if small else STEP))), [])
        if not small:
            store.expect(1, 0)
        store.query(1, asked[0], K, Filters())  # everything is found from here on
        loaded, wall = spent(server) - started, perf_counter() - wall
        store.close()
        started = spent(server)
        store.query(1, asked[0], K, Filters())
        again = spent(server) - started
        found = 0
        started = spent(server)
        answers = [store.query(1, query, K, Filters()) for query in asked]
        searched = (spent(server) - started) / queries
        for query, answer in zip(asked, answers, strict=True):
            best = np.argpartition(-(vectors @ query), K)[:K]
            found += len({f"pmid:{at}#0" for at in best} & {passage_id for passage_id, _ in answer})
        memory = resident(server or os.getpid())
        disk = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
        store.close()
    return {
        "store": name,
        "per_s": round(count / loaded),
        "load_s": round(loaded, 1),
        "load_wall_s": round(wall, 1),
        "open_s": round(again, 2),
        "search_ms": round(1000 * searched, 2),
        "recall": round(found / queries / K, 3),
        "disk_mb": round(disk / 1e6),
        "rss_mb": round(memory / 1e6),
    }


@contextmanager
def opened(name: str, folder: Path) -> Iterator[tuple[VectorStore, int]]:
    """The store, and the process of its server, 0 where it has none."""
    if name in {"chroma-steps", "chroma"}:
        yield open_vectors(Place("chroma"), folder, ""), 0
        return
    from vector_server_support import Server

    with Server(name, folder / "served") as server:  # type: ignore[arg-type]
        yield open_vectors(Place.parse(server.place), folder, "b1"), server.pid


def spent(server: int) -> float:
    """Seconds of processor time of this process and of a server."""
    seconds = process_time()
    if server:
        # Fields 14 and 15 of the line, counted after the name in brackets: user, system.
        fields = Path(f"/proc/{server}/stat").read_text().rpartition(")")[2].split()
        seconds += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return seconds


def resident(process: int) -> int:
    """Bytes of memory that a process has now."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


TEMPLATE = Document(
    doc_id="pmid:0",
    title="Aspirin in stroke",
    text="Aspirin lowers the risk.",
    kind="abstract",
    date="2020-05",
    language="eng",
    publication_types=("Journal Article", "Randomized Controlled Trial"),
    mesh=tuple(MeshHeading(f"Heading {n}", f"D{n}", major=False) for n in range(12)),
)


def entries(vectors: np.ndarray, start: int, end: int) -> Iterator[Entry]:
    for at, vector in enumerate(vectors[start:end], start):
        document = replace(TEMPLATE, doc_id=f"pmid:{at}")
        passage = Passage(document.doc_id, 0, 0, 24, TEMPLATE.text)
        yield Entry(passage, document, f"{at:032x}", vector)


if __name__ == "__main__":
    main()
