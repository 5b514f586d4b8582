"""Halves of characters become whole ones, or are replaced."""

from __future__ import annotations

import pytest

from vademecum.model.surrogates import joined


@pytest.mark.parametrize(
    ("halves", "whole"),
    [
        ("a\ud83d\ude00b", "a😀b"),
        ("\ud83d", "\ufffd"),
        ("\ude00\ud83d", "\ufffd\ufffd"),
        ("naïve 研究 😀\0", "naïve 研究 😀\0"),
        ("plain", "plain"),
    ],
)
def test_halves_that_meet_are_one_character(halves: str, whole: str) -> None:
    assert joined(halves) == whole
