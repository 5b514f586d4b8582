"""How fast is what stands between the products of a token on an NVIDIA GPU: attention over 8-bit
pages, their choice, the append, the norms; and does it mean what the naive kernels mean?

    python benchmarks/gpu_attention.py [--models qwen-7b] [--contexts 4096,100000] [--kv int8]

Whatever is timed is checked first, at the shape of the model and the depth where it is timed: all
pages, those chosen before the step and those chosen within it, with a key bias and without. What
fails gets no time. Attention has as many layers' pages as it takes to read none from the cache, and
the layers that keep a large key bias apart in Qwen have one; beside it PyTorch's attention in bf16
over as many tokens (dense, with the heads of a group read together, no bias). Times are of one
layer, all of them one after the other in a CUDA graph, with nothing between them: "dense" of a
layer without a bias, and with one; "sparse" is attention to what was chosen before, and "both" that
and the next choice, of the layers that choose; "at once" is a layer's choice of pages and attention
to them, one after the other.
"""

from __future__ import annotations

import argparse
import math
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody knows it by
from gpu_models import LARGE_BIASES, SHAPES, config_of
from gpu_timing import CACHE, copy_speed, finish, graph_ms
from torch import Tensor

from vademecum.model.kernels import naive
from vademecum.model.kernels.naive import KeyBias
from vademecum.model.kernels.pages import PAGE, QuantizedPages
from vademecum.model.kernels.triton import append, attention, norm, scores
from vademecum.model.rope import rotate
from vademecum.model.sparsity import ON_GPU

CUDA = torch.device("cuda")
THETA = 10_000.0
BITS = {"int8": 8, "k8v4": 4}
SPARSITY = ON_GPU
COUNTED = torch.zeros(2, dtype=torch.int64, device=CUDA)


class Pages:
    """One layer's pages of a sequence of random keys and values, scattered over the store."""

    def __init__(self, kv_heads: int, dim: int, tokens: int, bits: int) -> None:
        pages = (tokens - 1) // PAGE
        store = QuantizedPages.empty(kv_heads, pages + 3, dim, bits)
        self.store = QuantizedPages(*(torch.empty_like(t, device=CUDA) for t in store.tensors()))
        for part in self.store.tensors():
            part.fill_(math.nan if part.is_floating_point() else 99)
        self.table = torch.randperm(pages + 3, device=CUDA)
        for first in range(0, pages, 1024):
            ids = self.table[first : min(pages, first + 1024)]
            shape = (kv_heads, len(ids), PAGE, dim)
            self.store.seal(ids, torch.randn(shape, device=CUDA), torch.randn(shape, device=CUDA))
        self.tail = tuple(
            torch.full((kv_heads, PAGE, dim), math.nan, device=CUDA) for _ in range(2)
        )
        self.filled = (tokens - 1) % PAGE + 1
        for part in self.tail:
            part[:, : self.filled] = torch.randn(kv_heads, self.filled, dim, device=CUDA)
        self.start = torch.tensor([tokens - 1], dtype=torch.int32, device=CUDA)
        self.complete = self.table[:pages]
        self.length = tokens

    @property
    def bytes(self) -> int:
        """What all its pages take."""
        return sum(t.numel() * t.element_size() for t in self.store.tensors())


def relative(found: Tensor, exact: Tensor) -> float:
    """Of a result that may hold NaN, which never passes."""
    return float((found.double() - exact.double()).norm() / exact.double().norm())


def heads_of(model: str) -> tuple[int, int, int]:
    """Heads, KV heads, and the size of each."""
    config = config_of(model)
    return config.heads, config.kv_heads, config.head_dim


def bias_of(kv_heads: int, dim: int) -> KeyBias:
    value = torch.randn(kv_heads, dim, device=CUDA)
    value *= 300 / value.norm(dim=1, keepdim=True)
    return KeyBias(value, THETA ** (-torch.arange(0, dim, 2, device=CUDA) / dim))


def check_attention(model: str, kind: str, tokens: int, *, biased: bool) -> float:
    """The largest error over every page, and over pages that the kernels chose: given as chosen
    within the step, and as chosen before it."""
    heads, kv_heads, dim = heads_of(model)
    given = Pages(kv_heads, dim, tokens, BITS[kind])
    bias = bias_of(kv_heads, dim) if biased else None
    tables = scores.BiasTables.of(bias, len(given.table)) if bias else None
    query = torch.randn(1, heads, dim, device=CUDA, dtype=torch.bfloat16)
    given_in = (given.store, given.table)
    every = torch.arange(len(given.complete), device=CUDA).expand(kv_heads, -1)
    errors = []
    summaries = scores.Summaries.of([given.store], [tables])
    chosen = scores.select(query[None], summaries, given.table, given.start, SPARSITY, COUNTED)
    chosen = chosen.layer(0)
    count = int(chosen.count[0])
    rated = naive.score_pages(query[0], given.store, given.complete, bias)
    wanted = naive.select_pages(
        rated, given.length, SPARSITY.budget_for(given.length), SPARSITY.recent, SPARSITY.sinks
    )
    here = chosen.pages[0, :, :count].long()
    if count != wanted.shape[1]:
        return math.inf
    errors.append(relative(rated.gather(1, here).sum(1), rated.gather(1, wanted).sum(1)))
    known = replace(chosen, most=scores.most_pages(SPARSITY))
    for selection, pages in ((None, every), (chosen, here), (known, here)):
        if selection and count == len(given.complete):
            continue  # such a sequence is read whole
        mass = torch.zeros(1, kv_heads, len(given.table) + 1, device=CUDA)
        share = torch.zeros(len(given.complete) + 1, device=CUDA)
        out = torch.full(query.shape, math.nan, device=CUDA)
        attention.attention(query, *given_in, selection, given.tail, given.start, tables, mass, out)
        exact = naive.attention(
            query[0].float(),
            given.store,
            given.complete,
            pages,
            given.tail,
            given.filled,
            bias,
            share,
        )
        errors.append(relative(out[0], exact))
        errors.append(relative(mass[0].sum(0)[: len(share)], share))
    return max(errors)


def check_append(model: str, kind: str) -> float:
    """The largest error of queries, tail and a sealed page, codes apart by one at most."""
    heads, kv_heads, dim = heads_of(model)
    given = Pages(kv_heads, dim, 3 * PAGE, BITS[kind])  # 2 pages and a full tail
    given.start.fill_(3 * PAGE)
    sealed = torch.tensor([2], dtype=torch.int32, device=CUDA)
    parts = torch.randn(2, 1, heads + 2 * kv_heads, dim, device=CUDA)
    bias = torch.randn(heads + 2 * kv_heads, dim, device=CUDA, dtype=torch.bfloat16)
    angle = torch.arange(200, device=CUDA)[:, None] * THETA ** (
        -torch.arange(0, dim, 2, device=CUDA) / dim
    )
    cos = torch.cat((angle.cos(), angle.cos()), -1)
    sin = torch.cat((-angle.sin(), angle.sin()), -1)
    twin = QuantizedPages(*(t.clone() for t in given.store.tensors()))
    twin.seal(given.table[2:3], given.tail[0][:, None], given.tail[1][:, None])
    x = parts.sum(0) + bias.float()
    at = slice(3 * PAGE, 3 * PAGE + 1)
    turned = rotate(x[:, : heads + kv_heads], cos[at, None], sin[at, None])
    out = append.append(
        parts, bias, None, (cos, sin), given.store, given.table, given.tail, given.start, sealed
    )
    errors = [
        relative(out, turned[:, :heads]),
        relative(given.tail[0][:, 0], turned[0, heads:]),
        relative(given.tail[1][:, 0], x[0, heads + kv_heads :]),
    ]
    ids = given.table[:3]
    for found, wanted in zip(given.store.read(ids), twin.read(ids), strict=True):
        errors.append(relative(found, wanted))
    return max(errors)


def check_norm(model: str) -> float:
    hidden = config_of(model).hidden
    x, parts = torch.randn(3, hidden, device=CUDA), torch.randn(2, 3, hidden, device=CUDA)
    weight = torch.randn(hidden, device=CUDA, dtype=torch.bfloat16)
    whole = x + parts.sum(0)
    exact = F.rms_norm(whole.double(), (hidden,), weight.double(), 1e-6)
    out = norm.add_norm(x, parts, weight, 1e-6)
    return max(relative(out, exact), relative(x, whole))


def each_ms(step: Callable[[Any], object], layers: Sequence[Any]) -> float:
    """Milliseconds a layer, all of them in one graph."""

    def all_of_them() -> None:
        for layer in layers:
            step(layer)

    return graph_ms(all_of_them) / len(layers)


class Layers:
    """The first layers of a model, as many as it takes to read no page from the cache."""

    def __init__(self, model: str, kind: str, tokens: int) -> None:
        heads, kv_heads, dim = heads_of(model)
        self.first = Pages(kv_heads, dim, tokens, BITS[kind])
        # What is chosen is a part of them, which must not fit the cache either.
        self.bytes = self.first.bytes
        touched = min(self.bytes, self.bytes * SPARSITY.long_budget // tokens)
        count = 1 + min(27, max(3, CACHE // touched))
        self.stores = [self.first.store] + [
            QuantizedPages(*(t.clone() for t in self.first.store.tensors()))
            for _ in range(count - 1)
        ]
        apart = LARGE_BIASES if model.startswith("qwen") else ()
        self.tables = scores.BiasTables.of(bias_of(kv_heads, dim), len(self.first.table))
        self.biases = [self.tables if n in apart else None for n in range(count)]
        self.sparse = SPARSITY.sparse_layers(count)
        own = slice(self.sparse.start, self.sparse.stop)
        self.summaries = scores.Summaries.of(self.stores[own], self.biases[own])
        self.query = torch.randn(1, heads, dim, device=CUDA, dtype=torch.bfloat16)
        self.queries = self.query.expand(len(self.sparse), 1, heads, dim).contiguous()
        room = scores.Selection.empty(len(self.sparse), 1, kv_heads, len(self.first.table), CUDA)
        self.lists = replace(room, most=scores.most_pages(SPARSITY))

    def read(self, n: int, chosen: scores.Selection | None, bias: scores.BiasTables | None) -> None:
        """Attention of a layer."""
        given = self.first
        attention.attention(
            self.query, self.stores[n], given.table, chosen, given.tail, given.start, bias
        )

    def kernel(self, most: int | None) -> str:
        """What reads the pages of a layer without a bias."""
        capacity = len(self.first.table)
        return attention.cut(self.first.store, 1, capacity, most, biased=False).kernel

    def read_chosen(self, n: int) -> None:
        self.read(n, self.lists.layer(n - self.sparse.start), self.biases[n])

    def read_at_once(self, n: int) -> None:
        """Pages chosen within the step."""
        given, at = self.first, n - self.sparse.start
        found = scores.select(
            self.queries[:1], self.summaries.layer(at), given.table, given.start, SPARSITY, COUNTED
        )
        self.read(n, found.layer(0), self.biases[n])

    def choose(self) -> None:
        """What the next token reads, in all layers that choose."""
        given = self.first
        scores.select(
            self.queries, self.summaries, given.table, given.start, SPARSITY, COUNTED, behind=1,
            out=self.lists,
        )  # fmt: skip

    def both(self) -> None:
        for n in self.sparse:
            self.read_chosen(n)
        self.choose()


def time_context(model: str, kind: str, tokens: int, speed: float) -> dict[str, Any]:
    """Dense and sparse attention and selection at a depth."""
    layers = Layers(model, kind, tokens)
    every = range(len(layers.stores))
    found: dict[str, Any] = {"model": model, "kind": kind, "tokens": tokens}
    found["dense_by"] = layers.kernel(len(layers.first.table))
    found["dense_us"] = 1e3 * each_ms(lambda n: layers.read(n, None, None), every)
    found["dense_share"] = layers.bytes / (found["dense_us"] * 1e-6) / speed
    if any(layers.biases):
        biased_ms = each_ms(lambda n: layers.read(n, None, layers.tables), every)
        found["dense_biased_us"] = 1e3 * biased_ms
    layers.choose()
    found["pages"], pages = int(layers.lists.count[0]), len(layers.first.complete)
    if found["pages"] < pages:
        count = len(layers.sparse)
        found["biased"] = sum(layers.biases[n] is not None for n in layers.sparse) / count
        found["sparse_by"] = layers.kernel(layers.lists.most)
        found["at_once_us"] = 1e3 * each_ms(layers.read_at_once, layers.sparse)
        found["choose_us"] = 1e3 * graph_ms(layers.choose) / count
        found["sparse_us"] = 1e3 * each_ms(layers.read_chosen, layers.sparse)
        found["both_us"] = 1e3 * graph_ms(layers.both) / count
        # What must be read: summaries of all pages, and the pages chosen.
        summaries = pages * layers.queries.shape[-1] * layers.first.store.key_mean.shape[0] * 5
        chosen_bytes = found["pages"] / pages * layers.bytes
        found["floor_us"] = (summaries + chosen_bytes) / speed * 1e6
    line = "  ".join(
        f"{k} {v:.2f}" if isinstance(v, float) else f"{k} {v}" for k, v in found.items()
    )
    print(line, flush=True)
    return found


def time_library(model: str, tokens: int) -> dict[str, Any]:
    """PyTorch's attention over bf16 keys and values."""
    heads, kv_heads, dim = heads_of(model)
    size = 4 * kv_heads * tokens * dim
    layers = [
        torch.randn(2, 1, kv_heads, tokens, dim, device=CUDA, dtype=torch.bfloat16)
        for _ in range(min(28, max(2, CACHE // size)))
    ]
    query = torch.randn(1, heads, 1, dim, device=CUDA, dtype=torch.bfloat16)
    us = 1e3 * each_ms(
        lambda kv: F.scaled_dot_product_attention(query, kv[0], kv[1], enable_gqa=True), layers
    )
    print(f"{model} {tokens} tokens: PyTorch, bf16, {us:.1f} us", flush=True)
    return {"model": model, "tokens": tokens, "us": us}


def time_small(model: str) -> dict[str, Any]:
    """The append and the norm of a layer."""
    hidden, (heads, kv_heads, dim) = config_of(model).hidden, heads_of(model)
    layers = [Pages(kv_heads, dim, 100, 8) for _ in range(16)]
    qkv = torch.randn(1, heads + 2 * kv_heads, dim, device=CUDA, dtype=torch.bfloat16)
    turn = torch.ones(200, dim, device=CUDA), torch.zeros(200, dim, device=CUDA)
    sealed = torch.tensor([3], dtype=torch.int32, device=CUDA)
    x, part = torch.randn(1, hidden, device=CUDA), torch.randn(1, hidden, device=CUDA)
    weight = torch.randn(hidden, device=CUDA, dtype=torch.bfloat16)
    found = {
        "model": model,
        "append_us": 1e3
        * each_ms(
            lambda la: append.append(
                qkv, None, None, turn, la.store, la.table, la.tail, la.start, sealed
            ),
            layers,
        ),
        "norm_us": 1e3 * each_ms(lambda _: norm.add_norm(x, part, weight, 1e-6), layers),
    }
    print(found, flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", default=",".join(SHAPES))
    parser.add_argument("--contexts", default="4096,100000")
    parser.add_argument("--kv", default="int8,k8v4")
    chosen = parser.parse_args()
    torch.manual_seed(0)
    found: dict[str, Any] = {}

    def attempt(name: str, what: Callable[[], Any]) -> Any:
        """A failure is told and loses nothing else."""
        try:
            value = what()
        except Exception as problem:  # noqa: BLE001 - whatever it is, the others go on
            traceback.print_exc(limit=4)
            value = {"failed": f"{type(problem).__name__}: {str(problem)[:300]}"}
            print(f"{name}: {value['failed']}", flush=True)
        found.setdefault(name.split(" ")[0], []).append(value)
        return value

    def right(name: str, error: Any, limit: float) -> bool:
        good = isinstance(error, float) and error < limit
        print(f"{name}: error {error}{'' if good else ', NOT TIMED'}", flush=True)
        return good

    speed = copy_speed()
    print(f"copy: {speed / 1e12:.2f} TB/s", flush=True)
    for model in chosen.models.split(","):
        for kind in chosen.kv.split(","):
            for tokens in map(int, chosen.contexts.split(",")):
                passed = True
                for biased in (False, True):
                    name = f"check attention {model} {kind} {tokens}"
                    error = attempt(
                        name,
                        lambda m=model, k=kind, t=tokens, b=biased: check_attention(
                            m, k, t, biased=b
                        ),
                    )
                    passed &= right(f"{name}{' with a key bias' if biased else ''}", error, 3e-3)
                if passed:
                    attempt("times", lambda m=model, k=kind, t=tokens: time_context(m, k, t, speed))
            name = f"check append {model} {kind}"
            small = right(name, attempt(name, lambda m=model, k=kind: check_append(m, k)), 1e-2)
        name = f"check norm {model}"
        if right(name, attempt(name, lambda m=model: check_norm(m)), 5e-3) and small:
            attempt("small", lambda m=model: time_small(m))
        for tokens in map(int, chosen.contexts.split(",")):
            attempt("library", lambda m=model, t=tokens: time_library(m, t))
        torch.cuda.empty_cache()
    finish("gpu_attention", found | {"copy_tb_s": speed / 1e12})


if __name__ == "__main__":
    main()
