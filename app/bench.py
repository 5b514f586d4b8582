"""How fast the engine reads and writes here: the measuring behind `vademecum bench engine`."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from tokenizers import Tokenizer

from vademecum.errors import UsageError
from vademecum.model import weights
from vademecum.model.engine import AttentionKind, Engine
from vademecum.model.interface import Finished, GenerationOptions, Stats
from vademecum.model.kernels import KvKind
from vademecum.model.placement import DeviceKind
from vademecum.model.presets import Preset
from vademecum.model.weights import Quantization
from vademecum.progress import Progress

STEPS = 32  # tokens written in a run, after the first
ROUNDS = 3  # runs from the same prompt; their median counts
WARM_UP = 64  # tokens: what is compiled or laid out on first use is not measured

WORDS = (
    "the patients of a large trial were given this drug for ten weeks and their doctors then "
    "looked at blood pressure sleep pain memory weight mood to learn what had changed since they "
    "began but some who took no medicine also felt better while others stopped early because it "
    "made them tired so results must be read with care until another study can show that such "
    "effects last longer than one year in older women men children from many different countries"
).split()


@dataclass(frozen=True, slots=True)
class Speed:
    """At one depth, in tokens a second. `decode_tok_s` holds the lowest, median and highest of the
    runs; it is None where the model ended its text at once every time."""

    depth: int
    first_token_s: float
    prefill_tok_s: float
    decode_tok_s: tuple[float, float, float] | None


@dataclass(frozen=True, slots=True)
class EngineBench:
    """What was measured of one model."""

    model: str
    load_s: float
    bf16_bytes_per_token: int
    speeds: tuple[Speed, ...]
    report: dict[str, Any]  # of the engine, afterwards


def engine(
    preset: Preset,
    depths: Sequence[int],
    *,
    quantization: Quantization,
    attention: AttentionKind,
    kv: KvKind | None = None,
    device: DeviceKind = "auto",
    progress: Progress,
) -> EngineBench:
    """Measure a preset; what must be fetched or converted first does not count as loading.

    Each depth's prompt is read once from nothing, then text is written after it a few times,
    greedily, from the pages that reading left in the cache; drafting is off. Raises UsageError for
    a depth that does not fit, and what loading raises.
    """
    longest = min(preset.context, preset.max_positions) - STEPS - 1
    if max(depths) > longest:
        raise UsageError(
            f"a depth of {max(depths):,} is beyond {preset.name}'s context of "
            f"{preset.context:,} tokens",
            f"use at most {longest:,}: {STEPS + 1} tokens are written after the prompt",
        )
    weights.load(preset, quantization, progress=progress)
    tokenizer = Tokenizer.from_file(str(weights.prepare(preset) / "tokenizer.json"))
    began = time.perf_counter()
    # A preset of a folder bears the folder's path as its name.
    loaded = Engine.load(
        preset.name,
        quantization=quantization,
        attention=attention,
        kv=kv,
        device=device,
        progress=progress,
    )
    load_s = time.perf_counter() - began
    try:
        _run(loaded, prompt(tokenizer, WARM_UP, seed=0), STEPS)
        progress.start("measuring", sum(depths), "tokens")
        speeds = []
        for depth in depths:
            speeds.append(_speed(loaded, prompt(tokenizer, depth, seed=depth)))
            progress.advance(depth)
        progress.finish()
        return EngineBench(
            preset.name, load_s, preset.kv_bytes_per_token, tuple(speeds), loaded.report()
        )
    finally:
        loaded.close()


def prose(words: int, seed: int) -> str:
    """English words in sentences of no meaning; equal seeds give equal text."""
    chance = random.Random(seed)
    sentences = []
    while words > 0:
        count = min(words, chance.randint(6, 18))
        sentences.append(" ".join(chance.choices(WORDS, k=count)).capitalize() + ".")
        words -= count
    return " ".join(sentences)


def prompt(tokenizer: Tokenizer, tokens: int, seed: int) -> list[int]:
    """Exactly so many tokens of prose."""
    # Every word and every full stop is at least one token.
    ids: list[int] = tokenizer.encode(prose(tokens, seed), add_special_tokens=False).ids
    return ids[:tokens]


def _speed(engine: Engine, ids: Sequence[int]) -> Speed:
    first = _run(engine, ids, 1)  # on a GPU, the token behind the first prepares this depth
    runs = [_run(engine, ids, STEPS).decode_tok_s for _ in range(ROUNDS)]
    written = [rate for rate in runs if rate > 0]
    return Speed(
        depth=len(ids),
        first_token_s=first.prefill_s,
        prefill_tok_s=(first.prompt_tokens - first.prompt_reused) / first.prefill_s,
        decode_tok_s=(min(written), median(written), max(written)) if written else None,
    )


def _run(engine: Engine, ids: Sequence[int], steps: int) -> Stats:
    options = GenerationOptions(temperature=0, max_tokens=steps + 1, draft=False)
    *_, last = engine.stream_ids(ids, options)
    assert isinstance(last, Finished)  # what every stream ends with
    return last.stats
