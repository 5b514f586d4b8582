"""Does what `gpu_attention.py` times mean what the naive kernels mean? Relative errors, NaN where
anything that is read was never written."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody knows it by
from gpu_layers import EPS, Between, Layers
from gpu_timing import largest
from torch import Tensor

from vademecum.model.kernels import naive
from vademecum.model.kernels.naive import KeyBias
from vademecum.model.kernels.pages import PAGE, QuantizedPages
from vademecum.model.kernels.triton import scores
from vademecum.model.rope import rotate

FILLED = (1, 15)  # slots of the page being filled, besides as many as are timed
# Of what is written in bf16, rounding alone takes 1.6e-3.
LARGEST_ERROR = 3e-3
LEAST_SCORE = 1e-12  # those of all pages come to the heads of a KV head; less counts for nothing
LARGEST_OF_APPEND = 1e-2  # codes may be apart by one


def relative(found: Tensor, exact: Tensor) -> float:
    """Of a result that may hold NaN, which never passes."""
    return float((found.double() - exact.double()).norm() / exact.double().norm())


def check_attention(layers: Layers) -> dict[str, float]:
    """The largest error of each thing that is timed, where the page being filled is nearly empty,
    half full, and as it is timed. What is read whole: the first layer and the last; of what is
    chosen every layer. Attention twice, as it is written in bf16 and before it is rounded."""
    found: dict[str, list[float]] = {}
    given, last = layers.first, len(layers.stores) - 1
    timed = given.filled

    def read(
        what: str, n: int, chosen: scores.Selection | None, pages: Tensor, biased: int | None
    ) -> None:
        bias, tables = None, None
        if biased is not None:
            bias, tables = layers.biases[biased], layers.tables[biased]
        rounded, exact = read_errors(layers, n, chosen, pages, bias, tables)
        found.setdefault(what, []).extend(rounded)
        found.setdefault(f"{what}, not rounded", []).extend(exact)

    for slots in (*FILLED, timed):  # at last as it is timed
        given.fill(slots)
        every = torch.arange(len(given.complete), device=given.table.device)
        every = every.expand(given.store.key_mean.shape[0], -1)
        biased = next((n for n, bias in enumerate(layers.biases) if bias is not None), None)
        for n in {0, last}:
            read("dense", n, None, every, None)
            if biased is not None:
                read("dense with a bias", n, None, every, biased)
        if not layers.chooses:
            continue
        layers.choose()
        for n in layers.sparse:
            for when, behind in (("before", 1), ("at once", 0)):
                chosen = layers.chosen(n) if behind else layers.choose_alone(n)
                pages = chosen.pages[0, :, : int(chosen.count[0])].long()
                wrong = list_error(layers, n, pages, behind)
                found.setdefault(f"pages chosen {when}", []).append(wrong)
                if math.isfinite(wrong):  # else they may be none that are there
                    read(f"sparse, chosen {when}", n, chosen, pages, n)
    return {name: largest(errors) for name, errors in found.items()}


def read_errors(
    layers: Layers, n: int, chosen: scores.Selection | None, pages: Tensor, bias: KeyBias | None,
    tables: scores.BiasTables | None,
) -> tuple[list[float], list[float]]:  # fmt: skip
    """Of attention as a token takes it and as one that is watched does; and, with what share of
    the attention each page received, in float32. Where they are written, there was NaN."""
    given, query = layers.first, layers.queries[n]
    kv_heads = given.store.key_mean.shape[0]
    share = torch.zeros(len(given.complete) + 1, device=query.device)
    exact = naive.attention(
        query[0].float(), layers.stores[n], given.complete, pages, given.tail, given.filled, bias,
        share,
    )  # fmt: skip
    rounded: list[float] = []
    unrounded: list[float] = []
    for watched, dtype in ((False, query.dtype), (True, query.dtype), (True, torch.float32)):
        mass = torch.zeros(1, kv_heads, len(given.table) + 1, device=query.device)
        out = torch.full(query.shape, math.nan, device=query.device, dtype=dtype)
        layers.read(n, chosen, tables, mass if watched else None, out)
        (unrounded if dtype == torch.float32 else rounded).append(relative(out[0], exact))
        if watched:
            unrounded.append(relative(mass[0].sum(0)[: len(share)], share))
    return rounded, unrounded


def list_error(layers: Layers, n: int, found: Tensor, behind: int) -> float:
    """By how much the lowest score of the pages that were chosen, `[kv_heads, pages]`, is below
    that of those which the naive kernels choose; infinite if they are not so many, in order, or
    lack what is always read."""
    given, sparsity = layers.first, layers.sparsity
    there = max(0, given.length - 1 - behind) // PAGE
    rated = naive.score_pages(
        layers.queries[n, 0], layers.stores[n], given.complete[:there], layers.biases[n]
    )
    rated = F.pad(rated, (0, len(given.complete) - there), value=math.inf)
    limits = (sparsity.budget_for(given.length), sparsity.recent, sparsity.sinks)
    wanted = naive.select_pages(rated, given.length, *limits)
    first, newest, _ = naive.bounds(rated.shape[1], given.length, *limits)
    ascending = bool((found.diff(dim=1) > 0).all())
    if found.shape != wanted.shape or not ascending:
        return math.inf
    if int(found.min()) < 0 or int(found.max()) >= rated.shape[1]:
        return math.inf
    taken = torch.zeros_like(rated, dtype=torch.bool).scatter_(1, found, True)
    if not (taken[:, :first].all() and taken[:, newest:].all()):
        return math.inf
    right = torch.zeros_like(taken).scatter_(1, wanted, True)

    def lowest(which: Tensor) -> Tensor:
        between = slice(first, newest)
        return rated[:, between].masked_fill(~which[:, between], math.inf).amin(dim=1)

    least = lowest(right)
    short = (least - lowest(taken)) / least.clamp_min(LEAST_SCORE)
    short = short.masked_fill(least.isinf(), 0)  # no page but those that are always read
    return float(short.clamp_min(0).max())


def check_append(between: Between) -> float:
    """The largest error of queries, page being filled and store: as it is timed, and where a page
    is sealed."""
    errors = []
    given = between.layers[0]
    kv_heads, heads, pages = given.store.key_mean.shape[0], between.heads, len(given.complete)
    x = between.qkv[0].float()
    x = x if between.bias is None else x + between.bias.float()
    filled = given.filled
    for sealing in (True, False):
        given.fill(PAGE if sealing else filled)
        twin = QuantizedPages(*(t.clone() for t in given.store.tensors()))
        if sealing:  # the page is full, and the token begins the next one
            given.start.add_(1)
            ends = (part[:, None] for part in given.tail)
            twin.seal(given.table[pages : pages + 1], *ends)
        at = int(given.start)
        cos, sin = (part[at] for part in between.rotation)
        turned = rotate(x[: heads + kv_heads], cos, sin)
        out = torch.full((1, heads, x.shape[1]), math.nan, device=x.device, dtype=torch.bfloat16)
        between.append(given, out)
        keys, values = (part[:, at % PAGE] for part in given.tail)
        errors += [
            relative(out[0], turned[:heads]),
            relative(keys, turned[heads:]),
            relative(values, x[heads + kv_heads :]),
        ]
        ids = given.table[: pages + sealing]
        for stored, wanted in zip(given.store.read(ids), twin.read(ids), strict=True):
            errors.append(relative(stored, wanted))
    return largest(errors)


def check_norm(between: Between, after: str) -> float:
    """Of the residual stream and of what is made of it."""
    whole = between.x + between.added[after].float()
    exact = F.rms_norm(whole.double(), whole.shape[1:], between.weight.double(), EPS)
    out = between.norm(after)
    return largest((relative(out, exact), relative(between.x, whole)))
