"""Files that cannot be read, as they are told."""

from __future__ import annotations

from pathlib import Path

import pytest
from ingest_support import FakeEmbedder, article, write_pubmed

from vademecum.corpora.library import Library
from vademecum.ingest.failures import Failures
from vademecum.ingest.pipeline import ingest
from vademecum.ingest.reading import Ended, Reading
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


# files that hold nothing


def empty_files(folder: Path) -> list[Path]:
    contents = {
        "nothing.txt": "",
        "nothing.pdf": "",
        "space.md": "\n \n",
        "heading.csv": "title,text\n",
        "set.xml": "<PubmedArticleSet/>",
    }
    for name, content in contents.items():
        (folder / name).write_text(content)
    return [folder / name for name in contents]


def test_an_empty_file_fails_nothing_and_is_named(tmp_path: Path) -> None:
    good = write_pubmed(tmp_path / "good.xml", article(1))
    notes = Notes()
    with Library.open(tmp_path / "library") as library:
        paths = [*empty_files(tmp_path), good]
        report = ingest(library, "papers", paths, FakeEmbedder(), progress=notes)
        assert (report.state, report.failed, report.kept) == ("done", 0, 1)
        told = [note for note in notes.told if "skipped" in note]
        assert told == [
            "empty, skipped: nothing.txt, nothing.pdf, space.md, heading.csv, set.xml",
        ]
        files = library.jobs()[0].files
        assert [(file.state, file.reason) for file in files] == [
            *[("done", "empty, skipped")] * 5,
            ("done", ""),
        ]


def test_what_a_file_held_before_it_was_emptied_stays(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    with Library.open(tmp_path / "library") as library:
        for content in ("Aspirin helps.", "", "Aspirin harms."):
            path.write_text(content)
            ingest(library, "papers", [path], FakeEmbedder())
            assert library.corpus("papers").documents == 1
        (hit,) = library.search_lexical("papers", "aspirin", 5)
    assert hit.passage.text == "Aspirin harms."


def test_a_file_of_nlm_is_never_empty(tmp_path: Path) -> None:
    path = tmp_path / "pubmed26n1334.xml"
    for content in ("", "<PubmedArticleSet/>"):
        path.write_text(content)
        (ended,) = Reading().read([(0, path)])
        assert isinstance(ended, Ended)
        assert ended.failure
        assert not ended.empty
