"""Which way something goes."""

from __future__ import annotations

import pytest

from vademecum.rag.from_to import at_odds

WARD = "She was moved from ward 3 to intensive care on Tuesday."
BUS = "Der Bus fährt von der Klinik zum Bahnhof."


@pytest.mark.parametrize(
    ("sentence", "part"),
    [
        ("She was moved from intensive care to ward 3 on Tuesday.", WARD),
        ("Der Bus fährt vom Bahnhof zur Klinik.", BUS),
    ],
)
def test_back_is_at_odds(sentence: str, part: str) -> None:
    assert at_odds(sentence, [part])


@pytest.mark.parametrize(
    ("sentence", "part"),
    [
        ("On Tuesday she was moved from ward 3 to intensive care.", WARD),
        ("She was moved from ward 4 to intensive care.", WARD),
        ("She was moved to intensive care.", WARD),
        ("Der Bus fährt von der Klinik zum Bahnhof.", BUS),
    ],
)
def test_the_same_way_is_not(sentence: str, part: str) -> None:
    assert not at_odds(sentence, [part])


def test_it_may_go_both_ways() -> None:
    assert not at_odds(
        "She was moved from intensive care to ward 3.",
        [WARD, "On Friday she came back from intensive care to ward 3."],
    )
