"""Whatever is asked of an engine, and however it ends, no page is lost and no place stays taken."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vademecum.errors import ContextTooLong
from vademecum.model.cache import PagedCache
from vademecum.model.chat import Chat
from vademecum.model.decoder import Decoder, ModelConfig
from vademecum.model.engine import Engine
from vademecum.model.interface import Finished, GenerationOptions, Token
from vademecum.model.sparsity import Sparsity

PAGES = 12


@dataclass(frozen=True)
class Request:
    """What a client does: ask, read some events, and then perhaps lose interest."""

    prompt: tuple[int, ...]  # as (token, how many), so that beginnings are shared
    options: GenerationOptions
    reads: int
    ending: str  # "read on", "close", "cancel", "cancelled before"


REQUESTS = st.builds(
    Request,
    prompt=st.lists(st.tuples(st.integers(1, 2), st.integers(1, 70)), min_size=1, max_size=4).map(
        lambda runs: tuple(token for token, count in runs for _ in range(count))
    ),
    options=st.builds(
        GenerationOptions,
        max_tokens=st.integers(1, 80).map(lambda n: max(1, n - 60) if n > 20 else n),
        temperature=st.sampled_from([0.0, 0.7]),
        top_k=st.sampled_from([0, 3]),
        top_p=st.sampled_from([1.0, 0.8]),
        seed=st.integers(0, 3),
        stop=st.sampled_from([(), ("a",), ("\x00", "bc")]),
        draft=st.booleans(),
        sources=st.sampled_from([None, 0, 3]),
    ),
    reads=st.integers(0, 12),
    ending=st.sampled_from(["read on", "close", "cancel", "cancelled before"]),
)


def play(engine: Engine, requests: list[Request]) -> None:
    """Run a script against an engine, then look for what it left behind."""
    _, cache = engine._open()
    for request in requests:
        cancel = threading.Event()
        if request.ending == "cancelled before":
            cancel.set()
        try:
            stream = engine.stream_ids(request.prompt, request.options, cancel=cancel)
        except ContextTooLong:
            continue
        events: list[Token | Finished] = []
        with contextlib.closing(stream):  # type: ignore[type-var]
            for event in stream:
                events.append(event)
                if len(events) > request.reads:
                    if request.ending == "close":
                        break
                    if request.ending == "cancel":
                        cancel.set()
            else:
                last = events[-1]
                assert isinstance(last, Finished)
                assert last.stats.completion_tokens <= request.options.max_tokens
        assert engine.waiting == 0
        assert cache.free_tokens == PAGES * 32


def engines(
    llama: ModelConfig, decoder_of: Callable[..., Decoder], chat_of: Callable[..., Chat]
) -> list[Engine]:
    # Quantised, so that there are drafts.
    small = replace(llama, layers=3, vocab_size=262, kv_heads=1, intermediate=64)
    sparsity = Sparsity(threshold=64, budget=96, recent=32, chunk=64, dense_first=1, dense_last=1)
    every = []
    for kv, context in (("plain", 380), ("int8", 250)):
        decoder = decoder_of(small, kv=kv, sparsity=sparsity, dtype=torch.bfloat16, quantized=True)
        page = PagedCache.bytes_per_page(3, 1, 16, decoder.kv, decoder.dtype)
        every.append(
            Engine(
                decoder,
                chat_of(reasons=kv == "int8"),
                name="random",
                eos_ids=(257,),
                context=context,
                quantization="f32",
                cache_bytes=PAGES * page,
            )
        )
    return every


def run(examples: int, every: list[Engine]) -> None:
    @settings(
        max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    @given(st.sampled_from(every), st.lists(REQUESTS, min_size=1, max_size=4))
    def scripts(engine: Engine, requests: list[Request]) -> None:
        play(engine, requests)

    scripts()


def test_scripts_of_requests_leave_nothing_behind(
    llama: ModelConfig, decoder_of: Callable[..., Decoder], chat_of: Callable[..., Chat]
) -> None:
    run(150, engines(llama, decoder_of, chat_of))


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_ten_thousand_scripts_of_requests_leave_nothing_behind(
    llama: ModelConfig, decoder_of: Callable[..., Decoder], chat_of: Callable[..., Chat]
) -> None:
    run(10_000, engines(llama, decoder_of, chat_of))
