"""What an answer cost is the server's word where it gives one, and an estimate elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from remote_support import (
    DONE,
    PATIENCE_S,
    Connect,
    Served,
    ask,
    delta,
    said,
    usage,
)

from vademecum.model.completions import estimate_tokens
from vademecum.model.remote_server import DEFAULT_CONTEXT


def test_a_server_that_goes_on_beyond_the_length_is_left(served: Served, connect: Connect) -> None:
    served.stream = [delta(content="bla ")] * 1000
    served.silent_after = True
    _, answer, last = ask(connect(), max_tokens=5)
    assert (last.reason, answer) == ("length", "bla " * last.stats.completion_tokens)
    assert 5 <= last.stats.completion_tokens <= 15
    assert served.left.wait(PATIENCE_S)


def test_an_answer_that_comes_letter_by_letter_is_not_cut(served: Served, connect: Connect) -> None:
    text = "Statins lower mortality in secondary prevention, as several meta-analyses found."
    served.stream = [*(delta(content=letter) for letter in text), delta("stop"), usage(9, 16), DONE]
    _, answer, last = ask(connect(), max_tokens=16)
    assert (answer, last.reason, last.stats.completion_tokens) == (text, "stop", 16)


def test_as_many_pieces_as_were_asked_for_are_no_reason_to_leave(
    served: Served, connect: Connect
) -> None:
    served.stream = [*(delta(content=text) for text in "Yes."), delta("stop"), usage(9, 4), DONE]
    _, answer, last = ask(connect(), max_tokens=4)
    assert (answer, last.reason, last.stats.prompt_tokens) == ("Yes.", "stop", 9)


def test_tokens_are_counted_by_the_server(served: Served, connect: Connect) -> None:
    details = {"reasoning_tokens": 5}
    served.stream = [
        delta(reasoning="Hm."),
        *said("So.")[:-1],
        usage(40, 12, completion_tokens_details=details),
        DONE,
    ]
    stats = ask(connect())[2].stats
    assert (stats.prompt_tokens, stats.completion_tokens, stats.thinking_tokens) == (40, 12, 5)
    assert set(stats.extra.values()) == {"server"}
    assert served.bodies()[0]["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize("wrong", [-5, True, 10**12, "3", None])
def test_a_count_that_can_be_none_is_not_believed(
    served: Served, connect: Connect, wrong: Any
) -> None:
    details = {"completion_tokens_details": {"reasoning_tokens": wrong}}
    served.stream = [*said("Yes.")[:-1], usage(wrong, wrong, **details), DONE]
    served.models = [{"id": "plain", "max_model_len": wrong}]
    model = connect()
    stats = ask(model)[2].stats
    assert (stats.completion_tokens, stats.thinking_tokens) == (1, 0)
    assert stats.extra["prompt_tokens_by"] == "estimate"
    assert model.context_length == DEFAULT_CONTEXT


def test_without_a_count_a_chunk_is_a_token(served: Served, connect: Connect) -> None:
    served.stream = [delta(reasoning="Hm."), *said("So", ".")]
    stats = ask(connect())[2].stats
    assert (stats.completion_tokens, stats.thinking_tokens) == (3, 1)
    assert stats.prompt_tokens == estimate_tokens("Why?")
    assert stats.extra["completion_tokens_by"] == "chunks"
    assert stats.extra["prompt_tokens_by"] == "estimate"


def test_a_server_that_refuses_to_be_asked_for_a_count_is_not_asked_again(
    served: Served, connect: Connect
) -> None:
    served.refuses, served.stream = "stream_options", said("Yes.")
    model = connect()
    assert [ask(model)[1], ask(model)[1]] == ["Yes.", "Yes."]
    assert ["stream_options" in body for body in served.bodies()] == [True, False, False]


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/tokenize", lambda body: {"count": len(body["prompt"])} if "prompt" in body else None),
        ("/tokenize", lambda body: {"tokens": [1] * len(body.get("content", ""))}),
        ("/extras/tokenize/count", lambda body: {"count": len(body["input"])}),
    ],
    ids=["vllm", "llama.cpp", "llama-cpp-python"],
)
def test_a_text_is_counted_once_and_by_the_server_if_it_can(
    served: Served, connect: Connect, path: str, answer: Callable[[dict[str, Any]], Any]
) -> None:
    served.answers[path] = answer
    model = connect()
    assert [model.count_tokens(text) for text in ("", "four", "a", "four")] == [0, 4, 1, 4]
    before = len(served.asked)
    model.count_tokens("four")
    assert len(served.asked) == before
    assert model.report()["tokens_counted_by"] == path


def test_without_a_tokenizer_there_are_rather_too_many_tokens(
    served: Served, connect: Connect
) -> None:
    model = connect()
    text = "In adults with hypertension, amlodipine lowered systolic blood pressure (p < 0.05)."
    assert 22 < model.count_tokens(text) <= len(text) // 2  # 22: GPT-4's tokenizer
    assert model.count_tokens("高血压") == 3
    asked = len(served.asked)
    model.count_tokens("another text")
    assert len(served.asked) == asked  # it is known by now that there is none
