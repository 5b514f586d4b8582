"""With real weights, greedy answers are those of transformers, token for token."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from vademecum.model import weights
from vademecum.model.engine import Engine
from vademecum.model.interface import Finished, GenerationOptions, Message, Token

TOKENS = 64
GREEDY = GenerationOptions(temperature=0, max_tokens=TOKENS)
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


def compare(preset: str) -> None:
    """Given what we wrote so far, transformers' best next token is the one we wrote, every time.

    By induction its greedy search writes the same; one forward pass a prompt shows it.
    """
    engine = Engine.load(preset, quantization="f32")
    chat = engine._chat
    written: list[tuple[list[int], list[int], str]] = []
    for question in QUESTIONS:
        prompt = chat.encode([Message("user", question)])
        *tokens, last = engine.stream_ids(prompt, GREEDY)
        assert isinstance(last, Finished)
        ours = [token.id for token in tokens if isinstance(token, Token)]
        assert len(ours) == last.stats.completion_tokens - (last.reason == "stop")
        written.append((prompt, ours, last.reason))
    engine.close()

    model = reference(preset)
    eos = set(weights.load(preset, "f32").eos_ids)
    for question, (prompt, ours, reason) in zip(QUESTIONS, written, strict=True):
        with torch.inference_mode():
            logits = model(torch.tensor([prompt + ours])).logits[0, len(prompt) - 1 :]
        *best, after = logits.argmax(-1).tolist()
        assert ours == best, question
        assert after in eos if reason == "stop" else len(ours) == TOKENS, question
    assert sum(len(ours) for _, ours, _ in written) > 200


@pytest.mark.e2e
@pytest.mark.usefixtures("shared_home")
def test_tiny_answers_as_in_transformers() -> None:
    compare("tiny")


@pytest.mark.e2e
@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.usefixtures("shared_home")
def test_small_answers_as_in_transformers() -> None:
    compare("small")


@pytest.mark.e2e
@pytest.mark.usefixtures("shared_home")
def test_tiny_in_nf4_answers_sensibly_and_says_how() -> None:
    engine = Engine.load("tiny")
    assert engine.quantization == "nf4"
    generation = engine.generate([Message("user", "What is the capital of France?")], GREEDY)
    assert "Paris" in generation.text
    assert all("NF4" in path for path in engine.report()["products"]["qkv"])
