"""When the indexes of a corpus are fed, and what they hold on to in between."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from library_support import NAME, batch, document, filled, vector_of

from vademecum.corpora import indexes
from vademecum.corpora.library import Library
from vademecum.errors import LibraryClosed, LibraryError
from vademecum.progress import Silent

ENOUGH = 8  # passages; a document of these tests has two


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexes, "ENOUGH", ENOUGH)


class Noting(Silent):
    """Keeps the lines it is told, and which tasks began."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.started: list[tuple[str, int | None, str]] = []

    def start(self, task: str, total: int | None, unit: str) -> None:
        self.started.append((task, total, unit))

    def note(self, text: str) -> None:
        self.lines.append(text)


def test_the_indexes_take_a_step_at_a_time_then_an_eighth_of_what_they_hold(
    tmp_path: Path,
) -> None:
    with filled(tmp_path, document(1)) as library:
        outbox = library._indexes.outbox
        fed_at: list[int] = []
        for number in range(2, 101):
            library.commit(NAME, batch(document(number)))
            if outbox.pending(1) == 0:
                fed_at.append(2 * number)
        assert fed_at[:3] == [10, 18, 26]
        assert all(later - earlier >= ENOUGH for earlier, later in pairwise(fed_at))
        assert all(
            later - earlier <= max(ENOUGH, later / 8 + 2) for earlier, later in pairwise(fed_at)
        )
        assert max(later - earlier for earlier, later in pairwise(fed_at)) > 2 * ENOUGH
        assert library.verify(NAME).problems == []


def test_a_new_corpus_has_its_indexes_with_its_first_commit(tmp_path: Path) -> None:
    with filled(tmp_path) as library:
        library.commit(NAME, batch(document(1)))
        assert library._indexes.outbox.pending(1) == 0


def test_what_hinders_them_is_known_with_the_first_commit_which_stays(tmp_path: Path) -> None:
    with filled(tmp_path) as library:
        (tmp_path / "chroma").write_text("no folder")
        with pytest.raises(LibraryError):
            library.commit(NAME, batch(document(1)))
        (tmp_path / "chroma").unlink()
        library.commit(NAME, batch(document(2)))
        assert library._indexes.outbox.pending(1) == 0
        assert library.verify(NAME).problems == []
        assert library.corpus(NAME).documents == 2


def test_fed_indexes_are_closed_until_they_are_needed(tmp_path: Path) -> None:
    with filled(tmp_path, document(1)) as library:
        store = library._indexes.vectors
        assert store.count(1) == 2
        assert store._client is not None
        library.commit(NAME, batch(*map(document, range(2, 12))))
        assert store._client is None
        assert store.count(1) == 22


def test_only_what_takes_long_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = Noting()
    with filled(tmp_path, document(1)) as library:
        library.commit(NAME, batch(*map(document, range(2, 12))), progress=told)
        assert told.lines == []
        monkeypatch.setattr(indexes, "LONG", 2 * ENOUGH)
        library.commit(NAME, batch(*map(document, range(20, 40))), progress=told)
        assert told.lines == [f"indexing 40 passages of {NAME}"]


def test_a_block_that_ends_leaves_at_most_a_step_to_the_next_opening(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with filled(tmp_path, *map(document, range(1, 101))) as library:
        library.commit(NAME, batch(document(200)))
    with Library.open(tmp_path) as library:
        assert library._indexes.outbox.pending(1) == 0
        library.commit(NAME, batch(*map(document, range(201, 208))))
        assert library._indexes.outbox.pending(1) == 14  # an eighth is not there yet
        monkeypatch.setattr(indexes.Indexes, "whole", refuse)  # it would take too long
    monkeypatch.undo()
    with Library.open(tmp_path) as library:
        assert library._indexes.outbox.pending(1) == 0
        assert library.verify(NAME).problems == []


def refuse(*args: object) -> None:
    raise AssertionError(args)


def test_what_waits_is_fed_on_demand_and_shown(tmp_path: Path) -> None:
    told = Noting()
    with filled(tmp_path, document(1)) as library:
        library.commit(NAME, batch(document(2)))
        library.index(NAME, progress=told)
        assert library._indexes.outbox.pending(1) == 0
        assert told.started == [(f"indexing the rest of {NAME}", 2, "passages")]
        library.index(NAME, progress=told)
        assert len(told.started) == 1


def test_they_are_not_closed_under_the_search_of_another_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with filled(tmp_path, *map(document, range(1, 9))) as library:
        store = library._indexes.vectors
        query = store.query
        begun, go_on = threading.Event(), threading.Event()

        def slow(*asked: Any) -> list[tuple[str, float]]:
            store.count(1)  # it is open
            begun.set()
            assert go_on.wait(10)
            assert store._client is not None
            return query(*asked)

        monkeypatch.setattr(store, "query", slow)
        with ThreadPoolExecutor() as pool:
            hits = pool.submit(library.search_dense, NAME, vector_of("aspirin"), 3)
            assert begun.wait(10)
            library.commit(NAME, batch(*map(document, range(20, 30))))
            go_on.set()
            assert len(hits.result(10)) == 3
        library.commit(NAME, batch(*map(document, range(40, 50))))
        assert store._client is None


def test_a_search_that_waits_while_the_library_is_closed_opens_nothing_again(
    tmp_path: Path,
) -> None:
    library = filled(tmp_path, document(1))
    store = library._indexes.vectors
    library.commit(NAME, batch(document(2)))  # the next search feeds the indexes
    with ThreadPoolExecutor() as pool:
        with library._writing:
            waiting = pool.submit(library.search_dense, NAME, vector_of("aspirin"), 3)
            with pytest.raises(TimeoutError):
                waiting.result(0.2)
            library.close()
        with pytest.raises(LibraryClosed, match="is closed"):
            waiting.result(10)
    assert store._client is None


def test_a_search_under_way_is_waited_for_by_whoever_closes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = filled(tmp_path, *map(document, range(1, 9)))
    store = library._indexes.vectors
    query = store.query
    begun, go_on = threading.Event(), threading.Event()

    def slow(*asked: Any) -> list[tuple[str, float]]:
        begun.set()
        assert go_on.wait(10)
        return query(*asked)

    monkeypatch.setattr(store, "query", slow)
    with ThreadPoolExecutor() as pool:
        hits = pool.submit(library.search_dense, NAME, vector_of("aspirin"), 3)
        assert begun.wait(10)
        closing = pool.submit(library.close)
        with pytest.raises(TimeoutError):
            closing.result(0.2)
        go_on.set()
        assert len(hits.result(10)) == 3
        closing.result(10)
    assert store._client is None
    Library.open(tmp_path).close()


def test_whatever_is_asked_of_a_closed_library_is_one_clear_error(tmp_path: Path) -> None:
    library = filled(tmp_path, document(1))
    library.close()
    for ask in (
        lambda: library.search_dense(NAME, vector_of("aspirin"), 3),
        lambda: library.search_lexical(NAME, "aspirin", 3),
        lambda: library.corpus(NAME),
        lambda: library.verify(NAME),
        lambda: library.rebuild(NAME),
        lambda: library.commit(NAME, batch(document(2))),
    ):
        with pytest.raises(LibraryClosed) as refused:
            ask()
        assert refused.value.message == f"the library {tmp_path} is closed"
    assert library._indexes.vectors._client is None
