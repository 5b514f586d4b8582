"""Killed with -9 at random moments and resumed each time, it comes to the same library."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any

import pytest
from ingest_support import FakeEmbedder, article, deletion, write_pubmed
from kill_support import BATCH, NAME

from vademecum.corpora.jobs import Job
from vademecum.corpora.layout import IS_WHOLE
from vademecum.corpora.library import Library
from vademecum.ingest.pipeline import ingest

LONG = " ".join(f"Sentence number {n} says that aspirin works." for n in range(9))


def make_files(folder: Path, each: int) -> list[Path]:
    """A baseline and its updates: revisions, notices, deletions; and a text."""
    one = [article(n, LONG if n % 5 == 0 else None) for n in range(1, each)]
    two = [article(n, f"Revised {n}.") for n in range(each // 2, each + each // 2)]
    three = [article(n) for n in range(each, 2 * each)]
    text = folder / "a.md"
    text.write_text("# Guideline\n\n" + LONG)
    return [
        write_pubmed(folder / "pubmed26n0001.xml.gz", *one),
        write_pubmed(folder / "pubmed26n0002.xml.gz", *two, deletion(1, 2, each + 1)),
        text,
        write_pubmed(folder / "pubmed26n0003.xml", *three, deletion(3)),
    ]


def make_more(folder: Path, each: int) -> tuple[list[Path], list[Path]]:
    """Files that a corpus is to hold, and the same with others before and between them, some of
    which take the place of what was held."""
    known = [write_pubmed(folder / "b.xml", *[article(n) for n in range(1, each)])]
    for n in range(each):
        known.append(folder / f"k{n:04}.txt")
        known[-1].write_text(f"Known text number {n} says that aspirin works.")
    table = folder / "m.csv"
    table.write_text("\n".join(["id,text", *[f"{n},Row {n}." for n in range(each)]]) + "\n")
    late = write_pubmed(folder / "z.xml", *[article(n, LONG) for n in range(1, each, 7)])
    known += [table, late]
    new = [write_pubmed(folder / "a.xml", *[article(n, f"First {n}.") for n in range(1, each, 5)])]
    for n in range(0, each, 2):
        new.append(folder / f"k{n:04}-new.txt")
        new[-1].write_text(f"New text number {n}. {LONG}")
    return known, sorted([*known, *new])


def contents(library: Library) -> list[Any]:
    found = library.verify(NAME)
    assert found.problems == []
    rows = library._database.read(
        "SELECT d.doc_id, d.hash, d.fingerprint, d.origin, p.ordinal, p.hash, p.vector "
        "FROM documents d JOIN passages p ON p.document = d.id ORDER BY d.doc_id, p.ordinal"
    )
    withdrawn = library._database.read("SELECT * FROM withdrawn ORDER BY doc_id")
    taken = sorted(library.taken(NAME))
    places = library._database.read("SELECT place, doc_id FROM places ORDER BY doc_id, place")
    whole = library._database.read(
        f"SELECT place FROM whole_files f WHERE {IS_WHOLE} ORDER BY place"
    )
    return [library.corpus(NAME), rows, withdrawn, taken, places, whole]


def killed_again_and_again(
    folder: Path, files: list[Path], *, kills: int, openings: float, way: str, pause_s: float
) -> dict[str, int]:
    """Runs that were killed, and those of them that had embedded something (`at_work`)."""
    arguments = [str(folder), str(kills), str(openings), way, str(pause_s), *map(str, files)]
    done = subprocess.run(
        [sys.executable, str(Path(__file__).parent / "kill_support.py"), *arguments],
        capture_output=True,
        text=True,
        timeout=1200,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    counts: dict[str, int] = json.loads(done.stdout.splitlines()[-1])
    return counts


def check(folder: Path, files: list[Path], lost: int, held: Sequence[Path] = ()) -> Job:
    """The same library, and no run embedded again more than so many batches of what it, or one
    before it, had embedded. `held` was there before; returns the job."""
    expected = FakeEmbedder()
    with Library.open(folder / "expected") as library:
        if held:
            ingest(library, NAME, held, FakeEmbedder())
        ingest(library, NAME, files, expected, batch_size=BATCH)
        wanted = contents(library)
    with Library.open(folder / "library") as library:
        assert contents(library) == wanted
        assert not list(library.path.glob("shards-*"))
        job, *earlier = library.jobs()
        assert len(earlier) == bool(held)
        assert (job.state, job.pending, job.failed) == ("done", (), ())
        report = job.report
        parts = ("kept", "skipped", "superseded", "passed_over")
        assert report["read"] == sum(report[name] for name in parts)
    calls = [json.loads(line) for line in (folder / "embedded.log").read_text().splitlines()]
    calls.sort(key=itemgetter(0))  # a worker may outlive its run
    seen: set[str] = set()
    again: Counter[int] = Counter()
    for number, texts in calls:
        again[number] += len(seen.intersection(texts))
        seen.update(texts)
    assert seen >= set(expected.embedded)
    largest = max(len(texts) for _, texts in calls)
    assert max(again.values()) <= lost * largest, again
    return job


def test_a_few_kills(tmp_path: Path) -> None:
    files = make_files(tmp_path, 120)
    runs = killed_again_and_again(tmp_path, files, kills=5, openings=2.5, way="here", pause_s=0.2)
    assert runs["killed"] >= 3
    assert runs["at_work"] >= 1
    check(tmp_path, files, lost=1)  # the batch under way, and no other


def hold(folder: Path, files: list[Path]) -> None:
    with Library.open(folder / "library") as library:
        ingest(library, NAME, files, FakeEmbedder())


def unchanged(job: Job) -> set[str]:
    """The names of the files that were not read."""
    return {Path(file.path).name for file in job.files if file.state == "unchanged"}


def test_a_few_kills_where_most_files_are_known(tmp_path: Path) -> None:
    known, files = make_more(tmp_path, 240)
    hold(tmp_path, known)
    runs = killed_again_and_again(tmp_path, files, kills=5, openings=2.5, way="here", pause_s=0.2)
    assert runs["killed"] >= 3
    assert runs["at_work"] >= 1
    job = check(tmp_path, files, lost=1, held=known)
    assert unchanged(job) == {path.name for path in known} - {"b.xml", "z.xml"}


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("way", ["here", "apart"])
def test_fifty_kills_where_most_files_are_known(tmp_path: Path, way: str) -> None:
    known, files = make_more(tmp_path, 1500)
    hold(tmp_path, known)
    runs = killed_again_and_again(
        tmp_path, files, kills=50, openings=4 if way == "here" else 3, way=way, pause_s=0.1
    )
    job = check(tmp_path, files, lost=1, held=known)
    assert unchanged(job) == {path.name for path in known} - {"b.xml", "z.xml"}
    assert runs["killed"] >= 30
    assert runs["at_work"] >= 20  # the others were not yet embedding


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("way", ["here", "apart"])
def test_fifty_kills(tmp_path: Path, way: str) -> None:
    files = make_files(tmp_path, 1500)
    runs = killed_again_and_again(
        tmp_path, files, kills=50, openings=4 if way == "here" else 3, way=way, pause_s=0.1
    )
    check(tmp_path, files, lost=1)
    assert runs["killed"] >= 50
    assert runs["at_work"] >= 20  # the others were not yet embedding
