"""Comparatives of one scale."""

from __future__ import annotations

import pytest

from vademecum.rag.degrees import agrees, at_odds

FERRY = "The ferry is slower than the train."
CHEAP = "The ferry is cheaper than the train."


@pytest.mark.parametrize(
    ("sentence", "part"),
    [
        ("The ferry is faster than the train.", FERRY),
        ("The train is slower than the ferry.", FERRY),
        ("The ferry is more expensive than the train.", CHEAP),
    ],
)
def test_the_other_way_is_at_odds(sentence: str, part: str) -> None:
    assert at_odds(sentence, [part])
    assert not agrees(sentence, [part])


@pytest.mark.parametrize(
    ("sentence", "part"),
    [
        ("The ferry is slower than the train.", FERRY),
        ("The train is faster than the ferry.", FERRY),
        ("The train is dearer than the ferry.", CHEAP),
    ],
)
def test_the_same_way_agrees(sentence: str, part: str) -> None:
    assert agrees(sentence, [part])
    assert not at_odds(sentence, [part])


@pytest.mark.parametrize(
    ("sentence", "part"),
    [
        ("The train is faster than the ferry.", CHEAP),  # another scale
        ("The bus is faster than the ferry.", FERRY),
        ("The ferry is fast.", FERRY),
        ("The ferry is not faster than the train.", FERRY),  # other rules judge what is denied
    ],
)
def test_of_another_scale_or_thing_it_tells_nothing(sentence: str, part: str) -> None:
    assert not at_odds(sentence, [part])
    assert not agrees(sentence, [part])


def test_two_parts_may_compare_them_either_way() -> None:
    parts = [FERRY, "In fog the ferry is faster than the train."]
    assert not at_odds("The ferry is faster than the train.", parts)
    assert not agrees("The ferry is faster than the train.", parts)
