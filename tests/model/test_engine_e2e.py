"""With real weights, greedy answers are those of transformers, token for token."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from notes_support import Notes

from vademecum.errors import ModelError
from vademecum.model import engine as engines
from vademecum.model import hardware, placement, weights
from vademecum.model.engine import Engine
from vademecum.model.gpu import Obstacle
from vademecum.model.interface import Finished, GenerationOptions, Message, Token

GREEDY = GenerationOptions(temperature=0, max_tokens=64)
QUESTIONS = (
    "What is the capital of France?",
    "Explain in one paragraph how aspirin works.",
    "List three symptoms of iron deficiency.",
    "Write a haiku about the sea.",
    "What is 17 times 23? Think step by step.",
    "Translate 'good morning' to Spanish, German and Italian.",
    "Who wrote Don Quixote, and when?",
    "高血压的常见症状有哪些?",
    "Write a Python function that reverses a string.",
    "Summarise: " + "The trial compared metformin with placebo in 1,204 adults. " * 20,
    "What are the side effects of statins?",
    "Tell a story about a lighthouse keeper.",
    "Solve for x: 3x + 7 = 22.",
    "What is the difference between a virus and a bacterium?",
    "请用三句话介绍阿司匹林。",
    "Give me a recipe for lentil soup.",
    "Explain recursion to a child.",
    "Which planets have rings?",
    "Continue: the quick brown fox jumps over the lazy dog; the quick brown fox",
    "Repeat this list twice: red, green, blue, yellow, black, white, red, green, blue.",
)


@pytest.fixture(scope="module")
def shared_home(assets_home: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VADEMECUM_HOME", str(assets_home))
        yield


def reference(preset: str) -> torch.nn.Module:
    """The same weights in transformers, float32."""
    from transformers import AutoConfig, AutoModelForCausalLM

    loaded = weights.load(preset, "f32")
    config = AutoConfig.from_pretrained(loaded.tokenizer_json.parent)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    missing, unexpected = model.load_state_dict(dict(loaded.tensors), strict=False)
    assert not unexpected
    assert set(missing) <= {"lm_head.weight"}
    model.tie_weights()
    return model.eval()


def compare(preset: str, questions: Sequence[str], length: int) -> None:
    """Given what we wrote so far, transformers' best next token is the one we wrote, every time.

    By induction its greedy search writes the same; one forward pass a prompt shows it.
    """
    engine = Engine.load(preset, quantization="f32")
    chat = engine._chat
    written: list[tuple[list[int], list[int], str]] = []
    for question in questions:
        prompt = chat.encode([Message("user", question)])
        options = GenerationOptions(temperature=0, max_tokens=length)
        *tokens, last = engine.stream_ids(prompt, options)
        assert isinstance(last, Finished)
        ours = [token.id for token in tokens if isinstance(token, Token)]
        assert len(ours) == last.stats.completion_tokens - (last.reason == "stop")
        written.append((prompt, ours, last.reason))
    engine.close()

    model = reference(preset)
    eos = set(weights.load(preset, "f32").eos_ids)
    for question, (prompt, ours, reason) in zip(questions, written, strict=True):
        with torch.inference_mode():
            logits = model(torch.tensor([prompt + ours])).logits[0, len(prompt) - 1 :]
        *best, after = logits.argmax(-1).tolist()
        assert ours == best, question
        assert after in eos if reason == "stop" else len(ours) == length, question
    assert sum(len(ours) for _, ours, _ in written) > length * len(questions) / 4


@pytest.mark.e2e
@pytest.mark.usefixtures("shared_home")
def test_tiny_answers_as_in_transformers() -> None:
    """A fact, figures, Chinese, code, and a prompt of several pages."""
    compare("tiny", [QUESTIONS[n] for n in (0, 4, 7, 8, 9)], 40)


@pytest.mark.e2e
@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.usefixtures("shared_home")
@pytest.mark.parametrize("preset", ["tiny", "small"])
def test_long_answers_are_as_in_transformers(preset: str) -> None:
    compare(preset, QUESTIONS, 128)


@pytest.mark.e2e
@pytest.mark.usefixtures("shared_home")
@pytest.mark.parametrize("kv", ["int8", "k8v4"])
def test_drafting_and_borrowing_change_no_token_of_tiny(kv: Literal["int8", "k8v4"]) -> None:
    engine = Engine.load("tiny", kv=kv)
    text = "Aspirin reduced the risk of stroke in women, but not in men. " * 36
    asked = [Message("user", f"Repeat word for word: {text}")]
    told, accepted = [], 0
    for draft in (False, True, False):
        options = GenerationOptions(temperature=0, max_tokens=64, draft=draft)
        *tokens, last = engine.stream(asked, options)
        assert isinstance(last, Finished)
        told.append([token.id for token in tokens if isinstance(token, Token)])
        accepted += last.stats.accepted
        assert last.stats.prompt_reused == (0 if len(told) == 1 else 512)
    assert told[0] == told[1] == told[2]
    assert accepted > 10


@pytest.mark.e2e
@pytest.mark.usefixtures("shared_home")
def test_tiny_in_nf4_answers_sensibly_and_says_how() -> None:
    engine = Engine.load("tiny")
    assert engine.quantization == "nf4"
    generation = engine.generate([Message("user", "What is the capital of France?")], GREEDY)
    assert "Paris" in generation.text
    assert all("NF4" in path for path in engine.report()["products"]["qkv"])


@pytest.fixture
def failing_gpu(monkeypatch: pytest.MonkeyPatch) -> Callable[[type[Exception]], None]:
    """A GPU that a model fits, until it is loaded."""
    load = weights.load

    def fail(kind: type[Exception]) -> None:
        def without_memory(*arguments: Any, device: torch.device, **more: Any) -> weights.Weights:
            if device.type == "cuda":
                raise kind("CUDA out of memory.\nTried to allocate 7 GiB")
            return load(*arguments, device=device, **more)

        there = placement.Place(torch.device("cuda", 0), "it is there")
        monkeypatch.setattr(placement, "device_for", lambda *_: there)
        monkeypatch.setattr(engines.weights, "load", without_memory)

    return fail


@pytest.mark.e2e
@pytest.mark.parametrize("kind", [torch.OutOfMemoryError, ImportError, ValueError])
def test_a_gpu_that_fails_while_loading_is_told_and_left(
    shared_home: None, failing_gpu: Callable[[type[Exception]], None], kind: type[Exception]
) -> None:
    failing_gpu(kind)
    notes = Notes()
    engine = Engine.load("tiny", progress=notes)
    assert engine.report()["device"] == "cpu"
    why = "loading onto the GPU failed: CUDA out of memory"
    assert engine.report()["device_reason"] == why
    assert engine.fallback.startswith(f"on the processor: {why}; VADEMECUM_DEVICE=cpu")
    assert notes.told == [f"the model runs {engine.fallback}"]
    engine.close()
    with pytest.raises(ModelError, match="CUDA out of memory"):
        Engine.load("tiny", device="cuda")


@pytest.mark.e2e
@pytest.mark.usefixtures("shared_home")
def test_a_gpu_that_is_here_and_not_used_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    old = Obstacle("it is too old", "buy one")
    monkeypatch.setattr(placement, "obstacle", lambda *_: old)
    notes = Notes()
    engine = Engine.load("tiny", progress=notes)
    assert notes.told == ["the model runs on the processor: it is too old; buy one"]
    assert engine.fallback == "on the processor: it is too old; buy one"
    engine.close()
    asked = Notes()
    assert Engine.load("tiny", device="cpu", progress=asked).fallback == ""
    none = Obstacle("PyTorch sees no NVIDIA GPU", "", there=False)
    monkeypatch.setattr(placement, "obstacle", lambda *_: none)
    assert Engine.load("tiny", progress=asked).fallback == ""
    assert asked.told == []


@pytest.mark.e2e
@pytest.mark.usefixtures("shared_home")
def test_a_model_that_falls_back_to_too_little_memory_is_refused(
    monkeypatch: pytest.MonkeyPatch, failing_gpu: Callable[[type[Exception]], None]
) -> None:
    failing_gpu(RuntimeError)
    monkeypatch.setattr(hardware, "memory_available", lambda: 10**9)
    with pytest.raises(ModelError) as caught:
        Engine.load("tiny")
    assert caught.value.message == (
        "loading onto the GPU failed: CUDA out of memory; on the processor tiny needs 1.4 GB of "
        "memory, 1.0 are free"
    )
    assert "--device cpu" in caught.value.hint
    monkeypatch.setattr(hardware, "memory_available", lambda: None)
    Engine.load("tiny").close()  # where nobody knows, it is tried
