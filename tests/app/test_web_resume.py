"""A conversation on a page that is loaded again, left, or shows what is not known any more."""

from __future__ import annotations

import time

import pytest
from talk_support import QUESTION, ask, left, start
from web_support import CORPUS, ScriptedAssistant

from vademecum.app import web_kept
from vademecum.app.web_kept import Conversation, Given, Keep
from vademecum.app.web_line import Line
from vademecum.app.web_sources import EMPTY_PANEL
from vademecum.app.web_tab import Tab
from vademecum.app.web_talk import Shown, Talk


def test_an_answer_that_no_page_follows_is_stopped(scripted: ScriptedAssistant) -> None:
    scripted.pause_s = 0.02
    talk, held = Talk(scripted, Line(1, 0), alone_s=0.0), Conversation()
    left(start(talk, held, "Thinking…"))
    assert scripted.cancelled.wait(5)
    talk.close()


def test_a_page_that_is_loaded_again_follows_the_answer_to_its_end(
    talk: Talk, scripted: ScriptedAssistant
) -> None:
    scripted.pause_s = 0.02
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
    assert not scripted.cancelled.is_set()
    assert [turn.question for turn in held.history] == ["And before?", QUESTION]


def test_an_answer_that_ends_while_its_page_is_loaded_again_is_there(
    talk: Talk, scripted: ScriptedAssistant
) -> None:
    scripted.pause_s = 0.002
    held = Conversation()
    left(start(talk, held, "Thinking…"))
    while held.now is not None:
        time.sleep(0.01)
    (shown,) = talk.resume(held, Tab())
    assert "3 of 5 sentences" in (shown.past or "")
    assert "5 sources" in (shown.panel or "")
    assert shown.start is False


def test_what_a_page_left_half_written_is_there_as_stopped(scripted: ScriptedAssistant) -> None:
    scripted.pause_s = 0.02
    talk, held = Talk(scripted, Line(1, 0), alone_s=0.0), Conversation()
    left(start(talk, held, "time-dependent"))
    assert scripted.cancelled.wait(5)
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
    talk: Talk, scripted: ScriptedAssistant
) -> None:
    held = Conversation()
    first, *_, last = ask(talk, held, "And before?", seen=3)
    assert "not kept any more" in (first.notice or "")
    assert (first.past, first.panel) == ("", EMPTY_PANEL)
    assert (last.past or "").count("<article") == 1
    assert scripted.asked[0]["history"] == ()
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
    talk: Talk, scripted: ScriptedAssistant
) -> None:
    scripted.pause_s = 0.02
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


def test_what_is_not_known_any_more_is_told_in_the_language_of_the_question(talk: Talk) -> None:
    asked, held = "Wie wirkt Metformin?", Conversation()
    (began_anew,) = talk.resume(held, Tab(asked=asked))
    assert 'lang="de">Der Server wurde neu gestartet' in (began_anew.notice or "")
    first, *_ = ask(talk, held, asked, seen=1)
    assert 'lang="de">Was vorher gesagt wurde' in (first.notice or "")
    (again,) = talk.resume(held, Tab(turns=1))
    assert again.notice == first.notice


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


def test_a_page_whose_conversation_was_let_go_is_told_and_can_ask_again(
    talk: Talk, scripted: ScriptedAssistant
) -> None:
    scripted.pause_s = 0.02
    keep = Keep(most=1)
    steps = start(talk, keep.of("a" * 64, "one"), QUESTION)
    keep.of("b" * 64, "two")
    *_, last = steps
    assert "not kept any more" in (last.notice or "")
    assert (last.live, last.running, last.start) == ("", False, True)
    assert ask(talk, keep.of("a" * 64, "one"))[-1].running is False
