"""How fast is a PubMed file read, beside the least that reading it can take?

    python benchmarks/reading.py [FILE ...] [--rounds 3]

The least is `lxml.etree.iterparse` over the same file, unpacked by the standard library's gzip: it
builds every record, clears it, and looks at none. Ours unpacks by igzip, parses in pieces and makes
documents of them. Both sides alternate in one process; the best round counts. With several files,
two processes share them, too. Without a file, the sample's.
Prints a table, then one line of JSON.
"""

from __future__ import annotations

import argparse
import gzip
import json
import multiprocessing
import os
import platform
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter

from lxml import etree

from vademecum.assets import SAMPLE_PUBMED, fetch
from vademecum.corpora.readers.pubmed import PubmedReader

LEAST = 0.6  # of bare iterparse


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    files = options.files or [fetch(SAMPLE_PUBMED)]
    rows = [_measured(path, options.rounds) for path in files]
    print(f"{'file':28} {'citations':>10} {'iterparse/s':>12} {'ours/s':>10} {'ratio':>7}")
    for row in rows:
        print(
            f"{row['file']:28} {row['citations']:>10,} {row['bare_per_s']:>12,.0f} "
            f"{row['ours_per_s']:>10,.0f} {row['ratio']:>7.2f}"
        )
    result = {
        "benchmark": "reading",
        "least": LEAST,
        "files": rows,
        "python": platform.python_version(),
        "lxml": ".".join(map(str, etree.LXML_VERSION)),
        "libxml2": ".".join(map(str, etree.LIBXML_VERSION)),
        "cores": len(os.sched_getaffinity(0)),
        "machine": platform.machine(),
    }
    if len(files) > 1 and options.processes > 1:
        citations = sum(int(row["citations"]) for row in rows)
        together = citations / _shared(files, options.processes)
        print(f"{options.processes} processes share the files: {together:,.0f} citations/s")
        result["processes"] = options.processes
        result["together_per_s"] = round(together)
    print(json.dumps(result))


def _measured(path: Path, rounds: int) -> dict[str, str | int | float]:
    best = {"bare": float("inf"), "ours": float("inf")}
    counts: dict[str, int] = {}
    sides: dict[str, Callable[[Path], int]] = {"bare": _bare, "ours": _ours}
    for _ in range(rounds):
        for name, side in sides.items():
            started = perf_counter()
            counts[name] = side(path)
            best[name] = min(best[name], perf_counter() - started)
    assert counts["bare"] == counts["ours"], counts
    count = counts["ours"]
    return {
        "file": path.name,
        "citations": count,
        "bare_per_s": round(count / best["bare"]),
        "ours_per_s": round(count / best["ours"]),
        "ratio": round(best["bare"] / best["ours"], 3),
    }


def _bare(path: Path) -> int:
    count = 0
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        for _, element in etree.iterparse(file, tag=("PubmedArticle", "DeleteCitation")):
            count += 1 if element.tag == "PubmedArticle" else len(element)
            element.clear()
            while element.getprevious() is not None:
                del element.getparent()[0]
    return count


def _ours(path: Path) -> int:
    return sum(1 for _ in PubmedReader().read(path))


def _shared(files: Sequence[Path], processes: int) -> float:
    """Seconds in which several processes read all of them, the pool's start left out."""
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        pool.map(_ready, range(processes))
        started = perf_counter()
        pool.map(_ours, files, chunksize=1)
        return perf_counter() - started


def _ready(number: int) -> int:
    return number


if __name__ == "__main__":
    main()
