"""Attention of a prompt's chunks means what the naive kernels mean: on a GPU, or in Triton's
interpreter.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from triton_support import DEVICE, INTERPRETED, bias_of, case, quiet, random

from vademecum.model.config import ModelConfig
from vademecum.model.decoder import Decoder
from vademecum.model.kernels import naive
from vademecum.model.kernels.pages import PAGE
from vademecum.model.kernels.triton import choice, flash, prefill
from vademecum.model.kernels.triton.reading import Reader
from vademecum.model.sparsity import Sparsity

pytestmark = quiet


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("size", [0.0, 300.0])
def test_pages_are_decoded(bits: int, size: float) -> None:
    given = case(bits, 2, 3, 64, 9, 5)
    bias = bias_of(2, 64, size) if size else None
    chosen = torch.tensor([[[0, 3, 8], [1, 2, 7]], [[2, 3, 4], [0, 1, 5]]], device=DEVICE)
    for which in (chosen, chosen[:1, :1].expand(1, 2, -1), chosen[:, :, :0]):
        found = prefill.read(given.store, given.table, which, bias, room=7)
        for n, one in enumerate(which):
            keys, values = (part[n, :, : one.shape[1] * PAGE].float() for part in found)
            expected = naive._read(given.store, given.table, one, bias)
            torch.testing.assert_close(keys, expected[0], rtol=8e-3, atol=1e-3 * (1 + size))
            torch.testing.assert_close(values, expected[1], rtol=8e-3, atol=1e-3)


def attended(query: Tensor, keys: Tensor, values: Tensor, causal: bool) -> tuple[Tensor, Tensor]:
    """What `flash.flash` is to give, float64."""
    tokens, heads, dim = query.shape[1:]
    kv_heads, n = keys.shape[1:3]
    keys, values = (x.double().repeat_interleave(heads // kv_heads, 1) for x in (keys, values))
    scores = query.double().transpose(1, 2) @ keys.mT * dim**-0.5
    if causal:
        row, column = torch.arange(tokens)[:, None], torch.arange(n)
        hidden = (column > row + n - tokens).to(DEVICE)
        scores = scores.masked_fill(hidden, -math.inf)
    return (scores.softmax(-1) @ values).transpose(1, 2), scores.logsumexp(-1)


def many(
    batch: int, tokens: int, n: int, kv: int, group: int, dim: int, size: float = 1.0
) -> tuple[Tensor, Tensor, Tensor]:
    query = random(batch, tokens, kv * group, dim, seed=1).bfloat16() * size
    return query, *(random(batch, kv, n, dim, seed=2 + s).bfloat16() for s in range(2))


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize(
    ("batch", "tokens", "n", "kv", "group", "dim"),
    [
        (1, 1, 1, 1, 1, 16), (1, 1, 300, 2, 3, 64), (2, 64, 64, 1, 2, 128), (1, 130, 130, 2, 7, 16),
        (3, 33, 97, 1, 1, 64), (1, 129, 256, 1, 2, 128), (1, 40, 100, 1, 1, 256),
    ],
)  # fmt: skip
def test_flash(
    batch: int, tokens: int, n: int, kv: int, group: int, dim: int, causal: bool
) -> None:
    query, keys, values = many(batch, tokens, n, kv, group, dim, size=4.0)
    out = torch.full_like(query, math.nan)
    found, weight = flash.flash(query, keys, values, causal=causal, out=out)
    assert found is out
    expected, denominator = attended(query, keys, values, causal)
    torch.testing.assert_close(out.double(), expected, rtol=2e-2, atol=2e-2)
    assert (out.double() - expected).norm() < 6e-3 * expected.norm()
    torch.testing.assert_close(weight.double(), denominator, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("tokens", [1, 21])
def test_parts_that_are_joined_are_the_whole(tokens: int) -> None:
    query, keys, values = many(2, tokens, 50 + tokens, 2, 3, 64)
    past = flash.flash(query, keys[:, :, :50], values[:, :, :50], causal=False)
    out, weight = flash.flash(query, keys[:, :, 50:], values[:, :, 50:], causal=True)
    flash.join(out, weight, *past)
    expected, denominator = attended(query, keys, values, causal=True)
    torch.testing.assert_close(out.double(), expected, rtol=2e-2, atol=2e-2)
    assert (out.double() - expected).norm() < 1e-2 * expected.norm()
    torch.testing.assert_close(weight.double(), denominator, rtol=1e-3, atol=1e-3)


@pytest.mark.skipif(not INTERPRETED, reason="its decoder is on the CPU")
@pytest.mark.parametrize("pages", [3, 4])
def test_looking_far_back_takes_what_only_long_prompts_do(
    decoder_of: Callable[..., Decoder], qwen2: ModelConfig, monkeypatch: pytest.MonkeyPatch,
    pages: int,
) -> None:  # fmt: skip
    """More pages than are decoded at a time are joined, and some are chosen."""
    sparsity = Sparsity(threshold=64, budget=64, prefill_budget=64, recent=32, chunk=32)
    decoder = decoder_of(qwen2, kv="int8", sparsity=sparsity)
    reader = Reader.__new__(Reader)  # its products are CUDA C++
    reader._decoder = decoder
    called: list[str] = []

    def noting(name: str, function: Callable[..., object]) -> Callable[..., object]:
        def noted(*arguments: object) -> object:
            called.append(name)
            return function(*arguments)

        return noted

    monkeypatch.setattr(prefill, "BLOCK", 2)
    monkeypatch.setattr(prefill, "join", noting("join", prefill.join))
    monkeypatch.setattr(choice, "choose", noting("choose", choice.choose))
    reader.look_far_back(decoder.new_cache(32 * pages))
    assert called == (["join", "choose"] if pages > 3 else [])
