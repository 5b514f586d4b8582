"""Tokens are drawn from the distribution that the options describe, the same for one seed."""

from __future__ import annotations

import pytest
import torch

from vademecum.errors import ModelError
from vademecum.model.interface import LEAST_TEMPERATURE, GenerationOptions
from vademecum.model.sampling import CANDIDATES, Sampler, candidates

LOGITS = torch.tensor([2.0, 1.0, 0.0, 1.5, -1.0, -4.0])
WIDE = 3.0 * torch.randn(5000, generator=torch.Generator().manual_seed(0))
DRAWS = 6000


def options(**changes: float | int) -> GenerationOptions:
    return GenerationOptions(**({"temperature": 1.0, "top_p": 1.0} | changes))  # type: ignore[arg-type]


def chi_square(logits: torch.Tensor, expected: torch.Tensor, chosen: GenerationOptions) -> float:
    sampler = Sampler(chosen)
    drawn = torch.tensor([sampler.sample(logits) for _ in range(DRAWS)])
    counts = torch.bincount(drawn, minlength=len(expected)).double()
    assert counts[expected == 0].sum() == 0
    wanted = expected[expected > 0].double() * DRAWS
    return float(((counts[expected > 0] - wanted) ** 2 / wanted).sum())


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_draws_follow_the_softmax(temperature: float) -> None:
    expected = (LOGITS / temperature).softmax(0)
    # 20.5 is the 0.999 quantile of chi-square with 5 degrees of freedom.
    assert chi_square(LOGITS, expected, options(temperature=temperature, seed=1)) < 20.5


def test_top_k_renormalises_what_it_keeps() -> None:
    kept = torch.tensor([0, 1, 3])
    expected = torch.zeros(6).index_put((kept,), LOGITS[kept].softmax(0))
    assert chi_square(LOGITS, expected, options(top_k=3, seed=2)) < 13.8  # 2 degrees of freedom


def test_top_p_keeps_the_shortest_head_that_reaches_it() -> None:
    # Probabilities, best first: 0.46, 0.28, 0.17, ...: three are needed for 0.8.
    kept = torch.tensor([0, 1, 3])
    expected = torch.zeros(6).index_put((kept,), LOGITS[kept].softmax(0))
    assert chi_square(LOGITS, expected, options(top_p=0.8, seed=3)) < 13.8


def test_top_p_keeps_at_least_one() -> None:
    sampler = Sampler(options(top_p=0.01))
    assert {sampler.sample(LOGITS) for _ in range(50)} == {0}


@pytest.mark.parametrize("top_p", [0.3, 0.95, 0.999, 1.0])
@pytest.mark.parametrize("top_k", [0, 10, CANDIDATES, CANDIDATES + 1, 2000])
@pytest.mark.parametrize("temperature", [0.6, 3.0])
def test_the_shortcut_is_what_sorting_everything_gives(
    temperature: float, top_k: int, top_p: float
) -> None:
    chosen = options(temperature=temperature, top_k=top_k, top_p=top_p)
    weights, tokens = candidates(WIDE, chosen)
    tokens = torch.arange(len(WIDE)) if tokens is None else tokens
    order = WIDE.argsort(descending=True)[: top_k or len(WIDE)]
    probabilities = (WIDE[order] / temperature).softmax(0)
    inside = (probabilities.cumsum(0) - probabilities < top_p) | (top_p == 1)
    assert set(tokens.tolist()) == set(order[inside].tolist())
    expected = torch.zeros(len(WIDE)).index_put((order[inside],), probabilities[inside])
    actual = torch.zeros(len(WIDE)).index_put((tokens,), weights)
    torch.testing.assert_close(actual / actual.sum(), expected / expected.sum())


def test_temperature_zero_takes_the_best_whatever_the_seed() -> None:
    assert {Sampler(options(temperature=0, seed=n)).sample(LOGITS) for n in range(5)} == {0}


def test_one_seed_gives_one_sequence() -> None:
    def draw(seed: int) -> list[int]:
        sampler = Sampler(options(seed=seed))
        return [sampler.sample(WIDE) for _ in range(40)]

    assert draw(5) == draw(5)
    assert draw(5) != draw(6)


def test_drawing_leaves_the_global_random_state_alone() -> None:
    state = torch.get_rng_state()
    Sampler(options(seed=1)).sample(LOGITS)
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize("top_p", [1.0, 0.9])
def test_refusing_tokens_is_masking_them_and_renormalising(top_p: float) -> None:
    logits = torch.tensor([2.0, 1.0, 0.5, 0.0, -1.0, -9.0])
    options = GenerationOptions(temperature=1.0, top_p=top_p)
    weights, tokens = candidates(logits, options)
    expected = torch.zeros(6)
    expected[torch.arange(6) if tokens is None else tokens] = weights
    expected[[0, 3]] = 0
    sampler = Sampler(options)
    draws = [sampler.sample(logits, lambda token: token not in (0, 3)) for _ in range(4000)]
    seen = torch.bincount(torch.tensor(draws), minlength=6) / 4000
    torch.testing.assert_close(seen, expected / expected.sum(), atol=0.03, rtol=0)


def test_the_next_best_is_taken_where_the_best_is_refused() -> None:
    logits = torch.tensor([3.0, 2.0, 1.0])
    greedy = Sampler(GenerationOptions(temperature=0))
    assert greedy.sample(logits, lambda token: token != 0) == 1
    assert greedy.sample(logits, lambda token: False) == 0  # never without a word


def test_beyond_the_candidates_only_if_all_of_them_are_refused() -> None:
    sampler = Sampler(GenerationOptions(temperature=1.0, top_k=2))
    logits = torch.tensor([3.0, 2.0, 1.0, -50.0])
    assert {sampler.sample(logits, lambda token: token > 1) for _ in range(20)} == {2}


@pytest.mark.parametrize("temperature", [0.0, 0.6])
def test_once_a_token_is_refused_the_others_are_drawn_by_exact_logits(temperature: float) -> None:
    rough = torch.tensor([50.0, 9.0, 3.0, 1.0])
    exact = torch.tensor([50.0, 3.0, 9.0, 1.0])
    asked = []

    def whole() -> torch.Tensor:
        asked.append(1)
        return exact

    sampler = Sampler(options(temperature=temperature, seed=5))
    drawn = {sampler.sample(rough, lambda token: token > 0, whole) for _ in range(50)}
    assert drawn == {2}
    assert len(asked) == 50
    assert sampler.sample(rough, None, whole) == 0
    assert len(asked) == 50  # nothing was refused


@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize("top_p", [0.5, 1.0])
def test_what_was_refused_is_not_drawn_again(top_p: float, temperature: float) -> None:
    """Neither among the rest of the candidates, nor by exact logits, nor beyond the candidates."""
    asked: list[int] = []

    def refuses(token: int) -> bool:
        asked.append(token)
        return False

    sampler = Sampler(options(temperature=temperature, top_p=top_p, seed=5))
    for _ in range(20):
        asked.clear()
        sampler.sample(WIDE[:12], refuses, lambda: WIDE[:12])
        assert sorted(asked) == list(range(12))


@pytest.mark.parametrize("temperature", [0.0, 0.6])
@pytest.mark.parametrize("top_p", [0.95, 1.0])
@pytest.mark.parametrize("wrong", [torch.nan, torch.inf])
def test_logits_that_are_no_numbers_are_an_error(
    wrong: float, top_p: float, temperature: float
) -> None:
    sampler = Sampler(options(temperature=temperature, top_p=top_p))
    one = LOGITS.index_fill(0, torch.tensor([2]), wrong)
    for logits in (one, torch.full_like(LOGITS, wrong), torch.full_like(LOGITS, -torch.inf)):
        for allows in (None, lambda token: token % 2 == 0):
            with pytest.raises(ModelError, match="no numbers") as caught:
                sampler.sample(logits, allows)
            assert caught.value.hint


@pytest.mark.parametrize("top_p", [0.95, 1.0])
def test_the_least_temperature_is_as_good_as_greedy(top_p: float) -> None:
    sampler = Sampler(options(temperature=LEAST_TEMPERATURE, top_p=top_p))
    assert {sampler.sample(1000 * WIDE) for _ in range(20)} == {int(WIDE.argmax())}


def test_a_flat_distribution_is_drawn_by_exact_logits() -> None:
    rough, exact = torch.tensor([0.0, 9.0]), torch.tensor([90.0, 0.0])
    assert Sampler(options(temperature=2.0)).sample(rough, None, lambda: exact) == 0
