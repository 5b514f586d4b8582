"""What a step and a prompt write into the pages of a sequence is what the naive kernels write: on a
GPU, or in Triton's interpreter.
"""

from __future__ import annotations

import math
from dataclasses import fields

import pytest
import torch
from torch import Tensor
from triton_support import DEVICE, bias_of, case, quiet, random, rotation

from vademecum.model.kernels.pages import PAGE, QuantizedPages
from vademecum.model.kernels.triton import append, prompt
from vademecum.model.rope import rotate

pytestmark = quiet


def codes_of(stored: Tensor, bits: int, name: str) -> tuple[Tensor, ...]:
    """As numbers; values of 4 bit are two in a byte."""
    wide = stored.int()
    return (wide & 15, (wide >> 4) & 15) if bits == 4 and name == "value_codes" else (wide,)


@pytest.mark.parametrize(("bits", "qwen3"), [(8, False), (8, True), (4, False)])
@pytest.mark.parametrize(("filled", "rows"), [(0, 1), (0, 9), (5, 2), (31, 1)])
def test_append(bits: int, filled: int, rows: int, qwen3: bool) -> None:
    kv, group, dim, pages = 2, 3, 64, 3
    heads = kv * group
    given = case(bits, kv, group, dim, pages, 32)
    # Page 2 was filled by the step before where `filled` is 0; in the store it is still poison.
    given.start.fill_((pages * PAGE) + filled)
    for part, seed in zip(given.tail, (4, 5), strict=True):
        part.copy_(random(kv, PAGE, dim, seed=seed) * 3)
    for tensor in given.store.tensors():
        tensor[:, given.table[2]] = 77
    sealed = torch.tensor([2 if filled == 0 else 3], dtype=torch.int32, device=DEVICE)
    qkv = random(rows, heads + 2 * kv, dim, seed=8)
    bias = random(heads + 2 * kv, dim, seed=9).bfloat16()
    norms = append.HeadNorms(random(2, dim, seed=10).bfloat16(), 1e-6) if qwen3 else None
    cos, sin = rotation(200, dim)

    expected_store = QuantizedPages(*(tensor.clone() for tensor in given.store.tensors()))
    expected_tail = (given.tail[0].clone(), given.tail[1].clone())
    if filled == 0:
        expected_store.seal(given.table[2:3], expected_tail[0][:, None], expected_tail[1][:, None])
    x = qkv + bias.float()
    query, key, value = x[:, :heads], x[:, heads : heads + kv], x[:, heads + kv :]
    if norms:
        query, key = (
            torch.nn.functional.rms_norm(part, (dim,), weight.float(), 1e-6)
            for part, weight in zip((query, key), norms.weights, strict=True)
        )
    at = slice(int(given.start), int(given.start) + rows)
    expected_tail[0][:, filled : filled + rows] = rotate(
        key, cos[at, None], sin[at, None]
    ).transpose(0, 1)
    expected_tail[1][:, filled : filled + rows] = value.transpose(0, 1)

    out = append.append(
        qkv, bias, norms, (cos, sin), given.store, given.table, given.tail, given.start, sealed
    )
    expected = rotate(query, cos[at, None], sin[at, None])
    torch.testing.assert_close(out.float(), expected, rtol=8e-3, atol=1e-3)
    for found, wanted in zip(given.tail, expected_tail, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)
    for field in fields(QuantizedPages):
        found, wanted = getattr(given.store, field.name), getattr(expected_store, field.name)
        if found.is_floating_point():
            # A sum in another order may round the other way.
            torch.testing.assert_close(found, wanted, rtol=8e-3, atol=1e-3, equal_nan=True)
        else:
            for a, b in zip(*(codes_of(t, bits, field.name) for t in (found, wanted)), strict=True):
                assert (a - b).abs().max() <= 1
                assert ((a - b) != 0).float().mean() < 2e-3


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("tokens", [1, 32, 75])
@pytest.mark.parametrize("qwen3", [False, True])
@pytest.mark.parametrize("size", [0.0, 100.0])
def test_a_chunk_is_appended(bits: int, tokens: int, qwen3: bool, size: float) -> None:
    kv, group, dim, before = 2, 3, 64, 3
    heads, start = kv * group, before * PAGE
    given = case(bits, kv, group, dim, before, 1)
    bias = bias_of(kv, dim, size) if size else None
    qkv = random(tokens, heads + 2 * kv, dim, seed=8).bfloat16()
    norms = append.HeadNorms(random(2, dim, seed=10).bfloat16(), 1e-6) if qwen3 else None
    cos, sin = (part[start : start + tokens] for part in rotation(200, dim))
    x = qkv.float()
    query, key, value = x[:, :heads], x[:, heads : heads + kv], x[:, heads + kv :]
    if norms:
        query, key = (
            torch.nn.functional.rms_norm(part, (dim,), weight.float(), 1e-6)
            for part, weight in zip((query, key), norms.weights, strict=True)
        )
    query, key = (rotate(part, cos[:, None], sin[:, None]) for part in (query, key))
    pages, rest = divmod(tokens, PAGE)
    own = given.table[before : before + pages]
    table = given.table[: before + pages]
    twin = QuantizedPages(*(tensor.clone() for tensor in given.store.tensors()))
    paged = (
        part[: pages * PAGE].transpose(0, 1).reshape(kv, pages, PAGE, dim) for part in (key, value)
    )
    twin.seal(own, *paged)
    tail = tuple(torch.full((kv, PAGE, dim), math.nan, device=DEVICE) for _ in range(2))

    found = prompt.append(
        qkv, norms, (cos, sin), given.store, table, (tail[0], tail[1]), start, bias
    )
    torch.testing.assert_close(found.query.float(), query, rtol=8e-3, atol=1e-3)
    for part, wanted in zip(tail, (key, value), strict=True):
        torch.testing.assert_close(
            part[:, :rest], wanted[pages * PAGE :].transpose(0, 1), rtol=1e-4, atol=1e-5
        )
        assert part[:, rest:].isnan().all()
    stored = zip(twin.read(own), (key, value), strict=True)
    keys, values = (
        torch.cat((sealed, part[pages * PAGE :].transpose(0, 1)), dim=1) for sealed, part in stored
    )
    if bias:
        keys = keys + bias.at(torch.arange(start, start + tokens, device=DEVICE))
    # A code may round the other way.
    torch.testing.assert_close(found.keys.float(), keys, rtol=8e-3, atol=0.03 + 4e-3 * size)
    torch.testing.assert_close(
        found.values.float(), values, rtol=8e-3, atol=0.3 if bits == 4 else 0.03
    )
    for sealed, wanted in zip(given.store.read(own), twin.read(own), strict=True):
        torch.testing.assert_close(sealed, wanted, rtol=8e-3, atol=0.3 if bits == 4 else 0.03)
        assert (sealed - wanted).abs().sum() <= 2e-3 * sealed.numel()
    for field in ("key_mean", "key_scale", "key_spread"):
        torch.testing.assert_close(
            getattr(given.store, field)[:, own].float(), getattr(twin, field)[:, own].float(),
            rtol=8e-3, atol=1.0 if field == "key_spread" else 1e-3,
        )  # fmt: skip
