"""Questions in line: so many at once, in order; who waits is told, and keeps its place."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from web_support import CORPUS, ScriptedAssistant, answer

from vademecum.app.web_kept import Conversation, Given
from vademecum.app.web_line import Line
from vademecum.app.web_tab import Tab
from vademecum.app.web_talk import Shown, Talk
from vademecum.rag.answer import Answer


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Opened, it lets the assistant answer."""
    gate = threading.Event()
    yield gate
    gate.set()


@pytest.fixture
def assistant(gate: threading.Event) -> ScriptedAssistant:
    def script(question: str) -> Answer:
        gate.wait(30)
        return answer(question=question)

    return ScriptedAssistant(script=script)


@pytest.fixture
def talk(assistant: ScriptedAssistant) -> Iterator[Talk]:
    talk = Talk(assistant, Line(at_once=1, waiting=2))
    yield talk
    talk.close()


def asked(talk: Talk, question: str) -> tuple[Conversation, Shown, Iterator[Shown]]:
    """A question in a conversation of its own, and what is shown first."""
    held = Conversation()
    steps = talk.ask(question, Given(CORPUS), held)
    return held, next(steps), steps


def test_a_question_that_waits_says_so_and_how_many_come_before_it(talk: Talk) -> None:
    _, first, _ = asked(talk, "First?")
    _, second, _ = asked(talk, "Second?")
    _, third, _ = asked(talk, "Third?")
    assert first.notice == ""
    assert "Searching" in (first.live or "")
    assert "Waiting: 1 question before yours" in (second.notice or "")
    assert "Waiting: 2 questions before yours" in (third.notice or "")
    assert "Third?" in (third.live or "")
    assert "Searching" not in (third.live or "")
    assert (third.question, third.running) == ("", True)


@pytest.mark.parametrize(
    ("question", "tag", "says"),
    [
        ("Wie wirkt Metformin?", "de", "Wartet: 1 Frage ist vorher dran."),
        ("二甲双胍如何起作用？", "zh", "排队中：前面还有1个问题。"),
    ],
)
def test_it_says_so_in_the_language_of_the_question(
    talk: Talk, question: str, tag: str, says: str
) -> None:
    asked(talk, "First?")
    held, waits, _ = asked(talk, question)
    asked(talk, "Third?")
    assert f'lang="{tag}">{says}</p>' in (waits.notice or "")
    (again,) = talk.ask(question, Given(CORPUS), held)
    (turned_away,) = talk.ask(question, Given(CORPUS), Conversation())
    (too_long,) = talk.ask(question * 1_000, Given(CORPUS), Conversation())
    for other in (again, turned_away, too_long):
        assert f'lang="{tag}"' in (other.notice or "")


def test_it_is_answered_in_its_turn_and_the_word_goes(
    talk: Talk, assistant: ScriptedAssistant, gate: threading.Event
) -> None:
    *_, first = asked(talk, "First?")
    *_, second = asked(talk, "Second?")
    gate.set()
    *_, last = second
    list(first)
    assert [each["question"] for each in assistant.asked] == ["First?", "Second?"]
    assert "3 of 5 sentences" in (last.past or "")
    assert last.notice == ""


def test_a_tab_that_is_loaded_again_has_its_question_and_its_place(
    talk: Talk, assistant: ScriptedAssistant, gate: threading.Event
) -> None:
    asked(talk, "First?")
    held, _, steps = asked(talk, "Second?")
    again = talk.resume(held, Tab())
    next(again)
    shown = next(again)
    steps.close()  # type: ignore[attr-defined]
    assert "1 question before yours" in (shown.notice or "")
    assert "Second?" in (shown.live or "")
    asked(talk, "Third?")
    gate.set()
    *_, last = again
    assert "3 of 5 sentences" in (last.past or "")
    assert [each["question"] for each in assistant.asked][:2] == ["First?", "Second?"]


def test_one_that_is_stopped_while_it_waits_is_over_at_once_and_never_asked(
    talk: Talk, assistant: ScriptedAssistant, gate: threading.Event
) -> None:
    *_, first = asked(talk, "First?")
    held, _, second = asked(talk, "Second?")
    _, third, steps = asked(talk, "Third?")
    assert "2 questions before yours" in (third.notice or "")
    talk.stop(held)
    *_, last = second
    assert "Stopped." in (last.past or "")
    assert (last.notice, last.running) == ("", False)
    assert "1 question before yours" in (next(steps).notice or "")
    gate.set()
    list(first)
    list(steps)
    assert [each["question"] for each in assistant.asked] == ["First?", "Third?"]


def test_where_too_many_wait_the_next_stays_in_its_box(talk: Talk, gate: threading.Event) -> None:
    begun = [asked(talk, f"Question {n}?") for n in range(3)]
    held, shown, steps = asked(talk, "One more?")
    assert "Too many questions" in (shown.notice or "")
    assert (shown.question, shown.live, shown.running) == (None, None, None)
    assert list(steps) == []
    gate.set()
    for *_, each in begun:
        list(each)
    *_, last = talk.ask("One more?", Given(CORPUS), held)
    assert "3 of 5 sentences" in (last.past or "")


def test_closing_ends_those_that_wait_too(
    talk: Talk, assistant: ScriptedAssistant, gate: threading.Event
) -> None:
    asked(talk, "First?")
    *_, second = asked(talk, "Second?")
    talk.close()
    *_, last = second
    assert "Stopped." in (last.live or "")
    gate.set()
    assert [each["question"] for each in assistant.asked] == ["First?"]
