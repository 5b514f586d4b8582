"""What gets no time: whatever is not what the naive kernels mean. Attention, append and norm run in
Triton's interpreter; what only a GPU computes is made up.

TRITON_INTERPRET=1 python -m pytest tests/benchmarks/test_gpu_layers_check.py
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

if os.environ.get("TRITON_INTERPRET") != "1":
    pytest.skip("without TRITON_INTERPRET=1", allow_module_level=True)
pytest.importorskip("triton")

import gpu_layers
import gpu_layers_check
from gpu_attention import Measurements
from gpu_layers import Between, Layers
from gpu_layers_check import (
    LARGEST_ERROR,
    LARGEST_OF_APPEND,
    check_append,
    check_attention,
    check_norm,
)

from vademecum.model.kernels import naive
from vademecum.model.kernels.pages import PAGE
from vademecum.model.kernels.triton import attention, scores
from vademecum.model.sparsity import Sparsity

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # logarithms of 0 in NumPy

HEADS, KV_HEADS, DIM = 4, 2, 16
SPARSITY = Sparsity(
    threshold=128, budget=128, long=256, long_budget=160, recent=32, sinks=32, deferred=True
)
SHORT, LONG = 100, 7 * PAGE + 7
CUT = 2**-7  # at most an error where bf16 is cut off, as in the interpreter, and not rounded
READ = {"dense", "dense with a bias", "sparse, chosen before", "sparse, chosen at once"}
PARTS = READ | {f"{what}, not rounded" for what in READ}
PARTS |= {"pages chosen before", "pages chosen at once"}


@pytest.fixture(autouse=True)
def on_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few layers, of small heads."""
    torch.manual_seed(0)
    monkeypatch.setattr(gpu_layers, "CUDA", torch.device("cpu"))
    monkeypatch.setattr(gpu_layers, "CACHE", 0)
    monkeypatch.setattr(gpu_layers, "LARGE_BIASES", (0, 2))
    monkeypatch.setattr(gpu_layers, "heads_of", lambda model: (HEADS, KV_HEADS, DIM))
    monkeypatch.setattr(scores, "select", select)


def select(
    query: Tensor, summaries: scores.Summaries, table: Tensor, start: Tensor, sparsity: Sparsity,
    counted: Tensor, *, behind: int = 0, out: scores.Selection | None = None,
) -> scores.Selection:  # fmt: skip
    """As the naive kernels choose; biases as tables hold them."""
    layers, rows, kv_heads = query.shape[0], query.shape[1], summaries.stores[0].key_mean.shape[0]
    if out is None:
        out = scores.Selection.empty(layers, rows, kv_heads, len(table), query.device)
    at = int(start)
    pages, there = at // PAGE, max(0, at - behind) // PAGE
    for n, (store, bias) in enumerate(zip(summaries.stores, summaries.biases, strict=True)):
        given = None if bias is None else naive.KeyBias(bias.within[:, :, 0], frequencies())
        rated = naive.score_pages(query[n, 0], store, table[:there], given)
        rated = torch.nn.functional.pad(rated, (0, pages - there), value=math.inf)
        budget = sparsity.budget_for(at + 1)
        found = naive.select_pages(rated, at + 1, budget, sparsity.recent, sparsity.sinks)
        out.pages[n, 0, :, : found.shape[1]] = found
        out.count.fill_(found.shape[1])
    return out


def frequencies() -> Tensor:
    return gpu_layers.frequencies(DIM)


def attend(
    query: Tensor, store: Any, table: Tensor, chosen: scores.Selection | None, tail: Any,
    start: Tensor, tables: scores.BiasTables | None, mass: Tensor | None = None,
    out: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """As the naive kernels attend: quicker than Triton's in the interpreter."""
    complete = int(start) // PAGE
    pages = torch.arange(complete).expand(KV_HEADS, -1)
    if chosen is not None:
        pages = chosen.pages[0, :, : int(chosen.count[0])].long()
    bias = None if tables is None else naive.KeyBias(tables.within[:, :, 0], frequencies())
    share = torch.zeros(complete + 1)
    found = naive.attention(
        query[0].float(), store, table[:complete], pages, tail, int(start) % PAGE + 1, bias, share
    )
    if mass is not None:
        mass[0, 0, : complete + 1] += share
    assert out is not None
    return out.copy_(found)


def test_what_is_right_may_be_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    """By Triton's kernels."""
    monkeypatch.setattr(gpu_layers, "heads_of", lambda model: (2, 1, DIM))
    monkeypatch.setattr(gpu_layers_check, "FILLED", ())
    errors = check_attention(Layers("llama-8b", "int8", LONG, SPARSITY))
    assert set(errors) == PARTS - {"dense with a bias", "dense with a bias, not rounded"}
    assert max(errors.values()) < CUT


def test_every_part_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attention, "attention", attend)
    layers = Layers("qwen-7b", "int8", LONG, SPARSITY)
    errors = check_attention(layers)
    assert set(errors) == PARTS
    assert max(errors.values()) < LARGEST_ERROR
    assert errors["pages chosen before"] == errors["pages chosen at once"] == 0
    assert layers.first.filled == 7, "layers are left as they are timed"


def test_a_short_sequence_is_read_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attention, "attention", attend)
    layers = Layers("llama-8b", "k8v4", SHORT, SPARSITY)
    assert not layers.chooses
    assert set(check_attention(layers)) == {"dense", "dense, not rounded"}


Attention = Callable[..., Tensor]


def unwritten(*given: Any) -> Tensor:
    """One channel of one head is never written."""
    out = attend(*given)
    out[0, 3, 5] = math.nan
    return out


def only_watched(*given: Any) -> Tensor:
    """Without the count of what pages receive, another kernel runs."""
    return attend(*given) if given[7] is not None else unwritten(*given)


def only_in_float32(*given: Any) -> Tensor:
    return attend(*given) if given[8].dtype == torch.float32 else unwritten(*given)


def one_slot_too_many(*given: Any) -> Tensor:
    """What lies behind the last token is read: NaN."""
    query, store, table, chosen, tail, start, *rest = given
    return attend(query, store, table, chosen, tail, start + 1, *rest)


def shares_lost(*given: Any) -> Tensor:
    out = attend(*given)
    if given[7] is not None:
        given[7].zero_()
    return out


ROUNDED, EXACT = "8B, dense", "8B, dense, not rounded"


@pytest.mark.parametrize(
    ("wrong", "failed"),
    [
        (unwritten, [ROUNDED, EXACT]),
        (only_watched, [ROUNDED]),
        (only_in_float32, [ROUNDED]),
        (one_slot_too_many, [ROUNDED, EXACT]),
        (shares_lost, [EXACT]),
    ],
)
def test_wrong_attention_is_not_timed(
    wrong: Attention, failed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attention, "attention", wrong)
    seen = Measurements()
    layers = Layers("llama-8b", "int8", SHORT, SPARSITY)
    assert not seen.right("8B", lambda: check_attention(layers), LARGEST_ERROR)
    assert seen.failed == failed


def worse_page(pages: Tensor) -> None:
    """One head reads a page in place of a better one."""
    free = sorted(set(range(1, 6)) - set(pages[0, 0].tolist()))
    pages[0, 0, 1] = free[0]
    pages[0, 0] = pages[0, 0].sort().values


def no_sink(pages: Tensor) -> None:
    pages[0, 0, 0] = 1


def out_of_order(pages: Tensor) -> None:
    pages[0, 1] = pages[0, 1].flip(0)


def no_page_at_all(pages: Tensor) -> None:
    pages[0, 0, -1] = 10_000


@pytest.mark.parametrize("wrong", [worse_page, no_sink, out_of_order, no_page_at_all])
@pytest.mark.parametrize("when", ["before", "at once"])
def test_of_wrong_pages_nothing_is_timed(
    wrong: Callable[[Tensor], None], when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of one layer is enough."""

    def mistaken(*given: Any, behind: int = 0, out: Any = None) -> scores.Selection:
        found = select(*given, behind=behind, out=out)
        if (when == "before") == (behind == 1):
            wrong(found.pages[-1, :, :, : int(found.count[0])])
        return found

    monkeypatch.setattr(attention, "attention", attend)
    monkeypatch.setattr(scores, "select", mistaken)
    seen = Measurements()
    layers = Layers("qwen-7b", "int8", LONG, SPARSITY)
    assert not seen.right("7B", lambda: check_attention(layers), LARGEST_ERROR)
    assert seen.failed[0] == f"7B, pages chosen {when}"


def test_a_layer_does_not_pass_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attention, "attention", attend)
    layers = Layers("llama-8b", "int8", LONG, SPARSITY)
    layers.stores[-1] = layers.stores[-2]
    layers.read = lambda n, *given: Layers.read(layers, 0, *given)  # type: ignore[method-assign]
    assert check_attention(layers)["dense"] > 0.1


def test_a_check_that_breaks_off_passes_nothing() -> None:
    def broken() -> dict[str, float]:
        raise RuntimeError("out of memory")

    seen = Measurements()
    assert not seen.right("7B", broken, LARGEST_ERROR)
    assert seen.failed == ["checks 7B"]
    assert not seen.right("8B", dict, LARGEST_ERROR)


@pytest.fixture
def between(monkeypatch: pytest.MonkeyPatch) -> Between:
    def product(x: Tensor, weight: int) -> Tensor:
        return torch.randn(x.shape[0], weight).bfloat16()

    config = SimpleNamespace(hidden=96, intermediate=160, attention_bias=True)
    monkeypatch.setattr(gpu_layers, "config_of", lambda model: config)
    monkeypatch.setattr(gpu_layers, "random_nf4", lambda out, inner: SimpleNamespace(weight=out))
    monkeypatch.setattr(gpu_layers, "nf4", SimpleNamespace(product=product))
    return Between("qwen-7b", "k8v4")


def test_append_and_norms_are_those_of_a_token(between: Between) -> None:
    assert check_append(between) < LARGEST_OF_APPEND
    assert int(between.layers[0].start) == 3 * PAGE + 3, "left as it is timed"
    assert all(check_norm(between, after) < CUT for after in ("out", "down"))


def test_a_wrong_append_and_a_wrong_norm_are_not_timed(
    between: Between, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = between.append
    monkeypatch.setattr(between, "append", lambda pages, out: right(pages))
    assert math.isnan(check_append(between)), "queries were never written"
    norm = between.norm
    monkeypatch.setattr(between, "norm", lambda after: norm(after) * 1.02)
    assert check_norm(between, "out") > CUT
