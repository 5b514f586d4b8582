"""Whose conversation is whose: by the ticket of a tab, in memory, and not for ever."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from web_support import CORPUS, ScriptedAssistant

from vademecum.app import web_kept
from vademecum.app.web_kept import KEPT_S, UNUSED_S, Conversation, Exchange, Keep
from vademecum.app.web_stream import Run
from vademecum.corpora.document import Filters
from vademecum.rag.answer import Turn


class Clock:
    """Time that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def ticket(number: int) -> str:
    return f"{number:064x}"


def said(held: Conversation, question: str = "Does it?") -> Conversation:
    """As after one exchange."""
    held.turns.append(f"<article>{question}</article>")
    held.panels.append("<section></section>")
    held.history.append(Turn(question, "It does."))
    held.asked += 1
    return held


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keep(clock: Clock) -> Keep:
    return Keep(most=3, largest=1_000, clock=clock)


def test_a_tab_that_is_loaded_again_has_its_conversation(keep: Keep) -> None:
    held = said(keep.of(ticket(1), "page"))
    keep.leave("page")
    assert keep.of(ticket(1), "page again") is held


def test_every_tab_has_a_conversation_of_its_own(keep: Keep) -> None:
    said(keep.of(ticket(1), "one"))
    assert keep.of(ticket(2), "two").turns == []


@pytest.mark.parametrize("guess", ["", "1", ticket(1)[:-1], ticket(1).upper() + "A", "../x"])
def test_what_is_no_ticket_finds_nothing_and_keeps_nothing(keep: Keep, guess: str) -> None:
    said(keep.of(guess, "page"))
    assert keep.of(guess, "page").turns == []


def test_a_copied_tab_goes_on_from_there_on_its_own(keep: Keep) -> None:
    first = said(keep.of(ticket(1), "one"))
    second = said(keep.of(ticket(2), "two", before=ticket(1)), "And then?")
    assert first.history == [Turn("Does it?", "It does.")]
    assert [turn.question for turn in second.history] == ["Does it?", "And then?"]
    assert second.asked == 2


def test_a_tab_that_its_browser_brought_back_takes_its_conversation_along(keep: Keep) -> None:
    held = said(keep.of(ticket(1), "page"))
    keep.leave("page")
    assert keep.of(ticket(2), "page again", before=ticket(1)) is held
    assert keep.of(ticket(1), "somebody").turns == []


def test_a_page_that_is_closed_late_does_not_take_the_conversation_from_the_next(
    keep: Keep, clock: Clock
) -> None:
    held = said(keep.of(ticket(1), "page"))
    assert keep.of(ticket(1), "page again") is held
    keep.leave("page")
    clock.now += 2 * KEPT_S
    keep.of(ticket(2), "another")
    assert keep.of(ticket(1), "page again") is held


def test_an_hour_after_its_tab_was_closed_a_conversation_is_gone(keep: Keep, clock: Clock) -> None:
    held = said(keep.of(ticket(1), "page"))
    keep.leave("page")
    clock.now += KEPT_S + 1
    again = keep.of(ticket(1), "page again")
    assert again is not held
    assert again.turns == held.turns == []


def test_an_open_tab_keeps_its_conversation_but_for_a_week_without_use(
    keep: Keep, clock: Clock
) -> None:
    held = said(keep.of(ticket(1), "page"))
    clock.now += UNUSED_S - 1
    assert keep.of(ticket(1), "page") is held
    clock.now += UNUSED_S + 1
    assert keep.of(ticket(1), "page") is not held
    assert held.turns == []


def test_of_too_many_the_longest_unused_goes_those_of_closed_tabs_first(
    keep: Keep, clock: Clock
) -> None:
    for number in (1, 2, 3):
        clock.now += 1
        said(keep.of(ticket(number), f"page {number}"))
    keep.leave("page 3")
    clock.now += 1
    keep.of(ticket(4), "page 4")
    assert keep.of(ticket(1), "page 1").turns
    assert keep.of(ticket(2), "page 2").turns
    assert not keep.of(ticket(3), "page 3").turns


def test_of_too_much_text_the_longest_unused_goes_and_never_that_in_use(
    keep: Keep, clock: Clock
) -> None:
    said(keep.of(ticket(1), "one"), "x" * 300)
    clock.now += 1
    said(keep.of(ticket(2), "two"), "x" * 300)
    clock.now += 1
    assert keep.of(ticket(2), "two").turns
    assert not keep.of(ticket(1), "one").turns
    alone = said(keep.of(ticket(2), "two"), "x" * 2_000)
    assert keep.of(ticket(2), "two") is alone
    assert len(alone.turns) == 2


def test_of_one_that_is_too_long_the_oldest_turns_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_kept, "LARGEST_ONE", 100)
    held = Conversation()
    for number in range(3):
        held.history.append(Turn(f"{number}", "y" * 9))
        held.add(f"{number}" * 20, "x" * 10)
    assert held.size <= 100
    assert held.turns == ["1" * 20, "2" * 20]
    assert len(held.panels) == 2
    assert [turn.question for turn in held.history] == ["1", "2"]
    assert held.shortened
    held.add("z" * 500, "")  # the last is shown whatever its size
    assert held.turns == ["z" * 500]


def test_what_has_to_go_does_so_though_nobody_comes(keep: Keep, clock: Clock) -> None:
    old = said(keep.of(ticket(1), "old"))
    keep.leave("old")
    long = said(keep.of(ticket(2), "long"), "x" * 300)
    clock.now += KEPT_S + 1
    said(keep.of(ticket(3), "new"), "x" * 300)
    with keep.tidied(every_s=0.01):
        until = time.monotonic() + 10
        while old.turns or long.turns:
            assert time.monotonic() < until
            time.sleep(0.01)
    assert keep.of(ticket(3), "new").turns


def test_it_is_tidied_no_longer_than_it_is_asked_to(keep: Keep, clock: Clock) -> None:
    with keep.tidied(every_s=0.01):
        assert "tidy" in [thread.name for thread in threading.enumerate()]
    until = time.monotonic() + 10
    while "tidy" in [thread.name for thread in threading.enumerate()]:
        assert time.monotonic() < until
        time.sleep(0.01)


def test_what_is_let_go_is_stopped(keep: Keep, clock: Clock) -> None:
    assistant = ScriptedAssistant(pause_s=0.02)
    with ThreadPoolExecutor(1) as pool:
        held = keep.of(ticket(1), "page")
        run = Run(pool, assistant, "Does it?", corpus=CORPUS, history=(), filters=Filters())
        held.now = Exchange("Does it?", 1, run)
        keep.leave("page")
        clock.now += KEPT_S + 1
        keep.leave("nobody")
        assert assistant.cancelled.wait(5)


def test_where_an_answer_is_under_way_goes_last(keep: Keep, clock: Clock) -> None:
    with ThreadPoolExecutor(1) as pool:
        first = said(keep.of(ticket(1), "page 1"))
        run = Run(pool, ScriptedAssistant(), "?", corpus=CORPUS, history=(), filters=Filters())
        first.now = Exchange("?", 1, run)
        for number in (2, 3, 4):
            clock.now += 1
            said(keep.of(ticket(number), f"page {number}"))
        assert keep.of(ticket(1), "page 1") is first
        assert keep.of(ticket(2), "page 2").turns == []
        run.stop(grace_s=0)
