"""What does one more file in a folder cost, where the others are known?

    python benchmarks/one_more.py FILE ... [--files 200]

A folder of copies of PDFs and articles in JATS that differ in a few bytes, cut as for
all-MiniLM-L6-v2, their vectors random: embedding costs next to nothing. It is ingested, then again
with one more file, once as it is and once by a library that has forgotten which files it holds
whole, and so reads all of them again, as one of before there was such a list. Seconds are of a
clock. Prints one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import closing
from itertools import cycle, islice
from pathlib import Path
from time import perf_counter
from typing import Any

from committing import RandomEmbedder

from vademecum.corpora.library import Library
from vademecum.ingest.pipeline import ingest
from vademecum.ingest.sources import resolve

IDS = re.compile(rb'(<article-id pub-id-type="(?:pmc|pmcid|pmid|doi)">)([^<]*)')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("originals", nargs="+", type=Path)
    parser.add_argument("--files", type=int, default=200)
    options = parser.parse_args()
    embedder = RandomEmbedder()
    with tempfile.TemporaryDirectory() as folder:
        made = _copies(Path(folder) / "papers", options.originals, options.files + 1)
        last = made[options.files]
        late = last.rename(Path(folder) / last.name)
        first = _run(Path(folder), embedder)
        shutil.copy(late, last)
        one_more = _run(Path(folder), embedder)
        last.write_bytes(last.read_bytes() + b"\n")
        with closing(sqlite3.connect(Path(folder) / "library" / "library.sqlite")) as rows, rows:
            rows.execute("DELETE FROM whole_documents")
            rows.execute("DELETE FROM whole_files")
        all_again = _run(Path(folder), embedder)
        sizes = sum(path.stat().st_size for path in (Path(folder) / "papers").iterdir())
    told = {"files": options.files, "bytes": sizes, "cores": len(os.sched_getaffinity(0))}
    runs = {"first": first, "one_more": one_more, "all_again": all_again}
    print(json.dumps({"benchmark": "one more file", **told, **runs}))


def _copies(folder: Path, originals: Sequence[Path], count: int) -> list[Path]:
    """Each known by other bytes, and articles by other ids."""
    folder.mkdir()
    made: list[Path] = []
    for number, original in enumerate(islice(cycle(originals), count)):
        content = original.read_bytes()
        if original.suffix == ".pdf":
            content += b"\n%% copy %d\n" % number
        else:
            content = IDS.sub(rb"\g<1>\g<2>%d" % number, content)
        made.append(folder / f"{number:04}{original.suffix}")
        made[-1].write_bytes(content)
    return made


def _run(folder: Path, embedder: Any) -> dict[str, float]:
    began = perf_counter()
    with Library.open(folder / "library") as library:
        report = ingest(library, "papers", resolve([str(folder / "papers")]), embedder)
    seconds = round(perf_counter() - began, 2)
    counts = {"read": report.read, "kept": report.kept, "unchanged": report.unchanged}
    return {"seconds": seconds, **counts, "failed": report.failed}


if __name__ == "__main__":
    main()
