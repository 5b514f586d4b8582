"""How fast does the engine read a prompt and write an answer, against transformers?

    python benchmarks/engine.py [--preset small] [--depths 256,1500,4096] [--steps 32] [--rounds 3]

Ours in bf16 and NF4 and transformers in bf16 take turns, so that a change of the machine's load
meets all alike; the median of the rounds counts. A prompt of `depth` tokens is read, then `steps`
tokens are written greedily. Prints a table, then one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable
from importlib.metadata import version
from statistics import median
from typing import Any

from vademecum.model import weights
from vademecum.model.engine import Engine
from vademecum.model.interface import Finished, GenerationOptions

import torch  # isort: skip - after vademecum.model, which tells OpenMP how to wait

# (prompt ids, tokens to write) -> (seconds to the first token, seconds for the others)
Run = Callable[[list[int], int], tuple[float, float]]


def ours(engine: Engine) -> Run:
    """Our engine, through its public stream."""
    engine._eos = frozenset()  # every run writes as many tokens

    def run(prompt: list[int], steps: int) -> tuple[float, float]:
        *_, last = engine.stream_ids(prompt, GenerationOptions(temperature=0, max_tokens=steps))
        assert isinstance(last, Finished)
        return last.stats.prefill_s, last.stats.decode_s

    return run


def theirs(preset: str) -> Run:
    """transformers in bf16, its default attention and cache, one forward a token."""
    from transformers import AutoConfig, AutoModelForCausalLM

    loaded = weights.load(preset, "bf16")
    config = AutoConfig.from_pretrained(loaded.tokenizer_json.parent)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    model.load_state_dict(dict(loaded.tensors), strict=False)
    model.tie_weights()
    model.eval()

    @torch.inference_mode()
    def run(prompt: list[int], steps: int) -> tuple[float, float]:
        began = time.perf_counter()
        out = model(torch.tensor([prompt]), use_cache=True, logits_to_keep=1)
        token = out.logits[:, -1].argmax(-1, keepdim=True)
        first = time.perf_counter()
        for _ in range(steps - 1):
            out = model(token, past_key_values=out.past_key_values, use_cache=True)
            token = out.logits[:, -1].argmax(-1, keepdim=True)
        return first - began, time.perf_counter() - first

    return run


def measure(
    runs: dict[str, Run], depths: list[int], steps: int, rounds: int
) -> list[dict[str, Any]]:
    """One row for each depth and way: medians, in tokens a second."""
    rows = []
    for depth in depths:
        random = torch.Generator().manual_seed(depth)
        prompt = torch.randint(100, 20_000, (depth,), generator=random).tolist()
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
        for run in runs.values():
            run(prompt[:64], 2)  # warm up
        for _ in range(rounds):
            for name, run in runs.items():
                times[name].append(run(prompt, steps))
        for name, seen in times.items():
            prefill, decode = median(t[0] for t in seen), median(t[1] for t in seen)
            rows.append(
                {
                    "depth": depth,
                    "way": name,
                    "first_token_s": round(prefill, 3),
                    "prefill_tok_s": round(depth / prefill, 1),
                    "decode_tok_s": round((steps - 1) / decode, 1),
                }
            )
            print("{depth:>6}  {way:<18} {first_token_s:>8.2f} {prefill_tok_s:>9.0f} "
                  "{decode_tok_s:>8.1f}".format(**rows[-1]), flush=True)  # fmt: skip
    return rows


def processor() -> str:
    """The processor's name, where the system tells it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:  # noqa: PTH123 - not a real file
            names = [line.split(":")[1].strip() for line in file if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--preset", default="small")
    parser.add_argument("--depths", default="256,1500,4096")
    parser.add_argument("--steps", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()

    runs: dict[str, Run] = {}
    load_s = {}
    for quantization in ("nf4", "bf16"):
        began = time.perf_counter()
        engine = Engine.load(chosen.preset, quantization=quantization)
        load_s[quantization] = round(time.perf_counter() - began, 2)
        runs[f"ours {quantization}"] = ours(engine)
    runs["transformers bf16"] = theirs(chosen.preset)

    print(f"{'depth':>6}  {'way':<18} {'first s':>8} {'prefill/s':>9} {'decode/s':>8}")
    depths = [int(depth) for depth in chosen.depths.split(",")]
    rows = measure(runs, depths, chosen.steps, chosen.rounds)
    packages = ("torch", "transformers", "bitsandbytes", "vademecum")
    print(
        json.dumps(
            {
                "benchmark": "engine",
                "preset": chosen.preset,
                "steps": chosen.steps,
                "rounds": chosen.rounds,
                "load_s": load_s,
                "rows": rows,
                "versions": {name: version(name) for name in packages},
                "python": platform.python_version(),
                "machine": processor(),
                "threads": torch.get_num_threads(),
            }
        )
    )


if __name__ == "__main__":
    main()
