"""Whatever is asked of an engine, and however it ends, no page is lost and no place stays taken."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import SimpleNamespace

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vademecum.errors import ContextTooLong
from vademecum.model.cache import PagedCache
from vademecum.model.chat import Chat
from vademecum.model.config import ModelConfig
from vademecum.model.decoder import Decoder
from vademecum.model.engine import Engine
from vademecum.model.interface import Finished, GenerationOptions, Token
from vademecum.model.kernels import PAGE
from vademecum.model.sparsity import Sparsity


@dataclass(frozen=True)
class Request:
    """What a client does: ask, read some events, and then perhaps lose interest."""

    prompt: tuple[int, ...]
    watched: tuple[range, ...]
    options: GenerationOptions
    reads: int
    ending: str  # "read on", "close", "cancel", "cancelled before"


PROMPTS = st.lists(
    st.tuples(st.integers(1, 2), st.integers(1, 70)), min_size=1, max_size=4
).map(  # few tokens, each many times, so that beginnings are shared
    lambda runs: tuple(token for token, count in runs for _ in range(count))
)


@st.composite
def requests(draw: st.DrawFn) -> Request:
    prompt = draw(PROMPTS)
    ends = st.integers(0, len(prompt))
    least = draw(st.sampled_from([0, 0, 1, 12]))
    most = draw(st.none() | st.integers(0, 15).map(lambda more: least + more))
    options = GenerationOptions(
        max_tokens=draw(st.integers(1, 80).map(lambda n: max(1, n - 60) if n > 20 else n)),
        temperature=draw(st.sampled_from([0.0, 0.7])),
        top_k=draw(st.sampled_from([0, 3])),
        top_p=draw(st.sampled_from([1.0, 0.8])),
        seed=draw(st.integers(0, 3)),
        stop=draw(st.sampled_from([(), ("a",), ("\x00", "bc")])),
        draft=draw(st.booleans()),
        sources=draw(st.sampled_from([None, 0, 3])),
        timeout_s=draw(st.none() | st.integers(1, 30)),
        min_thinking_tokens=least,
        max_thinking_tokens=most,
    )
    watched = draw(st.lists(st.tuples(ends, ends), max_size=2))
    return Request(
        prompt,
        tuple(range(*sorted(span)) for span in watched),
        options,
        reads=draw(st.integers(0, 12)),
        ending=draw(st.sampled_from(["read on", "close", "cancel", "cancelled before"])),
    )


@pytest.fixture
def ticking(monkeypatch: pytest.MonkeyPatch) -> None:
    """A deadline's second passes whenever somebody looks, so that it comes at any step."""
    looks = itertools.count()
    clock = SimpleNamespace(monotonic=lambda: float(next(looks)))
    monkeypatch.setattr("vademecum.model.deadline.time", clock)


def play(engine: Engine, script: list[Request]) -> None:
    """Run a script against an engine, then look for what it left behind."""
    _, cache = engine._open()
    for request in script:
        answers_at_once(engine)
        cancel = threading.Event()
        if request.ending == "cancelled before":
            cancel.set()
        try:
            stream = engine.stream_ids(
                request.prompt, request.options, cancel=cancel, watched=request.watched
            )
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
        assert cache.free_tokens == cache.pages * PAGE
        assert engine.waiting == 0
    answers_at_once(engine)


def answers_at_once(engine: Engine) -> None:
    """A place that stayed taken keeps the next request waiting, and shows nowhere else."""
    options = GenerationOptions(max_tokens=1, temperature=0, timeout_s=60)
    *_, last = engine.stream_ids([1], options, cancel=threading.Event())
    assert isinstance(last, Finished)
    assert last.reason in ("length", "stop")


def engines(
    llama: ModelConfig, decoder_of: Callable[..., Decoder], chat_of: Callable[..., Chat]
) -> list[Engine]:
    # Quantised, so that there are drafts.
    small = replace(llama, layers=3, vocab_size=262, kv_heads=1, intermediate=64)
    sparsity = Sparsity(threshold=64, budget=96, recent=32, chunk=64, dense_first=1, dense_last=1)
    every = []
    for kv, context, pages in (("plain", 380, 12), ("int8", 250, 12), ("k8v4", 380, 5)):
        decoder = decoder_of(small, kv=kv, sparsity=sparsity, dtype=torch.bfloat16, quantized=True)
        page = PagedCache.bytes_per_page(3, 1, 16, decoder.kv, decoder.dtype)
        every.append(
            Engine(
                decoder,
                chat_of(reasons=kv != "plain"),
                name="random",
                eos_ids=(257,),
                context=context,
                quantization="f32",
                cache_bytes=pages * page,
            )
        )
    return every


def run(examples: int, every: list[Engine]) -> None:
    @settings(max_examples=examples, suppress_health_check=list(HealthCheck), database=None)
    @given(st.sampled_from(every), st.lists(requests(), min_size=1, max_size=4))
    def scripts(engine: Engine, script: list[Request]) -> None:
        play(engine, script)

    scripts()


@pytest.mark.usefixtures("ticking")
def test_scripts_of_requests_leave_nothing_behind(
    llama: ModelConfig, decoder_of: Callable[..., Decoder], chat_of: Callable[..., Chat]
) -> None:
    run(150, engines(llama, decoder_of, chat_of))


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.usefixtures("ticking")
def test_ten_thousand_scripts_of_requests_leave_nothing_behind(
    llama: ModelConfig, decoder_of: Callable[..., Decoder], chat_of: Callable[..., Chat]
) -> None:
    run(10_000, engines(llama, decoder_of, chat_of))
