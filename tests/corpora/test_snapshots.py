"""Which states a corpus was seen in, and what changed between two of them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from library_support import (
    NAME,
    batch,
    document,
    filled,
    forget_whole_files,
    to_first_layout,
)

from vademecum.corpora import snapshots
from vademecum.corpora.library import Library
from vademecum.errors import UsageError


def what(library: Library, first: str, second: str) -> dict[str, str]:
    return {change.doc_id: change.what for change in library.changes(NAME, first, second)}


def test_a_state_is_listed_once_it_was_told(tmp_path: Path) -> None:
    with filled(tmp_path, document(1)) as library:
        library.commit(NAME, batch(document(2)))  # nobody saw the state before this
        first = library.corpus(NAME).snapshot
        library.corpus(NAME)
        library.commit(NAME, batch(document(3), delete=[1]))
        second = library.corpora()[0].snapshot
    with Library.open(tmp_path) as library:
        found = library.snapshots(NAME)
        counts = [(item.snapshot, item.documents, item.passages) for item in found]
        empty = found[-1].snapshot
        assert counts == [(second, 2, 4), (first, 2, 4), (empty, 0, 0)]
        assert all(item.made.startswith("20") and item.made.endswith("+00:00") for item in found)


def test_what_changed_between_two_states_is_told_document_by_document(tmp_path: Path) -> None:
    with filled(tmp_path, document(1), document(2), document(3)) as library:
        first = library.corpus(NAME).snapshot
        library.commit(NAME, batch(document(1, "Another text."), document(4), delete=[2]))
        second = library.corpus(NAME).snapshot
        library.commit(NAME, batch(document(5), delete=[4]))
        library.commit(NAME, batch(document(1)))  # as it was at first
        third = library.corpus(NAME).snapshot
        assert what(library, first, second) == {
            "pmid:1": "changed",
            "pmid:2": "deleted",
            "pmid:4": "added",
        }
        assert what(library, second, third) == {
            "pmid:1": "changed",
            "pmid:4": "deleted",
            "pmid:5": "added",
        }
        assert what(library, first, third) == {"pmid:2": "deleted", "pmid:5": "added"}
        assert what(library, third, first) == {"pmid:2": "added", "pmid:5": "deleted"}
        assert what(library, first, first) == {}
        assert what(library, first[:12], third[:8]) == what(library, first, third)
        with pytest.raises(UsageError, match="never seen"):
            what(library, first[:7], third)


def titled(library: Library, first: str, second: str) -> list[tuple[str, str, str, str]]:
    found = library.changes(NAME, first, second)
    return [(change.what, change.title, change.doc_id, change.was) for change in found]


def test_changes_name_titles_also_of_what_is_gone(tmp_path: Path) -> None:
    with filled(tmp_path, document(1, title="On zinc"), document(2, title="On iron")) as library:
        first = library.corpus(NAME).snapshot
        library.commit(NAME, batch(document(1, title="Zinc, revised"), delete=[2]))
        second = library.corpus(NAME).snapshot
        assert titled(library, first, second) == [
            ("changed", "Zinc, revised", "pmid:1", ""),
            ("deleted", "On iron", "pmid:2", ""),
        ]
        library.commit(NAME, batch(document(3, title="On lead"), delete=[1]))
        third = library.corpus(NAME).snapshot
        assert titled(library, first, third) == [
            ("deleted", "Zinc, revised", "pmid:1", ""),
            ("deleted", "On iron", "pmid:2", ""),
            ("added", "On lead", "pmid:3", ""),
        ]


def test_changes_name_titles_also_of_what_came_and_is_gone_again(tmp_path: Path) -> None:
    with filled(tmp_path, document(1)) as library:
        first = library.corpus(NAME).snapshot
        library.commit(NAME, batch(document(2, title="On iron")))
        second = library.corpus(NAME).snapshot
        library.commit(NAME, batch(document(2, title="Iron, revised")))
        third = library.corpus(NAME).snapshot
        library.commit(NAME, batch(document(3), delete=[2]))
        assert titled(library, first, second) == [("added", "On iron", "pmid:2", "")]
        assert titled(library, first, third) == [("added", "Iron, revised", "pmid:2", "")]
        assert titled(library, second, first) == [("deleted", "On iron", "pmid:2", "")]


def read_again(library: Library, job: int, place: str, *versions: str) -> str:
    """A job reads a file that holds such texts; the state after it."""
    found = [replace(document(1, body), doc_id=f"file:{body[:1]}", title=body) for body in versions]
    held = [(place, item.doc_id) for item in found]
    made = batch(*found)
    library.commit(NAME, replace(made, job=job, held=held, read_places=[place]))
    return library.corpus(NAME).snapshot


def test_an_edited_file_is_a_changed_document_under_another_id(tmp_path: Path) -> None:
    with filled(tmp_path) as library:
        read_again(library, 1, "/other.md", "x is another file.")
        first = read_again(library, 1, "/notes.md", "a was first.")
        second = read_again(library, 2, "/notes.md", "b was second.")
        third = read_again(library, 3, "/notes.md", "c was third.")
        fourth = read_again(library, 4, "/notes.md", "a was first.")
        assert titled(library, first, second) == [("changed", "b was second.", "file:b", "file:a")]
        assert titled(library, first, third) == [("changed", "c was third.", "file:c", "file:a")]
        assert titled(library, third, first) == [("changed", "a was first.", "file:a", "file:c")]
        assert fourth == first
        assert titled(library, second, fourth) == [("changed", "a was first.", "file:a", "file:b")]


def test_rows_of_a_table_that_came_and_went_are_no_edits(tmp_path: Path) -> None:
    with filled(tmp_path) as library:
        first = read_again(library, 1, "/t.csv", "a is a row.", "b is a row.")
        second = read_again(library, 2, "/t.csv", "c is a row.", "b is a row.", "d is a row.")
        assert titled(library, first, second) == [
            ("deleted", "a is a row.", "file:a", ""),
            ("added", "c is a row.", "file:c", ""),
            ("added", "d is a row.", "file:d", ""),
        ]


def test_lists_of_before_titles_were_kept_are_read(tmp_path: Path) -> None:
    with filled(tmp_path, document(1, title="On zinc"), document(2)) as library:
        first = library.corpus(NAME).snapshot
        library.commit(NAME, batch(document(1, "Otherwise.", title="On zinc"), delete=[2]))
        second = library.corpus(NAME).snapshot
    connection = sqlite3.connect(tmp_path / "library.sqlite")
    with connection:
        forget_whole_files(connection)
        connection.execute("DROP INDEX changes_places")
        connection.execute("ALTER TABLE changes DROP COLUMN title")
        connection.execute("ALTER TABLE changes DROP COLUMN place")
        connection.execute("PRAGMA user_version = 7")
    connection.close()
    with Library.open(tmp_path) as library:
        assert titled(library, first, second) == [
            ("changed", "On zinc", "pmid:1", ""),
            ("deleted", "", "pmid:2", ""),
        ]


@given(
    history=st.lists(
        st.tuples(
            st.dictionaries(st.integers(0, 4), st.sampled_from(["a.", "b."]), max_size=3),
            st.sets(st.integers(0, 4), max_size=2),
            st.booleans(),
        ),
        min_size=1,
        max_size=8,
    ),
    ends=st.tuples(st.integers(0, 8), st.integers(0, 8)),
)
@settings(max_examples=25)
def test_the_changes_lead_from_any_state_to_any_other(
    tmp_path_factory: pytest.TempPathFactory,
    history: list[tuple[dict[int, str], set[int], bool]],
    ends: tuple[int, int],
) -> None:
    with closing(Library.open(tmp_path_factory.mktemp("states"))) as library:  # feeds no index
        library.create_corpus(NAME, embedder="hash", dim=8, fingerprint="f")
        model: dict[str, str] = {}
        states = [(library.corpus(NAME).snapshot, dict(model))]
        for upserts, deletes, told in history:
            documents = [document(n, body) for n, body in upserts.items()]
            library.commit(NAME, batch(*documents, delete=sorted(deletes)))
            for number in deletes:
                model.pop(f"pmid:{number}", None)
            model.update((item.doc_id, item.text) for item in documents)
            if told:
                states.append((library.corpus(NAME).snapshot, dict(model)))
        (first, before), (second, after) = (states[min(end, len(states) - 1)] for end in ends)
        both = before.keys() & after.keys()
        assert what(library, first, second) == {
            **dict.fromkeys(after.keys() - before.keys(), "added"),
            **dict.fromkeys(before.keys() - after.keys(), "deleted"),
            **dict.fromkeys((n for n in both if before[n] != after[n]), "changed"),
        }


def test_a_state_that_was_never_seen_is_refused_with_a_way_on(tmp_path: Path) -> None:
    with filled(tmp_path, document(1)) as library:
        with pytest.raises(UsageError, match="feedfeedfeedfeed") as unseen:
            library.changes(NAME, "feedfeedfeedfeed", library.corpus(NAME).snapshot)
        assert f"vademecum corpus snapshots {NAME}" in unseen.value.hint


def test_lists_are_bounded_and_the_newest_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "MOST_CHANGES", 10)
    monkeypatch.setattr(snapshots, "MOST_SNAPSHOTS", 5)
    with filled(tmp_path, *[document(n) for n in range(11)]) as library:
        seen = [library.corpus(NAME).snapshot]
        for number in range(20, 40, 4):
            library.commit(NAME, batch(*[document(n) for n in range(number, number + 4)]))
            seen.append(library.corpus(NAME).snapshot)
        listed = library.snapshots(NAME)
        assert [item.snapshot for item in listed] == seen[:0:-1]
        assert [item.kept for item in listed] == [True, True, False, False, False]
        assert len(what(library, seen[-3], seen[-1])) == 8
        with pytest.raises(UsageError, match="not kept"):
            library.changes(NAME, seen[-4], seen[-1])
        rows = library._database.read("SELECT COUNT(*) FROM changes")
        assert rows[0][0] <= 10


def test_being_told_needs_no_room(tmp_path: Path) -> None:
    with filled(tmp_path, document(1)) as library:
        library._database.read("PRAGMA query_only = ON")
        assert library.corpus(NAME).documents == 1
        library._database.read("PRAGMA query_only = OFF")
        assert library.snapshots(NAME)[0].documents == 1


def test_an_older_library_keeps_the_states_that_its_jobs_left(tmp_path: Path) -> None:
    with filled(tmp_path, document(1)) as library:
        today = library.corpus(NAME).snapshot
    to_first_layout(tmp_path)
    connection = sqlite3.connect(tmp_path / "library.sqlite")
    with connection:
        connection.execute(
            "INSERT INTO jobs (corpus, source, key, state, started, finished, snapshot, report) "
            "VALUES (?, '{}', '', 'done', '', ?, 'abcdefabcdefabcd', '{}')",
            (NAME, "2026-01-02T03:04:05+00:00"),
        )
    connection.close()
    with Library.open(tmp_path) as library:
        now, then = library.snapshots(NAME)
        assert (now.snapshot, now.documents, now.passages) == (today, 1, 2)
        assert (then.snapshot, then.documents) == ("abcdefabcdefabcd", None)
        assert then.made == "2026-01-02T03:04:05+00:00"
        with pytest.raises(UsageError, match="not kept"):
            library.changes(NAME, then.snapshot, now.snapshot)
        library.commit(NAME, batch(document(2), replace(document(1), retracted=True)))
        after = library.corpus(NAME).snapshot
        assert what(library, today, after) == {"pmid:1": "changed", "pmid:2": "added"}
