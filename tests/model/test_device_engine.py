"""Whole answers on a GPU: drafts, constraints, watched texts, the engine's choice of device."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from vademecum.errors import UsageError
from vademecum.model import engine as engines
from vademecum.model.chat import Chat
from vademecum.model.deadline import Deadline
from vademecum.model.engine import Engine
from vademecum.model.generate import generate
from vademecum.model.interface import Finished, GenerationOptions, Token
from vademecum.model.sparsity import Sparsity


def test_without_a_gpu_the_cpu_is_chosen_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    device, reason = engines._device("auto", "nf4", "int8", 0)
    assert device.type == "cpu"
    assert "no NVIDIA GPU" in reason
    assert engines._device("cpu", "nf4", "int8", 0)[1] == "asked for"
    with pytest.raises(UsageError, match="no NVIDIA GPU"):
        engines._device("cuda", "nf4", "int8", 0)
    with pytest.raises(UsageError, match="unknown device"):
        engines._device("tpu", "nf4", "int8", 0)  # type: ignore[arg-type]


if torch.cuda.is_available():
    from test_captured import SPARSITY, config, pair

    from vademecum.model.captured import CapturedStep
    from vademecum.model.decoder import Decoder

    CONFIG = replace(config("qwen2"), vocab_size=262, max_positions=1024)

gpu_only = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
PROMPT = [*b"What did the trial find? It found that the drug works. " * 5]
OPTIONS = GenerationOptions(max_tokens=60, temperature=0, draft=False)


@pytest.fixture(scope="module")
def decoder() -> Decoder:
    return pair(CONFIG, "int8", SPARSITY)[0]


def write(
    decoder: Decoder, chat: Chat, options: GenerationOptions, *, captured: bool = True,
    watched: tuple[range, ...] = (), prompt: list[int] = PROMPT,
) -> tuple[list[Token], Finished]:  # fmt: skip
    cache = decoder.new_cache(1024)
    step = CapturedStep(decoder, cache, tokens=512) if captured else None
    events = list(
        generate(
            decoder, cache, chat, prompt, options, eos=frozenset({257}),
            deadline=Deadline.of(options, None), watched=watched, captured=step,
        )
    )  # fmt: skip
    assert cache.free_tokens == 1024
    last = events[-1]
    assert isinstance(last, Finished)
    return [event for event in events if isinstance(event, Token)], last


def ids(tokens: list[Token]) -> list[int]:
    return [token.id for token in tokens]


@gpu_only
def test_drafts_change_nothing(decoder: Decoder, chat_of: Callable[..., Chat]) -> None:
    without, _ = write(decoder, chat_of(), OPTIONS)
    drafted, finished = write(decoder, chat_of(), replace(OPTIONS, draft=True))
    assert ids(drafted) == ids(without)
    assert finished.stats.drafted >= finished.stats.accepted


@gpu_only
def test_one_seed_gives_one_text(decoder: Decoder, chat_of: Callable[..., Chat]) -> None:
    options = replace(OPTIONS, temperature=1.0, seed=4)
    first, again = (ids(write(decoder, chat_of(), options)[0]) for _ in range(2))
    drafted = ids(write(decoder, chat_of(), replace(options, draft=True))[0])
    other = ids(write(decoder, chat_of(), replace(options, seed=5))[0])
    assert first == again == drafted
    assert first != other


@gpu_only
@pytest.mark.parametrize("draft", [False, True])
def test_a_watched_text_tells_its_share(
    decoder: Decoder, chat_of: Callable[..., Chat], draft: bool
) -> None:
    options = replace(OPTIONS, max_tokens=30, draft=draft)
    watched = (range(10, 100), range(100, 180))
    ours, finished = write(decoder, chat_of(), options, watched=watched)
    theirs, expected = write(decoder, chat_of(), options, watched=watched, captured=False)
    # Random weights write what hangs by a hair: only the first tokens are sure to be alike.
    assert ids(ours)[:2] == ids(theirs)[:2]
    assert ours[1].attention == pytest.approx(theirs[1].attention, abs=0.02)
    assert finished.stats.attention == pytest.approx(expected.stats.attention, abs=0.1)
    assert all(0 <= sum(token.attention) <= 1 for token in ours)


@gpu_only
@pytest.mark.parametrize("draft", [False, True])
def test_thinking_is_held_to_its_most_and_sources_to_their_number(
    decoder: Decoder, chat_of: Callable[..., Chat], draft: bool
) -> None:
    options = GenerationOptions(
        max_tokens=60, max_thinking_tokens=20, min_thinking_tokens=10, sources=2, draft=draft
    )
    tokens, finished = write(decoder, chat_of(reasons=True), options)
    assert 20 <= finished.stats.thinking_tokens <= 23  # what closes it is counted
    assert 261 in ids(tokens)  # </think>
    again, _ = write(decoder, chat_of(reasons=True), options)
    assert ids(again) == ids(tokens)


@gpu_only
def test_an_engine_writes_on_the_gpu_and_says_so(
    decoder: Decoder, chat_of: Callable[..., Chat]
) -> None:
    engine = Engine(
        decoder, chat_of(), name="random", eos_ids=[257], context=1024, quantization="nf4",
        cache_bytes=1 << 26,
    )  # fmt: skip
    options = replace(OPTIONS, max_tokens=20)
    first, again = (list(engine.stream_ids(PROMPT, options)) for _ in range(2))
    assert [e.id for e in first[:-1]] == [e.id for e in again[:-1]]  # type: ignore[union-attr]
    last = again[-1]
    assert isinstance(last, Finished)
    assert last.stats.prompt_reused == 256  # whole chunks of what was read before
    report = engine.report()
    assert report["device"] == torch.cuda.get_device_name(0)
    assert "CUDA graph" in report["writing"]


@gpu_only
def test_without_sparsity_every_page_is_read(chat_of: Callable[..., Chat]) -> None:
    dense = pair(CONFIG, "int8", None)[0]
    wide = pair(CONFIG, "int8", Sparsity(threshold=1024))[0]
    assert ids(write(dense, chat_of(), OPTIONS)[0]) == ids(write(wide, chat_of(), OPTIONS)[0])
