"""Attention by pages becomes attention by texts, pages that two texts share in part."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from vademecum.model.engine import Engine
from vademecum.model.interface import Finished, GenerationOptions, Token
from vademecum.model.watch import Watch


def test_a_page_that_is_held_in_part_counts_in_part() -> None:
    watch = Watch([range(16), range(16, 80), range(0), range(70, 71)], pages=4, layers=2)
    mass = torch.tensor([0.4, 0.6, 0.8, 0.0, 0.2])  # of two layers
    shares = watch.shares(mass, 129)
    assert shares.tolist() == pytest.approx([0.1, 0.1 + 0.3 + 0.2, 0.0, 0.8 / 64])


@pytest.mark.parametrize(("tokens", "held"), [(41, 8 / 9), (60, 8 / 28), (64, 8 / 32)])
def test_a_page_that_is_not_full_counts_by_the_tokens_it_has(tokens: int, held: float) -> None:
    watch = Watch([range(40), range(32, 40)], pages=3, layers=1)
    mass = torch.tensor([0.5, 0.5, 0.0, 0.0])
    assert watch.shares(mass, tokens).tolist() == pytest.approx([0.5 + 0.5 * held, 0.5 * held])
    assert mass.tolist() == [0.5, 0.5, 0.0, 0.0]


def test_the_mean_is_of_the_tokens_counted() -> None:
    watch = Watch([range(32)], pages=2, layers=1)
    assert watch.mean() == ()
    for share in (0.2, 0.4):
        watch.count(watch.shares(torch.tensor([share, 0.0, 0.0]), 33))
    assert watch.mean() == pytest.approx((0.3,))


def test_room_for_the_attention_of_some_tokens() -> None:
    assert Watch([range(32)], pages=3, layers=1).new_mass(2).shape == (2, 4)


def test_the_mean_leaves_out_what_was_thought(engine_of: Callable[..., Engine]) -> None:
    engine = engine_of(reasons=True, eos=())
    options = GenerationOptions(temperature=0, max_tokens=30, max_thinking_tokens=5)
    *tokens, last = engine.stream_ids(list(range(100)), options, watched=[range(100)])
    assert isinstance(last, Finished)
    shares = [share for token in tokens if isinstance(token, Token) for share in token.attention]
    assert len(shares) == 29  # all but the first
    written = 30 - last.stats.thinking_tokens
    assert 5 < written < 25
    mean = sum(shares[-written:]) / written
    assert last.stats.attention == pytest.approx((mean,))
    assert mean != pytest.approx(sum(shares) / 29, rel=1e-3)
