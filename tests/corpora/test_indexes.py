"""When the indexes of a corpus are fed, and what they hold on to in between."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from library_support import NAME, batch, document, filled

from vademecum.corpora import indexes
from vademecum.progress import Silent

STEP = 8  # passages; a document of these tests has two


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexes, "STEP", STEP)


class Noting(Silent):
    """Keeps the lines it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

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
        assert all(later - earlier >= STEP for earlier, later in pairwise(fed_at))
        assert all(
            later - earlier <= max(STEP, later / 8 + 2) for earlier, later in pairwise(fed_at)
        )
        assert max(later - earlier for earlier, later in pairwise(fed_at)) > 2 * STEP
        assert library.verify(NAME).problems == []


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
        monkeypatch.setattr(indexes, "LONG", 2 * STEP)
        library.commit(NAME, batch(*map(document, range(20, 40))), progress=told)
        assert told.lines == [f"indexing 40 passages of {NAME}"]
