"""Markers of sources that do not exist cannot be written; other text can."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from vademecum.model.constraints import CitationConstraint, token_bytes


def written(text: str, sources: int, cuts: tuple[int, ...] = ()) -> bool:
    """Whether a text can be written, cut into tokens before the characters given."""
    ends = [0, *cuts, len(text)]
    pieces = [text[a:b].encode() for a, b in itertools.pairwise(ends)]
    constraint = CitationConstraint(sources, lambda token: pieces[token])
    for token in range(len(pieces)):
        if not constraint.allows(token):
            return False
        constraint.advance(token)
    return True


@pytest.mark.parametrize(
    "text",
    [
        "as shown [1].", "[5]", "[1, 5]", "[1][2]", "【3】", "[1-3]", "[source 2]",
        "[Ca2+]", "[sic]", "(n = 12)", "95% CI [12-25]", "12 of 25 [4]", "in 2020", "a[b] 99",
    ],
)  # fmt: skip
def test_what_cites_nothing_beyond_the_sources_can_be_written(text: str) -> None:
    assert written(text, 5)
    assert written(text, 5, tuple(range(1, len(text))))


@pytest.mark.parametrize(
    "text", ["[6]", "[0]", "[12]", "[1, 6]", "[1][7]", "【9】", "[2-8]", "[source 6]", "[2020]"]
)
def test_a_source_beyond_the_given_ones_cannot(text: str) -> None:
    assert not written(text, 5)
    assert not written(text, 5, tuple(range(1, len(text))))


def test_with_no_source_at_all_nothing_is_cited() -> None:
    assert not written("[1]", 0)
    assert written("plain text", 0)


def test_a_number_is_refused_at_the_digit_that_goes_too_far() -> None:
    pieces = [b"[", b"1", b"2", b"]", b"0", b", "]
    constraint = CitationConstraint(5, lambda token: pieces[token])
    assert constraint.allows(0)
    constraint.advance(0)
    assert not constraint.allows(4)
    assert constraint.allows(1)
    constraint.advance(1)
    assert not constraint.allows(2)
    assert not constraint.allows(4)
    assert constraint.allows(3)
    assert constraint.allows(5)


def test_characters_may_be_cut_into_bytes() -> None:
    pieces = ["【".encode()[:1], "【".encode()[1:], b"7", b"1", "】".encode()]
    constraint = CitationConstraint(3, lambda token: pieces[token])
    for token in (0, 1):
        assert constraint.allows(token)
        constraint.advance(token)
    assert not constraint.allows(2)
    assert constraint.allows(3)


TEXT = st.text(alphabet="[]【】(12 ,-09aS", max_size=14)


@given(TEXT, st.sets(st.integers(1, 13)), st.integers(0, 12))
def test_how_a_text_is_cut_makes_no_difference(text: str, cuts: set[int], sources: int) -> None:
    at = tuple(sorted(cut for cut in cuts if cut < len(text)))
    assert written(text, sources) == written(text, sources, at)


@given(TEXT, st.integers(0, 12))
def test_every_number_alone_in_brackets_is_a_source(text: str, sources: int) -> None:
    if written(text, sources):
        assert all(1 <= int(n) <= sources for n in re.findall(r"[\[【](\d+)[\]】]", text))


def test_the_bytes_of_tokens(tokenizer: Tokenizer) -> None:
    bytes_of = token_bytes(tokenizer)
    ids = tokenizer.encode("é[1]", add_special_tokens=False).ids
    assert b"".join(map(bytes_of, ids)) == "é[1]".encode()
    assert bytes_of(tokenizer.token_to_id("<eos>")) == b""
