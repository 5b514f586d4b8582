"""Does sparse attention find and foresee what dense attention does, and what does it take?

    python benchmarks/long_context.py --text FILE [--preset small] [--lengths 4096,8192,16384,28672]
                                      [--read 14336] [--write 2048]

Needles: one haystack of each length out of FILE, 50 sentences with a number hidden at evenly spread
depths, and a question for each of them, asked of the prompt in the cache, without drafting.
Perplexity: `--read` tokens of FILE are read as a prompt, the next `--write` are written one by one,
as an answer is; what the model gave each of them counts.
Memory: the cache's tensors, all metadata included, beside bf16 without any; and the most that the
process ever held. Every measurement is a process of its own. Pages are counted where they are read.
Prints a table, then one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch
from material import surroundings, text_of, tokens_of, whole_numbers

from vademecum.model.engine import Engine
from vademecum.model.interface import Finished, GenerationOptions
from vademecum.model.presets import preset

NAMES = (
    "amber birch cobalt daisy ember fern garnet hazel indigo jasper kelp lotus maple nectar onyx "
    "pearl quartz raven saffron topaz umber violet willow xenon yarrow zephyr acorn basil cedar "
    "denim elder flint ginger heron iris juniper koala lilac mango nutmeg olive poppy quill rowan "
    "sage thistle urchin vanilla walnut yucca"
).split()
SIDES = ("sparse", "dense")
# (attention, how keys and values are kept)
FORESEEING = (("sparse", "int8"), ("dense", "int8"), ("sparse", "k8v4"), ("dense", "plain"))
SYSTEM = "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n"
BF16_BYTES = 2


def haystack(engine: Engine, text: str, length: int) -> tuple[list[int], dict[str, str]]:
    """About `length` tokens of text with a needle for every name, and the number of each."""
    chance = random.Random(0)
    numbers = {name: str(chance.randrange(10_000, 99_999)) for name in NAMES}
    needles = [_ids(engine, f" The access code of {n} is {numbers[n]}.") for n in NAMES]
    chance.shuffle(needles)
    body = tokens_of(engine._chat, text, length - sum(map(len, needles)))
    decode = engine._chat.tokenizer.decode
    ends = {at for at, token in enumerate(body) if decode([token]).strip().endswith(".")}
    found, last = [], 0
    for n, needle in enumerate(needles):
        at = int((n + 0.5) * len(body) / len(needles))
        while at not in ends and at < len(body) - 1:
            at += 1
        found += body[last : at + 1] + needle
        last = at + 1
    start = _ids(engine, f"{SYSTEM}Remember the access codes in this text.\n\n")
    return start + found + body[last:], numbers


def question(engine: Engine, name: str) -> list[int]:
    """What asks for a number, up to where the answer begins."""
    return _ids(
        engine,
        f"\n\nWhat is the access code of {name}? Answer with the number only.<|im_end|>\n"
        f"<|im_start|>assistant\nThe access code of {name} is ",
    )


def needles(engine: Engine, text: str, length: int) -> dict[str, Any]:
    """Which of the numbers are told, and what it took."""
    prompt, numbers = haystack(engine, text, length)
    began = time.perf_counter()
    _, first = _write(engine, prompt, 1)
    read_s = time.perf_counter() - began
    found, asked_s = [], 0.0
    stats = [first.stats]
    for name in NAMES:
        began = time.perf_counter()
        told, last = _write(engine, prompt + question(engine, name), 9)
        asked_s += time.perf_counter() - began
        stats.append(last.stats)
        found.append(numbers[name] in told)
    return {
        "tokens": len(prompt),
        "found": found,
        "read_s": round(read_s, 1),
        "asked_s": round(asked_s, 1),
        "reused": stats[-1].prompt_reused,
        # Of reading and of answering apart: the first is the haystack's.
        "pages_skipped": [first.stats.extra["pages_skipped"], _skipped(stats[1:])],
        "pages_read": [
            first.stats.extra["pages_read"],
            sum(s.extra["pages_read"] for s in stats[1:]),
        ],
    }


def perplexity(engine: Engine, text: str, read: int, write: int) -> dict[str, Any]:
    """Of `write` tokens after `read` others, through the path that writes answers."""
    decoder, cache = engine._open()
    ids = torch.tensor(tokens_of(engine._chat, text, read + write))
    sequence = cache.open(ids[:read].tolist(), read + write)
    began = time.perf_counter()
    for start in range(0, read, decoder.chunk):
        logits = decoder.prefill(ids[start : min(start + decoder.chunk, read)], cache, sequence)
    read_s = time.perf_counter() - began
    before = int(decoder.pages_skipped)
    surprise = 0.0
    began = time.perf_counter()
    for at in range(read, read + write):
        surprise -= float(logits.log_softmax(0)[ids[at]])
        logits = decoder.decode(ids[at : at + 1], cache, sequence)[0]
        decoder.keep(1, cache, sequence)
    return {
        "perplexity": round(math.exp(surprise / write), 4),
        "read_s": round(read_s, 1),
        "tok_s": round(write / (time.perf_counter() - began), 1),
        "pages_skipped": [before, int(decoder.pages_skipped) - before],
    }


def memory(engine: Engine) -> dict[str, Any]:
    """The cache's tensors a token, beside bf16 keys and values alone; and the process's peak."""
    decoder, cache = engine._open()
    held = sum(t.numel() * t.element_size() for store in cache.stores for t in store.tensors())
    config = decoder.config
    bf16 = 2 * config.layers * config.kv_heads * config.head_dim * BF16_BYTES
    tokens = cache.pages * 32
    return {
        "kv_bytes_per_token": held / tokens,
        "kv_share_of_bf16": round(held / tokens / bf16, 4),
        "cache_tokens": tokens,
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def _skipped(stats: list[Any]) -> int:
    return sum(s.extra["pages_skipped"] for s in stats)


def _ids(engine: Engine, text: str) -> list[int]:
    ids: list[int] = engine._chat.tokenizer.encode(text, add_special_tokens=False).ids
    return ids


def _write(engine: Engine, prompt: list[int], tokens: int) -> tuple[str, Finished]:
    options = GenerationOptions(temperature=0, max_tokens=tokens, draft=False)
    *events, last = engine.stream_ids(prompt, options)
    assert isinstance(last, Finished)
    return "".join(event.text for event in events if not isinstance(event, Finished)), last


def one(task: dict[str, Any], chosen: argparse.Namespace) -> dict[str, Any]:
    """One measurement, in this process."""
    text = text_of(chosen.text)
    engine = Engine.load(
        chosen.preset,
        attention=task["attention"],
        kv=task["kv"],
        context=task["context"],
        threads=chosen.threads,
    )
    what = task["what"]
    if what == "needles":
        return needles(engine, text, task["length"]) | memory(engine)
    return perplexity(engine, text, task["read"], task["write"]) | memory(engine)


def measured(task: dict[str, Any]) -> dict[str, Any]:
    """The same in a process of its own."""
    command = [sys.executable, *sys.argv, "--one", json.dumps(task)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return task | found


def needle_rows(lengths: list[int]) -> list[dict[str, Any]]:
    """Both sides at every length, and how far apart they are."""
    rows = []
    print(f"{'needles':<10}{'':<8}{'found':>6}{'read s':>8}{'ask s':>8}  pages skipped    peak GB")
    for length in lengths:
        for side in SIDES:
            task = {"what": "needles", "attention": side, "kv": "int8", "length": length}
            row = measured(task | {"context": length + 512})
            rows.append(row)
            print(
                f"{length:<10}{side:<8}{sum(row['found']):>6}{row['read_s']:>8}{row['asked_s']:>8}"
                f"  {row['pages_skipped']!s:<17}{row['peak_bytes'] / 1e9:.2f}",
                flush=True,
            )
    return rows


def agreement(rows: list[dict[str, Any]]) -> dict[str, int]:
    """Found by each side, over all lengths, and by one of them only."""
    found: dict[str, list[bool]] = {side: [] for side in SIDES}
    for row in rows:
        found[row["attention"]] += row["found"]
    sparse, dense = (found[side] for side in SIDES)
    pairs = list(zip(sparse, dense, strict=True))
    return {
        "asked": len(sparse),
        "sparse": sum(sparse),
        "dense": sum(dense),
        "only_sparse": sum(a and not b for a, b in pairs),
        "only_dense": sum(b and not a for a, b in pairs),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--text", type=Path, required=True, help="a long text, .gz too")
    parser.add_argument("--preset", default="small")
    parser.add_argument("--lengths", default="4096,8192,16384,28672")
    parser.add_argument("--read", type=int, default=14_336, help="0: no perplexity")
    parser.add_argument("--write", type=int, default=2_048)
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.one:
        print(json.dumps(one(json.loads(chosen.one), chosen)))
        return

    lengths = whole_numbers(chosen.lengths) if chosen.lengths else []
    longest = preset(chosen.preset).context - 512
    if lengths and lengths[-1] > longest:
        raise SystemExit(f"error: {chosen.preset} takes prompts of at most {longest:,} tokens")
    found = needle_rows(lengths)
    told = agreement(found)
    if found:
        print(told, flush=True)
    foreseen = []
    if chosen.read:
        print(f"{'perplexity':<18}{'':>9}{'read s':>8}{'tok/s':>7}  KV of bf16  peak GB")
        for attention, kv in FORESEEING:
            task = {"what": "perplexity", "attention": attention, "kv": kv}
            task |= {"read": chosen.read, "write": chosen.write}
            row = measured(task | {"context": chosen.read + chosen.write + 32})
            foreseen.append(row)
            print(
                f"{attention + ', ' + kv:<18}{row['perplexity']:>9.3f}{row['read_s']:>8}"
                f"{row['tok_s']:>7}  {row['kv_share_of_bf16']:<10.1%}  "
                f"{row['peak_bytes'] / 1e9:.2f}",
                flush=True,
            )
    print(
        json.dumps(
            {
                "benchmark": "long_context",
                "preset": chosen.preset,
                "text": chosen.text.name,
                "needles": [row | {"found": sum(row["found"])} for row in found],
                "agreement": told,
                "perplexity": foreseen,
                **surroundings("torch", "bitsandbytes"),
            }
        )
    )


if __name__ == "__main__":
    main()
