"""A conversation on the page, step by step, without a browser."""

from __future__ import annotations

import threading
import time

import pytest
from talk_support import GIVEN, QUESTION, ask, start
from web_support import CORPUS, SAID, ScriptedAssistant, Shelf, abstention, answer

from vademecum.app.web_kept import Conversation, Given
from vademecum.app.web_line import Line
from vademecum.app.web_sources import EMPTY_PANEL
from vademecum.app.web_stream import GRACE_S
from vademecum.app.web_talk import LONGEST_QUESTION, Talk, filter_label
from vademecum.corpora.document import Filters
from vademecum.rag.answer import Answer, Turn


def test_a_question_is_shown_at_once_and_answered_at_the_end(
    talk: Talk, scripted: ScriptedAssistant
) -> None:
    gate = threading.Event()

    def script(question: str) -> Answer:
        gate.wait(30)
        return answer(question=question)

    scripted.script = script
    steps = talk.ask(QUESTION, GIVEN, Conversation())
    first = next(steps)
    gate.set()
    *_, last = steps
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
    talk: Talk, scripted: ScriptedAssistant
) -> None:
    scripted.pause_s = 0.004
    held = Conversation()
    shown = [each.live for each in ask(talk, held) if each.live]
    words = sum(len(text.split()) for text, _, _ in SAID)
    assert 3 <= len(shown) < words
    assert any("vd-writing" in each for each in shown)
    assert any("Thinking…" in each for each in shown)


def test_the_assistant_runs_in_one_thread_that_is_not_the_caller(
    talk: Talk, scripted: ScriptedAssistant
) -> None:
    ask(talk, Conversation())
    assert len(scripted.threads) == 1
    assert threading.get_ident() not in scripted.threads


@pytest.mark.parametrize("question", ["", "  \n ", None])
def test_an_empty_question_gets_a_gentle_word(
    talk: Talk, scripted: ScriptedAssistant, question: str | None
) -> None:
    (shown,) = ask(talk, Conversation(), question)
    assert "Type a question" in (shown.notice or "")
    assert shown.running is None
    assert scripted.asked == []


def test_a_question_too_long_is_kept_and_not_asked(talk: Talk, scripted: ScriptedAssistant) -> None:
    (shown,) = ask(talk, Conversation(), "x" * (LONGEST_QUESTION + 1))
    assert "2,001" in (shown.notice or "")
    assert shown.question is None
    assert scripted.asked == []


def test_follow_ups_know_what_was_asked_and_answered(
    talk: Talk, scripted: ScriptedAssistant
) -> None:
    held = Conversation()
    ask(talk, held)
    *_, last = ask(talk, held, "And in people without it?")
    assert scripted.asked[0]["history"] == ()
    assert scripted.asked[1]["history"] == (Turn(QUESTION, answer().answer),)
    assert (last.past or "").count("<article") == 2
    assert 'data-vd-turn="1"' in (last.panel or "")
    assert 'data-vd-turn="2"' in (last.panel or "")


def test_filters_reach_the_assistant(talk: Talk, scripted: ScriptedAssistant) -> None:
    given = Given(CORPUS, " 2015", "2020 ", leave_out_retracted=True)
    list(talk.ask(QUESTION, given, Conversation()))
    assert scripted.asked[0]["filters"] == Filters(2015, 2020, exclude_retracted=True)
    assert scripted.asked[0]["corpus"] == CORPUS


@pytest.mark.parametrize(
    ("first", "last", "says"),
    [("2020", "2015", "end (2015) before"), ("last", "", "not a year"), ("", "20", "not a year")],
)
def test_years_that_make_no_sense_are_explained(
    talk: Talk, scripted: ScriptedAssistant, first: str, last: str, says: str
) -> None:
    (shown,) = talk.ask(QUESTION, Given(CORPUS, first, last), Conversation())
    assert says in (shown.notice or "")
    assert scripted.asked == []


def test_folded_filters_say_what_is_set() -> None:
    assert filter_label("", None, False) == "Filters"
    assert filter_label("2015", "", True) == "Filters · from 2015 · without retracted work"
    assert filter_label("20x5", "", False) == "Filters"


def test_an_abstention_offers_the_nearest_passages(talk: Talk, scripted: ScriptedAssistant) -> None:
    scripted.script = abstention
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
    talk: Talk, scripted: ScriptedAssistant
) -> None:
    scripted.pause_s = 0.02
    held = Conversation()
    steps = start(talk, held, "time-dependent")
    talk.stop(held)
    *_, last = steps
    assert scripted.cancelled.is_set()
    assert "Stopped before it was complete." in (last.past or "")
    assert "supported by a passage" in (last.past or "").lower()
    assert last.running is False
    # A follow-up knows the question, and does not build on half an answer.
    assert held.history == [Turn(QUESTION, "")]


def test_stop_before_a_sentence_says_that_nothing_was_checked(
    talk: Talk, scripted: ScriptedAssistant
) -> None:
    scripted.pause_s = 0.02
    held = Conversation()
    steps = start(talk, held, "Thinking…")
    talk.stop(held)
    *_, last = steps
    assert "Stopped." in (last.past or "")
    assert "Not answered" not in (last.past or "")
    assert held.history == [Turn(QUESTION, "")]


def test_stop_does_not_wait_for_an_assistant_that_hangs(
    talk: Talk, scripted: ScriptedAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted.pause_s, scripted.hangs_when_stopped = 0.02, True
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
    talk: Talk, scripted: ScriptedAssistant
) -> None:
    held = Conversation()
    ask(talk, held)
    scripted.pause_s = 0.02
    steps = start(talk, held, "Thinking…")
    cleared = talk.reset(held)
    assert list(steps) == []  # what comes late does not reappear
    assert cleared.past == cleared.live == ""
    assert cleared.panel == EMPTY_PANEL
    assert cleared.start is True
    assert held.history == []
    assert scripted.cancelled.wait(5)


def test_a_second_question_waits_for_the_first(talk: Talk, scripted: ScriptedAssistant) -> None:
    scripted.pause_s = 0.02
    held = Conversation()
    steps = start(talk, held, "Thinking…")
    (shown,) = ask(talk, held, "Another?")
    assert "still being answered" in (shown.notice or "")
    steps.close()  # type: ignore[attr-defined]


def test_closing_stops_everything(scripted: ScriptedAssistant) -> None:
    scripted.pause_s = 0.02
    talk = Talk(scripted, Line(1, 0))
    start(talk, Conversation(), "Thinking…")
    talk.close()
    assert scripted.cancelled.wait(5)


def test_a_document_that_is_gone_does_not_spoil_the_answer(
    talk: Talk, scripted: ScriptedAssistant
) -> None:
    scripted.library = Shelf(held={})
    *_, last = ask(talk, Conversation())
    assert "no longer in the library" in (last.panel or "")
