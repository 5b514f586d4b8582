"""Whole answers on a GPU: drafts, constraints, watched texts, what ends them early."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from vademecum.errors import ModelError
from vademecum.model.chat import Chat
from vademecum.model.deadline import Deadline
from vademecum.model.decoder import Decoder
from vademecum.model.engine import Engine
from vademecum.model.generate import generate
from vademecum.model.interface import Finished, GenerationOptions, Token
from vademecum.model.sparsity import Sparsity

if torch.cuda.is_available():
    from test_captured import SPARSITY, config, pair, triton_kernels

    from vademecum.model.captured import CapturedStep
    from vademecum.model.kernels.triton import nvrtc

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


def engine_with(decoder: Decoder, chat: Chat) -> Engine:
    return Engine(
        decoder, chat, name="random", eos_ids=[257], context=1024, quantization="nf4",
        cache_bytes=1 << 26,
    )  # fmt: skip


@gpu_only
def test_an_engine_writes_on_the_gpu_and_says_so(
    decoder: Decoder, chat_of: Callable[..., Chat]
) -> None:
    engine = engine_with(decoder, chat_of())
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
def test_an_answer_captures_and_compiles_nothing(
    decoder: Decoder, chat_of: Callable[..., Chat]
) -> None:
    """As an assistant asks: sources are watched and held to, and copied from."""
    engine = engine_with(decoder, chat_of())
    step = engine._captured
    assert step is not None
    ready = len(step._graphs), nvrtc._module.cache_info().currsize, len(triton_kernels())
    options = replace(OPTIONS, max_tokens=60, draft=True, sources=2)
    drafted = 0
    for tokens in (5, 9, 16, 17, 40, 100, 180, 260, 500, 900):
        prompt = [(7 * n + tokens) % 200 for n in range(tokens)]
        *_, last = engine.stream_ids(prompt, options, watched=[range(tokens)])
        assert isinstance(last, Finished)
        drafted += last.stats.drafted
    assert drafted
    now = len(step._graphs), nvrtc._module.cache_info().currsize, len(triton_kernels())
    assert now == ready


@gpu_only
@pytest.mark.filterwarnings("ignore:The CUDA Graph is empty")  # where the first kernel fails
@pytest.mark.parametrize("where", ["prompt", "compiling", "capturing", "writing"])
def test_running_out_of_memory_fails_one_answer_and_no_more(
    decoder: Decoder, chat_of: Callable[..., Chat], monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    engine = engine_with(decoder, chat_of())
    step, cache = engine._captured, engine._open()[1]
    assert step is not None
    options = replace(OPTIONS, max_tokens=20, draft=True)
    expected = [e.id for e in list(engine.stream_ids(PROMPT, options))[:-1]]  # type: ignore[union-attr]
    free = cache.free_tokens
    thing, name, after = {
        "prompt": (decoder, "prefill", 0),
        "compiling": (step, "_compute", 0),
        "capturing": (step, "_compute", 1),
        "writing": (step, "fetch", 3),
    }[where]
    whole, calls = getattr(thing, name), 0

    def failing(*arguments: object, **more: object) -> object:
        nonlocal calls
        calls += 1
        if calls > after:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return whole(*arguments, **more)

    with monkeypatch.context() as patch:
        step._graphs.clear()
        patch.setattr(thing, name, failing)
        with pytest.raises(ModelError, match="no memory left for this answer"):
            list(engine.stream_ids(PROMPT, options))
    assert cache.free_tokens == free
    again = [e.id for e in list(engine.stream_ids(PROMPT, options))[:-1]]  # type: ignore[union-attr]
    assert again == expected


@gpu_only
def test_an_answer_that_is_cancelled_or_closed_leaves_the_next_as_it_would_be(
    decoder: Decoder, chat_of: Callable[..., Chat]
) -> None:
    engine = engine_with(decoder, chat_of())
    options = replace(OPTIONS, max_tokens=40)
    expected = [e.id for e in list(engine.stream_ids(PROMPT, options))[:-1]]  # type: ignore[union-attr]
    free = engine._open()[1].free_tokens
    cancel = threading.Event()
    told = []
    for event in engine.stream_ids(PROMPT, options, cancel=cancel):
        told.append(event)
        if len(told) == 5:
            cancel.set()
    assert isinstance(told[-1], Finished)
    assert told[-1].reason == "cancelled"
    assert 5 <= len(told) - 1 <= 6
    left = engine.stream_ids(PROMPT, options)
    for _ in range(7):
        next(left)
    left.close()  # type: ignore[attr-defined]
    assert engine._open()[1].free_tokens == free
    again = [e.id for e in list(engine.stream_ids(PROMPT, options))[:-1]]  # type: ignore[union-attr]
    assert again == expected


@gpu_only
@pytest.mark.parametrize("draft", [False, True])
def test_logits_that_are_no_numbers_end_one_answer_and_no_more(
    chat_of: Callable[..., Chat], draft: bool
) -> None:
    decoder = pair(CONFIG, "int8", SPARSITY)[0]
    engine = engine_with(decoder, chat_of())
    options = replace(OPTIONS, max_tokens=30, draft=draft)
    expected = [e.id for e in list(engine.stream_ids(PROMPT, options))[:-1]]  # type: ignore[union-attr]
    late = next(n for n in range(3, 30) if expected[n] not in PROMPT + expected[:n])
    row = decoder.embedding[expected[late]]
    kept = row.clone()
    row.fill_(torch.nan)
    told: list[int] = []
    events = engine.stream_ids(PROMPT, options)
    with pytest.raises(ModelError, match="computed no numbers"):
        told.extend(event.id for event in events)  # type: ignore[union-attr]
    assert told == expected[: len(told)]
    assert len(told) <= late + 1
    row.copy_(kept)
    again = [e.id for e in list(engine.stream_ids(PROMPT, options))[:-1]]  # type: ignore[union-attr]
    assert again == expected


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="no second GPU")
def test_an_engine_stays_on_its_gpu_whichever_is_the_current_one(
    chat_of: Callable[..., Chat],
) -> None:
    options = replace(OPTIONS, max_tokens=30)
    engines = []
    for index in (1, 0):
        with torch.cuda.device(index):
            engines.append(engine_with(pair(CONFIG, "int8", SPARSITY)[0], chat_of()))
    told = []
    for engine in engines:
        for index in (0, 1):
            with torch.cuda.device(index):
                told.append([e.id for e in list(engine.stream_ids(PROMPT, options))[:-1]])  # type: ignore[union-attr]
                assert torch.cuda.current_device() == index
    assert told[0] == told[1] == told[2] == told[3]


@gpu_only
def test_without_a_captured_step_the_report_says_why(chat_of: Callable[..., Chat]) -> None:
    many = replace(CONFIG, heads=9, kv_heads=1)
    engine = engine_with(pair(many, "int8", SPARSITY)[0], chat_of())
    assert "more than 8 query heads" in engine.report()["writing"]
    *tokens, last = engine.stream_ids(PROMPT, replace(OPTIONS, max_tokens=10))
    assert isinstance(last, Finished)
    assert tokens


@gpu_only
def test_without_sparsity_every_page_is_read(chat_of: Callable[..., Chat]) -> None:
    dense = pair(CONFIG, "int8", None)[0]
    wide = pair(CONFIG, "int8", Sparsity(threshold=1024))[0]
    assert ids(write(dense, chat_of(), OPTIONS)[0]) == ids(write(wide, chat_of(), OPTIONS)[0])
