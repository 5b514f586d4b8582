"""Which score of a page foresees best what attention it will receive?

    python benchmarks/page_scores.py --text FILE [--preset small] [--length 16384] [--questions 10]
                                     [--budgets 1024,2048,4096]

A haystack with needles (see long_context.py) is read with dense attention and exact keys, then the
answers to some questions are fed to the model token by token. At each of these tokens, in every
layer that would be sparse, pages are chosen by each score, and it is told how much of the attention
that the complete pages receive falls on those that were chosen, by KV heads: the mean, and what 19
of 20 reach. The tokens are those of the needles' numbers, where the model must find their pages.
Scores of a page:

    min/max    sum over channels of the larger of q min and q max (Quest, arXiv:2406.10774)
    mean       q . mean
    mean+std   q . mean + |q| . std

and what makes one score of those of the heads that share a KV head:

    max        the largest
    softmax    the sum of each head's softmax over pages

"true" chooses by the attention itself: no choice does better. Pages that are always read (the first
and the newest) are chosen in every row. Prints a table, then one line of JSON.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import fmean, quantiles
from typing import Any

import torch
from long_context import NAMES, haystack, question
from material import surroundings, text_of, whole_numbers
from torch import Tensor

from vademecum.model.engine import Engine
from vademecum.model.kernels import NAIVE, PAGE, KeyBias, Pages
from vademecum.model.sparsity import Sparsity

# Of queries `[kv_heads, group, dim]` and keys `[kv_heads, pages, 32, dim]`: scores
# `[kv_heads, group, pages]`.
Score = Callable[[Tensor, Tensor], Tensor]


def min_max(query: Tensor, keys: Tensor) -> Tensor:
    low, high = keys.amin(2), keys.amax(2)
    return query.clamp_min(0) @ high.mT + query.clamp_max(0) @ low.mT


def mean(query: Tensor, keys: Tensor) -> Tensor:
    return query @ keys.mean(2).mT


def mean_std(query: Tensor, keys: Tensor) -> Tensor:
    std, middle = torch.std_mean(keys, dim=2, correction=0)
    return query @ middle.mT + query.abs() @ std.mT


SCORES: dict[str, Score] = {"min/max": min_max, "mean": mean, "mean+std": mean_std}
TOGETHER: dict[str, Callable[[Tensor], Tensor]] = {
    "max": lambda scores: scores.amax(1),
    "softmax": lambda scores: scores.softmax(-1).sum(1),
}


class Study:
    """An attention kernel that computes densely, and keeps what each choice would have caught."""

    def __init__(self, layers: int, budgets: list[int]) -> None:
        self.caught: dict[tuple[str, str, int], list[float]] = defaultdict(list)
        self._layers, self._budgets = layers, budgets
        self._sparsity = Sparsity()
        self._sparse = self._sparsity.sparse_layers(layers)
        self._calls = 0

    def attention(
        self, query: Tensor, pages: Pages, table: Tensor, selected: Tensor,
        tail: tuple[Tensor, Tensor], filled: int, bias: KeyBias | None, mass: Tensor | None,
    ) -> Tensor:  # fmt: skip
        """As `naive.attention`."""
        layer = self._calls % self._layers
        self._calls += 1
        if layer in self._sparse:
            self._look(query, pages, table, filled, bias)
        return NAIVE.attention(query, pages, table, selected, tail, filled, bias, mass)

    def _look(
        self, query: Tensor, pages: Pages, table: Tensor, filled: int, bias: KeyBias | None
    ) -> None:
        keys, _ = pages.read(table)
        if bias is not None:
            keys = keys + bias.at(torch.arange(keys.shape[1]))
        kv_heads, dim = keys.shape[0], keys.shape[2]
        q = query.float().view(kv_heads, -1, dim) * dim**-0.5
        # Of the complete pages only: the tail is read in any case.
        attended = (q @ keys.mT).softmax(-1).unflatten(2, (-1, PAGE)).sum(3).sum(1)
        attended /= attended.sum(1, keepdim=True)
        paged = keys.unflatten(1, (-1, PAGE))
        ranked = {("true", ""): attended}
        for name, score in SCORES.items():
            each = score(q, paged)
            ranked |= {(name, how): join(each) for how, join in TOGETHER.items()}
        length = table.shape[0] * PAGE + filled
        for budget in self._budgets:
            for (name, how), scores in ranked.items():
                chosen = NAIVE.select_pages(
                    scores, length, budget, self._sparsity.recent, self._sparsity.sinks
                )
                self.caught[name, how, budget] += attended.gather(1, chosen).sum(1).tolist()


def feed(engine: Engine, ids: list[int], read: int) -> None:
    """Read `ids[:read]` as a prompt, write the rest."""
    decoder, cache = engine._open()
    sequence = cache.open(ids[:read], len(ids) + 1)
    try:
        for start in range(sequence.length, read, decoder.chunk):
            some = torch.tensor(ids[start : min(read, start + decoder.chunk)])
            decoder.prefill(some, cache, sequence)
        for token in ids[read:]:
            decoder.decode(torch.tensor([token]), cache, sequence)
            decoder.keep(1, cache, sequence)
    finally:
        cache.close(sequence)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--text", type=Path, required=True, help="a long text, .gz too")
    parser.add_argument("--preset", default="small")
    parser.add_argument("--length", type=int, default=16_384)
    parser.add_argument("--questions", type=int, default=10)
    parser.add_argument("--budgets", default="1024,2048,4096")
    chosen = parser.parse_args()
    budgets = whole_numbers(chosen.budgets)
    engine = Engine.load(chosen.preset, attention="dense", kv="plain", context=chosen.length + 512)
    decoder, _ = engine._open()
    prompt, numbers = haystack(engine, text_of(chosen.text), chosen.length)
    study = Study(decoder.config.layers, budgets)
    decoder.kernels = replace(decoder.kernels, attention=study.attention)
    for name in NAMES[: chosen.questions]:
        asked = prompt + question(engine, name)
        digits = engine._chat.tokenizer.encode(numbers[name], add_special_tokens=False).ids
        # The token before a number looks for it, as each of its own but the last does.
        feed(engine, [*asked, *digits[:-1]], len(asked) - 1)
    rows: list[dict[str, Any]] = []
    print(f"{'score':<10}{'together':<10}{'budget':>7}{'caught':>9}{'worst 5 %':>11}")
    for (name, how, budget), caught in study.caught.items():
        low = quantiles(caught, n=20)[0]
        rows.append(
            {"score": name, "together": how, "budget": budget, "caught": fmean(caught), "low": low}
        )
        print(f"{name:<10}{how:<10}{budget:>7}{fmean(caught):>9.2%}{low:>11.2%}", flush=True)
    about = {"benchmark": "page_scores", "preset": chosen.preset, "tokens": len(prompt)}
    about |= {"text": chosen.text.name, "questions": chosen.questions, "rows": rows}
    print(json.dumps(about | surroundings("torch", "bitsandbytes")))


if __name__ == "__main__":
    main()
