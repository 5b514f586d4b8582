"""More questions than are answered at once, in a real browser: none is lost by a reload."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from browser_support import BOX, PATIENCE_MS, Visit
from playwright.sync_api import Browser, BrowserContext, expect
from web_support import CORPUS, ScriptedAssistant

from vademecum.app import web

pytestmark = pytest.mark.e2e


@pytest.fixture
def assistant() -> ScriptedAssistant:
    return ScriptedAssistant()


@pytest.fixture
def opened(
    browser: Browser, assistant: ScriptedAssistant, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], Visit]]:
    """Opens tabs of a page that answers one question at a time, and lets one wait."""
    monkeypatch.setattr(web, "AT_ONCE", 1)
    monkeypatch.setattr(web, "WAITING", 1)
    served = web.serve(assistant, CORPUS, port=0, block=False)
    contexts: list[BrowserContext] = []

    def open_tab() -> Visit:
        contexts.append(browser.new_context())
        tab = Visit(contexts[-1].new_page(), assistant)
        tab.open(served.address)
        return tab

    yield open_tab
    for context in contexts:
        context.close()
    served.close()


def test_a_question_that_waits_is_there_after_a_reload_and_is_answered(
    opened: Callable[[], Visit], assistant: ScriptedAssistant
) -> None:
    first, second = opened(), opened()
    assistant.pause_s = 0.2
    first.ask()
    expect(first.page.locator("#vd-live .vd-thinking")).to_be_visible()
    second.ask("And without diabetes?")
    for _ in range(2):
        expect(second.page.locator(".vd-notice")).to_contain_text("1 question before yours")
        expect(second.page.locator("#vd-live .vd-question")).to_contain_text("without diabetes")
        expect(second.page.locator("#vd-stop")).to_be_visible()
        second.page.reload()
    assistant.pause_s = 0.0
    expect(second.page.locator("#vd-past .vd-turn")).to_have_count(1)
    expect(second.page.locator(".vd-notice")).to_have_count(0)
    assert [each["question"] for each in assistant.asked][1:] == ["And without diabetes?"]


def test_where_too_many_wait_a_question_stays_in_its_box_and_a_reload_shows_the_turns(
    opened: Callable[[], Visit], assistant: ScriptedAssistant
) -> None:
    first, second, third = opened(), opened(), opened()
    third.answered()
    assistant.pause_s = 0.2
    for tab in (first, second):
        tab.ask()
        expect(tab.page.locator("#vd-live .vd-turn")).to_be_visible()
    third.ask("And in children?")
    expect(third.page.locator(".vd-notice")).to_contain_text("Too many questions are waiting")
    expect(third.page.locator(BOX)).to_have_value("And in children?")
    third.page.reload()
    expect(third.page.locator("#vd-past .vd-turn")).to_have_count(1, timeout=PATIENCE_MS)
    expect(third.page.locator("#vd-start")).to_be_hidden()
