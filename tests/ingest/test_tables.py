"""Tables (CSV, JSON Lines) that are read again: nothing is lost unseen, nothing embedded twice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from ingest_support import FakeEmbedder

from vademecum.corpora.library import Library
from vademecum.ingest.pipeline import ingest
from vademecum.ingest.report import IngestReport

NAME = "tables"


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library.open(tmp_path / "library") as opened:
        yield opened


def run(library: Library, *paths: Path, batch_size: int = 64) -> IngestReport:
    report = ingest(library, NAME, list(paths), FakeEmbedder(), batch_size=batch_size)
    assert report.read == report.kept + report.skipped + report.superseded + report.passed_over
    return report


def texts(library: Library) -> list[str]:
    """Of all documents of the corpus."""
    rows = library._database.read("SELECT text FROM documents ORDER BY text")
    return [text for (text,) in rows]


def json_lines(numbers: range) -> list[str]:
    return [json.dumps({"id": n, "text": f"Row {n} of it."}) for n in numbers]


# rows that cannot be read any more


def test_rows_that_became_unreadable_are_not_taken_for_gone(
    library: Library, tmp_path: Path
) -> None:
    path = tmp_path / "a.jsonl"
    lines = json_lines(range(50))
    path.write_text("\n".join(lines))
    run(library, path)
    path.write_text("\n".join([lines[0], *(line.rstrip("}") for line in lines[1:])]))
    report = run(library, path, batch_size=7)
    assert (report.state, report.rejected, report.displaced) == ("done", 49, 0)
    assert library.corpus(NAME).documents == 50
    path.write_text("\n".join(lines[:20]))
    assert run(library, path).displaced == 30
    assert library.corpus(NAME).documents == 20


def test_a_quotation_mark_that_is_not_closed_loses_no_row(library: Library, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rows = [f"{n},Row {n} of it." for n in range(50)]
    path.write_text("\n".join(["id,text", *rows]))
    run(library, path)
    path.write_text("\n".join(["id,text", rows[0], '1,"Row 1 of it.', *rows[2:]]))
    report = run(library, path)
    assert (report.state, report.failed, report.displaced) == ("failed", 1, 0)
    [(_, reason)] = report.failed_files
    assert "row of line 3" in reason
    assert library.corpus(NAME).documents == 50


def test_a_row_that_stands_twice_keeps_no_other_from_going(
    library: Library, tmp_path: Path
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text\nAspirin helps.\nStatins help.\nStatins help.\n")
    run(library, path)
    path.write_text("text\nAspirin harms.\nStatins help.\nStatins help.\n")
    report = run(library, path)
    assert (report.rejected, report.displaced) == (1, 1)
    assert texts(library) == ["Aspirin harms.", "Statins help."]
