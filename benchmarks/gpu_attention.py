"""How fast is what stands between the products of a token on an NVIDIA GPU: attention over 8-bit
pages, their choice, the append, the norms; and does it mean what the naive kernels mean?

    python benchmarks/gpu_attention.py [--models qwen-7b] [--contexts 4096,100000] [--kv int8]

Whatever is timed is checked first (`gpu_layers_check.py`): the same calls, of the same layers, at
the same depth and at two in the same page. What fails gets no time. Attention has as many layers'
pages as it takes to read none from the cache, and the layers that keep a large key bias apart in
Qwen have one; beside it PyTorch's attention in bf16 over as many tokens (dense, with the heads of a
group read together, no bias). Times are of one layer, all of them one after the other in a CUDA
graph, with nothing between them: "dense" of a layer without a bias, and with one; "sparse" is
attention to what was chosen before, and "both" that and the next choice, of the layers that choose;
"at once" is a layer's choice of pages and attention to them, one after the other, as the tokens of
a draft take them. Append and norms read what products of the model's shapes give.
"""

from __future__ import annotations

import argparse
import traceback
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody knows it by
from gpu_layers import CUDA, Between, Layers, heads_of
from gpu_layers_check import (
    LARGEST_ERROR,
    LARGEST_OF_APPEND,
    check_append,
    check_attention,
    check_norm,
)
from gpu_models import SHAPES
from gpu_timing import CACHE, copy_speed, finish, graph_ms, passes


def each_ms(step: Callable[[Any], object], layers: Sequence[Any]) -> float:
    """Milliseconds a layer, all of them in one graph."""

    def all_of_them() -> None:
        for layer in layers:
            step(layer)

    return graph_ms(all_of_them) / len(layers)


def time_context(
    model: str, kind: str, tokens: int, layers: Layers, speed: float
) -> dict[str, Any]:
    """Dense and sparse attention and selection at a depth."""
    given, every = layers.first, range(len(layers.stores))
    pages = len(given.complete)
    found: dict[str, Any] = {"model": model, "kind": kind, "tokens": tokens}
    found["dense_by"] = layers.kernel(len(given.table))
    found["dense_us"] = 1e3 * each_ms(lambda n: layers.read(n, None, None), every)
    found["dense_share"] = given.read_bytes(pages) / (found["dense_us"] * 1e-6) / speed
    bias = next((tables for tables in layers.tables if tables), None)
    if bias:
        found["dense_biased_us"] = 1e3 * each_ms(lambda n: layers.read(n, None, bias), every)
    if layers.chooses:
        layers.choose()
        found["pages"] = int(layers.lists.count[0])
        count = len(layers.sparse)
        found["biased"] = sum(layers.tables[n] is not None for n in layers.sparse) / count
        found["sparse_by"] = layers.kernel(layers.lists.most)
        found["at_once_us"] = 1e3 * each_ms(layers.read_at_once, layers.sparse)
        found["choose_us"] = 1e3 * graph_ms(layers.choose) / count
        found["sparse_us"] = 1e3 * each_ms(layers.read_chosen, layers.sparse)
        found["both_us"] = 1e3 * graph_ms(layers.both) / count
        # What must be read: summaries of all pages, and the pages chosen.
        read = given.summary_bytes() + given.read_bytes(found["pages"])
        found["floor_us"] = read / speed * 1e6
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


def tell_ratios(ours: dict[str, Any], library_us: float) -> None:
    """How many times as fast attention is as PyTorch's: of a token, and as a draft's choose."""
    for way in ("dense", "both", "at_once"):
        if f"{way}_us" in ours:
            ours[f"{way}_beside"] = library_us / ours[f"{way}_us"]
            told = f"{ours['model']} {ours['kind']} {ours['tokens']}, {way}"
            print(f"{told}: {ours[f'{way}_beside']:.2f} x as fast as PyTorch's", flush=True)


def time_between(model: str, between: Between) -> dict[str, Any]:
    """The append and the norms of a layer."""
    found: dict[str, Any] = {"model": model}
    found["append_us"] = 1e3 * each_ms(between.append, between.layers)
    for after in between.added:
        norms = [after] * len(between.layers)
        found[f"norm_after_{after}_us"] = 1e3 * each_ms(between.norm, norms)
    print(found, flush=True)
    return found


class Measurements:
    """What is found, by its kind; a failure is told and loses nothing else."""

    def __init__(self) -> None:
        self.found: dict[str, list[dict[str, Any]]] = {}
        self.failed: list[str] = []

    def attempt(self, kind: str, name: str, what: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Empty if it fails."""
        try:
            value = what()
        except Exception as problem:  # noqa: BLE001 - whatever it is, the others go on
            traceback.print_exc(limit=4)
            print(f"{kind} {name}: {type(problem).__name__}: {str(problem)[:300]}", flush=True)
            self.failed.append(f"{kind} {name}")
            return {}
        self.found.setdefault(kind, []).append(value)
        return value

    def right(self, name: str, what: Callable[[], dict[str, float]], limit: float) -> bool:
        """Whether what is checked may be timed: every part of it was compared, and is right."""
        told = self.attempt("checks", name, lambda: {"of": name, "errors": what()})
        errors: dict[str, float] = told.get("errors", {})
        wrong = [
            part for part, error in errors.items() if not passes(f"{name}, {part}", error, limit)
        ]
        self.failed += [f"{name}, {part}" for part in wrong]
        return bool(errors) and not wrong


def measure_context(seen: Measurements, model: str, kind: str, tokens: int, speed: float) -> None:
    """Attention at a depth, if it is right there."""
    name = f"{model} {kind} {tokens}"
    made: list[Layers] = []

    def check() -> dict[str, float]:
        made.append(Layers(model, kind, tokens))
        return check_attention(made[0])

    if seen.right(name, check, LARGEST_ERROR):
        seen.attempt("times", name, lambda: time_context(model, kind, tokens, made[0], speed))


def measure_between(seen: Measurements, model: str, kinds: Sequence[str]) -> None:
    """Append and norms, if they are right."""
    good, made = True, {}
    for kind in kinds:

        def check(kind: str = kind) -> dict[str, float]:
            made[kind] = Between(model, kind)
            return {"append": check_append(made[kind])}

        good &= seen.right(f"{model} {kind}", check, LARGEST_OF_APPEND)
    if not good:
        return
    between = made[kinds[0]]
    norms = {f"norm after {after}": after for after in between.added}
    if seen.right(
        model,
        lambda: {name: check_norm(between, after) for name, after in norms.items()},
        LARGEST_ERROR,
    ):
        seen.attempt("between", model, lambda: time_between(model, between))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", default=",".join(SHAPES))
    parser.add_argument("--contexts", default="4096,100000")
    parser.add_argument("--kv", default="int8,k8v4")
    chosen = parser.parse_args()
    torch.manual_seed(0)
    contexts, kinds = [int(c) for c in chosen.contexts.split(",")], chosen.kv.split(",")
    seen = Measurements()
    speed = copy_speed()
    print(f"copy: {speed / 1e12:.2f} TB/s", flush=True)
    for model in chosen.models.split(","):
        for kind in kinds:
            for tokens in contexts:
                measure_context(seen, model, kind, tokens, speed)
        measure_between(seen, model, kinds)
        for tokens in contexts:
            name = f"{model} {tokens}"
            theirs = seen.attempt("library", name, partial(time_library, model, tokens))
            for ours in seen.found.get("times", []):
                if theirs and (ours["model"], ours["tokens"]) == (model, tokens):
                    tell_ratios(ours, theirs["us"])
        torch.cuda.empty_cache()
    finish("gpu_attention", seen.found | {"failed": seen.failed, "copy_tb_s": speed / 1e12})


if __name__ == "__main__":
    main()
