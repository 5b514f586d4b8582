"""The GPU's kernels: are they right, how fast are they, and what is beside them?

    python benchmarks/gpu.py [--models qwen-7b,llama-8b] [--larger ''] [--parts products,step]

Runs one part after the other, each in a process of its own: the products (`gpu_products.py`),
attention and the choice of pages (`gpu_attention.py`), whole tokens (`gpu_step.py`), prompts
(`gpu_prefill.py`), a long context in little memory (`gpu_lean.py`), answers with all that the host
does (`gpu_answer.py`), and transformers with bitsandbytes (`gpu_library.py`). The first four check
what they time first, answers as far as their greedy tokens and their citations go, and give no time
to what is wrong; a long context and the library are not checked. Prints what the parts print, then
a table of what is asked of the kernels beside what was measured, then one line of JSON, which also
goes to $OUT/gpu.json.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gpu_timing import finish

HERE = Path(__file__).parent
PARTS = ("products", "attention", "step", "prefill", "lean", "answer", "library")
OF_ALL_MODELS = ("products", "attention", "step")  # the others take one
# Milliseconds a token at a depth, at most. Of 32B no depth is said, so that it holds at both.
STEPS = {
    ("qwen-1.5b", 4_096): 1.2, ("qwen-1.5b", 100_000): 1.2,
    ("qwen-7b", 4_096): 2.2, ("qwen-7b", 100_000): 2.5,
    ("llama-8b", 100_000): 2.8, ("qwen-32b", 4_096): 8.5, ("qwen-32b", 100_000): 8.5,
}  # fmt: skip
PRODUCTS_MS = 1.5  # of a token of qwen-7b
PRODUCTS_SHARE = 0.65  # of the speed of memory: gates, and what follows them, of 7B and larger
ATTENTION = 5.0  # times as fast as PyTorch's at 100,000 tokens
PREFILL = 1.5  # times as fast as the library's
FIRST_TOKEN_MS = 120
KV_SHARE = 0.55  # of bf16
LEAN_GB = 20  # all that the allocator holds at any time: 14B and 100,000 tokens, values in 4 bit

Row = tuple[str, str, str, bool]  # what, asked, measured, whether it holds


def run(part: str, models: str) -> dict[str, Any]:
    """What a part tells at last; empty if it failed."""
    command = [sys.executable, str(HERE / f"gpu_{part}.py")]
    if part in OF_ALL_MODELS:
        command += ["--models", models]
    print(f"== {part}", flush=True)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        last = ""
        for line in process.stdout:
            if last and not last.startswith("{"):
                print(last, end="", flush=True)
            last = line
    if process.returncode or not last.startswith("{"):
        print(f"{last}{part}: ended with {process.returncode}", flush=True)
        return {}
    found: dict[str, Any] = json.loads(last)
    return found


def most(what: str, asked: float, measured: float, unit: str) -> Row:
    return what, f"at most {asked:g} {unit}", f"{measured:.3f} {unit}", measured <= asked


def least(what: str, asked: float, measured: float, unit: str) -> Row:
    return what, f"at least {asked:g} {unit}", f"{measured:.2f} {unit}", measured >= asked


def rows(found: dict[str, dict[str, Any]]) -> Iterator[Row]:
    """What is asked of what was measured."""
    for model in found.get("products", {}).get("models", []):
        name = model["model"]
        if name == "qwen-7b" and "token_ms" in model:
            yield most("7B, all products of a token", PRODUCTS_MS, model["token_ms"], "ms")
        for product in model["products"]:
            large = product["name"].endswith(("gate_up", "down")) and name != "qwen-1.5b"
            if large and "share" in product:
                what = f"{product['name']}, of copy"
                yield least(what, 100 * PRODUCTS_SHARE, 100 * product["share"], "%")
    attention = found.get("attention", {})
    beside = {(row["model"], row["tokens"]): row["us"] for row in attention.get("library", [])}
    for row in attention.get("times", []):
        if "both_us" in row and row["kind"] == "int8" and row["tokens"] == 100_000:
            times = beside[row["model"], row["tokens"]] / row["both_us"]
            yield least(f"{row['model']}, attention at 100,000", ATTENTION, times, "x PyTorch's")
    for model in found.get("step", {}).get("models", []):
        for (name, depth), asked in STEPS.items():
            if model["model"] == name and f"ms_{depth}" in model:
                yield most(f"{name}, a token at {depth:,}", asked, model[f"ms_{depth}"], "ms")
        if "kv_share" in model:
            what = f"{model['model']}, pages of bf16"
            yield most(what, 100 * KV_SHARE, round(100 * model["kv_share"], 1), "%")
    ours, library = found.get("prefill", {}), found.get("library", {})
    seconds = [value for name, value in ours.items() if name.startswith("prefill_s_")]
    first = [value for name, value in ours.items() if name.startswith("first_token_ms_")]
    if seconds and "prefill_s" in library:
        yield least("7B, prompt", PREFILL, library["prefill_s"] / min(seconds), "x the library's")
    if first:
        yield most("7B, first token of 2,048", FIRST_TOKEN_MS, min(first), "ms")
    if lean := found.get("lean"):
        peak = max(lean[f"{when}_gb"] for when in ("held", "reading", "writing"))
        yield most("14B lean, peak of 100,000 tokens", LEAN_GB, peak, "GB")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", default="qwen-7b,llama-8b,qwen-1.5b,qwen-32b")
    parser.add_argument("--larger", default="qwen-14b,llama-70b", help="of these only tokens")
    parser.add_argument("--parts", default=",".join(PARTS))
    chosen = parser.parse_args()
    found = {part: run(part, chosen.models) for part in chosen.parts.split(",")}
    if "models" in found.get("step", {}):
        for name in filter(None, chosen.larger.split(",")):  # for its size in another process
            found["step"]["models"] += run("step", name).get("models", [])
    table = list(rows(found))
    for what, asked, measured, holds in table:
        print(f"{what:<34}{asked:<32}{measured:<22}{'' if holds else 'MISSED'}")
    told = [dict(zip(("what", "asked", "measured", "holds"), row, strict=True)) for row in table]
    finish("gpu", {"asked": told, "parts": found})


if __name__ == "__main__":
    main()
