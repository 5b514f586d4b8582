"""Does a model fit a small GPU with a long prompt in lean mode, values in 4 bit? By the allocator.

    python benchmarks/gpu_lean.py [--model qwen-14b] [--context 100000] [--limit 20]

An engine of random weights at the real shape, its cache as large as the context and no larger,
reads a prompt that fills it and writes a short answer, all layers, all pages. PyTorch is refused
memory beyond the limit (GB): what is told was enough. "Held" is what stays, weights and pages for
the most part; the peaks are those of all that happens while a prompt is read and while an answer is
written. What is written is not checked here. Prints lines, then one line of JSON, which also goes
to $OUT/gpu_lean.json.
"""

from __future__ import annotations

import argparse
from typing import Any

import torch
from gpu_answer import byte_chat
from gpu_models import random_decoder
from gpu_timing import finish

from vademecum.model.cache import PagedCache
from vademecum.model.engine import Engine
from vademecum.model.interface import Finished, GenerationOptions, Token
from vademecum.model.kernels import PAGE
from vademecum.model.sparsity import ON_GPU

TOKENS = 200  # of an answer


def measure(name: str, context: int) -> dict[str, Any]:
    """Bytes in GB, as `found` names them, and how long it took."""
    gb = 1e-9
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
    prompt = torch.randint(0, 256, (context - TOKENS,)).tolist()
    torch.cuda.reset_peak_memory_stats()
    tokens, reserved = 0, 0
    for event in engine.stream_ids(prompt, GenerationOptions(max_tokens=TOKENS, draft=False)):
        if isinstance(event, Token) and not tokens:
            found["reading_gb"] = torch.cuda.max_memory_allocated() * gb
            reserved = torch.cuda.max_memory_reserved()
            torch.cuda.reset_peak_memory_stats()
        tokens += isinstance(event, Token)
        if isinstance(event, Finished):
            found |= {"read_s": event.stats.prefill_s, "ms": 1e3 / event.stats.decode_tok_s}
    found["writing_gb"] = torch.cuda.max_memory_allocated() * gb
    found["reserved_gb"] = max(reserved, torch.cuda.max_memory_reserved()) * gb
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="qwen-14b")
    parser.add_argument("--context", type=int, default=100_000)
    parser.add_argument("--limit", type=float, default=20.0)
    chosen = parser.parse_args()
    torch.manual_seed(0)
    every = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(min(1.0, chosen.limit * 1e9 / every))
    found = measure(chosen.model, chosen.context) | {"tokens": chosen.context}
    print(
        f"{chosen.model}, {chosen.context:,} tokens, values in 4 bit: held {found['held_gb']:.2f} "
        f"GB, of which weights {found['weights_gb']:.2f} and pages {found['pages_gb']:.2f}; at "
        f"most {found['reading_gb']:.2f} while the prompt is read ({found['read_s']:.1f} s), "
        f"{found['writing_gb']:.2f} while the answer is written ({found['ms']:.2f} ms a token); "
        f"reserved {found['reserved_gb']:.2f}",
        flush=True,
    )
    finish("gpu_lean", found)


if __name__ == "__main__":
    main()
