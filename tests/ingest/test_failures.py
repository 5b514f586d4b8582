"""Files that cannot be read, as they are told."""

from __future__ import annotations

from pathlib import Path

import pytest
from ingest_support import FakeEmbedder

from vademecum.corpora.library import Library
from vademecum.ingest.failures import Failures
from vademecum.ingest.pipeline import ingest
from vademecum.progress import Silent

SCANNED = "its pages are images, without text; run it through OCR"


class Notes(Silent):
    def __init__(self) -> None:
        self.told: list[str] = []

    def note(self, text: str) -> None:
        self.told.append(text)


def test_a_reason_is_told_once_and_its_other_files_at_the_end() -> None:
    notes = Notes()
    failures = Failures(notes)
    failures.tell("a.pdf", f"a.pdf: {SCANNED}")
    failures.tell("odd.pdf", "not a PDF file")
    failures.tell("b.pdf", f"b.pdf: {SCANNED}")
    assert notes.told == [f"a.pdf: {SCANNED}", "odd.pdf: not a PDF file"]
    failures.finish()
    assert notes.told[2:] == ["the same of b.pdf as of a.pdf"]


def test_of_many_files_a_few_are_named() -> None:
    notes = Notes()
    failures = Failures(notes)
    for n in range(9):
        failures.tell(f"{n}.pdf", f"{n}.pdf: {SCANNED}")
    failures.finish()
    failures.finish()
    assert notes.told[1:] == [
        "the same of 1.pdf, 2.pdf, 3.pdf, 4.pdf, 5.pdf and 3 more as of 0.pdf"
    ]


class Gone(Notes):
    """The terminal is gone when the end comes to be told."""

    def note(self, text: str) -> None:
        super().note(text)
        if text.startswith("the same of"):
            raise BrokenPipeError


def test_the_job_ends_though_nobody_is_told_any_more(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a.xml", "b.xml")]
    for path in paths:
        path.write_text("no XML")
    with Library.open(tmp_path / "library") as library:
        with pytest.raises(BrokenPipeError):
            ingest(library, "papers", paths, FakeEmbedder(), progress=Gone())
        assert library.jobs()[0].state == "failed"
