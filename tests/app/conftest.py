"""What the tests of the command line share, and those of the page, without and in a browser.

Those in a browser need a Chromium: `CHROMIUM` names one, otherwise it is looked up on the PATH.
Where there is none they are skipped, but under `CI=true` they fail. What they need is imported when
they run.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cli_support import Cli
from words_support import WordEmbedder

if TYPE_CHECKING:
    from browser_support import Open
    from playwright.sync_api import Browser
    from web_support import ScriptedAssistant

    from vademecum.app.web_talk import Talk


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], home: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The commands over a home of their own, with an embedder that needs no weights."""
    monkeypatch.setattr("vademecum.app.rooms.load_embedder", lambda *_: WordEmbedder())
    return Cli(capsys)


@pytest.fixture
def scripted() -> ScriptedAssistant:
    """One behind no page."""
    from web_support import ScriptedAssistant

    return ScriptedAssistant()


@pytest.fixture
def talk(scripted: ScriptedAssistant) -> Iterator[Talk]:
    """Conversations with it; two questions are answered at once, and two more wait."""
    from vademecum.app.web_line import Line
    from vademecum.app.web_talk import Talk

    talk = Talk(scripted, Line(2, 2))
    yield talk
    scripted.released.set()
    talk.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium."""
    from browser_support import ARGUMENTS
    from playwright.sync_api import sync_playwright

    program = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if program is None:
        says = "no Chromium: install the package chromium, or name one in CHROMIUM"
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(says)
        pytest.skip(says)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def assistant() -> ScriptedAssistant:
    """The one behind the page."""
    from browser_support import LONG_NAME, script
    from web_support import CORPUS, ScriptedAssistant, Shelf

    return ScriptedAssistant(script=script, library=Shelf(names=(CORPUS, "oncology", LONG_NAME)))


@pytest.fixture(scope="module")
def address(assistant: ScriptedAssistant) -> Iterator[str]:
    """Where the page is served."""
    from web_support import CORPUS

    from vademecum.app import web

    served = web.serve(assistant, CORPUS, port=0, block=False)
    yield served.address
    served.close()


@pytest.fixture
def visit(browser: Browser, address: str, assistant: ScriptedAssistant) -> Iterator[Open]:
    """Opens tabs, and holds at the end that none complained and none called elsewhere."""
    from browser_support import WIDE, Visit

    assistant.pause_s = 0.0
    assistant.asked.clear()
    assistant.cancelled.clear()
    opened: list[Visit] = []

    def open_tab(size: dict[str, int] | None = None, scheme: str = "light") -> Visit:
        context = browser.new_context(viewport=size or WIDE, color_scheme=scheme)  # type: ignore[arg-type]
        tab = Visit(context.new_page(), assistant)
        opened.append(tab)
        tab.open(address)
        return tab

    yield open_tab
    for tab in opened:
        tab.page.context.close()
    assert [each for tab in opened for each in tab.complaints] == []
    assert [each for tab in opened for each in tab.strangers] == []
