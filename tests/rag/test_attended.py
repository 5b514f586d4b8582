"""Every sentence gets the attention of the tokens that wrote it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vademecum.rag.answer import Sentence
from vademecum.rag.attended import shares_read, with_attention


def sentence(text: str) -> Sentence:
    return Sentence(text, 0, len(text), (1,), "supported", 0.9)


def test_a_sentence_gets_the_mean_of_its_own_tokens() -> None:
    raw = "Aspirin helps [1]. It is cheap."
    shares = [(7, ()), (13, (0.2, 0.0)), (17, (0.9, 0.9)), (21, (0.0, 0.6)), (30, (0.0, 0.2))]
    one, other = with_attention([sentence("Aspirin helps."), sentence("It is cheap.")], raw, shares)
    assert one.attention == pytest.approx((0.2, 0.0))
    assert other.attention == pytest.approx((0.0, 0.4))
    assert one.text == "Aspirin helps."


def test_a_marker_within_a_sentence_is_passed_over() -> None:
    raw = "Aspirin [1] helps women [2]."
    shares = [(7, (0.1,)), (11, (0.3,)), (17, (0.2,)), (23, (0.2,))]
    (only,) = with_attention([sentence("Aspirin helps women.")], raw, shares)
    assert only.attention == pytest.approx((0.2,))


def test_what_is_not_found_is_given_none_and_the_rest_goes_on() -> None:
    raw = "A b. C d."
    shares = [(1, (0.5,)), (3, (0.5,)), (6, (0.1,)), (8, (0.1,))]
    lost, found = with_attention([sentence("Zebra."), sentence("C d.")], raw, shares)
    assert lost.attention == ()
    assert found.attention == pytest.approx((0.1,))


def test_without_shares_nothing_is_said() -> None:
    (only,) = with_attention([sentence("A b.")], "A b.", [])
    assert only.attention == ()


def test_what_was_read_is_shared_out_among_the_sources() -> None:
    told = [replace(sentence("A."), attention=row) for row in ((0.1, 0.3), (), (0.2, 0.2))]
    assert shares_read(told) == pytest.approx((0.375, 0.625))


@pytest.mark.parametrize("rows", [[], [()], [(0.0, 0.0)]])
def test_where_nothing_is_known_nothing_was_read(rows: list[tuple[float, ...]]) -> None:
    assert shares_read([replace(sentence("A."), attention=row) for row in rows]) == ()
