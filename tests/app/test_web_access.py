"""The page for who has no mouse, hears it, holds it in a hand or on paper, in a real browser."""

from __future__ import annotations

import pypdfium2
import pytest
from browser_support import NARROW, QUESTION, WIDE, Open
from playwright.sync_api import expect
from web_support import RETRACTED, SAID, TRIAL, ScriptedAssistant, after

pytestmark = pytest.mark.e2e


def test_a_screen_reader_tells_that_an_answer_is_sought_and_how_it_came_out(
    visit: Open, assistant: ScriptedAssistant
) -> None:
    tab = visit()
    assistant.pause_s = 0.05
    said = tab.page.locator("#vd-said[role=status]")
    tab.ask("Wie wirkt Metformin?")
    expect(said).to_have_text("Die Bibliothek wird durchsucht …")
    assert said.get_attribute("lang") == "de"
    assistant.pause_s = 0.0
    expect(said).to_have_text("3 von 5 Sätzen durch eine Stelle belegt")
    tab.answered("Who won the World Cup?", turns=2)
    expect(said).to_have_text("Not in this library")
    assert said.get_attribute("lang") == "en"


def test_back_closes_the_passage_that_covers_a_narrow_page(visit: Open) -> None:
    tab = visit(NARROW)
    tab.answered()
    sheet = tab.page.locator("#vd-right.is-sheet")
    for _ in range(2):
        tab.chip(0).click()
        expect(sheet).to_have_count(1)
        tab.page.go_back()
        expect(sheet).to_have_count(0)
        expect(tab.page.locator("#vd-past .vd-turn")).to_have_count(1)
    tab.page.locator(".vd-show").click()
    expect(sheet).to_have_count(1)
    tab.page.keyboard.press("Escape")
    expect(sheet).to_have_count(0)
    tab.page.go_back()  # and once it is closed leaves the page, as everywhere
    assert tab.page.url == "about:blank"


def test_the_menu_of_corpora_closes_when_the_keyboard_goes_on(visit: Open) -> None:
    tab = visit()
    offered = tab.page.locator("[role=option]")
    tab.page.locator("#vd-new").focus()
    tab.page.keyboard.press("Shift+Tab")
    expect(offered).to_have_count(3)
    tab.page.keyboard.press("Tab")
    expect(offered).to_have_count(0)
    expect(tab.page.locator("#vd-new")).to_be_focused()


@pytest.mark.parametrize(("size", "scheme"), [(WIDE, "light"), (NARROW, "dark")])
def test_on_paper_is_the_whole_conversation_with_all_its_sources(
    visit: Open, size: dict[str, int], scheme: str
) -> None:
    tab = visit(size, scheme)
    tab.answered()
    tab.answered("Who won the World Cup?", turns=2)
    tab.chip(2).click()
    paper = pypdfium2.PdfDocument(tab.page.pdf(format="A4"))
    assert len(paper) > 1
    printed = " ".join("\n".join(page.get_textpage().get_text_range() for page in paper).split())
    for wanted in (QUESTION, SAID[0][0], SAID[-1][0], "Who won the World Cup?", "Nothing close"):
        assert wanted in printed
    assert printed.count(RETRACTED.title) == 3  # of both answers, and in the list of the second
    assert after(TRIAL, "After polypectomy")[:60] in printed  # the passage that is open
    for button in ("New conversation", "Copy with sources", "Filters", "Close"):
        assert button not in printed
    tab.page.emulate_media(media="print")
    expect(tab.page.locator(".vd-text").first).to_have_css("color", "rgb(28, 33, 36)")
