"""How fast are the kernels for NVIDIA GPUs, beside bitsandbytes and the speed of memory?

    python benchmarks/gpu.py [--rows 1] [--models 7B]

First every shape is checked against a product in float64; what fails gets no time. Then each
product of a token is timed in a CUDA graph, with as many copies of the weight as it takes to read
none from the cache; then all products of a token in one graph. Beside them bitsandbytes' NF4
product, if it is installed, and a copy from memory to memory (bytes read and written).
Prints a table, then one line of JSON, which also goes to $OUT/gpu.json if OUT is set.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

import torch

from vademecum.model.kernels.triton.nf4 import PackedNF4, Tuning, product, tuned
from vademecum.model.linear import QuantizedLinear

# hidden, intermediate, heads, KV heads, head dim, layers
MODELS = {
    "1.5B": (1536, 8960, 12, 2, 128, 28),
    "7B": (3584, 18944, 28, 4, 128, 28),
    "8B": (4096, 14336, 32, 8, 128, 32),
    "14B": (5120, 13824, 40, 8, 128, 48),
    "32B": (5120, 27648, 40, 8, 128, 64),
}
CACHE = 400_000_000  # bytes of weights read before one is read again: several times the L2
TUNINGS = [
    Tuning(warps, depth, splits)
    for warps in (6, 7, 8, 10, 12, 14, 16)
    for depth in (2, 3, 4, 5)
    for splits in ((1, 2, 4) if warps in (8, 16) and depth % 2 == 0 else (1,))
]
ODD = [(1, 64), (17, 192), (100, 1024), (1152, 896)]
LARGEST_ERROR = 1e-2


def shapes(model: str) -> dict[str, tuple[int, int, bool]]:
    """`(out, in, gated)` of the products of a layer; gated: of each of the two."""
    hidden, inner, heads, kv_heads, dim, _ = MODELS[model]
    return {
        "qkv": ((heads + 2 * kv_heads) * dim, hidden, False),
        "out": (hidden, heads * dim, False),
        "gate_up": (inner, hidden, True),
        "down": (hidden, inner, False),
    }


def random_weight(out: int, inner: int) -> QuantizedLinear:
    """Codes and scales of no model; quantising real numbers would take longer than measuring."""
    codes = torch.randint(0, 256, (out, inner // 2), dtype=torch.uint8, device="cuda")
    return QuantizedLinear(codes, 0.02 + 0.01 * torch.rand(out, inner // 64, device="cuda"))


def dequantized(weight: QuantizedLinear) -> torch.Tensor:
    """`[out, in]`, float64; bitsandbytes need not be there."""
    from vademecum.model.kernels.triton.nf4 import LEVELS

    level = torch.tensor(LEVELS, dtype=torch.float64, device=weight.packed.device)
    codes = torch.stack((weight.packed >> 4, weight.packed & 15), dim=2).flatten(1)
    return level[codes.long()] * weight.absmax.double().repeat_interleave(64, dim=1)


def error(out: int, inner: int, gated: bool, rows: int, tuning: Tuning) -> float:
    """Relative to the product in float64, of buffers that held NaN."""
    weight = random_weight(2 * out if gated else out, inner)
    x = torch.randn(rows, inner, device="cuda", dtype=torch.bfloat16)
    bias = None if gated else torch.randn(out, device="cuda", dtype=torch.bfloat16)
    packed = PackedNF4.of_gate_up(weight) if gated else PackedNF4.of(weight)
    split = tuning.splits > 1
    target = torch.full(
        (tuning.splits, rows, out) if split else (rows, out),
        torch.nan,
        dtype=torch.float32 if split else torch.bfloat16,
        device="cuda",
    )
    found = product(x, packed, bias, tuning, target).double()
    found = found.sum(0) if split else found
    exact = x.double() @ dequantized(weight).T
    if gated:
        gate, up = exact.chunk(2, dim=1)
        exact = torch.nn.functional.silu(gate) * up
    elif bias is not None:
        exact += bias.double()
    return float((found - exact).norm() / exact.norm())


def graph_ms(step: Callable[[], None], runs: int = 9) -> float:
    """The median time of a step that is captured once and replayed."""
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        step()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    graph.replay()
    times = []
    for _ in range(runs):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        graph.replay()
        end.record()
        torch.cuda.synchronize()
        times.append(begin.elapsed_time(end))
    return median(times)


def copy_speed() -> float:
    """Bytes read and written a second, outside a graph: inside, copies take a slower engine."""
    source = torch.ones(2_000_000_000, dtype=torch.bfloat16, device="cuda")
    target = torch.empty_like(source)
    times = []
    for _ in range(12):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        target.copy_(source)
        end.record()
        torch.cuda.synchronize()
        times.append(begin.elapsed_time(end))
    return 2 * 2 * source.numel() / median(times[2:]) * 1e3


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


def time_shape(name: str, shape: tuple[int, int, bool], rows: int, speed: float) -> dict[str, Any]:
    """The best tuning for a shape, among those whose result is right."""
    out, inner, gated = shape
    weights = copies(*shape)
    x = torch.randn(rows, inner, device="cuda", dtype=torch.bfloat16)
    size = weight_bytes(weights[0])
    best: dict[str, Any] = {}
    tried: list[tuple[float, Tuning]] = []
    for tuning in TUNINGS:
        if gated and tuning.splits > 1:
            continue
        try:
            wrong = error(out, inner, gated, rows, tuning)
            if not wrong < LARGEST_ERROR:
                print(f"{name} {shape} {tuning}: error {wrong:.1e}, not timed", flush=True)
                continue

            def step(tuning: Tuning = tuning) -> None:
                for weight in weights:
                    product(x, weight, None, tuning)

            ms = graph_ms(step, 5) / len(weights)
        except (RuntimeError, ValueError) as problem:
            print(f"{name} {shape} {tuning}: {str(problem)[:300]}", flush=True)
            continue
        tried.append((ms, tuning))
        if not best or ms < best["ms"]:
            best = {"ms": ms, "tuning": asdict(tuning), "error": wrong}
    if not best:
        return {"name": name, "shape": shape, "failed": True}
    share = size / (best["ms"] * 1e-3) / speed
    theirs = library_ms(shape, rows)
    print(
        f"{name:<14}{out:>6} x {inner:<6}{best['ms'] * 1e3:>8.1f} us  {share:>5.0%} of copy  "
        f"bitsandbytes {'-' if theirs is None else f'{theirs * 1e3:.1f} us':<10} {best['tuning']}  "
        f"error {best['error']:.1e}",
        flush=True,
    )
    near = sorted(tried, key=lambda pair: pair[0])[:6]
    print("    " + "  ".join(f"{1e3 * ms:.1f} {tuple(asdict(t).values())}" for ms, t in near))
    own = tuned(weights[0], rows)
    now = next((ms for ms, tuning in tried if tuning == own), None)
    print(
        f"    as tuned: {own} {'not tried' if now is None else f'{1e3 * now:.1f} us'}", flush=True
    )
    return best | {"name": name, "shape": shape, "share": share, "bitsandbytes_ms": theirs}


def library_ms(shape: tuple[int, int, bool], rows: int) -> float | None:
    """bitsandbytes' product of one row; None if it is not there."""
    out, inner, gated = shape
    if rows != 1:
        return None
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
        return graph_ms(step, 5) / count
    except RuntimeError as problem:
        print(f"bitsandbytes {shape}: {str(problem)[:200]}", flush=True)
        return None


def token_ms(model: str, rows: list[dict[str, Any]], tokens: int) -> float:
    """All products of a token, one after the other, in one graph."""
    layers = []
    for _ in range(MODELS[model][-1]):
        layer = []
        for row in rows:
            out, inner, gated = row["shape"]
            weight = random_weight(2 * out if gated else out, inner)
            packed = PackedNF4.of_gate_up(weight) if gated else PackedNF4.of(weight)
            x = torch.randn(tokens, inner, device="cuda", dtype=torch.bfloat16)
            layer.append((x, packed, Tuning(**row["tuning"])))
        layers.append(layer)

    def step() -> None:
        for layer in layers:
            for x, weight, tuning in layer:
                product(x, weight, None, tuning)

    return graph_ms(step)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1)
    parser.add_argument("--models", default="7B,1.5B,8B,32B")
    chosen = parser.parse_args()
    torch.manual_seed(0)
    about = {
        "benchmark": "gpu",
        "device": torch.cuda.get_device_name(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "rows": chosen.rows,
    }
    wrong = {
        f"{out}x{inner}{' gated' if gated else ''}, {rows} rows, {splits} splits": error(
            out, inner, gated, rows, Tuning(splits=splits)
        )
        for out, inner in ODD
        for rows in (1, 3, 9, 16)
        for gated, splits in ((False, 1), (False, 3), (True, 1))
    }
    failed = {name: value for name, value in wrong.items() if not value < LARGEST_ERROR}
    print(f"odd shapes: {len(wrong)} checked, largest error {max(wrong.values()):.1e}", flush=True)
    print(f"failed: {failed or 'none'}", flush=True)
    speed = copy_speed()
    print(f"copy: {speed / 1e12:.2f} TB/s", flush=True)
    found: dict[str, Any] = {"copy_tb_s": speed / 1e12, "odd": wrong, "models": {}}
    for model in chosen.models.split(","):
        rows = [
            time_shape(f"{model} {name}", shape, chosen.rows, speed)
            for name, shape in shapes(model).items()
        ]
        found["models"][model] = {"products": rows}
        if not any("failed" in row for row in rows):
            ms = token_ms(model, rows, chosen.rows)
            theirs = [row["bitsandbytes_ms"] for row in rows]
            library = None if None in theirs else sum(theirs) * MODELS[model][-1]
            found["models"][model] |= {"token_ms": ms, "bitsandbytes_token_ms": library}
            print(
                f"{model}: all products of a token {ms:.3f} ms; bitsandbytes {library}", flush=True
            )
        line = json.dumps(about | found)
        if os.environ.get("OUT"):
            Path(os.environ["OUT"], "gpu.json").write_text(line, encoding="utf-8")
        torch.cuda.empty_cache()
    print(line)


if __name__ == "__main__":
    main()
