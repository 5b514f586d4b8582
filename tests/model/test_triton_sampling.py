"""What is drawn on the device has the probabilities of the candidates: on a GPU, or emulated."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from torch import Tensor
from triton_support import DEVICE, EMULATED, cuda_only

from vademecum.model.interface import GenerationOptions
from vademecum.model.kernels.triton.sampling import DeviceSampler
from vademecum.model.sampling import candidates

GREEDY = GenerationOptions(temperature=0)
POSITIONS = 100 if EMULATED else 500  # of four rows each
DRAWS = 4 * POSITIONS
pytestmark = cuda_only


def draw(logits: Tensor, options: GenerationOptions, positions: int) -> list[int]:
    sampler = DeviceSampler(logits.shape[0], DEVICE)
    if EMULATED:
        sampler._blocks = 3 * logits.shape[0]  # whose threads take turns
    sampler.set(options)
    start, sealed = (torch.zeros(1, dtype=torch.int32, device=DEVICE) for _ in range(2))
    tokens = torch.full((logits.shape[0],), -1, dtype=torch.int64, device=DEVICE)
    drawn: list[int] = []
    for n in range(positions):
        start.fill_(n * logits.shape[0])  # no two rows of one position
        sampler.sample(logits, tokens, start, sealed, advance=False)
        drawn += tokens.tolist()
    return drawn


@pytest.mark.parametrize("vocab", [7, 1001, 151_936])
def test_temperature_0_takes_the_highest_logit_and_the_first_of_equals(vocab: int) -> None:
    logits = torch.randn(3, vocab, device=DEVICE)
    logits[1, [2, 5]] = 50.0
    assert draw(logits, GREEDY, 1) == [int(logits[0].argmax()), 2, int(logits[2].argmax())]


@pytest.mark.parametrize(
    ("top_k", "top_p", "temperature"), [(0, 1.0, 1.0), (0, 0.9, 0.6), (3, 1.0, 1.0), (5, 0.7, 2.0)]
)
@pytest.mark.parametrize("vocab", [11, 40_000])
def test_draws_have_the_probabilities_of_the_candidates(
    vocab: int, top_k: int, top_p: float, temperature: float
) -> None:
    """A chi-squared test at odds of 1 to 10,000."""
    options = GenerationOptions(temperature=temperature, top_p=top_p, top_k=top_k, seed=3)
    logits = torch.full((1, vocab), -90.0, device=DEVICE)
    logits[0, :: vocab // 11] = torch.randn(len(range(0, vocab, vocab // 11)), device=DEVICE)
    weights, tokens = candidates(logits[0].cpu(), options)
    if tokens is None:
        tokens = torch.arange(vocab)
    drawn = Counter(draw(logits.expand(4, -1).contiguous(), options, POSITIONS))
    weights = weights / weights.sum()
    likely = {int(t): float(w) for t, w in zip(tokens, weights, strict=True) if w > 1e-9}
    assert set(drawn) <= set(likely)
    distance = sum((drawn[t] / DRAWS - w) ** 2 * DRAWS / w for t, w in likely.items())
    assert distance < 40


def test_a_flat_nucleus_ends_where_its_share_is_reached() -> None:
    torch.manual_seed(0)
    logits = torch.randn(1, 151_936, device=DEVICE) * 2
    options = GenerationOptions(temperature=0.7, top_p=0.9)
    _, tokens = candidates(logits[0].cpu(), options)
    assert tokens is not None
    allowed = set(tokens.tolist())
    drawn = draw(logits, options, POSITIONS)
    assert len(set(drawn)) > 0.6 * POSITIONS
    # A token or two at the edge may differ by rounding.
    assert sum(t not in allowed for t in drawn) <= 1


def test_sampling_goes_on_by_a_token() -> None:
    sampler = DeviceSampler(1, DEVICE)
    sampler.set(GREEDY)
    start = torch.tensor([63], dtype=torch.int32, device=DEVICE)
    sealed = torch.tensor([0], dtype=torch.int32, device=DEVICE)
    tokens = torch.zeros(1, dtype=torch.int64, device=DEVICE)
    sampler.sample(torch.randn(1, 99, device=DEVICE), tokens, start, sealed, advance=True)
    assert (int(start), int(sealed)) == (64, 1)
