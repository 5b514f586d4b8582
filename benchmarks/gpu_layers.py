"""What of a layer on a GPU is checked and timed beside its products: attention, choice, what is
appended, and the norms. `gpu_attention.py` times what `gpu_layers_check.py` checks: these calls."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from gpu_models import LARGE_BIASES, config_of, random_nf4
from gpu_timing import CACHE
from torch import Tensor

from vademecum.model.kernels.naive import KeyBias
from vademecum.model.kernels.pages import PAGE, QuantizedPages
from vademecum.model.kernels.triton import append, attention, nf4, norm, scores
from vademecum.model.sparsity import ON_GPU, Sparsity

CUDA = torch.device("cuda")
THETA = 10_000.0
BITS = {"int8": 8, "k8v4": 4}
MOST_LAYERS = 28
EPS = 1e-6


def heads_of(model: str) -> tuple[int, int, int]:
    """Heads, KV heads, and the size of each."""
    config = config_of(model)
    return config.heads, config.kv_heads, config.head_dim


def random(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(shape, device=CUDA, dtype=dtype)


def frequencies(dim: int) -> Tensor:
    """Radians a token of each pair of channels."""
    pairs: Tensor = THETA ** (-torch.arange(0, dim, 2, device=CUDA) / dim)
    return pairs


def large_bias(kv_heads: int, dim: int) -> KeyBias:
    value = random(kv_heads, dim)
    return KeyBias(value * 300 / value.norm(dim=1, keepdim=True), frequencies(dim))


class Pages:
    """One layer's pages of a sequence of random keys and values, scattered over a store. What was
    not written is NaN there, and so is the rest of the page being filled."""

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
            self.store.seal(ids, random(*shape), random(*shape))
        self.complete = self.table[:pages]
        self.start = torch.zeros(1, dtype=torch.int32, device=CUDA)
        self._written = random(kv_heads, PAGE, dim), random(kv_heads, PAGE, dim)
        self.tail = random(kv_heads, PAGE, dim), random(kv_heads, PAGE, dim)
        self.fill((tokens - 1) % PAGE + 1)

    def fill(self, slots: int) -> None:
        """The token that attends is the last of so many in the page being filled, 1 to 32."""
        self.filled, self.length = slots, len(self.complete) * PAGE + slots
        self.start.fill_(self.length - 1)
        for part, written in zip(self.tail, self._written, strict=True):
            part.copy_(written)
            part[:, slots:] = math.nan

    def read_bytes(self, pages: int) -> int:
        """What attention reads of so many pages of each KV head, and of the page being filled.
        The spread of keys is no part of it: only the choice reads that."""
        stored = self.store.tensors()
        kept = sum(t[:, 0].numel() * t.element_size() for t in stored)
        kept -= self.store.key_spread[:, 0].numel()
        return pages * kept + sum(part[:, : self.filled].numel() * 4 for part in self.tail)

    def summary_bytes(self) -> int:
        """What their choice reads: mean and spread of each channel."""
        kv_heads, _, dim = self.store.key_mean.shape
        return len(self.complete) * kv_heads * dim * (2 + 1)


class Layers:
    """The first layers of a model, as many as it takes to read no page from the cache. No two
    neighbours hold the same, so that one cannot pass for the other."""

    def __init__(self, model: str, kind: str, tokens: int, sparsity: Sparsity = ON_GPU) -> None:
        heads, kv_heads, dim = heads_of(model)
        self.sparsity = sparsity
        self.first = Pages(kv_heads, dim, tokens, BITS[kind])
        # What is chosen is a part of them, which must not fit the cache either.
        size = self.first.read_bytes(len(self.first.complete))
        touched = min(size, size * sparsity.long_budget // tokens)
        count = 1 + min(MOST_LAYERS - 1, max(3, CACHE // touched))
        self.stores = [
            QuantizedPages(*(t.roll(n, dims=0) for t in self.first.store.tensors()))
            for n in range(count)
        ]
        apart = LARGE_BIASES if model.startswith("qwen") else ()
        room = len(self.first.table)
        self.biases = [large_bias(kv_heads, dim) if n in apart else None for n in range(count)]
        self.tables = [None if b is None else scores.BiasTables.of(b, room) for b in self.biases]
        self.sparse = sparsity.sparse_layers(count)
        own = slice(self.sparse.start, self.sparse.stop)
        self.summaries = scores.Summaries.of(self.stores[own], self.tables[own])
        self.queries = random(count, 1, heads, dim, dtype=torch.bfloat16)
        self.asking = self.queries[own]
        self.counted = torch.zeros(2, dtype=torch.int64, device=CUDA)
        lists = scores.Selection.empty(len(self.sparse), 1, kv_heads, room, CUDA)
        self.lists = replace(lists, most=scores.most_pages(sparsity))

    @property
    def chooses(self) -> bool:
        """Whether a sequence of this length is read in part."""
        budget = self.sparsity.budget_for(self.first.length)
        return -(-budget // PAGE) - 1 < len(self.first.complete)

    def read(
        self, n: int, chosen: scores.Selection | None, bias: scores.BiasTables | None,
        mass: Tensor | None = None, out: Tensor | None = None,
    ) -> Tensor:  # fmt: skip
        """Attention of a layer: bf16 `[1, heads, dim]`."""
        given = self.first
        return attention.attention(
            self.queries[n], self.stores[n], given.table, chosen, given.tail, given.start, bias,
            mass, out,
        )  # fmt: skip

    def kernel(self, most: int | None) -> str:
        """What reads the pages of a layer without a bias."""
        capacity = len(self.first.table)
        return attention.cut(self.first.store, 1, capacity, most, biased=False).kernel

    def chosen(self, n: int) -> scores.Selection:
        """What `choose` has found for a layer."""
        return self.lists.layer(n - self.sparse.start)

    def choose_alone(self, n: int) -> scores.Selection:
        """A layer's pages, chosen by its own query."""
        given, at = self.first, n - self.sparse.start
        return scores.select(
            self.asking[at : at + 1], self.summaries.layer(at), given.table, given.start,
            self.sparsity, self.counted,
        ).layer(0)  # fmt: skip

    def choose(self) -> None:
        """What the next token reads, in all layers that choose."""
        given = self.first
        scores.select(
            self.asking, self.summaries, given.table, given.start, self.sparsity, self.counted,
            behind=1, out=self.lists,
        )  # fmt: skip

    def read_chosen(self, n: int) -> None:
        self.read(n, self.chosen(n), self.tables[n])

    def read_at_once(self, n: int) -> None:
        """Pages chosen within the step."""
        self.read(n, self.choose_alone(n), self.tables[n])

    def both(self) -> None:
        for n in self.sparse:
            self.read_chosen(n)
        self.choose()


class Between:
    """What one token takes between a layer's products, of what these gave."""

    def __init__(self, model: str, kind: str) -> None:
        config = config_of(model)
        heads, kv_heads, dim = heads_of(model)
        every, hidden = heads + 2 * kv_heads, config.hidden

        def given(out: int, inner: int) -> Tensor:
            x = random(1, inner, dtype=torch.bfloat16)
            return nf4.product(x, random_nf4(out, inner).weight)

        qkv = given(every * dim, hidden)
        self.heads = heads
        self.qkv = qkv.view(1, every, dim)
        self.bias = random(every, dim, dtype=torch.bfloat16) if config.attention_bias else None
        self.added = {
            "out": given(hidden, heads * dim), "down": given(hidden, config.intermediate)
        }  # fmt: skip
        angle = torch.arange(5 * PAGE, device=CUDA)[:, None] * frequencies(dim)
        cos, sin = angle.cos(), angle.sin()
        self.rotation = torch.cat((cos, cos), -1), torch.cat((-sin, sin), -1)
        self.x, self.weight = random(1, hidden), random(hidden, dtype=torch.bfloat16)
        self.layers = [Pages(kv_heads, dim, 3 * PAGE + 4, BITS[kind]) for _ in range(16)]
        self.sealed = torch.tensor([3], dtype=torch.int32, device=CUDA)

    def append(self, pages: Pages, out: Tensor | None = None) -> Tensor:
        """Queries `[1, heads, dim]`; key and value go to the slot of the last token."""
        return append.append(
            self.qkv, self.bias, None, self.rotation, pages.store, pages.table, pages.tail,
            pages.start, self.sealed, out,
        )  # fmt: skip

    def norm(self, after: str) -> Tensor:
        """The residual stream after a product, normed."""
        return norm.add_norm(self.x, self.added[after], self.weight, EPS)
