"""Whole answers on a GPU, as an engine gives them: tokens a second with all that the host does.

    python benchmarks/gpu_answer.py [--model qwen-7b] [--prompt 2048] [--tokens 400]

Random weights at a real shape; text is bytes of no meaning. Each way is run twice and the second is
told: the first captures what it needs. Prints lines, then one line of JSON, which also goes to
$OUT/gpu_answer.json.
"""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from gpu_models import random_decoder
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from vademecum.model.chat import Chat
from vademecum.model.engine import Engine
from vademecum.model.interface import Finished, GenerationOptions
from vademecum.model.sparsity import ON_GPU

TEMPLATE = "{% for m in messages %}{{ m.content }}{% endfor %}"


def byte_chat() -> Chat:
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(
        models.BPE(vocab={letter: n for n, letter in enumerate(letters)}, merges=[])
    )
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return Chat(tokenizer, TEMPLATE, bos_id=None, eos_ids=[], reasons=False)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="qwen-7b")
    parser.add_argument("--prompt", type=int, default=2_048)
    parser.add_argument("--tokens", type=int, default=400)
    chosen = parser.parse_args()
    torch.manual_seed(0)
    found: dict[str, Any] = {
        "benchmark": "gpu_answer", "device": torch.cuda.get_device_name(), "model": chosen.model,
    }  # fmt: skip
    decoder = random_decoder(chosen.model, sparsity=ON_GPU)
    engine = Engine(
        decoder, byte_chat(), name=chosen.model, eos_ids=[], context=32_768, quantization="nf4"
    )
    options = GenerationOptions(max_tokens=chosen.tokens, draft=False)
    ways = {
        "plain": (options, ()),
        "with drafts": (replace(options, draft=True), ()),
        "watched": (options, (range(100, 900), range(900, 1_900))),
        "greedy, with drafts": (replace(options, draft=True, temperature=0), ()),
        "two sources may be cited": (replace(options, sources=2), ()),
    }
    for name, (way, watched) in ways.items():
        for n in range(2):
            # Another prompt each time: what was read once would be reused.
            prompt = torch.randint(0, 256, (chosen.prompt,)).tolist()
            *_, last = engine.stream_ids(prompt, replace(way, seed=n), watched=watched)
        assert isinstance(last, Finished)
        stats = last.stats
        found[name] = {
            "tok_s": stats.decode_tok_s, "first_token_ms": stats.prefill_s * 1e3,
            "drafted": stats.drafted, "accepted": stats.accepted,
        }  # fmt: skip
        print(
            f"{name:<26}{stats.decode_tok_s:8.1f} tokens/s  first after {stats.prefill_s * 1e3:.1f}"
            f" ms  {stats.accepted} of {stats.drafted} drafted were right",
            flush=True,
        )
    line = json.dumps(found)
    if os.environ.get("OUT"):
        Path(os.environ["OUT"], "gpu_answer.json").write_text(line, "utf-8")
    print(line)


if __name__ == "__main__":
    main()
