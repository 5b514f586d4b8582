"""Does a GPU write what float32 writes on the processor, and find what stands far back?

    python benchmarks/gpu_quality.py --preset small --reference FILE                # anywhere
    python benchmarks/gpu_quality.py --preset small --check FILE [--device cpu]     # on the GPU
    python benchmarks/gpu_quality.py --preset small --text LONG --lengths 4096,8192,16384,28672

The reference: the same NF4 weights in float32, keys and values as computed, every page read,
greedy. It keeps the highest log-probabilities of each token. The check follows the same tokens
through what writes answers, then writes freely: where a token is another, the reference's lead of
its own token tells whether that hung by a hair. Then everything is written with drafts and without.
Needles are those of long_context.py, sparse and dense in one process. Prints lines, then one line
of JSON, which also goes to $OUT/gpu_quality.json.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import torch
from gpu_timing import largest
from long_context import NAMES, haystack, needles, question
from material import chat_of, surroundings, text_of, whole_numbers
from torch import Tensor

from vademecum.app.bench import prose
from vademecum.model import weights
from vademecum.model.decoder import Decoder
from vademecum.model.engine import Engine
from vademecum.model.interface import Finished, GenerationOptions, Message, Stats
from vademecum.model.kernels import NAIVE
from vademecum.model.linear import QuantizedLinear

TRIAL = (
    "In a randomised trial, 1,204 adults with type 2 diabetes received metformin or placebo for 24 "
    "months. HbA1c fell by 1.1 points with metformin and by 0.2 with placebo. Nausea was reported "
    "by 18% and 7%. Two participants stopped because of lactic acidosis. "
)
ASKED = (
    "What is the capital of France?",
    "Explain in one paragraph how aspirin works.",
    "List three symptoms of iron deficiency.",
    "What is 17 times 23? Think step by step.",
    "Write a Python function that reverses a string.",
    "高血压的常见症状有哪些?",
    "What is the difference between a virus and a bacterium?",
    "Give me a recipe for lentil soup.",
    f"{TRIAL}What did the trial find? Quote the sentences that say so.",
    f"Repeat word for word: {TRIAL * 3}",
    f"{TRIAL * 20}Summarise this.",
    "Repeat this list twice: red, green, blue, yellow, black, white, red, green, blue.",
)
COPIES = 24  # more prompts, whose answers copy
KEPT = 16  # of each token's log-probabilities, the highest


def reference(preset: str, tokens: int) -> list[dict[str, Any]]:
    """Greedy answers in float32, and the highest log-probabilities at each of their tokens."""
    loaded = weights.load(preset, "nf4")
    plain: dict[str, Tensor] = {
        name: tensor.dequantize(torch.float32)
        if isinstance(tensor, QuantizedLinear)
        else tensor.float()
        for name, tensor in loaded.tensors.items()
    }
    decoder = Decoder(loaded.config, plain, kernels=NAIVE, dtype=torch.float32)
    chat = chat_of(preset)
    cases = []
    for asked in ASKED:
        prompt = chat.encode([Message("user", asked)])
        cache = decoder.new_cache(len(prompt) + tokens)
        sequence = cache.open(prompt, len(prompt) + tokens)
        ids = torch.tensor(prompt)
        for at in range(0, len(prompt), decoder.chunk):
            logits = decoder.prefill(ids[at : at + decoder.chunk], cache, sequence)
        case: dict[str, Any] = {"prompt": prompt, "tokens": [], "highest": []}
        while len(case["tokens"]) < tokens:
            values, found = logits.log_softmax(0).topk(KEPT)
            case["highest"].append([found.tolist(), values.tolist()])
            case["tokens"].append(int(found[0]))
            if case["tokens"][-1] in loaded.eos_ids:
                break
            logits = decoder.decode(found[:1], cache, sequence)[0]
            decoder.keep(1, cache, sequence)
        cases.append(case)
        print(f"{len(prompt):6} tokens read, {len(case['tokens'])} written", flush=True)
    return cases


def follow(engine: Engine, prompt: list[int], tokens: list[int]) -> list[Tensor]:
    """The log-probabilities before each of `tokens`, from what writes answers on this engine."""
    decoder, cache = engine._open()
    step = engine._captured
    sequence = cache.open(prompt, len(prompt) + len(tokens))
    ids = torch.tensor(prompt)
    for at in range(sequence.length, len(prompt), decoder.chunk):
        logits = decoder.prefill(ids[at : at + decoder.chunk], cache, sequence)
    found = [logits.log_softmax(0).cpu()]
    if step:
        step.begin(sequence, GenerationOptions(temperature=0))
    for token in tokens[:-1]:
        if step:
            step.feed([token])
            step.run()
            logits = step.logits[0]
        else:
            logits = decoder.decode(torch.tensor([token]), cache, sequence)[0]
            decoder.keep(1, cache, sequence)
        found.append(logits.log_softmax(0).cpu())
    cache.close(sequence)
    return found


def write(
    engine: Engine, prompt: list[int], tokens: int, *, draft: bool, temperature: float = 0
) -> tuple[list[int], Stats]:
    """The tokens of an answer, what ends it not among them, and what it took."""
    options = GenerationOptions(temperature=temperature, max_tokens=tokens, draft=draft, seed=1)
    *events, last = engine.stream_ids(prompt, options)
    assert isinstance(last, Finished)
    return [event.id for event in events if not isinstance(event, Finished)], last.stats


def first_other(a: list[int], b: list[int]) -> int | None:
    """Where two answers part; None where one begins the other."""
    return next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), None)


def lead(highest: list[Any]) -> float:
    """By how much the first choice was more probable than the second, in log-probability."""
    return float(highest[1][0] - highest[1][1])


def check(engine: Engine, cases: list[dict[str, Any]]) -> dict[str, Any]:
    """How far this engine is from the reference."""
    followed, other, errors, parted = 0, [], [], []
    for case in cases:
        prompt, tokens = case["prompt"], case["tokens"]
        for ours, highest in zip(follow(engine, prompt, tokens), case["highest"], strict=True):
            ids, theirs = torch.tensor(highest[0]), torch.tensor(highest[1])
            errors.append(float((ours[ids] - theirs).square().mean().sqrt()))
            followed += 1
            if int(ours.argmax()) != highest[0][0]:
                other.append(lead(highest))
        free, _ = write(engine, prompt, len(tokens), draft=False)
        at = first_other(free, tokens)
        if at is not None:
            parted.append(lead(case["highest"][at]))
    errors.sort()
    return {
        "answers": len(cases),
        "tokens": followed,
        "other_tokens": len(other),
        "largest_lead_lost": largest([0.0, *other]),
        "error_median": errors[len(errors) // 2],
        "error_95": errors[int(0.95 * len(errors))],
        "error_largest": largest(errors),
        "answers_parted": len(parted),
        "largest_lead_where_parted": largest([0.0, *parted]),
    }


def drafting(engine: Engine, cases: list[dict[str, Any]], tokens: int) -> dict[str, Any]:
    """Whether drafts change what is written, most of it copied: greedily and drawn."""
    texts = [f"Repeat word for word: {prose(80, seed)}" for seed in range(COPIES)]
    prompts = [case["prompt"] for case in cases]
    prompts += [engine._chat.encode([Message("user", text)]) for text in texts]
    found: dict[str, Any] = {"answers": len(prompts), "drafted": 0, "accepted": 0, "tokens": 0}
    for name, temperature in (("greedy", 0.0), ("drawn", 0.8)):
        same, leads = 0, []
        for prompt in prompts:
            plain, _ = write(engine, prompt, tokens, draft=False, temperature=temperature)
            told, stats = write(engine, prompt, tokens, draft=True, temperature=temperature)
            same += told == plain
            at = first_other(told, plain)
            if at is not None:
                before = follow(engine, prompt, plain[: at + 1])[at]
                leads.append(abs(float(before[told[at]] - before[plain[at]])))
            for key, count in (("drafted", stats.drafted), ("accepted", stats.accepted)):
                found[key] += count
            found["tokens"] += len(told)
        found |= {f"{name}_same": same, f"{name}_largest_lead_lost": largest([0.0, *leads])}
    return found


def long(preset: str, device: Any, text: str, lengths: list[int]) -> list[dict[str, Any]]:
    """Needles at every length, sparse and dense, and whether borrowed pages change an answer."""
    rows = []
    for attention in ("sparse", "dense"):
        engine = Engine.load(preset, attention=attention, device=device, context=lengths[-1] + 512)
        for length in lengths:
            prompt, _ = haystack(engine, text[len(text) // 2 :], length)  # not what is read below
            asked = prompt + question(engine, NAMES[0])
            fresh, borrowed = (write(engine, asked, 9, draft=False)[0] for _ in range(2))
            began = time.perf_counter()
            row = {"attention": attention, "length": length} | needles(engine, text, length)
            row |= {"found": sum(row["found"]), "which": row["found"], "same": fresh == borrowed}
            row["s"] = round(time.perf_counter() - began, 1)
            rows.append(row)
            print(
                f"{length:6} {attention:<7}{row['found']:3} of {len(NAMES)}  read {row['read_s']} s"
                f"  asked {row['asked_s']} s  skipped {row['pages_skipped']}",
                flush=True,
            )
        engine.close()
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--preset", default="small")
    parser.add_argument("--device", default="cuda", choices=("cpu", "cuda"))
    parser.add_argument("--tokens", type=int, default=96, help="of each answer, at most")
    parser.add_argument("--reference", type=Path, help="write it to this file, and stop")
    parser.add_argument("--check", type=Path, help="a reference")
    parser.add_argument("--text", type=Path, help="a long text, .gz too: needles")
    parser.add_argument("--lengths", default="4096,8192,16384,28672")
    chosen = parser.parse_args()
    if chosen.reference:
        chosen.reference.write_text(json.dumps(reference(chosen.preset, chosen.tokens)), "utf-8")
        return
    found: dict[str, Any] = {"benchmark": "gpu_quality", "preset": chosen.preset}
    if chosen.check:
        engine = Engine.load(chosen.preset, device=chosen.device)
        report = engine.report()
        found |= {"device": report["device"], "writing": report["writing"]}
        cases = json.loads(chosen.check.read_text("utf-8"))
        found["check"] = check(engine, cases)
        found["drafting"] = drafting(engine, cases, chosen.tokens)
        for what in ("check", "drafting"):
            print(json.dumps(found[what], indent=2), flush=True)
        engine.close()
    if chosen.text:
        lengths = whole_numbers(chosen.lengths)
        found["needles"] = long(chosen.preset, chosen.device, text_of(chosen.text), lengths)
    line = json.dumps(found | surroundings("torch"))
    if os.environ.get("OUT"):
        Path(os.environ["OUT"], "gpu_quality.json").write_text(line, "utf-8")
    print(line)


if __name__ == "__main__":
    main()
