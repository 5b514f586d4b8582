"""How fast are the NF4 products of a token, beside bitsandbytes and the speed of memory?

    python benchmarks/gpu_products.py [--rows 1] [--models qwen-7b] [--tune]

First every shape is checked against a product in float64; what fails gets no time. Then each
product of a token is timed in a CUDA graph, with as many copies of the weight as it takes to read
none from the cache; then all products of a token in one graph. Beside them bitsandbytes' NF4
product, if it is installed, and a copy from memory to memory (bytes read and written). With --tune
every way to cut the work is tried, and the fastest ones are told.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

import torch
from gpu_models import SHAPES, config_of
from gpu_timing import CACHE, copy_speed, finish, graph_ms

from vademecum.model.kernels.triton.nf4 import LEVELS, PackedNF4, Tuning, product, tuned
from vademecum.model.linear import QuantizedLinear

TUNINGS = [
    Tuning(slots, units, blocks, shared)
    for slots, units in ((1, 2), (2, 2), (3, 2), (4, 2), (1, 4), (2, 4), (2, 1), (4, 1))
    for blocks in (2, 3)
    for shared in (False, True)
]
ODD = [(1, 64), (17, 192), (100, 1024), (1152, 896)]
LARGEST_ERROR = 1e-2


def shapes(model: str) -> dict[str, tuple[int, int, bool]]:
    """`(out, in, gated)` of the products of a layer; gated: of each of the two."""
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


def dequantized(weight: QuantizedLinear) -> torch.Tensor:
    """`[out, in]`, float64; bitsandbytes need not be there."""
    level = torch.tensor(LEVELS, dtype=torch.float64, device=weight.packed.device)
    codes = torch.stack((weight.packed >> 4, weight.packed & 15), dim=2).flatten(1)
    return level[codes.long()] * weight.absmax.double().repeat_interleave(64, dim=1)


def error(out: int, inner: int, gated: bool, rows: int, tuning: Tuning) -> float:
    """Relative to the product in float64, of buffers that held NaN."""
    weight = random_weight(2 * out if gated else out, inner)
    x = torch.randn(rows, inner, device="cuda", dtype=torch.bfloat16)
    bias = None if gated else torch.randn(out, device="cuda", dtype=torch.bfloat16)
    packed = PackedNF4.of_gate_up(weight) if gated else PackedNF4.of(weight)
    target = product(x, packed, bias, tuning).fill_(torch.nan)
    found = product(x, packed, bias, tuning, target).double()
    found = found.sum(0) if tuning.shared else found
    exact = x.double() @ dequantized(weight).T
    if gated:
        gate, up = exact.chunk(2, dim=1)
        exact = torch.nn.functional.silu(gate) * up
    elif bias is not None:
        exact += bias.double()
    return float((found - exact).norm() / exact.norm())


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


def time_shape(
    name: str, shape: tuple[int, int, bool], rows: int, speed: float, *, tune: bool
) -> dict[str, Any]:
    """A shape as the kernel cuts it, or all ways to cut it; only those whose result is right."""
    out, inner, gated = shape
    weights = copies(*shape)
    x = torch.randn(rows, inner, device="cuda", dtype=torch.bfloat16)
    size = weight_bytes(weights[0])
    own = tuned(weights[0], rows)
    tried: list[tuple[float, float, Tuning]] = []
    for tuning in {own, *TUNINGS} if tune else {own}:
        if (gated and tuning.shared) or weights[0].codes.shape[1] % tuning.units:
            continue
        try:
            wrong = error(out, inner, gated, rows, tuning)
            if not wrong < LARGEST_ERROR:
                print(f"{name} {shape} {tuning}: error {wrong:.1e}, NOT TIMED", flush=True)
                continue

            def step(tuning: Tuning = tuning) -> None:
                for weight in weights:
                    product(x, weight, None, tuning)

            tried.append((graph_ms(step, 5) / len(weights), wrong, tuning))
        except (RuntimeError, ValueError) as problem:
            print(f"{name} {shape} {tuning}: {str(problem)[:300]}", flush=True)
    if tune:
        near = sorted(tried, key=lambda one: one[0])[:6]
        told = (f"{1e3 * ms:.1f} {tuple(asdict(tuning).values())}" for ms, _, tuning in near)
        print("    " + "  ".join(told))
    ms, wrong = next(((ms, wrong) for ms, wrong, tuning in tried if tuning == own), (None, None))
    if ms is None or wrong is None:
        return {"name": name, "shape": shape, "failed": True}
    share = size / (ms * 1e-3) / speed
    theirs = library_ms(shape, rows)
    print(
        f"{name:<18}{out:>6} x {inner:<6}{ms * 1e3:>8.1f} us  {share:>5.0%} of copy  "
        f"bitsandbytes {'-' if theirs is None else f'{theirs * 1e3:.1f} us':<10} "
        f"error {wrong:.1e}",
        flush=True,
    )
    found = {"us": ms * 1e3, "floor_us": size / speed * 1e6, "share": share, "error": wrong}
    return {"name": name, "shape": shape, "bitsandbytes_ms": theirs} | found


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


def token_ms(model: str, tokens: int) -> float:
    """All products of a token, one after the other, in one graph."""
    layers = []
    for _ in range(config_of(model).layers):
        layer = []
        for out, inner, gated in shapes(model).values():
            weight = random_weight(2 * out if gated else out, inner)
            packed = PackedNF4.of_gate_up(weight) if gated else PackedNF4.of(weight)
            x = torch.randn(tokens, inner, device="cuda", dtype=torch.bfloat16)
            layer.append((x, packed))
        layers.append(layer)

    def step() -> None:
        for layer in layers:
            for x, weight in layer:
                product(x, weight)

    return graph_ms(step)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1)
    parser.add_argument("--models", default=",".join(SHAPES))
    parser.add_argument("--tune", action="store_true")
    chosen = parser.parse_args()
    torch.manual_seed(0)
    wrong = {
        f"{out}x{inner}{' gated' if gated else ''}, {rows} rows, {shared=}": error(
            out, inner, gated, rows, Tuning(shared=shared)
        )
        for out, inner in ODD
        for rows in (1, 3, 9, 16)
        for gated, shared in ((False, False), (False, True), (True, False))
    }
    failed = {name: value for name, value in wrong.items() if not value < LARGEST_ERROR}
    print(f"odd shapes: {len(wrong)} checked, largest error {max(wrong.values()):.1e}", flush=True)
    print(f"failed: {failed or 'none'}", flush=True)
    speed = copy_speed()
    print(f"copy: {speed / 1e12:.2f} TB/s", flush=True)
    found: dict[str, Any] = {"copy_tb_s": speed / 1e12, "failed": failed, "models": []}
    for model in chosen.models.split(","):
        rows = [
            time_shape(f"{model} {name}", shape, chosen.rows, speed, tune=chosen.tune)
            for name, shape in shapes(model).items()
        ]
        row: dict[str, Any] = {"model": model, "products": rows}
        found["models"].append(row)
        if not any("failed" in product for product in rows):
            ms = token_ms(model, chosen.rows)
            theirs = [product["bitsandbytes_ms"] for product in rows]
            library = None if None in theirs else sum(theirs) * config_of(model).layers
            row |= {"token_ms": ms, "bitsandbytes_token_ms": library}
            print(f"{model}: all products {ms:.3f} ms; bitsandbytes {library}", flush=True)
        torch.cuda.empty_cache()
    finish("gpu_products", found | {"rows": chosen.rows})


if __name__ == "__main__":
    main()
