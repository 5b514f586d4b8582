"""Milliseconds a token while an answer is written on a GPU, at several depths of context.

    python benchmarks/gpu_step.py [--models qwen-7b] [--contexts 4096,100000] [--profile]

Models have random weights at the real shapes; every token is drawn at temperature 0.6 and top-p
0.95 and read by the host before the next but one is begun. A figure is the slope between two
emitted lengths, the median of several pairs. First each shape's step is compared with the decoder
that it stands for, a layer of the naive kernels at a time, where a page is begun and where one is
half full: what differs gets no time, and neither does what ends in a logit that is not finite.
"""

from __future__ import annotations

import argparse
import json
import math
import time
import traceback
from collections import Counter
from itertools import chain
from statistics import median
from typing import Any

import torch
from gpu_models import SHAPES, fill, random_decoder, read_weights
from gpu_timing import copy_speed, finish, largest, passes

from vademecum.model.cache import PagedCache
from vademecum.model.captured import CapturedStep
from vademecum.model.decoder import Decoder
from vademecum.model.interface import GenerationOptions
from vademecum.model.kernels import PAGE, KvKind
from vademecum.model.sparsity import ON_GPU

SHORT, LONG = 32, 160
PAIRS = 5
LARGEST_ERROR = 0.05
BEHIND = (0, 15)  # tokens after a depth where the step is checked: of a page, if that is a multiple
OPTIONS = GenerationOptions(temperature=0.6, top_p=0.95, seed=1)


def emit(step: CapturedStep, tokens: int) -> float:
    """Seconds until the host has read so many tokens, each drawn and read."""
    torch.cuda.synchronize()
    began = time.perf_counter()
    step.run()
    waiting = step.fetch()
    for _ in range(tokens - 1):
        step.run()
        following = step.fetch()
        waiting()
        waiting = following
    waiting()
    return time.perf_counter() - began


def check(
    decoder: Decoder, cache: PagedCache, step: CapturedStep, context: int, *, watched: bool
) -> float:
    """How far the logits of a step are from the decoder's, relative; of one that is watched also
    what share of the attention each page received."""
    sequence = cache.open([], context + 64)
    sequence.length = context
    for part in chain.from_iterable(sequence.tails):
        part.normal_()
        part[:, context % PAGE :] = math.nan  # not written yet
    sequence.asked = queries(decoder)
    if watched:
        pages = sequence.table.shape[0]
        sequence.mass = torch.zeros(1, pages + 1, device=decoder.device)
    step.begin(sequence, OPTIONS)
    step.feed([17])
    step.run()
    found = [step.logits[0].clone()]
    if watched:
        found.append(step.fetch_mass()[0])
        step.fetch()()
    wanted = [decoder.decode(torch.tensor([17]), cache, sequence)[0]]
    if sequence.mass is not None:
        wanted.append(sequence.mass[0, : len(found[1])].cpu())
    cache.close(sequence)
    return largest(
        float((mine.double() - exact.double()).norm() / exact.double().norm())
        for mine, exact in zip(found, wanted, strict=True)
    )


def check_about(
    decoder: Decoder, cache: PagedCache, step: CapturedStep, context: int, *, watched: bool = False
) -> float:
    """The largest such error at a depth and a little behind it."""
    return largest(check(decoder, cache, step, context + more, watched=watched) for more in BEHIND)


def queries(decoder: Decoder) -> torch.Tensor:
    """Of the token before the first, which chooses what that reads."""
    config = decoder.config
    shape = (config.layers, config.heads, config.head_dim)
    return torch.randn(shape, device=decoder.device, dtype=torch.bfloat16)


def kernels_of(step: CapturedStep) -> dict[str, float]:
    """Microseconds of a step by kernel, as the profiler sees them."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as seen:
        for _ in range(4):
            step.run()
        torch.cuda.synchronize()
    times: Counter[str] = Counter()
    for event in seen.key_averages():
        times[f"{event.key[:40]} x{event.count // 4}"] += event.self_device_time_total / 4
    return dict(times.most_common(16))


def measure(
    name: str, contexts: list[int], speed: float, kv: KvKind, *, profile: bool
) -> dict[str, Any]:
    decoder = random_decoder(name, kv=kv, sparsity=ON_GPU)
    torch.cuda.synchronize()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    tokens = max(contexts) + 2_048
    base = torch.cuda.memory_allocated()
    cache = decoder.new_cache(tokens)
    held = torch.cuda.memory_allocated() - base
    config = decoder.config
    bf16 = 2 * 2 * config.layers * config.kv_heads * config.head_dim * cache.pages * PAGE
    fill(cache)
    step = CapturedStep(decoder, cache, tokens=tokens)
    began = time.perf_counter()
    step.warm_up()
    found: dict[str, Any] = {
        "model": name, "warm_up_s": time.perf_counter() - began,
        "weights_gb": read_weights(decoder) / 1e9, "kv_gb": held / 1e9, "kv_share": held / bf16,
        "floor_weights_ms": read_weights(decoder) / speed * 1e3, "wrong": [],
    }  # fmt: skip
    print(json.dumps(found), flush=True)
    for context in contexts:
        error = check_about(decoder, cache, step, context)
        found[f"error_{context}"] = error
        if not passes(f"{name} {context}", error, LARGEST_ERROR):
            found["wrong"].append(context)
            continue
        sequence = cache.open([], context + 1_900)
        sequence.length = context
        sequence.asked = queries(decoder)
        step.begin(sequence, OPTIONS)
        emit(step, LONG)
        slopes = []
        for _ in range(PAIRS):
            few, many = emit(step, SHORT), emit(step, LONG)
            slopes.append((many - few) / (LONG - SHORT) * 1e3)
        if not torch.isfinite(step.logits[0]).all():
            print(f"{name} {context}: its logits are not finite, NOT TIMED", flush=True)
            found["wrong"].append(context)
            cache.close(sequence)
            continue
        found[f"ms_{context}"] = median(slopes)
        print(
            f"{name:<10}{context:>8} tokens {median(slopes):.3f} ms ({min(slopes):.3f} to "
            f"{max(slopes):.3f})  error {error:.1e}",
            flush=True,
        )
        if profile:
            times = kernels_of(step)
            found[f"kernels_{context}"] = times
            for key, us in times.items():
                print(f"    {us:9.1f} us  {key}", flush=True)
        cache.close(sequence)
    # The memory that a prompt takes besides: its last chunk, at the deepest place.
    sequence = cache.open([], max(contexts) + 64)
    sequence.length = (max(contexts) - 2_048) // PAGE * PAGE
    decoder.prefill(torch.randint(0, 1_000, (2_048,)), cache, sequence)
    found["peak_gb"] = torch.cuda.max_memory_allocated() / 1e9
    print(f"{name}: {found['peak_gb']:.2f} GB at most, {kv} pages", flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", default=",".join(SHAPES))
    parser.add_argument("--contexts", default="4096,100000")
    parser.add_argument("--kv", default="int8", choices=("int8", "k8v4"))
    parser.add_argument("--profile", action="store_true")
    chosen = parser.parse_args()
    torch.manual_seed(0)
    speed = copy_speed()
    print(f"{torch.cuda.get_device_name()}, copy {speed / 1e12:.2f} TB/s", flush=True)
    found: dict[str, Any] = {"copy_tb_s": speed / 1e12, "models": []}
    for name in chosen.models.split(","):
        torch.cuda.empty_cache()
        contexts = [int(c) for c in chosen.contexts.split(",")]
        try:
            found["models"].append(
                measure(name, contexts, speed, chosen.kv, profile=chosen.profile)
            )
        except torch.OutOfMemoryError as problem:
            print(f"{name}: this GPU has too little memory for it, NOT TIMED", flush=True)
            gb = torch.cuda.get_device_properties(0).total_memory / 1e9
            found["models"].append(
                {"model": name, "failed": str(problem)[:300], "too_large_for_gb": gb}
            )
        except Exception as problem:  # noqa: BLE001 - whatever it is, the others go on
            traceback.print_exc(limit=6)
            found["models"].append({"model": name, "failed": str(problem)[:300]})
    finish("gpu_step", found)


if __name__ == "__main__":
    main()
