"""Whole answers on a GPU, as an engine gives them: tokens a second with all that the host does.

    python benchmarks/gpu_answer.py [--model qwen-7b] [--prompt 2048] [--tokens 400]

The first answer of all is asked as an assistant asks: its sources watched and held to, with drafts.
What loading prepared, and how long that took, is told with it, and what it had to prepare itself.

Random weights at a real shape; text is bytes of no meaning, and one in 16 of the other ids a
citation of no source, which an answer that is held to two sources must not hold; so are the best
tokens after the prompts of the first answers, for greedily such a model writes few others. These
answers are compared with the decoder's logits: each token must be the best that is allowed, but for
rounding. What is drawn is checked for such citations alone; shares of attention are not checked
here. Each way is run twice and both are told: the first may capture what it needs. Prints lines,
then one line of JSON, which also goes to $OUT/gpu_answer.json.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from gpu_models import random_decoder
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from torch import Tensor

from vademecum.model.chat import Chat
from vademecum.model.constraints import CitationConstraint, token_bytes
from vademecum.model.decoder import Decoder
from vademecum.model.engine import Engine
from vademecum.model.interface import Finished, GenerationOptions, Token
from vademecum.model.kernels.triton import nvrtc
from vademecum.model.sparsity import ON_GPU

TEMPLATE = "{% for m in messages %}{{ m.content }}{% endfor %}"
BYTES = 256
CITING = 16  # of so many ids above the bytes, one cites a source that is not there
ANSWERS, PROMPT, WRITTEN = 4, 256, 40  # that are checked, and their tokens
LARGEST_LEAD = 0.2  # standard deviations of the logits: several times what bf16 comes to


def byte_chat(citing: Iterable[int] = ()) -> Chat:
    """One token a byte. Those of `citing` are written as their number in brackets, others empty."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: n for n, letter in enumerate(letters)}
    vocabulary |= {f"[{n}]": n for n in citing}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return Chat(tokenizer, TEMPLATE, bos_id=None, eos_ids=[], reasons=False)


def answer(
    engine: Engine, prompt: list[int], options: GenerationOptions, watched: Sequence[range] = ()
) -> tuple[list[int], Finished]:
    *events, last = engine.stream_ids(prompt, options, watched=watched)
    assert isinstance(last, Finished)
    ids = [event.id for event in events if isinstance(event, Token)]
    return ids[: last.stats.completion_tokens], last  # not what was held back


def told(bytes_of: Callable[[int], bytes], asked: list[int]) -> Callable[[int], bytes]:
    """The same function, which notes what it is asked."""

    def noting(token: int) -> bytes:
        asked.append(token)
        return bytes_of(token)

    return noting


def best_after(decoder: Decoder, prompt: Tensor) -> int:
    """The token that comes first in a greedy answer."""
    cache = decoder.new_cache(PROMPT)
    return int(decoder.prefill(prompt, cache, cache.open([], PROMPT)).argmax())


def halves(tokens: int) -> tuple[range, range]:
    """Two texts of a prompt that stand for sources."""
    first, last = tokens // 20, tokens - tokens // 14
    return range(first, (first + last) // 2), range((first + last) // 2, last)


def prepared(engine: Engine) -> dict[str, int]:
    """Graphs that are captured, and programs of CUDA C++ that are compiled."""
    assert engine._captured is not None
    return {
        "graphs": len(engine._captured._graphs),
        "programs": nvrtc._module.cache_info().currsize,
    }


def timed(last: Finished) -> dict[str, float]:
    """What an answer took."""
    stats = last.stats
    return {
        "tok_s": stats.decode_tok_s, "first_token_ms": stats.prefill_s * 1e3,
        "seconds": stats.prefill_s + stats.decode_s, "drafted": stats.drafted,
        "accepted": stats.accepted,
    }  # fmt: skip


def line_of(told: dict[str, Any]) -> str:
    """The same for a person."""
    return (
        f"{told['tok_s']:8.1f} tokens/s  first after {told['first_token_ms']:.1f} ms, "
        f"all after {told['seconds']:.2f} s  {told['accepted']} of {told['drafted']} drafted were "
        f"right, {told.get('refused', 0)} refused"
    )


def check(
    engine: Engine, decoder: Decoder, chat: Chat, prompts: Iterable[Tensor],
    options: GenerationOptions,
) -> tuple[float, int]:  # fmt: skip
    """How far a greedy answer's token is from the best that is allowed, at most, in standard
    deviations of the decoder's logits after the same tokens; and how often the best of all was
    refused. What is not allowed is infinitely far."""
    leads, refused = [], 0
    for prompt in prompts:
        tokens, _last = answer(engine, prompt.tolist(), options)
        assert len(tokens) == WRITTEN
        constraint = CitationConstraint(options.sources or 0, token_bytes(chat.tokenizer))
        cache = decoder.new_cache(PROMPT + WRITTEN)
        sequence = cache.open([], PROMPT + WRITTEN)
        logits = decoder.prefill(prompt, cache, sequence)
        for token in tokens:
            best = logits.topk(CITING * 8).indices.tolist()
            if options.sources is not None:
                refused += not constraint.allows(best[0])
                best = [other for other in best if constraint.allows(other)]
                if not constraint.allows(token):
                    return float("inf"), refused
                constraint.advance(token)
            leads.append(float((logits[best[0]] - logits[token]) / logits.std()))
            logits = decoder.decode(torch.tensor([token]), cache, sequence)[0]
            decoder.keep(1, cache, sequence)
        cache.close(sequence)
    return float(torch.tensor(leads).max()), refused  # NaN if any is


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
    citing = frozenset(range(BYTES, decoder.config.vocab_size, CITING))
    torch.cuda.synchronize()
    began = time.perf_counter()
    engine = Engine(
        decoder, byte_chat(citing), name=chosen.model, eos_ids=[], context=32_768,
        quantization="nf4",
    )  # fmt: skip
    torch.cuda.synchronize()
    ready = {"seconds": time.perf_counter() - began, **prepared(engine)}
    # As `rag.assistant` asks. Whether it is right is seen below, before anything is told.
    asked_for = GenerationOptions(max_tokens=chosen.tokens, sources=2)
    prompt = torch.randint(0, BYTES, (chosen.prompt,)).tolist()
    texts = halves(chosen.prompt)
    _, first = answer(engine, prompt, asked_for, texts)
    left = {name: count - ready[name] for name, count in prepared(engine).items()}
    prompts = torch.randint(0, BYTES, (ANSWERS, PROMPT)).unbind()
    citing |= {best for best in (best_after(decoder, one) for one in prompts) if best >= BYTES}
    engine._chat = chat = byte_chat(citing)
    for draft, sources in ((False, None), (True, None), (False, 2), (True, 2)):
        greedy = GenerationOptions(WRITTEN, temperature=0, draft=draft, sources=sources)
        lead, refused = check(engine, decoder, chat, prompts, greedy)
        print(f"greedy, drafts {draft}, sources {sources}: {lead=:.3f} {refused=}", flush=True)
        if not lead < LARGEST_LEAD or (sources and not refused):
            raise SystemExit("not the best that is allowed, or nothing was refused: NOT TIMED")
    found["ready"], found["first answer"] = ready, {**timed(first), "prepared": left}
    print(
        f"ready after {ready['seconds']:.1f} s: {ready['graphs']} graphs, "
        f"{ready['programs']} programs"
    )
    print(f"{'first answer of all':<26}{line_of(found['first answer'])}, left to it: {left}")
    asked: list[int] = []  # tokens, whether they may come
    chat.bytes_of = told(chat.bytes_of, asked)
    options = GenerationOptions(max_tokens=chosen.tokens, draft=False)
    ways = {
        "plain": (options, ()),
        "with drafts": (replace(options, draft=True), ()),
        "watched": (options, texts),
        "watched, two sources, with drafts": (asked_for, texts),
        "greedy, with drafts": (replace(options, draft=True, temperature=0), ()),
        "two sources may be cited": (replace(options, sources=2), ()),
    }
    for name, (way, watched) in ways.items():
        found[name] = {}
        for n, run in enumerate(("first", "second")):
            # Another prompt each time: what was read once would be reused.
            prompt = torch.randint(0, BYTES, (chosen.prompt,)).tolist()
            asked.clear()
            tokens, last = answer(engine, prompt, replace(way, seed=n), watched)
            refused = sum(token in citing for token in asked)
            if way.sources is not None and (not refused or not citing.isdisjoint(tokens)):
                raise SystemExit(f"{name}: {refused} refused, or one of them written: NOT TIMED")
            found[name][run] = {**timed(last), "refused": refused}
            print(f"{name:<34}{run:<8}{line_of(found[name][run])}", flush=True)
    line = json.dumps(found)
    if os.environ.get("OUT"):
        Path(os.environ["OUT"], "gpu_answer.json").write_text(line, "utf-8")
    print(line)


if __name__ == "__main__":
    main()
