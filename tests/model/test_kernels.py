"""The naive kernels mean what attention over pages should mean; the others mean the same."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from vademecum.model.kernels import NAIVE, KernelSet, KeyBias, choose, naive
from vademecum.model.kernels.pages import PAGE, Pages, new_pages

KINDS = ("plain", "int8", "k8v4")
# (KV heads, query heads on each, dim, complete pages, filled slots of the tail)
SHAPES = [
    (2, 3, 16, 0, 1),
    (1, 1, 16, 1, 32),
    (2, 7, 64, 5, 7),
    (3, 3, 64, 40, 31),
    (2, 4, 128, 13, 1),
]


@pytest.fixture(scope="module")
def cpu() -> KernelSet:
    return choose(torch.device("cpu"), "int8")


@pytest.fixture(params=["naive", "cpu"])
def kernels(request: pytest.FixtureRequest) -> KernelSet:
    if request.param == "naive":
        return NAIVE
    chosen: KernelSet = request.getfixturevalue("cpu")
    return chosen


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@dataclass
class Case:
    """A sequence in a poisoned store, with scattered pages; and what it holds, read back."""

    store: Pages
    table: Tensor
    tail: tuple[Tensor, Tensor]
    filled: int
    query: Tensor
    keys: Tensor  # [kv_heads, tokens, dim], without a bias
    values: Tensor

    @property
    def length(self) -> int:
        return self.table.shape[0] * PAGE + self.filled

    @property
    def every(self) -> Tensor:
        return torch.arange(self.table.shape[0]).expand(self.keys.shape[0], -1).contiguous()


def case(kind: str, kv: int, group: int, dim: int, pages: int, filled: int) -> Case:
    store = new_pages(kind, kv, pages + 3, dim, torch.float32)  # type: ignore[arg-type]
    for tensor in store.tensors():
        tensor.fill_(float("nan") if tensor.is_floating_point() else 99)
    table = torch.randperm(pages + 3, generator=torch.Generator().manual_seed(3))[:pages]
    store.seal(table, random(kv, pages, PAGE, dim, seed=1), random(kv, pages, PAGE, dim, seed=2))
    tail = (torch.full((kv, PAGE, dim), math.nan), torch.full((kv, PAGE, dim), math.nan))
    tail[0][:, :filled] = random(kv, filled, dim, seed=4)
    tail[1][:, :filled] = random(kv, filled, dim, seed=5)
    keys, values = store.read(table)
    return Case(
        store, table, tail, filled, random(kv * group, dim, seed=6),
        torch.cat((keys, tail[0][:, :filled]), 1), torch.cat((values, tail[1][:, :filled]), 1),
    )  # fmt: skip


def bias_of(kv: int, dim: int, norm: float) -> KeyBias:
    value = random(kv, dim, seed=7)
    value *= norm / value.norm(dim=1, keepdim=True)
    return KeyBias(value, 10_000.0 ** (-torch.arange(0, dim, 2) / dim))


def test_the_bias_of_a_pages_mean_is_the_mean_of_its_slots() -> None:
    bias = bias_of(3, 16, norm=300.0)
    for pages in (0, 1, 5, 90):
        wanted = bias.at(torch.arange(pages * PAGE)).unflatten(1, (pages, PAGE)).mean(dim=2)
        torch.testing.assert_close(bias.means(pages), wanted, rtol=1e-5, atol=1e-4)


def plain_attention(query: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """One query `[heads, dim]` over `[kv_heads, tokens, dim]`, written out in float64; and weights
    `[heads, tokens]`."""
    group = query.shape[0] // k.shape[0]
    out, all_weights = [], []
    for head in range(query.shape[0]):
        kv = head // group
        scores = k[kv].double() @ query[head].double() / math.sqrt(query.shape[1])
        weights = scores.softmax(0)
        out.append(weights @ v[kv].double())
        all_weights.append(weights)
    return torch.stack(out).float(), torch.stack(all_weights).float()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES)
def test_attention_over_every_page(kernels: KernelSet, shape: tuple[int, ...], kind: str) -> None:
    given = case(kind, *shape)
    mass = torch.zeros(len(given.table) + 1)
    out = kernels.attention(
        given.query, given.store, given.table, given.every, given.tail, given.filled, None, mass
    )
    expected, weights = plain_attention(given.query, given.keys, given.values)
    torch.testing.assert_close(out, expected, rtol=1e-5, atol=1e-5)
    share = weights.mean(0)
    torch.testing.assert_close(
        mass,
        torch.stack([part.sum() for part in [*share.split(PAGE), torch.zeros(0)]][: len(mass)]),
    )


@pytest.mark.parametrize("kind", ["int8", "k8v4"])
def test_the_same_input_gives_the_same_bits_wherever_its_buffers_lie(
    cpu: KernelSet, kind: str
) -> None:
    given = case(kind, 2, 2, 16, 1, 9)
    seen = set()
    for size in range(120):
        held = [torch.full((size * 8 + 1,), math.nan) for _ in range(size % 7)]
        out = cpu.attention(
            given.query, given.store, given.table, given.every, given.tail, 9, None, None
        )
        seen.add(out.numpy().tobytes())
        del held
    assert len(seen) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_attention_reads_each_heads_own_pages(kernels: KernelSet, kind: str) -> None:
    given = case(kind, 2, 7, 64, 40, 5)
    selected = torch.stack((torch.arange(0, 39, 3), torch.arange(1, 40, 3)))
    out = kernels.attention(
        given.query, given.store, given.table, selected, given.tail, 5, None, None
    )
    for kv in range(2):
        at = [*(32 * p + t for p in selected[kv].tolist() for t in range(32)), *range(1280, 1285)]
        expected, _ = plain_attention(
            given.query[7 * kv : 7 * kv + 7],
            given.keys[kv : kv + 1, at],
            given.values[kv : kv + 1, at],
        )
        torch.testing.assert_close(out[7 * kv : 7 * kv + 7], expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("norm", [600.0, 900.0])
@pytest.mark.parametrize("kind", KINDS)
def test_a_large_key_bias_costs_no_precision(kernels: KernelSet, kind: str, norm: float) -> None:
    given = case(kind, 2, 3, 64, 21, 9)
    bias = bias_of(2, 64, norm)
    biased = given.keys + bias.at(torch.arange(given.length))
    expected, _ = plain_attention(given.query, biased, given.values)
    out = kernels.attention(
        given.query, given.store, given.table, given.every, given.tail, 9, bias, None
    )
    torch.testing.assert_close(out, expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("kind", ["int8", "k8v4"])
def test_stored_with_its_bias_a_key_loses_itself_in_the_steps_of_the_codes(kind: str) -> None:
    exact = random(2, 21, PAGE, 64, seed=1)
    biased = exact + bias_of(2, 64, 600.0).at(torch.arange(21 * PAGE)).unflatten(1, (21, PAGE))
    errors = []
    for keys in (exact, biased):
        store = new_pages(kind, 2, 21, 64, torch.float32)  # type: ignore[arg-type]
        store.seal(torch.arange(21), keys, keys)
        kept, _ = store.read(torch.arange(21))
        errors.append((kept - keys.flatten(1, 2)).abs().mean())
    assert errors[1] > 10 * errors[0]


@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_page_scores_are_their_formula(kernels: KernelSet, kind: str, biased: bool) -> None:
    given = case(kind, 2, 7, 64, 13, 4)
    bias = bias_of(2, 64, 300.0) if biased else None
    scores = kernels.score_pages(given.query, given.store, given.table, bias)
    mean, spread = given.store.summary(given.table)
    if bias is not None:
        mean = mean + bias.at(torch.arange(13 * PAGE)).unflatten(1, (13, PAGE)).mean(2)
    for kv in range(2):
        heads = given.query[7 * kv : 7 * kv + 7]
        each = (heads @ mean[kv].T + heads.abs() @ spread[kv].T) / math.sqrt(64)
        torch.testing.assert_close(scores[kv], each.softmax(1).sum(0), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("start", "tokens"), [(0, 1), (0, 33), (0, 64), (32, 1), (64, 50), (9600, 31)]
)
def test_prefill_attention_is_causal(kind: str, start: int, tokens: int, biased: bool) -> None:
    whole = (start + tokens) // PAGE
    given = case(kind, 2, 3, 16, whole, (start + tokens) % PAGE)
    bias = bias_of(2, 16, 50.0) if biased else None
    keys = given.keys if bias is None else given.keys + bias.at(torch.arange(given.length))
    queries = random(tokens, 6, 16, seed=8)
    past = torch.arange(start // PAGE).expand(2, -1)
    out = naive.prefill_attention(queries, given.store, given.table, past, start, given.tail, bias)
    for row in (0, tokens // 2, tokens - 1):
        seen = start + row + 1
        expected, _ = plain_attention(queries[row], keys[:, :seen], given.values[:, :seen])
        torch.testing.assert_close(out[row], expected, rtol=1e-3, atol=1e-3)


def test_prefill_attention_reads_the_selected_past_only() -> None:
    given = case("int8", 2, 3, 16, 6, 3)
    queries = random(35, 6, 16, seed=8)
    selected = torch.tensor([[0, 3], [1, 4]])
    out = naive.prefill_attention(
        queries, given.store, given.table, selected, 160, given.tail, None
    )
    for kv in range(2):
        at = [32 * p + t for p in selected[kv].tolist() for t in range(32)]
        at += list(range(160, 160 + 20))
        heads = slice(3 * kv, 3 * kv + 3)
        one = slice(kv, kv + 1)
        expected, _ = plain_attention(
            queries[19, heads], given.keys[one, at], given.values[one, at]
        )
        torch.testing.assert_close(out[19, heads], expected, rtol=1e-4, atol=1e-4)


def select(
    scores: list[float], length: int, budget: int, recent: int, sinks: int = 32
) -> list[int]:
    both = torch.tensor([scores, [-s for s in scores]])
    chosen = naive.select_pages(both, length, budget, recent, sinks)
    assert chosen.shape[0] == 2
    return [int(page) for page in chosen[0]]


def test_selection_keeps_the_first_the_newest_and_the_best() -> None:
    # 300 tokens: pages 0 to 8 are complete, 12 tokens in the tail; the newest 64 begin in page 7.
    scores = [-9.0, 1, 5, 2, 8, 3, 0, 0, 0]
    assert select(scores, 300, budget=160, recent=64) == [0, 4, 7, 8]
    assert select(scores, 300, budget=192, recent=64) == [0, 2, 4, 7, 8]
    assert select(scores, 300, budget=160, recent=64, sinks=33) == [0, 1, 7, 8]
    assert select(scores, 300, budget=160, recent=64, sinks=0) == [2, 4, 7, 8]


def test_selection_keeps_what_it_must_whatever_the_budget() -> None:
    assert select([0.0] * 9, 300, budget=32, recent=64) == [0, 7, 8]


@pytest.mark.parametrize("length", [1, 31, 32, 33, 63, 65, 320])
def test_a_budget_of_the_length_selects_every_page(length: int) -> None:
    pages = length // PAGE
    assert select([0.0] * pages, length, budget=length, recent=32) == list(range(pages))


def test_the_compiled_set_is_chosen_on_a_cpu_and_says_so(cpu: KernelSet) -> None:
    assert cpu.name == "cpu"
    assert "Numba" in cpu.reason
    plain = choose(torch.device("cpu"), "plain")
    assert plain.name == "naive"
    assert "not quantised" in plain.reason


def test_without_a_compiler_the_naive_set_is_chosen_and_says_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from vademecum.model.kernels import cpu

    def refuse() -> None:
        raise RuntimeError("no LLVM for this system")

    monkeypatch.setattr(cpu, "warm_up", refuse)
    chosen: KernelSet = choose(torch.device("cpu"), "int8")
    assert chosen.name == "naive"
    assert "no LLVM for this system" in chosen.reason


@pytest.mark.parametrize("pages", [0, 1, 2, 9, 100, 501])
@pytest.mark.parametrize("budget", [32, 160, 2_048, 100_000])
@pytest.mark.parametrize("extra", [0, 12])
def test_every_set_selects_the_same_pages(
    cpu: KernelSet, pages: int, budget: int, extra: int
) -> None:
    scores = random(3, pages).softmax(dim=1) if pages else random(3, 0)
    asked = (pages * PAGE + extra, budget, 512, 32)
    assert torch.equal(cpu.select_pages(scores, *asked), naive.select_pages(scores, *asked))


def test_of_equal_pages_as_many_are_taken_as_the_budget_holds(cpu: KernelSet) -> None:
    chosen = cpu.select_pages(torch.ones(2, 40), 1280, 640, 64, 32)
    assert chosen.shape == (2, 20)
    assert all(len(set(row.tolist())) == 20 for row in chosen)
    assert {0, 38, 39} <= set(chosen[0].tolist())
