"""A conversation on the page, step by step, without a browser."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from web_support import CORPUS, SAID, ScriptedAssistant, Shelf, abstention, answer

from vademecum.app import web_kept
from vademecum.app.web_kept import Conversation, Given, Keep
from vademecum.app.web_line import Line
from vademecum.app.web_sources import EMPTY_PANEL
from vademecum.app.web_stream import GRACE_S
from vademecum.app.web_tab import Tab
from vademecum.app.web_talk import LONGEST_QUESTION, Shown, Talk, filter_label
from vademecum.corpora.document import Filters
from vademecum.rag.answer import Turn

QUESTION = "Does metformin lower the risk of cancer?"
GIVEN = Given(CORPUS)


@pytest.fixture
def assistant() -> ScriptedAssistant:
    return ScriptedAssistant()


@pytest.fixture
def talk(assistant: ScriptedAssistant) -> Iterator[Talk]:
    talk = Talk(assistant, Line(2, 2))
    yield talk
    assistant.released.set()
    talk.close()


def ask(
    talk: Talk, held: Conversation, question: str | None = QUESTION, seen: int = 0
) -> list[Shown]:
    return list(talk.ask(question, GIVEN, held, seen))


def start(talk: Talk, held: Conversation, until: str) -> Iterator[Shown]:
    """Ask, and read on until the page shows `until`."""
    steps = talk.ask(QUESTION, GIVEN, held)
    for shown in steps:
        if until in (shown.live or ""):
            return steps
    raise AssertionError(f"{until!r} was never shown")


def test_a_question_is_shown_at_once_and_answered_at_the_end(
    talk: Talk, assistant: ScriptedAssistant
) -> None:
    assistant.pause_s = 0.002
    held = Conversation()
    first, *_, last = ask(talk, held)
    assert first.question == ""
    assert first.running is True
    assert first.start is False
    assert QUESTION in (first.live or "")
    assert "Searching" in (first.live or "")
    assert last.running is False
    assert last.live == ""
    assert "3 of 5 sentences" in (last.past or "")
    assert "5 sources" in (last.panel or "")


def test_an_answer_grows_in_batches_not_token_by_token(
    talk: Talk, assistant: ScriptedAssistant
) -> None:
    assistant.pause_s = 0.004
    held = Conversation()
    shown = [each.live for each in ask(talk, held) if each.live]
    words = sum(len(text.split()) for text, _, _ in SAID)
    assert 3 <= len(shown) < words
    assert any("vd-writing" in each for each in shown)
    assert any("Thinking…" in each for each in shown)


def test_the_assistant_runs_in_one_thread_that_is_not_the_caller(
    talk: Talk, assistant: ScriptedAssistant
) -> None:
    ask(talk, Conversation())
    assert len(assistant.threads) == 1
    assert threading.get_ident() not in assistant.threads


@pytest.mark.parametrize("question", ["", "  \n ", None])
def test_an_empty_question_gets_a_gentle_word(
    talk: Talk, assistant: ScriptedAssistant, question: str | None
) -> None:
    (shown,) = ask(talk, Conversation(), question)
    assert "Type a question" in (shown.notice or "")
    assert shown.running is None
    assert assistant.asked == []


def test_a_question_too_long_is_kept_and_not_asked(
    talk: Talk, assistant: ScriptedAssistant
) -> None:
    (shown,) = ask(talk, Conversation(), "x" * (LONGEST_QUESTION + 1))
    assert "2,001" in (shown.notice or "")
    assert shown.question is None
    assert assistant.asked == []


def test_follow_ups_know_what_was_asked_and_answered(
    talk: Talk, assistant: ScriptedAssistant
) -> None:
    held = Conversation()
    ask(talk, held)
    *_, last = ask(talk, held, "And in people without it?")
    assert assistant.asked[0]["history"] == ()
    assert assistant.asked[1]["history"] == (Turn(QUESTION, answer().answer),)
    assert (last.past or "").count("<article") == 2
    assert 'data-vd-turn="1"' in (last.panel or "")
    assert 'data-vd-turn="2"' in (last.panel or "")


def test_filters_reach_the_assistant(talk: Talk, assistant: ScriptedAssistant) -> None:
    given = Given(CORPUS, " 2015", "2020 ", leave_out_retracted=True)
    list(talk.ask(QUESTION, given, Conversation()))
    assert assistant.asked[0]["filters"] == Filters(2015, 2020, exclude_retracted=True)
    assert assistant.asked[0]["corpus"] == CORPUS


@pytest.mark.parametrize(
    ("first", "last", "says"),
    [("2020", "2015", "end (2015) before"), ("last", "", "not a year"), ("", "20", "not a year")],
)
def test_years_that_make_no_sense_are_explained(
    talk: Talk, assistant: ScriptedAssistant, first: str, last: str, says: str
) -> None:
    (shown,) = talk.ask(QUESTION, Given(CORPUS, first, last), Conversation())
    assert says in (shown.notice or "")
    assert assistant.asked == []


def test_folded_filters_say_what_is_set() -> None:
    assert filter_label("", None, False) == "Filters"
    assert filter_label("2015", "", True) == "Filters · from 2015 · without retracted work"
    assert filter_label("20x5", "", False) == "Filters"


def test_an_abstention_offers_the_nearest_passages(
    talk: Talk, assistant: ScriptedAssistant
) -> None:
    assistant.script = abstention
    *_, last = ask(talk, Conversation())
    assert "Not in this library" in (last.past or "")
    assert "Nearest passages" in (last.panel or "")


def test_an_error_becomes_a_message_and_a_hint(talk: Talk) -> None:
    held = Conversation()
    *_, last = ask(talk, held, "busy?")
    assert "the engine is &lt;b&gt;busy&lt;/b&gt;" in (last.past or "")
    assert "try again in a minute" in (last.past or "")
    assert last.running is False
    assert held.history == []


def test_the_unexpected_is_admitted_without_its_details(
    talk: Talk, caplog: pytest.LogCaptureFixture
) -> None:
    *_, last = ask(talk, Conversation(), "crash?")
    assert "Something unexpected" in (last.past or "")
    assert "secret detail" not in (last.past or "")
    assert "secret detail" in caplog.text


def test_after_an_error_one_can_ask_again(talk: Talk) -> None:
    held = Conversation()
    ask(talk, held, "busy?")
    *_, last = ask(talk, held)
    assert "3 of 5 sentences" in (last.past or "")


def test_stop_keeps_the_sentences_written_and_their_check(
    talk: Talk, assistant: ScriptedAssistant
) -> None:
    assistant.pause_s = 0.02
    held = Conversation()
    steps = start(talk, held, "time-dependent")
    talk.stop(held)
    *_, last = steps
    assert assistant.cancelled.is_set()
    assert "Stopped before it was complete." in (last.past or "")
    assert "supported by a passage" in (last.past or "").lower()
    assert last.running is False
    # A follow-up knows the question, and does not build on half an answer.
    assert held.history == [Turn(QUESTION, "")]


def test_stop_before_a_sentence_says_that_nothing_was_checked(
    talk: Talk, assistant: ScriptedAssistant
) -> None:
    assistant.pause_s = 0.02
    held = Conversation()
    steps = start(talk, held, "Thinking…")
    talk.stop(held)
    *_, last = steps
    assert "Stopped." in (last.past or "")
    assert "Not answered" not in (last.past or "")
    assert held.history == [Turn(QUESTION, "")]


def test_stop_does_not_wait_for_an_assistant_that_hangs(
    talk: Talk, assistant: ScriptedAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    assistant.pause_s, assistant.hangs_when_stopped = 0.02, True
    held = Conversation()
    steps = start(talk, held, "vd-writing")
    talk.stop(held)
    began = time.monotonic()
    *_, last = steps
    assert time.monotonic() - began < GRACE_S + 5  # and not the 30 s that it hangs
    assert "not checked" in (last.past or "")
    assert held.history == [Turn(QUESTION, "")]
    assert any("Stopping…" in (each.live or "") for each in [last]) or last.live == ""


def test_a_new_conversation_forgets_and_stops_the_old_one(
    talk: Talk, assistant: ScriptedAssistant
) -> None:
    held = Conversation()
    ask(talk, held)
    assistant.pause_s = 0.02
    steps = start(talk, held, "Thinking…")
    cleared = talk.reset(held)
    assert list(steps) == []  # what comes late does not reappear
    assert cleared.past == cleared.live == ""
    assert cleared.panel == EMPTY_PANEL
    assert cleared.start is True
    assert held.history == []
    assert assistant.cancelled.wait(5)


def test_a_second_question_waits_for_the_first(talk: Talk, assistant: ScriptedAssistant) -> None:
    assistant.pause_s = 0.02
    held = Conversation()
    steps = start(talk, held, "Thinking…")
    (shown,) = ask(talk, held, "Another?")
    assert "still being answered" in (shown.notice or "")
    steps.close()  # type: ignore[attr-defined]


def left(steps: Iterator[Shown]) -> None:
    """Close what feeds a page, as Gradio does once the page is gone."""
    steps.close()  # type: ignore[attr-defined]


def test_an_answer_that_no_page_follows_is_stopped(assistant: ScriptedAssistant) -> None:
    assistant.pause_s = 0.02
    talk, held = Talk(assistant, Line(1, 0), alone_s=0.0), Conversation()
    left(start(talk, held, "Thinking…"))
    assert assistant.cancelled.wait(5)
    talk.close()


def test_a_page_that_is_loaded_again_follows_the_answer_to_its_end(
    talk: Talk, assistant: ScriptedAssistant
) -> None:
    assistant.pause_s = 0.02
    held = Conversation()
    ask(talk, held, "And before?")
    steps = start(talk, held, "vd-writing")
    again = talk.resume(
        held, Tab()
    )  # the new page is often there before the old one is known to be gone
    before, going_on, *_ = next(again), next(again)
    left(steps)
    assert "And before?" in (before.past or "")
    assert QUESTION in (going_on.live or "")
    assert going_on.running is True
    *_, last = again
    assert "3 of 5 sentences" in (last.past or "")
    assert (last.past or "").count("<article") == 2
    assert last.running is False
    assert not assistant.cancelled.is_set()
    assert [turn.question for turn in held.history] == ["And before?", QUESTION]


def test_an_answer_that_ends_while_its_page_is_loaded_again_is_there(
    talk: Talk, assistant: ScriptedAssistant
) -> None:
    assistant.pause_s = 0.002
    held = Conversation()
    left(start(talk, held, "Thinking…"))
    while held.now is not None:
        time.sleep(0.01)
    (shown,) = talk.resume(held, Tab())
    assert "3 of 5 sentences" in (shown.past or "")
    assert "5 sources" in (shown.panel or "")
    assert shown.start is False


def test_what_a_page_left_half_written_is_there_as_stopped(assistant: ScriptedAssistant) -> None:
    assistant.pause_s = 0.02
    talk, held = Talk(assistant, Line(1, 0), alone_s=0.0), Conversation()
    left(start(talk, held, "time-dependent"))
    assert assistant.cancelled.wait(5)
    *_, last = talk.resume(held, Tab())
    assert "Stopped before it was complete." in (last.past or "")
    assert last.running is not True
    *_, last = ask(talk, held)
    assert "3 of 5 sentences" in (last.past or "")
    talk.close()


def test_a_page_that_is_loaded_again_asks_the_same_corpus_with_the_same_filters(
    talk: Talk,
) -> None:
    held = Conversation()
    given = Given(CORPUS, "2015", leave_out_retracted=True)
    list(talk.ask(QUESTION, given, held))
    (shown,) = talk.resume(held, Tab(turns=1))
    assert shown.given == given


def test_a_new_tab_is_left_as_it_is(talk: Talk) -> None:
    assert list(talk.resume(Conversation(), Tab())) == [Shown()]


def test_a_tab_that_shows_turns_which_are_not_known_is_told_when_it_is_loaded(talk: Talk) -> None:
    held = Conversation()
    (shown,) = talk.resume(held, Tab(turns=2))
    assert "not kept any more" in (shown.notice or "")
    assert (shown.past, shown.start, shown.question) == ("", True, None)
    first, *_ = ask(talk, held, seen=0)
    assert first.notice == ""


def test_a_follow_up_to_turns_that_are_not_known_says_so_and_clears_them(
    talk: Talk, assistant: ScriptedAssistant
) -> None:
    held = Conversation()
    first, *_, last = ask(talk, held, "And before?", seen=3)
    assert "not kept any more" in (first.notice or "")
    assert (first.past, first.panel) == ("", EMPTY_PANEL)
    assert (last.past or "").count("<article") == 1
    assert assistant.asked[0]["history"] == ()
    (shown,) = talk.resume(held, Tab(turns=1))  # as long as nothing else is asked
    assert "not kept any more" in (shown.notice or "")
    first, *_ = ask(talk, held, seen=1)
    assert (first.notice, first.past) == ("", None)


def test_what_a_server_took_with_it_unanswered_is_back_in_the_box(talk: Talk) -> None:
    tab = Tab(turns=1, asked="Who pays?", typed="And who")
    (shown,) = talk.resume(Conversation(), tab)
    assert shown.question == "Who pays?\nAnd who"
    assert "began anew" in (shown.notice or "")
    (shown,) = talk.resume(Conversation(), Tab(asked="Who pays?"))  # it was the first
    assert shown.question == "Who pays?"
    assert "began anew" in (shown.notice or "")


def test_what_is_being_answered_or_was_is_not_put_into_the_box(
    talk: Talk, assistant: ScriptedAssistant
) -> None:
    assistant.pause_s = 0.02
    held = Conversation()
    steps = start(talk, held, "Thinking…")
    again = talk.resume(held, Tab(asked=QUESTION, typed="And who"))
    before, going_on = next(again), next(again)
    assert (before.question, going_on.question) == ("And who", None)
    talk.stop(held)
    left(again)
    list(steps)
    (shown,) = talk.resume(held, Tab(turns=1, asked=QUESTION))
    assert shown.question is None


def test_a_conversation_that_is_too_long_says_that_its_oldest_turns_go(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Conversation()
    ask(talk, held)
    monkeypatch.setattr(web_kept, "LARGEST_ONE", held.size + 1)
    *_, last = ask(talk, held, "And without?", seen=1)
    assert "oldest turns are not kept" in (last.notice or "")
    assert (last.past or "").count("<article") == (last.panel or "").count("<section") == 1
    monkeypatch.undo()
    first, *_ = ask(talk, held, seen=1)
    assert first.notice == ""


def test_closing_stops_everything(assistant: ScriptedAssistant) -> None:
    assistant.pause_s = 0.02
    talk = Talk(assistant, Line(1, 0))
    start(talk, Conversation(), "Thinking…")
    talk.close()
    assert assistant.cancelled.wait(5)


def test_a_document_that_is_gone_does_not_spoil_the_answer(
    talk: Talk, assistant: ScriptedAssistant
) -> None:
    assistant.library = Shelf(held={})
    *_, last = ask(talk, Conversation())
    assert "no longer in the library" in (last.panel or "")


def test_a_page_whose_conversation_was_let_go_is_told_and_can_ask_again(
    talk: Talk, assistant: ScriptedAssistant
) -> None:
    assistant.pause_s = 0.02
    keep = Keep(most=1)
    steps = start(talk, keep.of("a" * 64, "one"), "Searching")
    keep.of("b" * 64, "two")
    *_, last = steps
    assert "not kept any more" in (last.notice or "")
    assert (last.live, last.running, last.start) == ("", False, True)
    assert ask(talk, keep.of("a" * 64, "one"))[-1].running is False
