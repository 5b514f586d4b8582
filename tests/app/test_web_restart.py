"""A server that is started again under open tabs, in a real browser: nothing goes unsaid."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
from browser_support import BOX, QUESTION, Open, Visit
from playwright.sync_api import Browser, expect
from web_support import CORPUS, SAID, ScriptedAssistant

from vademecum.app import web

pytestmark = pytest.mark.e2e


@dataclass
class Server:
    """One that can be started again at the same address, and knows nothing then."""

    assistant: ScriptedAssistant = field(default_factory=ScriptedAssistant)
    served: Any = None

    def start(self, port: int = 0) -> None:
        self.served = web.serve(self.assistant, CORPUS, port=port, block=False)

    @property
    def address(self) -> str:
        return self.served.address

    def stop(self) -> None:
        self.served.close()

    def restart(self) -> None:
        port = urlsplit(self.address).port
        assert port is not None
        self.start(port)


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def tab(browser: Browser, server: Server) -> Iterator[Visit]:
    page = browser.new_page()
    visit = Visit(page, server.assistant)
    visit.open(server.address)
    yield visit
    page.close()


def test_a_follow_up_in_a_tab_left_open_says_that_the_earlier_turns_are_not_known(
    tab: Visit, server: Server
) -> None:
    tab.answered()
    server.stop()
    server.restart()
    tab.ask("And without diabetes?")
    expect(tab.page.locator(".vd-notice")).to_contain_text("not kept any more")
    turns = tab.page.locator("#vd-past .vd-turn")
    expect(turns).to_have_count(1)
    expect(turns).to_contain_text("And without diabetes?")
    assert server.assistant.asked[1]["history"] == ()
    expect(tab.page.locator(".vd-notice")).to_contain_text("not kept any more")


def test_a_tab_loaded_again_after_it_says_so_too(tab: Visit, server: Server) -> None:
    tab.answered()
    server.stop()
    server.restart()
    tab.page.reload()
    expect(tab.page.locator(".vd-notice")).to_contain_text("not kept any more")
    expect(tab.page.locator("#vd-start")).to_be_visible()


def test_a_question_under_way_comes_back_into_the_box_and_can_be_asked_again(
    tab: Visit, server: Server
) -> None:
    server.assistant.pause_s = 0.2
    tab.ask(f"  {QUESTION}\nSay <b>why</b>.")
    expect(tab.page.locator("#vd-live .vd-thinking")).to_be_visible()
    server.stop()
    expect(tab.page.locator("#vd-gone")).to_contain_text("does not answer")
    tab.page.fill(BOX, "And where?")
    server.assistant.pause_s = 0.0
    server.restart()
    expect(tab.page.locator(".vd-notice")).to_contain_text("began anew")
    expect(tab.page.locator(BOX)).to_have_value(f"{QUESTION}\nSay <b>why</b>.\nAnd where?")
    expect(tab.page.locator("#vd-ask")).to_be_visible()
    assert tab.page.evaluate("window.name") == ""
    tab.answered()


def test_an_answer_under_way_when_the_server_ends_keeps_what_is_written_of_it(
    tab: Visit, server: Server
) -> None:
    server.assistant.pause_s = 0.02
    tab.ask()
    expect(tab.page.locator("#vd-live .vd-writing")).to_contain_text(SAID[1][0][:20])
    server.stop()
    assert not server.served.page.server.thread.is_alive()  # nobody had to be cut off
    turn = tab.page.locator("#vd-live .vd-turn")
    expect(turn).to_contain_text(SAID[0][0])
    expect(turn.locator(".vd-support")).to_be_visible()
    expect(turn).to_contain_text("Stopped before it was complete.")
    expect(tab.page.locator("#vd-gone")).to_contain_text("does not answer")
    server.restart()
    expect(tab.page.locator(BOX)).to_have_value(QUESTION)


def test_a_server_that_is_gone_is_told_in_the_language_of_the_question(
    tab: Visit, server: Server
) -> None:
    server.assistant.pause_s = 0.2
    tab.ask("Wie wirkt Metformin?")
    expect(tab.page.locator("#vd-live .vd-thinking")).to_be_visible()
    server.stop()
    expect(tab.page.locator("#vd-gone[lang=de]")).to_contain_text("Der Server antwortet nicht")


def test_a_server_that_is_as_it_was_leaves_the_page_alone(visit: Open) -> None:
    tab = visit()
    tab.page.evaluate("window.untouched = true")
    tab.answered()
    tab.page.wait_for_timeout(1_000)
    assert tab.page.evaluate("window.untouched") is True
