"""The page loaded again, copied and closed, in a real browser: whose conversation it shows."""

from __future__ import annotations

import time

import pytest
from browser_support import BOX, NARROW, QUESTION, WIDE, Open, Visit, settled_in_view
from playwright.sync_api import Browser, expect
from web_support import CORPUS, SAID, ScriptedAssistant, answer

from vademecum.app import web
from vademecum.rag.answer import Turn

pytestmark = pytest.mark.e2e


GOING = ("AbortError", "Connection errored out")  # what Gradio says of a page that goes


def reloaded(tab: Visit) -> None:
    tab.page.reload()
    expect(tab.page.locator(BOX)).to_be_visible()
    tab.complaints[:] = [each for each in tab.complaints if not any(word in each for word in GOING)]


def stored(tab: Visit) -> dict[str, str]:
    return dict(tab.page.evaluate("Object.entries(sessionStorage)"))


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_a_reload_keeps_the_conversation_and_its_sources(
    visit: Open, assistant: ScriptedAssistant, size: dict[str, int]
) -> None:
    tab = visit(size)
    tab.answered()
    reloaded(tab)
    past = tab.page.locator("#vd-past .vd-turn")
    expect(past).to_have_count(1)
    expect(past).to_contain_text(SAID[-1][0])
    expect(tab.page.locator("#vd-start")).to_be_hidden()
    settled_in_view(past.locator(".vd-footer"))  # where one was, at the end
    tab.chip(1).click()
    settled_in_view(tab.page.locator("#vd-source-1-1 mark.is-evidence").first)
    tab.page.keyboard.press("Escape")
    tab.answered("And without diabetes?", turns=2)
    assert assistant.asked[1]["history"] == (Turn(QUESTION, answer().answer),)
    reloaded(tab)
    expect(past).to_have_count(2)


def test_a_reload_while_an_answer_is_written_goes_on_with_it(
    visit: Open, assistant: ScriptedAssistant
) -> None:
    assistant.pause_s = 0.05
    tab = visit()
    tab.ask()
    expect(tab.page.locator("#vd-live .vd-text")).to_contain_text("pooled")
    reloaded(tab)
    expect(tab.page.locator("#vd-live .vd-question")).to_contain_text(QUESTION)
    expect(tab.page.locator("#vd-live .vd-text")).to_contain_text("pooled")
    expect(tab.page.locator("#vd-stop")).to_be_visible()
    expect(tab.page.locator("#vd-past .vd-turn")).to_have_count(1)
    expect(tab.page.locator("#vd-past")).to_contain_text(SAID[-1][0])
    expect(tab.page.locator("#vd-ask")).to_be_visible()
    expect(tab.page.locator("#vd-live .vd-turn")).to_have_count(0)
    assert len(assistant.asked) == 1
    assert not assistant.cancelled.is_set()


def test_an_answer_can_be_stopped_after_a_reload(visit: Open, assistant: ScriptedAssistant) -> None:
    assistant.pause_s = 0.1
    tab = visit()
    tab.ask()
    expect(tab.page.locator("#vd-live .vd-thinking")).to_be_visible()
    reloaded(tab)
    tab.page.click("#vd-stop")
    assert assistant.cancelled.wait(10)
    expect(tab.page.locator("#vd-past")).to_contain_text("Stopped")
    assistant.pause_s = 0.0
    tab.answered(turns=2)


def test_reloads_one_after_another_take_no_place_from_other_questions(
    visit: Open, assistant: ScriptedAssistant
) -> None:
    assistant.pause_s = 0.1
    tab, other = visit(), visit()
    tab.ask()
    for _ in range(6):  # more than questions are answered at once
        expect(tab.page.locator("#vd-live .vd-turn")).to_be_visible()
        reloaded(tab)
    assistant.pause_s = 0.0
    other.answered()
    expect(tab.page.locator("#vd-past .vd-turn")).to_have_count(1)


def test_a_reload_keeps_the_corpus_and_the_filters_that_were_asked_with(
    visit: Open, assistant: ScriptedAssistant
) -> None:
    tab = visit()
    tab.page.get_by_label("Corpus").first.click()
    tab.page.get_by_role("option", name="oncology").click()
    expect(tab.page.locator(".vd-corpus")).to_contain_text("oncology")
    tab.page.click("#vd-filters > button")
    tab.page.get_by_label("To year").fill("2020")
    tab.page.get_by_label("Leave out retracted work").check()
    tab.answered()
    reloaded(tab)
    expect(tab.page.locator(".vd-corpus")).to_contain_text("oncology")
    expect(tab.page.locator("#vd-corpus input")).to_have_value("oncology")
    filters = tab.page.locator("#vd-filters > button")
    expect(filters).to_contain_text("to 2020 · without retracted work")
    tab.answered(turns=2)
    first, second = ({k: each[k] for k in ("corpus", "filters")} for each in assistant.asked)
    assert first == second


def test_a_new_conversation_is_still_new_after_a_reload(visit: Open) -> None:
    tab = visit()
    tab.answered()
    tab.page.click("#vd-new")
    expect(tab.page.locator("#vd-past .vd-turn")).to_have_count(0)
    reloaded(tab)
    expect(tab.page.locator("#vd-start")).to_be_visible()
    tab.page.wait_for_timeout(1_000)
    expect(tab.page.locator("#vd-past .vd-turn")).to_have_count(0)


def test_another_tab_of_the_same_browser_sees_nothing_of_it(visit: Open, address: str) -> None:
    first = visit()
    first.answered()
    second = Visit(first.page.context.new_page(), first.assistant)
    second.open(address)
    second.page.wait_for_timeout(1_000)
    expect(second.page.locator(".vd-turn")).to_have_count(0)
    second.answered("Something else?")
    reloaded(first)
    expect(first.page.locator("#vd-past .vd-turn")).to_have_count(1)
    expect(first.page.locator("#vd-past")).not_to_contain_text("Something else?")
    assert second.complaints == second.strangers == []


def test_a_copied_tab_goes_on_from_the_conversation_on_its_own(visit: Open) -> None:
    first = visit()
    first.answered()
    with first.page.expect_popup() as opened:  # which gets a copy of what is stored, as copies do
        first.page.evaluate("void window.open(location.href)")
    second = Visit(opened.value, first.assistant)
    expect(second.page.locator("#vd-past .vd-turn")).to_have_count(1)
    second.answered("Something else?", turns=2)
    for tab, turns in ((first, 1), (second, 2)):
        reloaded(tab)
        expect(tab.page.locator("#vd-past .vd-turn")).to_have_count(turns)
    assert stored(first)["vd-ticket"] != stored(second)["vd-ticket"]


def test_the_browser_stores_no_word_of_a_conversation(visit: Open) -> None:
    tab = visit()
    tab.answered()
    reloaded(tab)
    expect(tab.page.locator("#vd-past .vd-turn")).to_have_count(1)
    kept = stored(tab)
    assert sorted(kept) == ["vd-ticket", "vd-turns"]
    assert kept["vd-turns"] == "1"
    assert len(kept["vd-ticket"]) == 64
    assert tab.page.evaluate("Object.values(localStorage).join()").find("metformin") < 0
    assert tab.page.context.cookies() == []


def test_the_server_forgets_what_a_closed_page_showed_but_for_its_conversation(
    browser: Browser,
) -> None:
    assistant = ScriptedAssistant()
    served = web.serve(assistant, CORPUS, port=0, block=False)

    def seen() -> bool:
        pages = list(served.page.state_holder.session_data.values())
        return QUESTION in repr([page.config_values for page in pages])

    tab = Visit(browser.new_page(), assistant)
    tab.open(served.address)
    tab.answered()
    assert seen()
    tab.page.close()
    until = time.monotonic() + 30
    while seen() and time.monotonic() < until:
        time.sleep(0.1)
    assert not seen()
    served.close()
