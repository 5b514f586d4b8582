"""What does it cost to read prompts in 8 bit? Perplexity beside the same NF4 weights in float32.

    python benchmarks/prompts_int8.py --text FILE [--presets small,medium] [--pieces 2]
                                      [--tokens 1024] [--skip 20000]

On a processor, in float32, with activations in bf16 as they come to a product on a GPU: all of a
layer's products in bf16; in int8 as they are read there, inputs and weights turned by blocks
(`kernels/rotated.py`); in int8 as they are; in FP8 (e4m3). One scale a row in all. Prints a table:
perplexity, the mean divergence of what is told of the next token (KL, nats), how often the most
probable token is the same, and the error of each kind of product, the mean over layers. Then one
line of JSON.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody knows it by
from material import chat_of, surroundings, text_of, tokens_of
from torch import Tensor

from vademecum.model import weights
from vademecum.model.decoder import Decoder
from vademecum.model.kernels import NAIVE
from vademecum.model.kernels.rotated import hadamard, side_of
from vademecum.model.linear import Linear, QuantizedLinear

KINDS = ("qkv", "out", "gate_up", "down")
Rounding = Callable[[Tensor], Tensor]


def rounded(x: Tensor) -> Tensor:
    """What 8 bit of a row are worth."""
    scale = (x.abs().amax(dim=1, keepdim=True) / 127).clamp_min(1e-20)
    return (x / scale).round_() * scale


def turned(x: Tensor) -> Tensor:
    """The same of a row that was turned; both operands are, so that it need not be turned back."""
    side = side_of(x.shape[1])
    matrix = hadamard(side, x.device).float() * side**-0.5
    return rounded((x.unflatten(1, (-1, side)) @ matrix).flatten(1))


def in_fp8(x: Tensor) -> Tensor:
    """The same in e4m3."""
    scale = (x.abs().amax(dim=1, keepdim=True) / 448).clamp_min(1e-20)
    return (x / scale).to(torch.float8_e4m3fn).float() * scale


WAYS: dict[str, Rounding] = {
    "bf16": lambda x: x,
    "int8, turned": turned,
    "int8": rounded,
    "FP8": in_fp8,
}


class Rounded:
    """A product whose operands are rounded."""

    path = "rounded"

    def __init__(self, product: Any, way: Rounding, errors: list[float]) -> None:
        self._weight, self._bias = product.weight, product.bias
        self._way, self._errors = way, errors

    def __call__(self, x: Tensor) -> Tensor:
        found = F.linear(self._way(x.bfloat16().float()), self._way(self._weight))
        exact = F.linear(x[:128], self._weight)
        self._errors.append(float((found[:128] - exact).norm() / exact.norm()))
        return found if self._bias is None else found + self._bias


def told(decoder: Decoder, ids: Tensor, pieces: int) -> Tensor:
    """Log-probabilities after each token but the last of each piece, bf16."""
    found: list[Tensor] = []
    for piece in ids.chunk(pieces):
        cache = decoder.new_cache(piece.shape[0])
        sequence = cache.open(piece.tolist(), piece.shape[0])
        forward, hidden = decoder._forward, []

        def keeping(*given: Any, forward: Any = forward, hidden: Any = hidden) -> Tensor:
            hidden.append(forward(*given))
            last: Tensor = hidden[-1]
            return last

        decoder._forward = keeping  # type: ignore[method-assign]
        try:
            for start in range(0, piece.shape[0], decoder.chunk):
                decoder.prefill(piece[start : start + decoder.chunk], cache, sequence)
        finally:
            decoder._forward = forward  # type: ignore[method-assign]
        states = torch.cat(hidden)[:-1]
        found += [decoder.logits(some).log_softmax(-1).half() for some in states.split(128)]
    return torch.cat(found)


def measure(preset: str, text: str, chosen: argparse.Namespace) -> list[dict[str, Any]]:
    """A row for each way."""
    loaded = weights.load(preset, "nf4")
    plain: dict[str, Tensor] = {
        name: tensor.dequantize(torch.bfloat16).float()
        if isinstance(tensor, QuantizedLinear)
        else tensor.float()
        for name, tensor in loaded.tensors.items()
    }
    decoder = Decoder(loaded.config, plain, kernels=NAIVE, dtype=torch.float32)
    ids = torch.tensor(tokens_of(chat_of(preset), text, chosen.pieces * chosen.tokens))
    targets = torch.cat([piece[1:] for piece in ids.chunk(chosen.pieces)])
    layers, rows = decoder.layers, []
    exact = torch.empty(0)
    for name in ("float32", *WAYS):
        errors: dict[str, list[float]] = {kind: [] for kind in KINDS}
        decoder.layers = [
            replace(layer, **_products(layer, WAYS[name], errors)) if name in WAYS else layer
            for layer in layers
        ]
        logs = told(decoder, ids, chosen.pieces)
        exact = exact if len(exact) else logs
        surprise, divergence, same = 0.0, 0.0, 0
        for some, other, token in zip(
            logs.split(128), exact.split(128), targets.split(128), strict=True
        ):
            some, other = some.float(), other.float()
            surprise -= float(some.gather(1, token[:, None]).sum())
            divergence += float((other.exp() * (other - some)).sum())
            same += int((some.argmax(1) == other.argmax(1)).sum())
        row = {
            "preset": preset, "products": name,
            "perplexity": round(math.exp(surprise / len(logs)), 3),
            "divergence": round(divergence / len(logs), 5), "same": round(same / len(logs), 4),
            "errors": {k: round(sum(e) / len(e), 4) for k, e in errors.items() if e},
        }  # fmt: skip
        rows.append(row)
        print(
            f"{preset:<9}{name:<14}{row['perplexity']:>9.3f}"
            f"{row['perplexity'] / rows[0]['perplexity'] - 1:>+8.2%}{row['divergence']:>9.5f}"
            f"{row['same']:>7.1%}  {row['errors']}",
            flush=True,
        )
    return rows


def _products(layer: Any, way: Rounding, errors: dict[str, list[float]]) -> dict[str, Linear]:
    return {kind: Rounded(getattr(layer, kind), way, errors[kind]) for kind in KINDS}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--text", type=Path, required=True, help="a long text, .gz too")
    parser.add_argument("--skip", type=int, default=20_000, help="characters of front matter")
    parser.add_argument("--presets", default="small")
    parser.add_argument("--pieces", type=int, default=2)
    parser.add_argument("--tokens", type=int, default=1_024, help="of a piece")
    chosen = parser.parse_args()
    text = text_of(chosen.text)[chosen.skip :]
    rows = [row for name in chosen.presets.split(",") for row in measure(name, text, chosen)]
    told_of = {"benchmark": "prompts_int8", "text": chosen.text.name, "rows": rows}
    print(json.dumps(told_of | surroundings("torch")))


if __name__ == "__main__":
    main()
