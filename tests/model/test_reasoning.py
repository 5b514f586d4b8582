"""Thinking ends at `</think>`, however its text arrives; stop strings are never shown."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from vademecum.model.reasoning import StopStrings, ThinkingBudget, ThinkingSplitter, open_thinking


def split(pieces: list[str], *, reasons: bool = True) -> tuple[str, str]:
    """(thinking, answer) of a text that arrives in pieces."""
    splitter = ThinkingSplitter(reasons)
    events = [event for piece in pieces for event in splitter.feed(piece)] + splitter.flush()
    assert all(text for _, text in events)
    return (
        "".join(text for phase, text in events if phase == "thinking"),
        "".join(text for phase, text in events if phase == "answer"),
    )


@pytest.mark.parametrize(
    ("text", "thinking", "answer"),
    [
        ("<think>\nLet me see.\n</think>\n\nParis.", "Let me see.", "Paris."),
        ("Let me see.\n</think>\n\nParis.", "Let me see.", "Paris."),
        ("\n\n</think>\n\nParis.", "", "Paris."),
        ("<think>\n\n</think>\n\nParis.", "", "Paris."),
        ("</think>Paris.", "", "Paris."),
        ("Let me see. a < b, then", "Let me see. a < b, then", ""),
        ("<think>\nNever closed </thin", "Never closed </thin", ""),
        ("<thin ice", "<thin ice", ""),
        ("", "", ""),
        ("why</think>Because.\n\n- <think> stays </think> text", "why",
         "Because.\n\n- <think> stays </think> text"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 1000])
def test_the_split_does_not_depend_on_the_pieces(
    text: str, thinking: str, answer: str, size: int
) -> None:
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    assert split(pieces) == (thinking, answer)


def test_a_model_that_does_not_reason_only_answers() -> None:
    assert split(["a <thi", "nk> b </think>\n c "], reasons=False) == (
        "",
        "a <think> b </think>\n c ",
    )


def test_thinking_streams_as_soon_as_it_is_certain() -> None:
    splitter = ThinkingSplitter(reasons=True)
    assert splitter.feed("Let") == [("thinking", "Let")]
    assert splitter.feed(" me </") == [("thinking", " me")]
    assert splitter.feed("b> ") == [("thinking", " </b>")]
    assert splitter.feed("\n</think>\n") == []
    assert splitter.phase == "answer"
    assert splitter.feed("Yes") == [("answer", "Yes")]


@pytest.mark.parametrize("ending", ["", "<think>", "<think>\n"])
def test_the_prompt_is_opened_once(ending: str) -> None:
    opened = open_thinking("<|Assistant|>" + ending)
    assert opened.rstrip() == "<|Assistant|><think>"


CLOSING, TAG, END = (5, 6, 7), 6, 9  # "\n</think>\n\n", its tag, the end of the text


def budget_of(least: int, most: int | None, *texts: str) -> ThinkingBudget:
    """Tokens from 10 on are these texts, the others have none."""
    return ThinkingBudget(
        least, most, CLOSING, {TAG, END}, lambda n: texts[n - 10].encode() if n >= 10 else b""
    )


def test_after_its_most_the_thinking_is_closed() -> None:
    budget = budget_of(0, 3)
    assert [budget.forced(thought) for thought in (0, 2, 3, 4)] == [[], [], [5, 6, 7], [5, 6, 7]]


def test_no_thinking_at_all_is_a_budget_too() -> None:
    assert budget_of(0, 0).forced(0) == [5, 6, 7]


def test_what_is_forced_is_the_callers_to_use_up() -> None:
    budget = budget_of(0, 0)
    budget.forced(0).clear()
    assert budget.forced(0) == [5, 6, 7]


def test_before_its_least_neither_thinking_nor_text_can_end() -> None:
    budget = budget_of(2, None)
    assert [budget.may_end(thought) for thought in (0, 1, 2)] == [False, False, True]
    assert [budget.allows(token) for token in (TAG, END, 5)] == [False, False, True]
    assert budget.forced(10**6) == []


@pytest.mark.parametrize(
    "texts",
    [
        "</think>",
        ("a < b, </", "think", ">"),
        ("<", "</thi", "nk>So"),
        ("é</think", ">"),
        ("x</think>y",),
        ("</think", "", ">"),
    ],
)
def test_before_its_least_no_letters_spell_the_end(texts: Sequence[str]) -> None:
    budget = budget_of(100, None, *texts)
    *before, last = range(10, 10 + len(texts))
    for token in before:
        assert budget.allows(token)
        budget.advance(token)
    assert not budget.allows(last)


def test_other_tags_may_be_thought() -> None:
    texts = ["</think", "ing>", "</b>", "<think>", "</ think>", "/think>"]
    budget = budget_of(100, None, *texts)
    for token in range(10, 10 + len(texts)):
        assert budget.allows(token)
        budget.advance(token)


def stop(pieces: list[str], *strings: str) -> tuple[str, bool]:
    stops = StopStrings(strings)
    shown = ""
    for piece in pieces:
        text, stopped = stops.feed(piece)
        shown += text
        if stopped:
            return shown, True
    return shown + stops.flush(), False


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_a_stop_string_ends_the_text_before_it(size: int) -> None:
    text = "Answer. ##\nQuestion: next"
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    assert stop(pieces, "\nQuestion:") == ("Answer. ##", True)
    assert stop(pieces, "\nQuestion:", "##") == ("Answer. ", True)
    assert stop(pieces, "nowhere", "nextt") == (text, False)


def test_only_what_may_become_a_stop_is_held_back() -> None:
    stops = StopStrings(("END",))
    assert stops.feed("the E") == ("the ", False)
    assert stops.feed("N") == ("", False)
    assert stops.feed("d EN") == ("ENd ", False)
    assert stops.feed("D!") == ("", True)
    assert stops.flush() == ""


def test_a_stop_that_overlaps_itself_is_found() -> None:
    assert stop(["a", "a", "b"], "ab") == ("a", True)
    assert stop(["aab", "aab", "c"], "aabaabc") == ("", True)
    assert stop(["xaab", "aab", "aabc"], "aabaabc") == ("xaab", True)
