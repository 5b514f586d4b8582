"""How fast prompts are read on a GPU, and how long the first token of an answer takes.

    python benchmarks/gpu_prefill.py [--model qwen-7b] [--tokens 32768] [--at-once 1,4,16]
        [--profile]

Random weights at a real shape, read as the product reads them: chunks of 2,048 tokens, some of
them at once, products in int8. First a few layers read a prompt of which pages are left out, and
must come to the logits of PyTorch's single operations, whose products are in bf16. Prints lines,
then one line of JSON, which also goes to $OUT/gpu_prefill.json.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import torch
from gpu_models import random_decoder
from gpu_timing import largest
from torch import Tensor

from vademecum.model import placement
from vademecum.model.cache import PagedCache
from vademecum.model.captured import CapturedStep
from vademecum.model.decoder import Decoder
from vademecum.model.device import DeviceNF4
from vademecum.model.interface import GenerationOptions
from vademecum.model.kernels import PAGE, KeyBias, Pages, naive
from vademecum.model.sparsity import ON_GPU

SHORT = 2_048
CHECKED = 7 * ON_GPU.chunk + 1_717
LARGEST_ERROR = 0.05


def read(decoder: Decoder, cache: PagedCache, ids: Tensor) -> tuple[float, Tensor]:
    """Seconds until the logits after a prompt are there."""
    sequence = cache.open([], len(ids) + 64)
    torch.cuda.synchronize()
    began = time.perf_counter()
    for first in range(0, len(ids), decoder.at_once):
        logits = decoder.prefill(ids[first : first + decoder.at_once], cache, sequence)
    torch.cuda.synchronize()
    seconds = time.perf_counter() - began
    cache.close(sequence)
    return seconds, logits


def first_token(decoder: Decoder, cache: PagedCache, step: CapturedStep, ids: Tensor) -> float:
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


def error_of(name: str, at_once: Sequence[int]) -> float:
    """Relative error of the logits after a prompt, read by four layers so many chunks at once, the
    largest, beside those of PyTorch's single operations, a chunk at a time, and of products in
    bf16."""
    decoder = random_decoder(name, sparsity=ON_GPU, layers=4)
    cache = decoder.new_cache(CHECKED + 4_096)
    ids = torch.randint(0, 100_000, (CHECKED,))
    found = []
    for chunks in at_once:
        decoder.at_once, before = chunks * decoder.chunk, int(decoder.pages_skipped)
        found.append(read(decoder, cache, ids)[1])
        assert int(decoder.pages_skipped) > before, "nothing was left out"
    decoder.at_once, decoder._reader = decoder.chunk, None
    decoder.kernels = replace(decoder.kernels, prefill_attention=single_operations)
    wanted = read(decoder, cache, ids)[1]
    return largest(float((logits - wanted).norm() / wanted.norm()) for logits in found)


def single_operations(
    queries: Tensor, pages: Pages, table: Tensor, selected: Tensor, start: int,
    tail: tuple[Tensor, Tensor], bias: KeyBias | None,
) -> Tensor:  # fmt: skip
    """As `naive.prefill_attention`, float32 on the GPU, a KV head at a time."""
    own = torch.arange(start // PAGE, table.shape[0], device=table.device)
    filled = start + queries.shape[0] - table.shape[0] * PAGE
    which = torch.cat((selected, own.expand(selected.shape[0], -1)), dim=1)
    keys, values = naive._read(pages, table, which, bias)
    ends = tail[0][:, :filled]
    if bias is not None:
        ends = ends + bias.at(torch.arange(filled, device=table.device) + table.shape[0] * PAGE)
    keys, values = torch.cat((keys, ends), dim=1), torch.cat((values, tail[1][:, :filled]), dim=1)
    seen = torch.ones(queries.shape[0], keys.shape[1], dtype=torch.bool, device=table.device)
    seen = seen.tril(keys.shape[1] - queries.shape[0])
    groups = queries.float().view(len(queries), len(keys), -1, queries.shape[2]).permute(1, 2, 0, 3)
    out = []
    for query, key, value in zip(groups, keys, values, strict=True):
        scores = (query @ key.mT * query.shape[-1] ** -0.5).masked_fill_(~seen, -torch.inf)
        out.append(scores.softmax(dim=-1) @ value)
    return torch.cat(out).transpose(0, 1).to(queries.dtype)


def kernels_of(decoder: Decoder, cache: PagedCache, ids: Tensor) -> None:
    """Print what the time of a prompt goes to."""
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CUDA, ProfilerActivity.CPU]) as profiled:
        read(decoder, cache, ids)
    told = sorted(profiled.key_averages(), key=lambda e: -e.self_device_time_total)
    for event in told[:22]:
        ms = event.self_device_time_total / 1e3
        print(f"    {ms:8.2f} ms {event.count:6d} x {event.key[:90]}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="qwen-7b")
    parser.add_argument("--tokens", type=int, default=32_768)
    parser.add_argument(
        "--at-once",
        default="1,4,16",
        help="chunks that are read together, besides as many as this GPU takes",
    )
    parser.add_argument("--profile", action="store_true")
    chosen = parser.parse_args()
    torch.manual_seed(0)
    decoder = random_decoder(chosen.model, sparsity=ON_GPU)
    most = placement.chunks_at_once(decoder.config, chosen.tokens, placement.free_bytes())
    at_once = list(dict.fromkeys([*map(int, chosen.at_once.split(",")), most]))
    found: dict[str, Any] = {
        "benchmark": "gpu_prefill", "device": torch.cuda.get_device_name(), "model": chosen.model,
        "tokens": chosen.tokens, "products": DeviceNF4.path, "chunks": most,
        "error": error_of(chosen.model, at_once),
    }  # fmt: skip
    print(f"{found['device']}, {chosen.model}, {found['products']}: error {found['error']:.1e}")
    if not found["error"] < LARGEST_ERROR:
        raise SystemExit("not the same logits: NOT TIMED")
    placement.release()
    cache = decoder.new_cache(chosen.tokens + 4_096)
    step = CapturedStep(decoder, cache, tokens=8_192)
    step.warm_up()
    ids = torch.randint(0, 100_000, (chosen.tokens,))
    for chunks in at_once:
        decoder.at_once = chunks * decoder.chunk
        read(decoder, cache, ids)
        torch.cuda.reset_peak_memory_stats()
        held = torch.cuda.memory_allocated()
        seconds = median(read(decoder, cache, ids)[0] for _ in range(3))
        taken = torch.cuda.max_memory_allocated() - held
        bound = placement.reading_bytes(decoder.config, chosen.tokens, chunks)
        first = median(first_token(decoder, cache, step, ids[:SHORT]) for _ in range(5))
        found |= {
            f"prefill_s_{chunks}": seconds, f"first_token_ms_{chunks}": first * 1e3,
            f"reading_gb_{chunks}": taken / 1e9, f"bound_gb_{chunks}": bound / 1e9,
        }  # fmt: skip
        print(
            f"{chosen.tokens} tokens, {chunks} chunks at once (this GPU's: {most}): "
            f"{seconds:.3f} s; first token after {SHORT}: {first * 1e3:.1f} ms; reading takes "
            f"{taken / 1e9:.2f} GB, bound {bound / 1e9:.2f}",
            flush=True,
        )
        if chosen.profile and chunks == most:
            kernels_of(decoder, cache, ids)
    line = json.dumps(found)
    if os.environ.get("OUT"):
        Path(os.environ["OUT"], "gpu_prefill.json").write_text(line, "utf-8")
    print(line)


if __name__ == "__main__":
    main()
