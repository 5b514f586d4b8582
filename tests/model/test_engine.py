"""One model answers one request at a time; the rest wait, or hear that it is busy."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from tokenizers import Tokenizer
from torch import Tensor

from vademecum.errors import ContextTooLong, EngineBusy, ModelError, UsageError
from vademecum.model import head as heads
from vademecum.model.config import ModelConfig
from vademecum.model.engine import WAITING, Engine
from vademecum.model.interface import Finished, GenerationOptions, Message, Token
from vademecum.model.sparsity import Sparsity

Build = Callable[..., Engine]
QUESTION = [Message("user", "Why?")]
SHORT = GenerationOptions(max_tokens=8, seed=4)


def ids_of(engine: Engine, options: GenerationOptions) -> list[int]:
    return [event.id for event in engine.stream(QUESTION, options) if isinstance(event, Token)]


def test_generate_is_what_stream_yields(engine_of: Build) -> None:
    engine = engine_of(eos=())
    events = list(engine.stream(QUESTION, SHORT))
    generation = engine.generate(QUESTION, SHORT)
    assert generation.text == "".join(e.text for e in events if isinstance(e, Token))
    last = events[-1]
    assert isinstance(last, Finished)
    assert (generation.reason, last.reason) == ("length", "length")
    assert generation.stats.completion_tokens == 8


def test_one_seed_gives_one_answer(engine_of: Build) -> None:
    engine = engine_of(eos=())
    first = ids_of(engine, SHORT)
    assert ids_of(engine, SHORT) == first
    assert ids_of(engine, GenerationOptions(max_tokens=8, seed=5)) != first


def test_a_request_leaves_nothing_behind(engine_of: Build) -> None:
    fresh = ids_of(engine_of(eos=()), SHORT)
    used = engine_of(eos=())
    list(used.stream_ids(list(range(200)), GenerationOptions(max_tokens=40)))
    assert ids_of(used, SHORT) == fresh


def test_a_reasoning_engine_thinks_first(engine_of: Build) -> None:
    engine = engine_of(reasons=True, eos=())
    assert engine.reasons
    generation = engine.generate(QUESTION, SHORT)
    assert generation.text == ""
    assert generation.stats.thinking_tokens == 8


def test_what_exceeds_the_context_is_refused_at_once(engine_of: Build) -> None:
    engine = engine_of(context=64)
    with pytest.raises(ContextTooLong, match="60 tokens of prompt and 8 of answer") as caught:
        engine.stream_ids([1] * 60, SHORT)
    assert "context of random (64 tokens)" in caught.value.message
    assert caught.value.hint


def test_an_answer_may_fill_the_context_to_its_last_token(engine_of: Build) -> None:
    engine = engine_of(context=64, eos=())
    *tokens, last = engine.stream_ids([1] * 56, SHORT)
    assert isinstance(last, Finished)
    assert (len(tokens), last.reason) == (8, "length")
    with pytest.raises(ContextTooLong):
        engine.stream_ids([1] * 57, SHORT)


def test_what_exceeds_the_memory_is_refused_at_once(engine_of: Build) -> None:
    # 1,088 bytes a token: keys, values, and the summary of each page's keys
    engine = engine_of(context=1024, cache_bytes=110 * 1088)
    assert engine.context_length == 96  # whole pages
    with pytest.raises(ContextTooLong, match="this machine's memory"):
        engine.stream_ids([1] * 100, SHORT)
    assert engine.report()["cache"]["limited_by"] == "memory"


@pytest.mark.parametrize(("mapped", "context"), [(0, 192), (110 * 1088, 128), (10**9, 32)])
def test_weights_that_are_still_to_be_read_leave_that_much_less_for_the_cache(
    engine_of: Build, monkeypatch: pytest.MonkeyPatch, mapped: int, context: int
) -> None:
    free = 2 * 200 * 1088  # the cache may take half
    monkeypatch.setattr("vademecum.model.hardware.memory_available", lambda: free)
    engine = engine_of(context=1024, cache_bytes=None, mapped=mapped)
    assert engine.context_length == context


def test_an_empty_or_impossible_prompt_is_refused(engine_of: Build) -> None:
    engine = engine_of()
    for prompt in ([], [512], [-1]):
        with pytest.raises(UsageError):
            engine.stream_ids(prompt, SHORT)


def test_requests_wait_their_turn_and_one_too_many_is_refused(engine_of: Build) -> None:
    engine = engine_of(eos=())
    running = engine.stream(QUESTION, SHORT)
    next(running)
    answers: list[list[int]] = []
    waiting = [
        threading.Thread(target=lambda: answers.append(ids_of(engine, SHORT)))
        for _ in range(WAITING)
    ]
    for thread in waiting:
        thread.start()
    while engine.waiting < WAITING:
        threading.Event().wait(0.005)
    with pytest.raises(EngineBusy, match="4 more requests wait"):
        next(engine.stream(QUESTION, SHORT))
    assert answers == []
    list(running)
    for thread in waiting:
        thread.join(30)
    assert len(answers) == WAITING
    assert all(answer == answers[0] for answer in answers)


def test_a_waiting_request_can_be_cancelled_or_time_out(engine_of: Build) -> None:
    engine = engine_of(eos=())
    running = engine.stream(QUESTION, SHORT)
    next(running)
    cancel = threading.Event()
    cancel.set()
    (cancelled,) = engine.stream(QUESTION, SHORT, cancel=cancel)
    (late,) = engine.stream(QUESTION, GenerationOptions(max_tokens=8, timeout_s=0.01))
    assert isinstance(cancelled, Finished)
    assert isinstance(late, Finished)
    assert (cancelled.reason, late.reason) == ("cancelled", "timeout")
    assert engine.waiting == 0


def test_a_stream_closed_early_frees_its_place(engine_of: Build) -> None:
    engine = engine_of(eos=())
    for _ in range(WAITING + 2):
        stream = engine.stream(QUESTION, SHORT)
        next(stream)
        stream.close()
    assert len(ids_of(engine, SHORT)) == 8


def test_a_stream_never_begun_takes_no_place(engine_of: Build) -> None:
    engine = engine_of(eos=())
    unused = [engine.stream(QUESTION, SHORT) for _ in range(WAITING + 2)]
    assert len(ids_of(engine, SHORT)) == 8
    assert len(unused) == WAITING + 2


def test_a_closed_engine_says_so_and_lets_the_running_request_end(engine_of: Build) -> None:
    engine = engine_of(eos=())
    running = engine.stream(QUESTION, SHORT)
    next(running)
    engine.close()
    assert isinstance(list(running)[-1], Finished)
    with pytest.raises(ModelError, match="closed"):
        engine.stream(QUESTION, SHORT)


def test_the_report_says_which_path_each_operation_takes(engine_of: Build) -> None:
    engine = engine_of(
        eos=(), sparsity=Sparsity(threshold=64, budget=64, prefill_budget=64, recent=32, chunk=32)
    )
    report = engine.report()
    json.dumps(report)
    assert report["products"]["qkv"] == {"torch linear, float32": 4}
    assert report["kernels"]["set"] == "naive"
    assert report["reading"] == "32 tokens at a time"
    assert report["kernels"]["reason"]
    assert report["attention"] | {"sparse_layers": 1, "from_tokens": 64} == report["attention"]
    *_, last = engine.stream_ids([1] * 100, SHORT)
    assert isinstance(last, Finished)
    # One sparse layer, 2 KV heads, 2 pages each: once for the prompt, whose third chunk has 2 pages
    # behind it and whose last is not full, and for each of 7 decoded tokens, of 3 complete pages.
    assert last.stats.extra == {"pages_read": 32, "pages_skipped": 14}
    assert engine.report()["attention"]["pages_read"] == 32
    *_, again = engine.stream_ids([1] * 100, SHORT)
    assert isinstance(again, Finished)
    assert (last.stats.prompt_reused, again.stats.prompt_reused) == (0, 96)
    assert engine.report()["cache"]["kept_tokens"] == 96


@pytest.mark.parametrize("kv", ["plain", "int8"])
def test_every_token_tells_how_much_attention_the_watched_texts_got(
    engine_of: Build, kv: str
) -> None:
    engine = engine_of(eos=(), kv=kv)
    asked = [Message("user", "First: " + "a" * 100 + " Second: " + "b" * 50)]
    options = GenerationOptions(
        temperature=0, max_tokens=8, watch=("a" * 100, "b" * 50, "not there", "First")
    )
    *tokens, last = engine.stream(asked, options)
    assert isinstance(last, Finished)
    shares = [token.attention for token in tokens if isinstance(token, Token)]
    assert shares[0] == ()
    assert len(shares) == 8
    for first, second, missing, before in shares[1:]:
        assert first > 0.1  # 100 tokens of about 180, with random weights
        assert second > 0.05
        assert first + second < 1
        assert (missing, before) == (0, 0)  # texts are looked for in their order
    mean = [sum(column) / 7 for column in zip(*shares[1:], strict=True)]
    assert last.stats.attention == pytest.approx(mean)
    *_, unwatched = engine.stream(asked, SHORT)
    assert isinstance(unwatched, Finished)
    assert unwatched.stats.attention == ()


def test_the_tokens_of_a_prompt_get_nearly_all_attention_at_first(engine_of: Build) -> None:
    prompt = list(range(100))  # four tokens stand in the page that the answer goes on in
    *tokens, _ = engine_of(eos=()).stream_ids(prompt, SHORT, watched=[range(100), range(96)])
    shares = [token.attention for token in tokens[1:] if isinstance(token, Token)]
    assert all(0.9 < whole < 1 and whole > pages + 0.01 for whole, pages in shares)
    assert shares[0][0] > 0.98  # 100 of 101 tokens


@pytest.mark.parametrize("span", [range(5000), range(90, 101), range(-50, 2)])
def test_what_is_not_in_the_prompt_cannot_be_watched(engine_of: Build, span: range) -> None:
    with pytest.raises(UsageError, match="watched range"):
        engine_of().stream_ids([1] * 100, SHORT, watched=[range(3), span])


REPEATING = [7, 8, 9, 10, 11, 12] * 12


@pytest.mark.parametrize("kv", ["plain", "int8", "k8v4"])
@pytest.mark.parametrize("temperature", [0.0, 0.5, 1.5])
def test_drafting_changes_no_token(engine_of: Build, kv: str, temperature: float) -> None:
    sparsity = Sparsity(threshold=64, budget=96, recent=32)
    engine = engine_of(eos=(), kv=kv, sparsity=sparsity, quantized=True)
    assert engine.report()["drafts"] == "up to 8 tokens, each computed as if alone"
    accepted = 0
    for seed in range(4):
        told = []
        for draft in (True, False):
            options = GenerationOptions(
                temperature=temperature, max_tokens=60, seed=seed, draft=draft
            )
            *tokens, last = engine.stream_ids(REPEATING[seed:], options)
            assert isinstance(last, Finished)
            told.append([token.id for token in tokens if isinstance(token, Token)])
            assert (last.stats.drafted > 0) <= draft
            accepted += last.stats.accepted
            assert last.stats.accepted <= last.stats.drafted
        assert told[0] == told[1]
    if temperature == 0:
        assert accepted > 5  # greedy random models run in circles, which is easily guessed


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_nothing_is_drafted_where_several_tokens_round_otherwise_than_one(
    engine_of: Build, llama: ModelConfig, dtype: torch.dtype
) -> None:
    config = replace(llama, vocab_size=16)
    prompt = [n for first in range(16) for second in range(16) for n in (first, second)]
    options = GenerationOptions(temperature=0, max_tokens=40)
    for quantized in (False, True):
        engine = engine_of(eos=(), kv="int8", dtype=dtype, config=config, quantized=quantized)
        *_, last = engine.stream_ids(prompt, options)
        assert isinstance(last, Finished)
        assert (last.stats.drafted > 0) == quantized
        assert engine.report()["drafts"].startswith("none: torch linear") == (not quantized)


def test_drafting_tells_the_same_attention(engine_of: Build) -> None:
    engine = engine_of(eos=(), quantized=True)
    told = []
    for draft in (True, False):
        options = GenerationOptions(temperature=0, max_tokens=40, draft=draft)
        *tokens, last = engine.stream_ids(REPEATING, options, watched=[range(10, 50)])
        assert isinstance(last, Finished)
        assert (last.stats.accepted > 0) == draft
        told.append([token.attention for token in tokens[1:] if isinstance(token, Token)])
    for drafted, alone in zip(*told, strict=True):
        assert drafted == pytest.approx(alone, abs=1e-5)


@pytest.fixture
def leaning_of(
    engine_of: Build,
    llama: ModelConfig,
    tensors_of: Callable[[ModelConfig], dict[str, Tensor]],
    tokenizer: Tokenizer,
) -> Callable[[str], Engine]:
    """`leaning_of(letters)`: an engine that writes these letters at random, and no others."""

    def build(letters: str) -> Engine:
        config = replace(llama, tie_embeddings=False, intermediate=128)
        tensors = tensors_of(config)
        # The first feature is the same for every token; the head reads it for these only.
        for name, tensor in tensors.items():
            if name.endswith(("o_proj.weight", "down_proj.weight")):
                tensor[0] = 0
        tensors["model.embed_tokens.weight"][:, 0] = 20
        tensors["lm_head.weight"][:, 0] = -2
        tensors["lm_head.weight"][tokenizer.encode(letters).ids, 0] = 0
        return engine_of(eos=(), kv="int8", quantized=True, config=config, tensors=tensors)

    return build


def test_no_source_beyond_the_given_ones_is_cited(leaning_of: Callable[[str], Engine]) -> None:
    engine = leaning_of("[29]")

    def cited(sources: int | None) -> set[str]:
        found: set[str] = set()
        for seed in range(8):
            options = GenerationOptions(
                temperature=1.0, top_p=1.0, max_tokens=80, seed=seed, sources=sources
            )
            text = engine.generate(QUESTION, options).text
            found |= set(re.findall(r"\[(\d{1,2})\]", text))
        return found

    assert {"2", "9"} <= cited(None)
    assert cited(2) == {"2"}


@pytest.mark.parametrize("temperature", [0.8, 1.5])
def test_drafts_are_chosen_from_by_exact_logits_too(
    leaning_of: Callable[[str], Engine], temperature: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("vademecum.model.kernels.halves", exc_type=ImportError)
    monkeypatch.setattr(heads, "HALVED_OUTPUTS", 1)
    engine = leaning_of("[29]")
    decoder = engine._open()[0]
    assert decoder.halves_head
    rows = []
    whole = decoder.whole_logits
    monkeypatch.setattr(decoder, "whole_logits", lambda row: (rows.append(row), whole(row))[1])
    for seed in range(3):
        told = []
        for draft in (True, False):
            options = GenerationOptions(
                temperature=temperature, max_tokens=80, seed=seed, sources=2, draft=draft
            )
            *tokens, _ = engine.stream(QUESTION, options)
            told.append([token.id for token in tokens if isinstance(token, Token)])
        assert told[0] == told[1]
    assert max(rows) > 0  # asked for after a draft that was right


def test_counting_tokens(engine_of: Build) -> None:
    assert engine_of().count_tokens("Why?") == 4


def test_unknown_kinds_of_attention_are_refused() -> None:
    with pytest.raises(UsageError, match="attention"):
        Engine.load("tiny", attention="magic")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wrong",
    [{"context": 0}, {"context": -5}, {"threads": 0}, {"threads": -1}, {"cache_bytes": -5}],
)
def test_limits_that_make_no_sense_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong))):
        Engine.load("tiny", **wrong)  # type: ignore[arg-type]


def test_every_thread_reads_with_the_engines_number_of_threads(engine_of: Build) -> None:
    before = torch.get_num_threads()
    used, loaded = threading.Event(), threading.Event()
    found: list[int] = []

    def read() -> None:
        torch.set_num_threads(before + 1)  # as one has that used PyTorch before
        used.set()
        loaded.wait()
        ids_of(engine, SHORT)
        found.append(torch.get_num_threads())

    reader = threading.Thread(target=read)
    reader.start()
    used.wait()
    try:
        torch.set_num_threads(before)
        engine = engine_of(eos=())
        loaded.set()
        reader.join()
    finally:
        torch.set_num_threads(before)
    assert found == [before]


@pytest.mark.parametrize(("given", "found"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_waiting_threads_sleep_unless_the_environment_says_otherwise(
    given: str | None, found: str
) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "OMP_WAIT_POLICY"}
    if given:
        environment["OMP_WAIT_POLICY"] = given
    code = (
        "import os, sys, vademecum.model\n"
        "assert 'torch' not in sys.modules\n"
        "print(os.environ['OMP_WAIT_POLICY'])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == found
