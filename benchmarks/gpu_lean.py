"""Does a model fit a small GPU with a long prompt in lean mode, values in 4 bit? By the allocator.

    python benchmarks/gpu_lean.py [--model qwen-14b] [--context 100000] [--limit 20]

An engine of random weights at the real shape, its cache as large as the context and no larger,
reads a prompt that fills it and writes a short answer, as it would for anyone: all layers, all
pages, two texts watched, drafts allowed; then steps of every length of a draft. PyTorch is refused
memory beyond the limit (GB): what is told was enough. "Held" is what stays, weights and pages for
the most part; the peaks are those of all that happens while a prompt is read and while an answer is
written. Nothing is told unless the logits of that answer and its shares of attention are finite
and, with the limit lifted, a step at that depth comes to the decoder's logits (`gpu_step.py`).
Prints lines, then one line of JSON, which also goes to $OUT/gpu_lean.json.
"""

from __future__ import annotations

import argparse
import math
from typing import Any

import torch
from gpu_answer import byte_chat
from gpu_models import fill, random_decoder
from gpu_step import BEHIND, LARGEST_ERROR, check_about, queries
from gpu_timing import finish, passes

from vademecum.model.cache import PagedCache
from vademecum.model.captured import CapturedStep
from vademecum.model.decoder import Decoder
from vademecum.model.engine import Engine
from vademecum.model.interface import Finished, GenerationOptions, Token
from vademecum.model.kernels import PAGE
from vademecum.model.sparsity import ON_GPU

TOKENS = 200  # of an answer
WATCHED = (range(100, 900), range(50_000, 51_000))


def limited(gb: float) -> None:
    """Let PyTorch take no more memory than so much of the GPU's."""
    every = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(min(1.0, gb * 1e9 / every))


def draft(decoder: Decoder, cache: PagedCache, step: CapturedStep, context: int) -> None:
    """Steps of a token and every length of a draft behind it, watched, near the end of a cache."""
    sequence = cache.open([], context)
    sequence.length = (context - PAGE) // PAGE * PAGE
    sequence.asked = queries(decoder)
    sequence.mass = torch.zeros(step.most_rows, sequence.table.shape[0] + 1)
    step.begin(sequence, GenerationOptions())
    for rows in (1 + tokens for tokens in step.shapes.drafts):
        step.feed([17] * rows)
        step.run(rows)
        step.fetch_mass(rows)
        step.fetch(rows)()
        step.go_to(sequence.length)
    cache.close(sequence)


def measure(name: str, context: int, limit: float) -> dict[str, Any]:
    """Bytes in GB, as `found` names them, and how long it took. Exits if what was written is
    wrong."""
    gb = 1e-9
    limited(limit)
    decoder = random_decoder(name, kv="k8v4", sparsity=ON_GPU)
    torch.cuda.synchronize()
    found: dict[str, Any] = {"model": name, "weights_gb": torch.cuda.memory_allocated() * gb}
    config = decoder.config
    page = PagedCache.bytes_per_page(
        config.layers, config.kv_heads, config.head_dim, decoder.kv, decoder.dtype
    )
    found["pages_gb"] = -(-context // PAGE) * page * gb
    engine = Engine(
        decoder, byte_chat(), name=name, eos_ids=[], context=context, quantization="nf4",
        cache_bytes=-(-context // PAGE) * page,
    )  # fmt: skip
    if engine.context_length < context:
        raise RuntimeError(f"the engine has room for {engine.context_length} tokens")
    found["held_gb"] = torch.cuda.memory_allocated() * gb
    step, (_, cache) = engine._captured, engine._open()
    assert step is not None
    prompt = torch.randint(0, 256, (context - TOKENS,)).tolist()
    torch.cuda.reset_peak_memory_stats()
    tokens, reserved, shares = 0, 0, torch.empty(0)
    for event in engine.stream_ids(prompt, GenerationOptions(TOKENS), watched=WATCHED):
        if isinstance(event, Token) and not tokens:
            found["reading_gb"] = torch.cuda.max_memory_allocated() * gb
            reserved = torch.cuda.max_memory_reserved()
            torch.cuda.reset_peak_memory_stats()
        tokens += isinstance(event, Token)
        if isinstance(event, Finished):
            shares = torch.tensor(event.stats.attention)
            found |= {"read_s": event.stats.prefill_s, "ms": 1e3 / event.stats.decode_tok_s}
    finite = bool(torch.isfinite(step.logits[0]).all()) and bool(torch.isfinite(shares).all())
    draft(decoder, cache, step, context)
    found["writing_gb"] = torch.cuda.max_memory_allocated() * gb
    found["reserved_gb"] = max(reserved, torch.cuda.max_memory_reserved()) * gb
    if not finite or len(shares) != len(WATCHED):
        raise SystemExit(f"{name}: logits or shares of attention are not finite: NOT TIMED")
    limited(math.inf)  # the decoder's own attention reads all pages in float32
    fill(cache)
    error = check_about(decoder, cache, step, context - PAGE * 4 - max(BEHIND), watched=True)
    if not passes(f"{name} {context}", error, LARGEST_ERROR):
        raise SystemExit(1)
    return found | {"error": error}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="qwen-14b")
    parser.add_argument("--context", type=int, default=100_000)
    parser.add_argument("--limit", type=float, default=20.0)
    chosen = parser.parse_args()
    torch.manual_seed(0)
    found = measure(chosen.model, chosen.context, chosen.limit) | {"tokens": chosen.context}
    print(
        f"{chosen.model}, {chosen.context:,} tokens, values in 4 bit: held {found['held_gb']:.2f} "
        f"GB, of which weights {found['weights_gb']:.2f} and pages {found['pages_gb']:.2f}; at "
        f"most {found['reading_gb']:.2f} while the prompt is read ({found['read_s']:.1f} s), "
        f"{found['writing_gb']:.2f} while the answer is written ({found['ms']:.2f} ms a token); "
        f"reserved {found['reserved_gb']:.2f}; error of a step {found['error']:.1e}",
        flush=True,
    )
    finish("gpu_lean", found)


if __name__ == "__main__":
    main()
