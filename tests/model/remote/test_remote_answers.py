"""Whatever accent a server speaks, its thinking and its answer are told apart."""

from __future__ import annotations

import json

import pytest
from remote_support import (
    DONE,
    PATIENCE_S,
    Connect,
    Served,
    ask,
    delta,
    said,
)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64])
def test_bytes_may_be_cut_anywhere(served: Served, connect: Connect, size: int) -> None:
    """Inside a character, a line, an event; U+2028 inside JSON ends no line."""
    answer = "血压 \N{LINE SEPARATOR}is 120 mm\N{PILE OF POO} Hg."
    events = ": keep-alive\r\n\r\n" + delta(role="assistant", content="")
    events += delta(content=answer[:9]).replace("\n", "\r\n") + "event: message\n"
    events += delta(content=answer[9:]) + delta("stop") + DONE
    data = events.encode()
    served.stream = [data[at : at + size] for at in range(0, len(data), size)]
    assert ask(connect())[1] == answer


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
@pytest.mark.parametrize("reasons", [True, False, None])
def test_thinking_may_come_in_a_field(
    served: Served, connect: Connect, name: str, reasons: bool | None
) -> None:
    served.stream = [
        delta(role="assistant", content=""),
        delta(**{name: "Let me "}),
        delta(**{name: "see."}, content=None),
        *said("\n\n", "It is ", "so."),
    ]
    model = connect(reasons=reasons)
    thinking, answer, last = ask(model)
    assert (thinking, answer) == ("Let me see.", "It is so.")
    assert last.stats.thinking_tokens == 2
    assert model.reasons is (reasons is not False)  # what was told stays; else it was seen


@pytest.mark.parametrize("opening", ["<think>\n", "", "\n<think>"])
@pytest.mark.parametrize("size", [1, 3, 100])
def test_thinking_may_come_inside_the_content(
    served: Served, connect: Connect, opening: str, size: int
) -> None:
    served.models = [{"id": "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B"}]
    text = f"{opening}Let me see.\n</think>\n\nIt is so."
    served.stream = said(*(text[at : at + size] for at in range(0, len(text), size)))
    model = connect()
    assert model.reasons  # by its name
    assert ask(model)[:2] == ("Let me see.", "It is so.")


def test_an_opening_tag_gives_a_thinker_away(served: Served, connect: Connect) -> None:
    served.stream = said("<th", "ink>Hm.</thi", "nk>So.")
    model = connect()
    assert not model.reasons
    assert ask(model)[:2] == ("Hm.", "So.")
    assert model.reasons


@pytest.mark.parametrize("text", ["<", "<thin", "<b>bold</b>", "So."])
def test_an_answer_is_not_taken_for_an_opening_tag(
    served: Served, connect: Connect, text: str
) -> None:
    served.stream = said(*text)
    model = connect()
    assert ask(model)[:2] == ("", text)
    assert not model.reasons


def test_a_model_that_is_said_not_to_reason_may_write_the_tag(
    served: Served, connect: Connect
) -> None:
    served.stream = said("<think> is a tag.")
    assert ask(connect(reasons=False))[1] == "<think> is a tag."


def test_a_wrong_guess_loses_no_answer(served: Served, connect: Connect) -> None:
    """By its name it thinks; it ends by itself without a thought: what it wrote is the answer."""
    served.models = [{"id": "some-r1"}]
    served.stream = said("It is ", "so.")
    assert ask(connect())[1] == "It is so."


def test_a_thought_that_is_cut_short_is_no_answer(served: Served, connect: Connect) -> None:
    served.models = [{"id": "some-r1"}]
    served.stream = [delta(content="Let me see"), delta("length"), DONE]
    thinking, answer, last = ask(connect())
    assert (thinking, answer, last.reason) == ("Let me see", "", "length")


@pytest.mark.parametrize("cuts", [("It is so. EN", "D and more"), ("It is so. END",)])
def test_a_stop_string_ends_the_answer_and_frees_the_server(
    served: Served, connect: Connect, cuts: tuple[str, ...]
) -> None:
    served.stream = [delta(reasoning="Not before the END."), *(delta(content=c) for c in cuts)]
    served.silent_after = True
    thinking, answer, last = ask(connect(reasons=True), stop=(" END",))
    assert (thinking, answer, last.reason) == ("Not before the END.", "It is so.", "stop")
    assert "stop" not in served.bodies()[0]  # the server would end the thinking there
    assert served.left.wait(PATIENCE_S)


def test_an_answer_may_be_cut_by_length(served: Served, connect: Connect) -> None:
    served.stream = [delta(content="It"), delta("length", content=" is"), DONE]
    _, answer, last = ask(connect())
    assert (answer, last.reason) == ("It is", "length")


@pytest.mark.parametrize("field", ["content", "reasoning_content"])
def test_a_character_cut_into_two_chunks_comes_whole(
    served: Served, connect: Connect, field: str
) -> None:
    parts = ("\ud83d", "\ude00Yes.", "\ud83d")  # the last one's rest never comes
    served.stream = [
        f"data: {json.dumps({'choices': [{'delta': {field: text}}]})}\n\n" for text in parts
    ]
    served.stream += [delta("stop"), DONE]
    thinking, answer, _ = ask(connect())
    assert thinking + answer == "😀Yes."
