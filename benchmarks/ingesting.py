"""How fast do PubMed files become a library, beside the plain way, and in how much memory?

    python benchmarks/ingesting.py FILE ... [--limit N] [--compare 1000] [--rounds 3]

Rounds alternate between two sides, over `--compare` citations: every n-th of all files, so that
each file has its share (texts of the 1970s are short, and those of today long). Ours reads, splits,
embeds, and writes SQLite, Chroma and tantivy. The plain way gets the same passages as texts in
memory, and is sentence-transformers in float32 and Chroma's `add`. Then ours reads all files (or
`--limit` documents of them), and once more. Every run is a process of its own; loading of the
embedder and importing Chroma are left out of both sides. Memory is the proportional share (PSS) of
the process and its children, looked at twice a second, and of it what is anonymous: pages of files
the system takes back and reads again as it likes. Prints a table, then one line of JSON.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from statistics import mean, median
from time import perf_counter, sleep
from typing import Any

from vademecum.assets import fetch
from vademecum.corpora.library import Library
from vademecum.ingest.heading import embedding_text
from vademecum.ingest.pipeline import ingest
from vademecum.model.embedder import DEFAULT, EMBEDDERS, Embedder

CORPUS = "measured"
LOOK_S = 0.5
ADD = 1000  # passages a call of the plain side
BEGIN, END = b"<PubmedArticle>", b"</PubmedArticle>"
GOAL, GOAL_AGAIN, GOAL_MB = 3.0, 50.0, 1500


@dataclass
class Memory:
    """Megabytes of a process and all below it, over its life."""

    seen: list[float] = field(default_factory=list)
    anonymous: list[float] = field(default_factory=list)

    def watch(self, process: subprocess.Popen[str]) -> None:
        """Until it ends."""
        while process.poll() is None:
            share, anonymous = map(sum, zip(*map(_pss_mb, _tree(process.pid)), strict=True))
            if share > 0:
                self.seen.append(share)
                self.anonymous.append(anonymous)
            sleep(LOOK_S)

    @property
    def peak(self) -> float:
        return max(self.seen, default=0.0)

    @property
    def quarters(self) -> list[int]:
        """The mean over each quarter of the time."""
        return _quarters(self.seen)

    @property
    def anonymous_quarters(self) -> list[int]:
        """The same without pages of files, which the system takes back and reads again."""
        return _quarters(self.anonymous)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--compare", type=int, default=1000, help="citations, for the two sides")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--side", choices=("ours", "plain"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side == "ours":
        print(json.dumps(ours(options.files, options.limit, options.folder)))
    elif options.side == "plain":
        print(json.dumps(plain(options.files[0], options.folder)))
    else:
        measure(options.files, options.limit, options.compare, options.rounds)


def measure(files: Sequence[Path], limit: int | None, compare: int, rounds: int) -> None:
    """Both sides in turn, then all of it twice."""
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        sides: dict[str, list[float]] = {"ours": [], "plain": []}
        texts = work / "texts.json"
        drawn = draw(files, compare, work)
        for number in range(rounds):
            library = work / f"library-{number}"
            done, _ = run("ours", drawn, library)
            sides["ours"].append(done["embedded"] / done["seconds"])
            if not texts.exists():
                texts.write_text(json.dumps(texts_of(library)))
            done, _ = run("plain", [texts], work / f"chroma-{number}")
            sides["plain"].append(done["embedded"] / done["seconds"])
            print(
                f"round {number + 1}: {sides['ours'][-1]:.1f} and {sides['plain'][-1]:.1f}/s",
                flush=True,
            )
        first, memory = run("ours", files, work / "whole", limit)
        again, _ = run("ours", files, work / "whole", limit)
    ours_s, plain_s = median(sides["ours"]), median(sides["plain"])
    ratios = [a / b for a, b in zip(sides["ours"], sides["plain"], strict=True)]
    rows = [
        ("passages of the two sides", f"{done['embedded']:,}"),
        ("passages/s, plain float32 + Chroma", f"{plain_s:,.1f}"),
        ("passages/s, ours, end to end", f"{ours_s:,.1f}"),
        (f"ratio (goal {GOAL:g})", f"{median(ratios):.2f}"),
        ("all files: documents", f"{first['read']:,}"),
        ("all files: passages", f"{first['embedded']:,}"),
        ("all files: seconds", f"{first['seconds']:,.1f}"),
        ("all files: passages/s", f"{first['embedded'] / first['seconds']:,.1f}"),
        ("second run: seconds", f"{again['seconds']:,.2f}"),
        (f"times faster (goal {GOAL_AGAIN:g})", f"{first['seconds'] / again['seconds']:,.0f}"),
        (f"peak memory, MB (goal {GOAL_MB:,})", f"{memory.peak:,.0f}"),
        ("mean of each quarter, MB", ", ".join(map(str, memory.quarters))),
        ("of it anonymous, MB", ", ".join(map(str, memory.anonymous_quarters))),
    ]
    for what, value in rows:
        print(f"{what:40} {value:>14}")
    print(json.dumps(_result(files, done["embedded"], sides, ratios, first, again, memory)))


def _result(
    files: Sequence[Path],
    compared: int,
    sides: dict[str, list[float]],
    ratios: Sequence[float],
    first: dict[str, Any],
    again: dict[str, Any],
    memory: Memory,
) -> dict[str, Any]:
    return {
        "benchmark": "ingesting",
        "files": [path.name for path in files],
        "compared": compared,
        "ours_per_s": [round(rate, 1) for rate in sides["ours"]],
        "plain_per_s": [round(rate, 1) for rate in sides["plain"]],
        "ratio": round(median(ratios), 2),
        "first": first,
        "again": again,
        "again_ratio": round(first["seconds"] / again["seconds"], 1),
        "peak_mb": round(memory.peak),
        "quarters_mb": memory.quarters,
        "anonymous_mb": memory.anonymous_quarters,
        "embedder": DEFAULT,
        "python": platform.python_version(),
        **{name: version(name) for name in ("chromadb", "sentence-transformers", "torch")},
        "cores": len(os.sched_getaffinity(0)),
        "machine": platform.machine(),
    }


def draw(files: Sequence[Path], number: int, folder: Path) -> list[Path]:
    """So many citations of all PubMed files, evenly, as files of the same names in a folder."""
    sets = {path: gzip.decompress(path.read_bytes()) for path in files}
    step = max(1, sum(held.count(BEGIN) for held in sets.values()) // number)
    found = []
    for path, held in sets.items():
        head, *citations = held.split(BEGIN)
        if not citations:
            sys.exit(f"{path} holds no PubmedArticle")
        kept = [BEGIN + one[: one.index(END)] + END for one in citations[::step]]
        found.append(folder / path.name)
        found[-1].write_bytes(gzip.compress(head + b"".join(kept) + b"</PubmedArticleSet>"))
    return found


def run(
    side: str, files: Sequence[Path], folder: Path, limit: int | None = None
) -> tuple[dict[str, Any], Memory]:
    """One side in a process of its own, and the memory it took."""
    command = [sys.executable, __file__, *map(str, files), "--side", side, "--folder", str(folder)]
    if limit is not None:
        command += ["--limit", str(limit)]
    memory = Memory()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        watch = threading.Thread(target=memory.watch, args=(process,))
        watch.start()
        out, _ = process.communicate()
        watch.join()
    if process.returncode:
        sys.exit(f"{side} ended with {process.returncode}")
    return json.loads(out.splitlines()[-1]), memory


def ours(files: Sequence[Path], limit: int | None, folder: Path) -> dict[str, Any]:
    """What `vademecum ingest` does with them."""
    import chromadb  # noqa: F401 - as on the other side, before the clock starts

    embedder = Embedder.load()
    with Library.open(folder) as library:
        started = perf_counter()
        report = ingest(library, CORPUS, files, embedder, limit=limit)
        seconds = perf_counter() - started
    return {
        "read": report.read,
        "kept": report.kept,
        "skipped": report.skipped,
        "embedded": report.embedded,
        "seconds": round(seconds, 3),
    }


def plain(texts: Path, folder: Path) -> dict[str, Any]:
    """What the two libraries do, called as their manuals show."""
    import chromadb
    from sentence_transformers import SentenceTransformer

    passages: list[tuple[str, str]] = json.loads(texts.read_text())
    model = SentenceTransformer(
        str(fetch(EMBEDDERS[DEFAULT])), device="cpu", model_kwargs={"dtype": "float32"}
    )
    collection = chromadb.PersistentClient(str(folder)).create_collection(
        CORPUS, embedding_function=None, configuration={"hnsw": {"space": "cosine"}}
    )
    started = perf_counter()
    for at in range(0, len(passages), ADD):
        ids, bodies = zip(*passages[at : at + ADD], strict=True)
        vectors = model.encode(list(bodies), show_progress_bar=False, normalize_embeddings=True)
        collection.add(ids=list(ids), embeddings=vectors, documents=list(bodies))
    return {"embedded": len(passages), "seconds": round(perf_counter() - started, 3)}


def texts_of(folder: Path) -> list[tuple[str, str]]:
    """Every passage of a library as it was embedded, once each."""
    found: dict[str, str] = {}
    with Library.open(folder) as library:
        ids = [row[0] for row in library._database.read("SELECT doc_id FROM documents ORDER BY id")]
        for doc_id, document in library.documents(CORPUS, ids).items():
            for passage in library.passages(CORPUS, doc_id):
                found.setdefault(embedding_text(document, passage), passage.passage_id)
    return [(passage_id, text) for text, passage_id in found.items()]


def _tree(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    for parent in found:
        try:
            threads = Path(f"/proc/{parent}/task").iterdir()
            for thread in threads:
                found += map(int, (thread / "children").read_text().split())
        except OSError:
            continue  # it has just ended
    return found


def _quarters(seen: Sequence[float]) -> list[int]:
    size = max(1, len(seen) // 4)
    return [round(mean(seen[at : at + size] or [0.0])) for at in range(0, 4 * size, size)]


def _pss_mb(pid: int) -> tuple[float, float]:
    """Its proportional share of memory, and what of it is anonymous."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    except OSError:  # it has ended
        return 0.0, 0.0
    found = {name: int(value.split()[0]) / 1000 for name, value in (x.split(":") for x in lines)}
    return found["Pss"], found["Pss_Anon"]


if __name__ == "__main__":
    main()
