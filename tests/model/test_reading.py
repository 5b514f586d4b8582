"""A prompt's chunks, many at once, are read as each would be alone: on a GPU only."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

if not torch.cuda.is_available():
    pytest.skip("no GPU", allow_module_level=True)
pytest.importorskip("triton")

from test_captured import SPARSITY, config, pair
from triton_support import relative

from vademecum.model.decoder import Decoder
from vademecum.model.kernels import KvKind
from vademecum.model.kernels.triton import flash, matmul, prefill
from vademecum.model.kernels.triton.reading import Reader, Span
from vademecum.model.sparsity import Sparsity

SHARP = replace(SPARSITY, threshold=0, prefill_budget=96)  # pages are left out from early on
CASES = [
    ("llama", "int8", SPARSITY),
    ("qwen2", "int8", SHARP),
    ("qwen2", "k8v4", SPARSITY),
    ("qwen3", "int8", None),
    ("llama", "int8", replace(SHARP, dense_first=0, dense_last=0)),
]


def read(decoder: Decoder, ids: Tensor, step: int, *, first: int = 0) -> Tensor:
    """Logits after a prompt that comes in steps; `first` tokens alone before."""
    cache = decoder.new_cache(1024)
    for store in cache.stores:
        for tensor in store.tensors():
            tensor.fill_(float("nan") if tensor.is_floating_point() else 99)
    sequence = cache.open(ids.tolist(), 800)
    for tail in sequence.tails:
        for part in tail:
            part.fill_(float("nan"))
    at = 0
    while at < ids.shape[0]:
        end = at + (first if first and not at else step)
        logits = decoder.prefill(ids[at:end], cache, sequence)
        at = end
    return logits


@pytest.mark.parametrize(("family", "kind", "sparsity"), CASES)
@pytest.mark.parametrize("tokens", [1, 64, 150, 577, 640])
def test_what_is_read_is_what_the_naive_kernels_read(
    family: str, kind: KvKind, sparsity: Sparsity | None, tokens: int
) -> None:
    device, reference = pair(config(family), kind, sparsity)
    ids = torch.randint(0, 1001, (tokens,), generator=torch.Generator().manual_seed(1))
    chunk = device.chunk
    wanted = read(reference, ids, chunk)
    found = [
        read(device, ids, chunk),
        read(device, ids, 4 * chunk),
        read(device, ids, 4 * chunk, first=chunk),
        read(device, ids, 1024 - 1024 % chunk),
    ]
    for logits in found:
        # Pages may be chosen otherwise where scores are close.
        assert relative(logits, wanted) < 0.05


def test_a_long_past_is_read_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    device, _ = pair(config("qwen2"), "int8", None)
    ids = torch.randint(0, 1001, (700,), generator=torch.Generator().manual_seed(2))
    whole = read(device, ids, 700)
    monkeypatch.setattr(prefill, "BLOCK", 3)
    assert relative(read(device, ids, 128), whole) < 0.02


def test_without_hoppers_copy_engine_the_same_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    device, _ = pair(config("llama"), "int8", SPARSITY)
    ids = torch.randint(0, 1001, (600,), generator=torch.Generator().manual_seed(3))
    with_it = read(device, ids, 256)
    monkeypatch.setattr(flash, "hopper", lambda _: False)
    monkeypatch.setattr(matmul, "as_hopper", lambda _: False)
    assert relative(read(device, ids, 256), with_it) < 0.02


def test_what_ends_a_prompt_reads_all_of_it() -> None:
    device, _ = pair(config("llama"), "int8", SPARSITY)  # chunks of 64, from 192 on 128 chosen
    reader = Reader(device)
    assert reader._spans(2, 0, 192) == [Span(0, 192)]
    assert reader._spans(2, 0, 400) == [Span(0, 192), Span(192, 384, 3, True), Span(384, 400)]
    assert reader._spans(2, 192, 128) == [Span(0, 128, 2, True)]
    assert reader._spans(2, 192, 63) == [Span(0, 63)]
    assert reader._spans(0, 192, 128) == [Span(0, 128)]  # a layer that stays dense
    device.sparsity = None
    assert reader._spans(2, 192, 128) == [Span(0, 128)]


def test_pages_are_counted_where_they_are_chosen() -> None:
    device, _ = pair(config("llama"), "int8", SPARSITY)
    read(device, torch.zeros(400, dtype=torch.int64), 400)
    layers, kv_heads = 2, 2
    assert device.pages_read == layers * kv_heads * 3 * 4
    assert device.pages_skipped == layers * kv_heads * ((6 + 8 + 10) - 3 * 4)
