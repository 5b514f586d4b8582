"""How fast prompts are read on a GPU, and how long the first token of an answer takes.

    python benchmarks/gpu_prefill.py [--model qwen-7b] [--tokens 32768]

Random weights at a real shape. First a short prompt is read twice, whole and in chunks, and must
come to the same logits. Prints lines, then one line of JSON, which also goes to
$OUT/gpu_prefill.json.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from statistics import median
from typing import Any

import torch
from gpu_models import random_decoder

from vademecum.model.captured import CapturedStep
from vademecum.model.decoder import Decoder
from vademecum.model.interface import GenerationOptions
from vademecum.model.sparsity import Sparsity

SHORT = 2_048
LARGEST_ERROR = 0.05


def read(decoder: Decoder, cache: Any, ids: torch.Tensor, chunk: int) -> tuple[float, torch.Tensor]:
    """Seconds until the logits after a prompt are there."""
    sequence = cache.open([], len(ids) + 64)
    torch.cuda.synchronize()
    began = time.perf_counter()
    for first in range(0, len(ids), chunk):
        logits = decoder.prefill(ids[first : first + chunk], cache, sequence)
    torch.cuda.synchronize()
    seconds = time.perf_counter() - began
    cache.close(sequence)
    return seconds, logits


def first_token(decoder: Decoder, cache: Any, step: CapturedStep, ids: torch.Tensor) -> float:
    """Seconds until the host has the first token of an answer, and has begun the second."""
    sequence = cache.open([], len(ids) + 64)
    torch.cuda.synchronize()
    began = time.perf_counter()
    logits = decoder.prefill(ids, cache, sequence)
    token = int(logits.argmax())
    step.begin(sequence, GenerationOptions())
    step.feed([token])
    step.run()
    seconds = time.perf_counter() - began
    step.fetch()()
    cache.close(sequence)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="qwen-7b")
    parser.add_argument("--tokens", type=int, default=32_768)
    parser.add_argument("--chunks", default="2048,4096")
    chosen = parser.parse_args()
    torch.manual_seed(0)
    found: dict[str, Any] = {
        "benchmark": "gpu_prefill", "device": torch.cuda.get_device_name(), "model": chosen.model,
    }  # fmt: skip
    for chunk in map(int, chosen.chunks.split(",")):
        sparsity = Sparsity(threshold=3 * chunk if chunk > 2048 else 6144, chunk=chunk, sampled=64)
        decoder = random_decoder(chosen.model, sparsity=sparsity)
        cache = decoder.new_cache(chosen.tokens + 4_096)
        ids = torch.randint(0, 100_000, (chosen.tokens,))
        _, whole = read(decoder, cache, ids[:1_000], 1_024)
        _, parts = read(decoder, cache, ids[:1_000], 256)
        error = float((whole - parts).norm() / whole.norm())
        if not error < LARGEST_ERROR:
            print(f"chunks of {chunk}: error {error}, NOT TIMED", flush=True)
            continue
        read(decoder, cache, ids[: 2 * chunk], chunk)
        seconds = median(read(decoder, cache, ids, chunk)[0] for _ in range(2))
        found[f"prefill_s_{chunk}"] = seconds
        step = CapturedStep(decoder, cache, tokens=8_192)
        step.warm_up()
        first = median(first_token(decoder, cache, step, ids[:SHORT]) for _ in range(5))
        found[f"first_token_ms_{chunk}"] = first * 1e3
        found["peak_gb"] = torch.cuda.max_memory_allocated() / 1e9
        print(
            f"{chosen.model}: {chosen.tokens} tokens in chunks of {chunk}: {seconds:.3f} s; first "
            f"token after {SHORT}: {first * 1e3:.1f} ms; error {error:.1e}",
            flush=True,
        )
        del decoder, cache, step
        torch.cuda.empty_cache()
    line = json.dumps(found)
    if os.environ.get("OUT"):
        Path(os.environ["OUT"], "gpu_prefill.json").write_text(line, "utf-8")
    print(line)


if __name__ == "__main__":
    main()
