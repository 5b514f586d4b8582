"""Tables (CSV, JSON Lines) that are read again: nothing is lost unseen, nothing embedded twice."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from ingest_support import FakeEmbedder, article, write_pubmed

from vademecum.corpora.library import Library
from vademecum.ingest.again import left_of
from vademecum.ingest.pipeline import ingest, resume
from vademecum.ingest.report import IngestReport
from vademecum.ingest.web import Web
from vademecum.progress import Silent

NAME = "tables"


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library.open(tmp_path / "library") as opened:
        yield opened


def run(library: Library, *paths: Path, batch_size: int = 64) -> IngestReport:
    report = ingest(library, NAME, list(paths), FakeEmbedder(), batch_size=batch_size)
    assert report.read == report.kept + report.skipped + report.superseded + report.passed_over
    return report


class Dying(FakeEmbedder):
    """Is killed while it embeds the batch of that number."""

    def __init__(self, calls: int) -> None:
        super().__init__()
        self._left = calls

    def embed_passages(self, texts: Sequence[str]) -> Any:
        self._left -= 1
        if not self._left:
            raise RuntimeError("killed")
        return super().embed_passages(texts)


def texts(library: Library) -> list[str]:
    """Of all documents of the corpus."""
    rows = library._database.read("SELECT text FROM documents WHERE corpus = 1 ORDER BY text")
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


# tables of one name


def table(folder: Path, *rows: str, name: str = "data.csv") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text("\n".join(["id,text", *rows, ""]))
    return path


def embedded_again(library: Library, *paths: Path, batch_size: int = 64) -> int:
    """Texts embedded while the files are read again, each in a job of its own, then together."""
    embedder = FakeEmbedder()
    for path in paths:
        path.write_bytes(path.read_bytes() + b"\n")  # other bytes: it is read
        ingest(library, NAME, [path], embedder, batch_size=batch_size)
        path.write_bytes(path.read_bytes() + b"\n")
    ingest(library, NAME, list(paths), embedder, batch_size=batch_size)
    ingest(library, NAME, list(reversed(paths)), embedder, batch_size=batch_size)
    return len(embedder.embedded)


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_rows_of_two_tables_of_one_name_are_both_kept(
    library: Library, tmp_path: Path, together: bool, batch_size: int
) -> None:
    one = table(tmp_path / "a", *(f"{n},Alpha {n}." for n in range(5)))
    two = table(tmp_path / "b", *(f"{n},Beta {n}." for n in range(5)))
    for paths in [(one, two)] if together else [(one,), (two,)]:
        report = run(library, *paths, batch_size=batch_size)
        assert (report.superseded, report.displaced) == (0, 0)
    every = [*(f"Alpha {n}." for n in range(5)), *(f"Beta {n}." for n in range(5))]
    assert texts(library) == every
    assert library.document("data:1", NAME).text == "Alpha 1."
    assert embedded_again(library, one, two, batch_size=batch_size) == 0
    assert texts(library) == every
    assert library.verify(NAME).problems == []


def test_a_csv_and_a_jsonl_of_one_name_are_both_kept(library: Library, tmp_path: Path) -> None:
    one = table(tmp_path / "a", "1,From CSV.", name="x.csv")
    two = tmp_path / "a" / "x.jsonl"
    two.write_text('{"id": 1, "text": "From JSON."}\n')
    run(library, one, two)
    assert texts(library) == ["From CSV.", "From JSON."]
    two.write_text('{"id": 2, "text": "From JSON."}\n')
    assert run(library, two).displaced == 1
    assert texts(library) == ["From CSV.", "From JSON."]


def test_rows_of_two_tables_of_one_name_are_edited_and_removed(
    library: Library, tmp_path: Path
) -> None:
    one, two = table(tmp_path / "a", "1,A.", "2,AA."), table(tmp_path / "b", "1,B.", "2,BB.")
    run(library, one, two)
    table(tmp_path / "b", "1,B now.", "2,BB.")
    report = run(library, two)
    assert (report.embedded, report.displaced) == (1, 1)
    assert texts(library) == ["A.", "AA.", "B now.", "BB."]
    table(tmp_path / "a", "1,A now.")  # 2 goes; that of the other keeps its longer id
    report = run(library, one, two)
    assert (report.embedded, report.displaced) == (1, 1)
    assert texts(library) == ["A now.", "B now.", "BB."]
    table(tmp_path / "a", "1,B now.")  # now they say the same
    run(library, one)
    table(tmp_path / "b", "1,B.", "2,BB.")
    run(library, two)
    assert texts(library) == ["B now.", "B.", "BB."]
    assert embedded_again(library, one, two) == 0
    assert library.verify(NAME).problems == []


def test_a_table_called_pmid_is_kept_beside_the_records_of_pubmed(
    library: Library, tmp_path: Path
) -> None:
    record = write_pubmed(tmp_path / "pubmed26n0001.xml", article(1, "The record."))
    run(library, record, table(tmp_path, "1,A note.", name="pmid.csv"))
    assert texts(library) == ["A note.", "The record."]
    assert run(library, table(tmp_path, "2,Another.", name="pmid.csv")).displaced == 1
    assert texts(library) == ["Another.", "The record."]


def test_a_row_with_a_very_long_id_leaves_the_corpus_sound(
    library: Library, tmp_path: Path
) -> None:
    run(library, table(tmp_path, f"{'x' * 70_000},A long id.", "y,A short one."))
    assert library.verify(NAME).problems == []
    found = [hit.passage.text for hit in library.search_lexical(NAME, "long", 5)]
    assert found == ["A long id."]


def test_copies_of_a_table_are_one_until_one_of_them_is_edited(
    library: Library, tmp_path: Path
) -> None:
    one, two = table(tmp_path / "a", "1,A.", "2,AA."), table(tmp_path / "b", "1,A.", "2,AA.")
    run(library, one, two)
    assert texts(library) == ["A.", "AA."]
    for edited, of_both in (("A new.", ["A new.", "A.", "AA."]), ("A.", ["A.", "AA."])):
        table(tmp_path / "a", f"1,{edited}", "2,AA.")
        run(library, one)
        assert texts(library) == of_both
    assert embedded_again(library, one, two) == 0


def test_a_table_that_was_moved_is_not_embedded_again(library: Library, tmp_path: Path) -> None:
    one, two = table(tmp_path / "a", "1,A.", "2,AA."), table(tmp_path / "b", "1,B.", "2,BB.")
    run(library, one, two)
    moved = []
    for path in (one, two):
        (tmp_path / "new" / path.parent.name).mkdir(parents=True)
        moved.append(path.rename(tmp_path / "new" / path.parent.name / path.name))
    report = run(library, *moved)
    assert (report.kept, report.skipped) == (0, 4)
    assert texts(library) == ["A.", "AA.", "B.", "BB."]


def test_a_table_that_was_moved_and_changed_at_once_is_told(
    library: Library, tmp_path: Path
) -> None:
    """It is a second one beside the first: that may have been deleted, or not be mounted."""
    notes: list[str] = []

    class Notes(Silent):
        def note(self, text: str) -> None:
            notes.append(text)

    def told(*paths: Path) -> list[str]:
        notes.clear()
        ingest(library, NAME, paths, FakeEmbedder(), batch_size=2, progress=Notes())
        return list(notes)

    old = table(tmp_path / "a", *(f"{n},Row {n}." for n in range(9)))
    assert told(old) == []
    new = table(tmp_path / "b", *(f"{n},Row {n}{n % 3 or ''}." for n in range(9)))
    assert told(new) == []  # the other is there: they are two
    old.unlink()
    table(tmp_path / "b", *(f"{n},Row {n}{n % 3 or ''}." for n in range(8)))
    [note] = told(new)
    assert "data.csv: 5 of its rows" in note
    assert str(old) in note
    assert f"corpus forget {NAME} {old}" in note
    assert len(texts(library)) == 9 + 5
    library.forget(NAME, places=[str(old)])
    assert texts(library) == sorted(f"Row {n}{n % 3 or ''}." for n in range(8))


def test_a_job_killed_between_two_tables_of_one_name_ends_as_if_it_was_not(
    library: Library, tmp_path: Path
) -> None:
    paths = [table(tmp_path / "ab"[k], *(f"{n},{'AB'[k]}{n}." for n in range(9))) for k in (0, 1)]
    run(library, *paths)
    whole = library.corpus(NAME).snapshot
    for calls in range(1, 7):
        corpus = f"{NAME}-{calls}"
        with pytest.raises(RuntimeError):
            ingest(library, corpus, paths, Dying(calls), batch_size=3)
        with Web() as web:
            work = left_of(library, library.jobs()[0], web)
        report = resume(library, work, FakeEmbedder(), batch_size=4)
        assert (report.kept, report.displaced) == (18, 0)
        assert library.corpus(corpus).snapshot == whole


def test_a_table_of_an_older_library_keeps_the_ids_of_its_rows(
    library: Library, tmp_path: Path
) -> None:
    """There the second table took the ids of the first, and both places held them."""
    one, two = table(tmp_path / "a", "1,A."), table(tmp_path / "b", "1,B.")
    run(library, two)
    with library._database.transaction() as connection:
        connection.execute(
            "INSERT INTO places (corpus, place, doc_id, job) VALUES (1, ?, 'data:1', 0)",
            (str(one),),
        )
    assert run(library, two, one).embedded == 1
    assert library.document("data:1", NAME).text == "B."
    assert texts(library) == ["A.", "B."]
    assert embedded_again(library, one, two) == 0
