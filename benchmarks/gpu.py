"""The GPU's kernels: are they right, how fast are they, and what is beside them?

    python benchmarks/gpu.py [--models qwen-7b,llama-8b] [--larger ''] [--parts products,step]

Runs one part after the other, each in a process of its own: the products (`gpu_products.py`),
attention and the choice of pages (`gpu_attention.py`), whole tokens (`gpu_step.py`), prompts
(`gpu_prefill.py`), a long context in little memory (`gpu_lean.py`), answers with all that the host
does (`gpu_answer.py`), and transformers with bitsandbytes (`gpu_library.py`). All but the last
check what they time, answers as far as their greedy tokens and their citations go, and give no time
to what is wrong. Prints what the parts print, then a table of what is asked of the kernels in the
parts and models that were to run beside what was measured, then one line of JSON, which also goes
to $OUT/gpu.json. Exits with 1 if anything asked was missed or not measured, or a check failed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gpu_timing import finish, largest

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
SMALL = "qwen-1.5b"  # below 7B
ATTENTION = 5.0  # times as fast as PyTorch's at 100,000 tokens
PREFILL = 1.5  # times as fast as the library's
FIRST_TOKEN_MS = 120
KV_SHARE = 0.55  # of bf16
LEAN_GB = 20  # all that the allocator holds at any time: 14B and 100,000 tokens, values in 4 bit
LARGEST = "llama-70b"  # with 100,000 tokens more than some GPUs hold, of which it is not asked
LARGEST_GB = 66  # that a GPU has must do for it: 59.5 that PyTorch allocates, and a tenth

Found = dict[str, Any]  # what a part tells, or a line of it


class Row(NamedTuple):
    """What is asked, and whether it holds; None where it is not asked of this GPU."""

    what: str
    asked: str
    measured: str
    holds: bool | None


def run(part: str, *options: str) -> Found:
    """What a part tells at last; empty if it failed."""
    command = [sys.executable, str(HERE / f"gpu_{part}.py"), *options]
    print(f"== {part} {' '.join(options)}", flush=True)
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
    found: Found = json.loads(last)
    return found


def most(what: str, asked: float, measured: float | None, unit: str) -> Row:
    if measured is None:
        return Row(what, f"at most {asked:g} {unit}", "NOT MEASURED", holds=False)
    return Row(what, f"at most {asked:g} {unit}", f"{measured:.3f} {unit}", measured <= asked)


def least(what: str, asked: float, measured: float | None, unit: str) -> Row:
    if measured is None:
        return Row(what, f"at least {asked:g} {unit}", "NOT MEASURED", holds=False)
    return Row(what, f"at least {asked:g} {unit}", f"{measured:.2f} {unit}", measured >= asked)


def ratio(more: float | None, less: float | None) -> float | None:
    return None if more is None or less is None else more / less


def one(found: Iterable[Found], **known: object) -> Found:
    """The line about something; empty if nothing was found out about it."""
    fitting = (line for line in found if known.items() <= line.items())
    return next(fitting, {})


def rows(
    found: dict[str, Found], parts: Sequence[str], models: Sequence[str], larger: Sequence[str]
) -> Iterator[Row]:
    """All that is asked of these parts and models, whatever of it was found out."""
    of = {part: found.get(part, {}) for part in PARTS}
    if "products" in parts:
        yield from of_products(of["products"], [*models, *larger])
    if "attention" in parts:
        yield from of_attention(of["attention"], models)
    if "step" in parts:
        yield from of_steps(of["step"], [*models, *larger])
    if "prefill" in parts:
        ours = of["prefill"]
        taken = ours.get("chunks")  # at once, as this GPU reads prompts
        if "library" in parts:
            times = ratio(of["library"].get("prefill_s"), ours.get(f"prefill_s_{taken}"))
            yield least("7B, prompt", PREFILL, times, "x the library's")
        first = ours.get(f"first_token_ms_{taken}")
        yield most("7B, first token of 2,048", FIRST_TOKEN_MS, first, "ms")
    if "lean" in parts:
        told = of["lean"]
        when = ("held_gb", "reading_gb", "writing_gb")
        peak = largest(told[name] for name in when) if told else None
        yield most("14B lean, peak of 100,000 tokens", LEAN_GB, peak, "GB")
    for part in parts:
        failed = of[part].get("failed", [])
        if not of[part]:
            yield Row(part, "ends", "NOT MEASURED", holds=False)
        elif failed:
            yield Row(f"{part}, checks", "all right", f"{len(failed)} wrong", holds=False)


def of_products(found: Found, models: Sequence[str]) -> Iterator[Row]:
    told = found.get("models", [])
    if "qwen-7b" in models:
        ms = one(told, model="qwen-7b").get("token_ms")
        yield most("7B, all products of a token", PRODUCTS_MS, ms, "ms")
    for model in models:
        if model == SMALL:
            continue
        for kind in ("gate_up", "down"):
            name = f"{model} {kind}"
            share = one(one(told, model=model).get("products", []), name=name).get("share")
            percent = None if share is None else 100 * share
            yield least(f"{name}, of copy", 100 * PRODUCTS_SHARE, percent, "%")


def of_attention(found: Found, models: Sequence[str]) -> Iterator[Row]:
    for model in models:
        at = {"model": model, "tokens": 100_000}
        ours = one(found.get("times", []), kind="int8", **at).get("both_us")
        times = ratio(one(found.get("library", []), **at).get("us"), ours)
        yield least(f"{model}, attention at 100,000", ATTENTION, times, "x PyTorch's")
        if "both_us" not in one(found.get("times", []), kind="k8v4", **at):
            what = f"{model}, values in 4 bit"
            yield Row(what, "a time at 100,000", "NOT MEASURED", holds=False)


def of_steps(found: Found, models: Sequence[str]) -> Iterator[Row]:
    for model in models:
        told = one(found.get("models", []), model=model)
        for (name, depth), asked in STEPS.items():
            if name == model:
                ms = told.get(f"ms_{depth}")
                yield most(f"{name}, a token at {depth:,}", asked, ms, "ms")
        if wrong := told.get("wrong"):
            yield Row(f"{model}, steps checked", "all right", f"{len(wrong)} wrong", holds=False)
        share = told.get("kv_share")
        percent = None if share is None else 100 * share
        pages = most(f"{model}, pages of bf16", 100 * KV_SHARE, percent, "%")
        gb = told.get("too_large_for_gb", LARGEST_GB)
        if model == LARGEST and gb < LARGEST_GB:
            too_large = f"too large for {gb:.0f} GB"
            pages = pages._replace(measured=too_large, holds=None)
        yield pages


def verdict(table: Sequence[Row]) -> int:
    """What the process exits with."""
    return int(any(row.holds is False for row in table))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", default="qwen-7b,llama-8b,qwen-1.5b,qwen-32b")
    parser.add_argument("--larger", default="qwen-14b,llama-70b", help="only products and tokens")
    parser.add_argument("--parts", default=",".join(PARTS))
    chosen = parser.parse_args()
    models, larger, parts = (
        [name for name in names.split(",") if name]
        for names in (chosen.models, chosen.larger, chosen.parts)
    )
    found: dict[str, Found] = {}
    for part in parts:
        options = ["--models", chosen.models] if part in OF_ALL_MODELS else []
        options += ["--larger", chosen.larger] if part == "products" else []
        found[part] = run(part, *options)
        if part == "step":
            for name in larger:  # in a process of its own, for its size
                told = run(part, "--models", name).get("models", [])
                found[part].setdefault("models", []).extend(told)
    table = list(rows(found, parts, models, larger))
    for row in table:
        missed = "MISSED" if row.holds is False else ""
        print(f"{row.what:<34}{row.asked:<32}{row.measured:<22}{missed}")
    finish("gpu", {"asked": [row._asdict() for row in table], "parts": found})
    sys.exit(verdict(table))


if __name__ == "__main__":
    main()
