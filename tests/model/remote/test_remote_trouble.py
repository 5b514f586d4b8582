"""Whatever a server does, the error is one line, a hint, and never the key."""

from __future__ import annotations

import json

import pytest
from remote_support import (
    DONE,
    KEY,
    PATIENCE_S,
    QUESTION,
    Connect,
    Served,
    ask,
    check,
    closed_port,
    delta,
    said,
)

from vademecum.errors import (
    ContextTooLong,
    EngineBusy,
    ModelError,
    ModelNotFound,
)
from vademecum.model import remote_server
from vademecum.model.completions import estimate_tokens
from vademecum.model.interface import Token
from vademecum.model.remote import RemoteModel


@pytest.mark.parametrize(
    ("status", "body", "kind", "message"),
    [
        (401, f'{{"error": {{"message": "bad key {KEY}"}}}}', ModelError, "refuses the key"),
        (403, "no", ModelError, "refuses the key"),
        (400, '{"error": {"message": "maximum context length is 4096"}}', ContextTooLong, "4096"),
        (400, '{"object": "error", "message": "prompt is too long"}', ContextTooLong, "too long"),
        (500, '{"error": {"type": "exceed_context_size_error"}}', ContextTooLong, "context"),
        (413, "", ContextTooLong, "context"),
        (429, '{"error": {"message": "slow down"}}', EngineBusy, "slow down"),
        (503, '{"error": {"message": "Loading model"}}', EngineBusy, "Loading model"),
        (400, f'{{"detail": "a\\nb {KEY} \\u001b[31m"}}', ModelError, r"400: a b \*\*\* \[31m"),
        (500, "x" * 100_000, ModelError, "500: x+"),
        (307, "", ModelError, "elsewhere"),
    ],
)
def test_a_refusal_is_told_in_one_line(
    served: Served, connect: Connect, status: int, body: str, kind: type[ModelError], message: str
) -> None:
    model = connect(api_key=KEY)
    served.status["/v1/chat/completions"] = (status, body)
    with pytest.raises(kind, match=message) as caught:
        list(model.stream(QUESTION))
    assert type(caught.value) is kind
    assert len(caught.value.message) < 400
    check(caught.value)
    assert served.asked[-1][2] == f"Bearer {KEY}"


def test_a_busy_server_may_say_when_to_come_back(served: Served, connect: Connect) -> None:
    model = connect()
    served.status["/v1/chat/completions"], served.headers = (429, ""), {"Retry-After": "7"}
    with pytest.raises(EngineBusy) as caught:
        list(model.stream(QUESTION))
    assert "in 7 s" in caught.value.hint


def test_an_unknown_model_is_told_with_the_known_ones(served: Served, connect: Connect) -> None:
    served.status["/v1/chat/completions"] = (404, '{"error": {"message": "no such model"}}')
    with pytest.raises(ModelNotFound, match="serves no 'other'") as caught:
        list(connect("other").stream(QUESTION))
    assert "plain" in caught.value.hint


def test_a_server_without_the_path_is_told_apart_from_one_without_the_model(
    served: Served, connect: Connect
) -> None:
    served.status["/v1/chat/completions"] = (404, "nothing here")
    with pytest.raises(ModelError, match="404: nothing here") as caught:
        list(connect().stream(QUESTION))
    assert not isinstance(caught.value, ModelNotFound)


def test_where_no_server_is_the_error_says_so() -> None:
    with closed_port() as port, pytest.raises(ModelError, match="no server answers") as caught:
        RemoteModel(f"http://127.0.0.1:{port}", api_key=KEY)
    check(caught.value)


def test_a_server_without_a_model_is_of_no_use(served: Served, connect: Connect) -> None:
    served.models = []
    with pytest.raises(ModelNotFound, match="serves no model"):
        connect()


def test_a_named_model_needs_no_list(served: Served, connect: Connect) -> None:
    served.status["/v1/models"] = (404, "")
    served.stream = said("Yes.")
    assert ask(connect("named"))[1] == "Yes."
    with pytest.raises(ModelError, match="does not list"):
        connect()


def test_names_that_would_speak_to_the_terminal_are_not_taken(
    served: Served, connect: Connect
) -> None:
    served.models = [{"id": "m\x1b[31m\n evil"}, {"id": "plain"}]
    assert connect().name == "plain"
    served.models.pop()
    with pytest.raises(ModelNotFound, match="serves no model"):
        connect()


@pytest.mark.parametrize(("status", "body"), [(413, ""), (400, "beyond the context window")])
def test_a_list_that_is_refused_has_no_prompt_that_is_too_long(
    served: Served, connect: Connect, status: int, body: str
) -> None:
    served.status["/v1/models"] = (status, body)
    with pytest.raises(ModelError, match=f"answered {status}") as caught:
        connect()
    assert not isinstance(caught.value, ContextTooLong)


def test_a_list_without_an_end_is_left(
    served: Served, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_server, "LONGEST_LIST", 1000)
    text = json.dumps({"data": served.models, "padding": "x" * 200_000})
    served.status["/v1/models"] = (200, text)
    with pytest.raises(ModelError, match="lists its models in no way"):
        connect()


@pytest.mark.parametrize("path", ["/v1/models", "/tokenize"])
def test_a_server_that_answers_drop_by_drop_is_left(
    served: Served, connect: Connect, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_server, "SHORT_S", 0.2)
    served.drips = path
    assert connect("named").count_tokens("four") == estimate_tokens("four")
    assert served.left.wait(PATIENCE_S)


DEEP = "[" * 200_000


def test_what_is_nested_too_deeply_is_not_understood(served: Served, connect: Connect) -> None:
    served.status["/tokenize"] = (200, DEEP)
    assert connect().count_tokens("four") == estimate_tokens("four")
    served.status["/v1/chat/completions"] = (400, DEEP)
    with pytest.raises(ModelError, match="answered 400"):
        ask(connect())


@pytest.mark.parametrize("listed", ["<html>", "[]", '{"data": [{}]}', '{"data": 3}', DEEP])
def test_what_is_no_list_of_models_is_told(served: Served, connect: Connect, listed: str) -> None:
    served.status["/v1/models"] = (200, listed)
    with pytest.raises(ModelError, match="lists its models in no way"):
        connect()


@pytest.mark.parametrize(
    ("stream", "message"),
    [
        (["data: {broken\n\n"], "not a chat completion"),
        (["data: [1]\n\n"], "not a chat completion"),
        (["data: " + "[" * 200_000 + "\n\n"], "not a chat completion"),
        ([delta("content_filter", content="It"), DONE], "content filter"),
        (["<html>hello</html>"], "without finishing"),
        ([delta(content="It")], "without finishing"),
        ([delta(content="It"), 'data: {"error": {"message": "CUDA", "code": 500}}\n\n'], "CUDA"),
        ([delta(content="It"), 'error: {"message": "slot lost"}\n\n'], "slot lost"),
        ([delta("abort", content="It"), DONE], "gave the answer up"),
    ],
)
def test_a_broken_stream_is_an_error(
    served: Served, connect: Connect, stream: list[str], message: str
) -> None:
    served.stream = stream
    with pytest.raises(ModelError, match=message) as caught:
        list(connect(api_key=KEY).stream(QUESTION))
    check(caught.value)


def test_an_empty_stream_to_a_prompt_that_is_too_long_is_told_as_such(
    served: Served, connect: Connect
) -> None:
    """As llama-cpp-python does."""
    served.stream = []
    with pytest.raises(ContextTooLong, match="do not fit the context of plain"):
        list(connect(context_length=2).stream(QUESTION))
    with pytest.raises(ModelError, match="without finishing"):
        list(connect(context_length=20).stream(QUESTION))


def test_a_server_that_dies_is_an_error_after_what_it_said(
    served: Served, connect: Connect
) -> None:
    served.stream, served.dies = [delta(content="It")], True
    run = connect().stream(QUESTION)
    assert next(run) == Token("It", -1, "answer")
    with pytest.raises(ModelError, match="broke the connection off"):
        list(run)


def test_a_server_that_dies_after_the_end_has_answered(served: Served, connect: Connect) -> None:
    served.stream, served.dies = [delta(content="Yes."), delta("stop")], True
    assert ask(connect())[1:][0] == "Yes."


def test_silence_has_an_end(served: Served, connect: Connect) -> None:
    served.silent_before = True
    with pytest.raises(ModelError, match="silent for too long"):
        list(connect(timeout=0.2).stream(QUESTION))
