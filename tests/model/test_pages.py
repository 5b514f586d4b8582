"""Complete pages come back as they were stored, to within what their codes can say."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from vademecum.model.kernels import pages
from vademecum.model.kernels.pages import (
    PAGE,
    Pages,
    PlainPages,
    QuantizedPages,
    new_pages,
    page_bytes,
)

KV, DIM = 2, 16
KINDS = ("plain", "int8", "k8v4")


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def poisoned(kind: str, pages: int, dim: int = DIM) -> Pages:
    """A store full of NaN and of codes that mean something."""
    store = new_pages(kind, KV, pages, dim, torch.float32)  # type: ignore[arg-type]
    for tensor in store.tensors():
        tensor.fill_(float("nan") if tensor.is_floating_point() else 77)
    return store


def test_plain_pages_are_exact() -> None:
    store = poisoned("plain", 5)
    keys, values = random(KV, 2, PAGE, DIM, seed=1), random(KV, 2, PAGE, DIM, seed=2)
    store.seal(torch.tensor([3, 1]), keys, values)
    read = store.read(torch.tensor([3, 1]))
    assert torch.equal(read[0], keys.flatten(1, 2))
    assert torch.equal(read[1], values.flatten(1, 2))


@pytest.mark.parametrize(
    ("kind", "key_steps", "value_steps"), [("int8", 127, 127), ("k8v4", 127, 7)]
)
def test_an_error_is_at_most_half_a_step(kind: str, key_steps: int, value_steps: int) -> None:
    store = poisoned(kind, 5)
    keys, values = random(KV, 2, PAGE, DIM, seed=1), random(KV, 2, PAGE, DIM, seed=2)
    keys *= 10.0 ** torch.arange(-4, 4).repeat(2)  # channels of very different size
    keys += 100 * random(KV, 1, 1, DIM)  # and far from zero
    store.seal(torch.tensor([3, 1]), keys, values)
    got, got_values = store.read(torch.tensor([3, 1]))
    widest = (keys - keys.mean(2, keepdim=True)).abs().amax(2, keepdim=True)
    mean_error = keys.mean(2, keepdim=True).abs() * 2**-8  # the mean is rounded to bf16 first
    step = (widest + mean_error) / key_steps
    assert ((got.unflatten(1, (2, PAGE)) - keys).abs() <= 0.51 * step + 1e-5 * keys.abs()).all()
    step = values.abs().amax(3, keepdim=True) / value_steps
    assert ((got_values.unflatten(1, (2, PAGE)) - values).abs() <= 0.53 * step).all()


@pytest.mark.parametrize("kind", KINDS)
def test_heads_may_read_pages_of_their_own(kind: str) -> None:
    store = poisoned(kind, 4)
    ids = torch.arange(4)
    store.seal(ids, random(KV, 4, PAGE, DIM), random(KV, 4, PAGE, DIM, seed=5))
    every = [part.unflatten(1, (4, PAGE)) for part in store.read(ids)]
    own = store.read(torch.tensor([[0, 2], [3, 1]]))
    for part, whole in zip(own, every, strict=True):
        assert torch.equal(part[0], whole[0, [0, 2]].flatten(0, 1))
        assert torch.equal(part[1], whole[1, [3, 1]].flatten(0, 1))


@pytest.mark.parametrize("kind", KINDS)
def test_the_summary_is_mean_and_spread(kind: str) -> None:
    store = poisoned(kind, 3)
    keys = random(KV, 1, PAGE, DIM) * 3 + 5
    store.seal(torch.tensor([2]), keys, keys)
    mean, spread = store.summary(torch.tensor([2]))
    torch.testing.assert_close(mean, keys.mean(2), rtol=2**-8, atol=1e-3)
    exact = 0.01 if kind == "plain" else 1 / 16  # three bits of mantissa
    torch.testing.assert_close(spread, keys.std(2, correction=0), rtol=exact, atol=0.03)


def test_a_spread_is_the_nearest_small_float() -> None:
    """From 2^-15 to 1.875 x 2^16; what is less or more is the least or the most."""
    every = pages._of_byte(torch.arange(256, dtype=torch.uint8))
    assert (every[0], every[8 * 15], every[-1]) == (2.0**-15, 1.0, 1.875 * 2**16)
    assert torch.equal(pages._to_byte(every), torch.arange(256, dtype=torch.uint8))
    between = (every[1:] + every[:-1]) / 2
    assert torch.equal(pages._of_byte(pages._to_byte(between * 0.999)), every[:-1])
    assert torch.equal(pages._of_byte(pages._to_byte(between * 1.001)), every[1:])
    beyond = torch.tensor([0.0, 1e-30, 1e9, torch.inf])
    assert pages._to_byte(beyond).tolist() == [0, 0, 255, 255]


@pytest.mark.parametrize("kind", KINDS)
def test_constant_and_huge_pages_stay_finite(kind: str) -> None:
    store = poisoned(kind, 2)
    for value in (0.0, -3.0, 1e4):
        block = torch.full((KV, 1, PAGE, DIM), value)
        store.seal(torch.tensor([0]), block, block)
        for part in store.read(torch.tensor([0])):
            torch.testing.assert_close(part, block.flatten(1, 2), rtol=2**-7, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_sealing_nothing_changes_nothing(kind: str) -> None:
    store = poisoned(kind, 2)
    before = [tensor.clone() for tensor in store.tensors()]
    none = torch.empty(0, dtype=torch.int64)
    store.seal(none, torch.empty(0), torch.empty(0))
    for tensor, was in zip(store.tensors(), before, strict=True):
        torch.testing.assert_close(tensor, was, equal_nan=True, rtol=0, atol=0)


@pytest.mark.parametrize("dim", [64, 128])
@pytest.mark.parametrize(("kind", "share"), [("int8", 0.55), ("k8v4", 0.45)])
def test_memory_with_metadata_is_a_share_of_bf16(kind: str, share: float, dim: int) -> None:
    bf16 = 2 * 8 * PAGE * dim * 2
    assert page_bytes(kind, 8, dim, torch.bfloat16) <= share * bf16  # type: ignore[arg-type]


def test_stores_are_told_apart_by_their_kind() -> None:
    assert isinstance(new_pages("plain", 1, 1, 8, torch.float32), PlainPages)
    for kind, bits in (("int8", 8), ("k8v4", 4)):
        store = new_pages(kind, 1, 1, 8, torch.float32)  # type: ignore[arg-type]
        assert isinstance(store, QuantizedPages)
        assert store.value_bits == bits
