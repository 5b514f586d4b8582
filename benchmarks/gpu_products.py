"""How fast are the NF4 products of a token, beside bitsandbytes and the speed of memory?

    python benchmarks/gpu_products.py [--models qwen-7b] [--larger qwen-14b] [--drafting qwen-7b]
        [--tune ROWS]

First every shape is checked against a product in float64; what fails gets no time. Then each
product of a token is timed in a CUDA graph, with as many copies of the weight as it takes to read
none from the cache; then all products of a token in one graph, of several tokens too where a draft
is asked about. Beside them bitsandbytes' NF4 product of one row, if it is installed, and a copy
from memory to memory (bytes read and written). With --tune every way to cut the work is tried, and
the fastest ones are told.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from itertools import chain
from typing import Any

import torch
from gpu_models import SHAPES, config_of
from gpu_timing import CACHE, copy_speed, finish, graph_ms, largest, passes
from torch import Tensor

from vademecum.model.kernels.triton.nf4 import (
    LEVELS,
    PackedNF4,
    Tuning,
    new_meeting,
    product,
    tuned,
)
from vademecum.model.linear import QuantizedLinear

TUNINGS = [
    Tuning(slots, units, blocks, shared)
    for slots, units in ((1, 2), (2, 2), (3, 2), (4, 2), (1, 4), (2, 4), (2, 1), (4, 1))
    for blocks in (2, 3)
    for shared in (False, True)
]
ODD = [(1, 64), (17, 192), (100, 1024), (1152, 896)]
LARGEST_ERROR = 1e-2
FEWEST = 32  # outputs that an error is taken of
DRAFT_ROWS = (2, 4, 8, 16)
Shape = tuple[int, int, bool]  # (out, in, gated); gated: of each of the two


def shapes(model: str) -> dict[str, Shape]:
    """Of the products of a layer."""
    config = config_of(model)
    heads = config.heads * config.head_dim
    return {
        "qkv": (heads + 2 * config.kv_heads * config.head_dim, config.hidden, False),
        "out": (config.hidden, heads, False),
        "gate_up": (config.intermediate, config.hidden, True),
        "down": (config.hidden, config.intermediate, False),
    }


def random_weight(out: int, inner: int) -> QuantizedLinear:
    """Codes and scales of no model; quantising real numbers would take longer than measuring."""
    codes = torch.randint(0, 256, (out, inner // 2), dtype=torch.uint8, device="cuda")
    return QuantizedLinear(codes, 0.02 + 0.01 * torch.rand(out, inner // 64, device="cuda"))


def dequantized(weight: QuantizedLinear) -> Tensor:
    """`[out, in]`, float64; bitsandbytes need not be there."""
    level = torch.tensor(LEVELS, dtype=torch.float64, device=weight.packed.device)
    codes = torch.stack((weight.packed >> 4, weight.packed & 15), dim=2).flatten(1)
    return level[codes.long()] * weight.absmax.double().repeat_interleave(64, dim=1)


def error(
    out: int, inner: int, gated: bool, rows: int, tuning: Tuning, *, biased: bool = False
) -> float:
    """Relative to the product in float64, of buffers that held NaN; where there are few outputs, of
    several weights together, for a single sum may come to nearly nothing."""
    off, whole = [], []
    for _ in range(max(1, FEWEST // out)):
        weight = random_weight(2 * out if gated else out, inner)
        x = torch.randn(rows, inner, device="cuda", dtype=torch.bfloat16)
        bias = torch.randn(out, device="cuda", dtype=torch.bfloat16) if biased else None
        packed = PackedNF4.of_gate_up(weight) if gated else PackedNF4.of(weight)
        target = product(x, packed, bias, tuning).fill_(torch.nan)
        found = product(x, packed, bias, tuning, target).double()
        exact = x.double() @ dequantized(weight).T
        if gated:
            gate, up = exact.chunk(2, dim=1)
            exact = torch.nn.functional.silu(gate) * up
        elif bias is not None:
            exact += bias.double()
        off.append((found - exact).norm())
        whole.append(exact.norm())
    return float(torch.stack(off).norm() / torch.stack(whole).norm())


def weight_bytes(weight: PackedNF4) -> int:
    return weight.codes.numel() + 2 * weight.absmax.numel()


def copies(out: int, inner: int, gated: bool) -> list[PackedNF4]:
    """The same weight until the cache cannot hold it."""
    weight = random_weight(2 * out if gated else out, inner)
    first = PackedNF4.of_gate_up(weight) if gated else PackedNF4.of(weight)
    count = max(2, min(200, CACHE // weight_bytes(first)))
    return [first] + [
        PackedNF4(first.codes.clone(), first.absmax.clone(), first.out, first.gated)
        for _ in range(count - 1)
    ]


def time_rows(
    name: str, shape: Shape, weights: list[PackedNF4], rows: int, speed: float
) -> dict[str, Any]:
    """A shape as the kernel cuts it for so many rows, if that is right."""
    out, inner, gated = shape
    own = tuned(weights[0], rows)
    wrong = error(out, inner, gated, rows, own)
    told = f"{name:<18}{out:>6} x {inner:<6}{rows:>3} rows"
    if not passes(told, wrong, LARGEST_ERROR):
        return {"failed": True}
    x = torch.randn(rows, inner, device="cuda", dtype=torch.bfloat16)
    meeting = new_meeting(x.device)

    def step() -> None:
        for weight in weights:
            product(x, weight, meeting=meeting)

    ms, size = graph_ms(step, 5) / len(weights), weight_bytes(weights[0])
    share = size / (ms * 1e-3) / speed
    shared = "  its inputs shared" if own.shared else ""
    print(f"{told}{ms * 1e3:>8.1f} us  {share:>5.0%} of copy{shared}", flush=True)
    return {
        "us": ms * 1e3, "floor_us": size / speed * 1e6, "share": share, "shared": own.shared,
        "error": wrong,
    }  # fmt: skip


def time_shape(name: str, shape: Shape, counts: list[int], speed: float) -> dict[str, Any]:
    """A product of one row, beside bitsandbytes', and of more."""
    weights = copies(*shape)
    found = {"name": name, "shape": shape, "rows": {}} | time_rows(name, shape, weights, 1, speed)
    if "failed" not in found:
        theirs = library_ms(shape)
        found["bitsandbytes_ms"] = theirs
        told = "-" if theirs is None else f"{theirs * 1e3:.1f} us"
        print(f"{name:<18}bitsandbytes {told}", flush=True)
    found["rows"] = {
        rows: time_rows(name, shape, weights, rows, speed) for rows in counts if rows != 1
    }
    return found


def tune_shape(name: str, shape: Shape, rows: int) -> None:
    """All ways to cut a shape; only those whose result is right are timed."""
    out, inner, gated = shape
    weights = copies(*shape)
    x = torch.randn(rows, inner, device="cuda", dtype=torch.bfloat16)
    meeting = new_meeting(x.device)
    tried: list[tuple[float, Tuning]] = []
    for tuning in {tuned(weights[0], rows), *TUNINGS}:
        if weights[0].codes.shape[1] % tuning.units:
            continue
        try:
            told = f"{name} {shape} {rows} rows {tuple(asdict(tuning).values())}"
            if not passes(told, error(out, inner, gated, rows, tuning), LARGEST_ERROR):
                continue

            def step(tuning: Tuning = tuning) -> None:
                for weight in weights:
                    product(x, weight, None, tuning, meeting=meeting)

            tried.append((graph_ms(step, 5) / len(weights), tuning))
        except (RuntimeError, ValueError) as problem:
            print(f"{name} {shape} {tuning}: {str(problem)[:300]}", flush=True)
    near = sorted(tried, key=lambda one: one[0])[:6]
    told = "  ".join(f"{1e3 * ms:.1f} {tuple(asdict(tuning).values())}" for ms, tuning in near)
    print(f"{name} {rows} rows, the fastest: {told}", flush=True)


def library_ms(shape: Shape) -> float | None:
    """bitsandbytes' product of one row; None if it is not there."""
    out, inner, gated = shape
    try:
        import bitsandbytes.functional as library
    except (ImportError, RuntimeError, OSError):
        return None
    wide = torch.randn(2 * out if gated else out, inner, device="cuda", dtype=torch.bfloat16)
    codes, state = library.quantize_4bit(wide, blocksize=64, quant_type="nf4")
    count = max(2, min(200, CACHE // codes.numel()))
    weights = [codes.clone() for _ in range(count)]
    x = torch.randn(1, inner, device="cuda", dtype=torch.bfloat16)

    def step() -> None:
        for each in weights:
            library.gemv_4bit(x, each.t(), state=state)

    try:
        return float(graph_ms(step, 5) / count)
    except RuntimeError as problem:
        print(f"bitsandbytes {shape}: {str(problem)[:200]}", flush=True)
        return None


def token_ms(model: str, counts: list[int]) -> dict[int, float]:
    """All products of a token, or of so many, one after the other in one graph."""
    layers = []
    for _ in range(config_of(model).layers):
        layer = []
        for out, inner, gated in shapes(model).values():
            weight = random_weight(2 * out if gated else out, inner)
            layer.append(PackedNF4.of_gate_up(weight) if gated else PackedNF4.of(weight))
        layers.append(layer)
    meeting = new_meeting(torch.device("cuda"))

    def ms(rows: int) -> float:
        given = [
            torch.randn(rows, weight.shape[1], device="cuda", dtype=torch.bfloat16)
            for weight in layers[0]
        ]

        def step() -> None:
            for layer in layers:
                for x, weight in zip(given, layer, strict=True):
                    product(x, weight, meeting=meeting)

        return graph_ms(step)

    return {rows: ms(rows) for rows in counts}


def check_odd() -> dict[str, float]:
    """The errors of products of odd shapes, with a bias where they may have one."""
    return {
        f"{out}x{inner}{' gated' if gated else ''}, {rows} rows, {shared=}": error(
            out, inner, gated, rows, Tuning(shared=shared), biased=not gated
        )
        for out, inner in ODD
        for rows in (1, 3, 9, 16)
        for gated in (False, True)
        for shared in (False, True)
    }


def measure(model: str, counts: list[int], speed: float, *, whole: bool) -> dict[str, Any]:
    """The products of a model's layer, and, if they are right, all of a token's."""
    products: list[dict[str, Any]] = []
    found: dict[str, Any] = {"model": model, "products": products}
    for name, shape in shapes(model).items():
        try:
            products.append(time_shape(f"{model} {name}", shape, counts, speed))
        except (RuntimeError, ValueError) as problem:  # one that finds no memory, say
            print(f"{model} {name}: {str(problem)[:300]}, NOT TIMED", flush=True)
            products.append({"name": f"{model} {name}", "shape": shape, "failed": True})
        torch.cuda.empty_cache()
    if not whole or any("failed" in product for product in products):
        return found
    right = [
        rows for rows in counts
        if rows == 1 or not any("failed" in product["rows"][rows] for product in products)
    ]  # fmt: skip
    times = token_ms(model, right)
    theirs = [product["bitsandbytes_ms"] for product in products]
    library = None if None in theirs else sum(theirs) * config_of(model).layers
    found |= {"token_ms": times[1], "rows_ms": times, "bitsandbytes_token_ms": library}
    told = ", ".join(f"{rows} rows {ms:.3f} ms" for rows, ms in times.items())
    print(f"{model}: all products, {told}; bitsandbytes {library}", flush=True)
    torch.cuda.empty_cache()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", default=",".join(SHAPES))
    parser.add_argument("--larger", default="", help="of these no whole token")
    parser.add_argument("--drafting", default="qwen-7b", help="of these also several rows")
    parser.add_argument("--tune", type=int, metavar="ROWS", help="try all ways for so many rows")
    chosen = parser.parse_args()
    torch.manual_seed(0)
    models, larger, drafting = (
        [name for name in names.split(",") if name]
        for names in (chosen.models, chosen.larger, chosen.drafting)
    )
    if chosen.tune:
        for model in models:
            for name, shape in shapes(model).items():
                tune_shape(f"{model} {name}", shape, chosen.tune)
        return
    wrong = check_odd()
    failed = [name for name, value in wrong.items() if not value < LARGEST_ERROR]
    most = largest(wrong.values())
    print(f"odd shapes: {len(wrong)} checked, largest error {most:.1e}", flush=True)
    print(f"failed: {failed or 'none'}", flush=True)
    speed = copy_speed()
    print(f"copy: {speed / 1e12:.2f} TB/s", flush=True)
    found = [
        measure(
            model, [1, *(DRAFT_ROWS if model in drafting else ())], speed, whole=model in models
        )
        for model in [*models, *larger]
    ]
    for line in chain.from_iterable(model["products"] for model in found):
        alike = {1: line} | line.get("rows", {})
        failed += [f"{line['name']}, {n} rows" for n, told in alike.items() if "failed" in told]
    finish("gpu_products", {"copy_tb_s": speed / 1e12, "failed": failed, "models": found})


if __name__ == "__main__":
    main()
