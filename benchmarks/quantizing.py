"""What do fewer bits cost? Perplexity and greedy agreement with bf16 weights.

    python benchmarks/quantizing.py --text FILE [--presets tiny,small,medium] [--tokens 4096]
                                    [--prompts 20] [--write 64] [--skip 20000]

Perplexity: of `--tokens` tokens of FILE, read in pieces of 1,024, each from nothing.
Agreement: bf16 continues `--prompts` pieces of FILE greedily; the same text is then given to the
others, token by token, and they are asked which token they would have written: the share that is
the same. (Two texts that part once stay apart, so comparing texts would count one step many times.)
Keys and values are kept as computed, so that only the weights differ; one row shows the default
8-bit cache on top. Prints a table, then one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

import torch
from material import surroundings, text_of, tokens_of
from torch import Tensor

from vademecum.model.engine import Engine
from vademecum.model.interface import GenerationOptions, Token

PIECE = 1_024
SIDES = (("bf16", "plain"), ("int8", "plain"), ("nf4", "plain"), ("nf4", "int8"))
PROMPT = 128  # tokens


def logits_of(engine: Engine, ids: Tensor, start: int) -> Tensor:
    """After each of `ids[start:]`, through the path that writes answers: `[tokens, vocab]`."""
    decoder, cache = engine._open()
    sequence = cache.open(ids[:start].tolist(), ids.shape[0])
    try:
        decoder.prefill(ids[:start], cache, sequence)
        rows = []
        for at in range(start, ids.shape[0]):
            rows.append(decoder.decode(ids[at : at + 1], cache, sequence)[0])
            decoder.keep(1, cache, sequence)
    finally:
        cache.close(sequence)
    return torch.stack(rows)


def surprise_of(engine: Engine, ids: Tensor) -> float:
    """The sum of the negative logarithms of what was given to every token but the first of each
    piece. Every layer's attention sees the whole piece, read at once."""
    decoder, cache = engine._open()
    total = 0.0
    for first in range(0, ids.shape[0], PIECE):
        piece = ids[first : first + PIECE]
        sequence = cache.open(piece.tolist(), piece.shape[0])
        hidden: list[Tensor] = []
        try:
            # `prefill` gives the last token's logits only; the others' hidden states pass here.
            kept, decoder._forward = decoder._forward, _keeping(decoder._forward, hidden)  # type: ignore[method-assign]
            try:
                for start in range(0, piece.shape[0], decoder.chunk):
                    decoder.prefill(piece[start : start + decoder.chunk], cache, sequence)
            finally:
                decoder._forward = kept  # type: ignore[method-assign]
        finally:
            cache.close(sequence)
        states = torch.cat(hidden)
        for start in range(0, piece.shape[0] - 1, 64):
            end = min(start + 64, piece.shape[0] - 1)
            logits = decoder.logits(states[start:end]).log_softmax(-1)
            total -= float(logits.gather(1, piece[start + 1 : end + 1, None]).sum())
    return total


def _keeping(forward: Any, hidden: list[Tensor]) -> Any:
    def kept(*arguments: Any) -> Tensor:
        out: Tensor = forward(*arguments)
        hidden.append(out)
        return out

    return kept


def written(engine: Engine, prompt: list[int], tokens: int) -> list[int]:
    """Tokens after a prompt, greedily, beyond any end."""
    engine._eos = frozenset()
    options = GenerationOptions(temperature=0, max_tokens=tokens, draft=False)
    return [e.id for e in engine.stream_ids(prompt, options) if isinstance(e, Token)]


def measure(name: str, text: str, chosen: argparse.Namespace) -> list[dict[str, Any]]:
    """A row for each kind of weights."""
    rows: list[dict[str, Any]] = []
    texts: list[list[int]] = []
    for weights, kv in SIDES:
        engine = Engine.load(name, quantization=weights, kv=kv, context=2 * PIECE)  # type: ignore[arg-type]
        needed = max(chosen.tokens, chosen.prompts * PROMPT)
        ids = tokens_of(engine._chat, text, needed)
        if not texts:
            prompts = [ids[n * PROMPT : (n + 1) * PROMPT] for n in range(chosen.prompts)]
            texts = [prompt + written(engine, prompt, chosen.write) for prompt in prompts]
        same = asked = 0
        for each in texts:
            guesses = logits_of(engine, torch.tensor(each), PROMPT - 32).argmax(-1)[31:-1]
            same += int((guesses == torch.tensor(each[PROMPT:])).sum())
            asked += len(each) - PROMPT
        count = chosen.tokens - -(-chosen.tokens // PIECE)
        surprise = surprise_of(engine, torch.tensor(ids[: chosen.tokens]))
        engine.close()
        rows.append(
            {
                "preset": name,
                "weights": weights,
                "kv": kv,
                "perplexity": round(math.exp(surprise / count), 3),
                "agreement": round(same / asked, 4),
                "tokens": asked,
            }
        )
        row = rows[-1]
        print(
            f"{name:<9}{weights:<6}{kv:<7}{row['perplexity']:>9.3f}"
            f"{row['perplexity'] / rows[0]['perplexity'] - 1:>+8.1%}{row['agreement']:>9.1%}",
            flush=True,
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--text", type=Path, required=True, help="a long text, .gz too")
    parser.add_argument("--skip", type=int, default=20_000, help="characters of front matter")
    parser.add_argument("--presets", default="tiny,small,medium")
    parser.add_argument("--tokens", type=int, default=4_096)
    parser.add_argument("--prompts", type=int, default=20)
    parser.add_argument("--write", type=int, default=64)
    chosen = parser.parse_args()
    text = text_of(chosen.text)[chosen.skip :]
    print(f"{'preset':<9}{'bits':<6}{'KV':<7}{'perplexity':>9}{'':>7}{'agreement':>9}")
    rows = [row for name in chosen.presets.split(",") for row in measure(name, text, chosen)]
    print(
        json.dumps(
            {
                "benchmark": "quantizing",
                "text": chosen.text.name,
                "rows": rows,
                **surroundings("torch", "bitsandbytes"),
            }
        )
    )


if __name__ == "__main__":
    main()
