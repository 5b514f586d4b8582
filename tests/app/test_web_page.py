"""The page in a real browser, driven as a person would: Chromium, headless, on loopback."""

from __future__ import annotations

import re

import pytest
from browser_support import (
    BOX,
    LONG_NAME,
    NARROW,
    QUESTION,
    WIDE,
    Open,
    in_view,
    settled_in_view,
)
from playwright.sync_api import expect
from web_support import ASKING, CORPUS, GUIDE, HOSTILE, POOLED, SAID, ScriptedAssistant, answer

from vademecum.rag.answer import Turn

pytestmark = pytest.mark.e2e


def test_an_answer_grows_on_the_page(visit: Open, assistant: ScriptedAssistant) -> None:
    assistant.pause_s = 0.03
    tab = visit()
    tab.ask()
    expect(tab.page.locator(BOX)).to_have_value("")
    writing = tab.page.locator("#vd-live .vd-text")
    lengths = []
    for _ in range(4):
        expect(writing).to_have_text(re.compile(r"\w"))
        lengths.append(len(writing.inner_text()))
        tab.page.wait_for_timeout(350)
    assert lengths == sorted(lengths)
    assert len(set(lengths)) >= 3
    expect(tab.page.locator("#vd-past .vd-turn")).to_have_count(1)
    expect(tab.page.locator("#vd-past .vd-text")).to_contain_text(SAID[-1][0])


def test_thinking_is_folded_and_stays_open_once_opened(
    visit: Open, assistant: ScriptedAssistant
) -> None:
    assistant.pause_s = 0.03
    tab = visit()
    tab.ask()
    live = tab.page.locator("#vd-live details")
    expect(live.locator("summary")).to_contain_text("Thinking…")
    expect(live).not_to_have_attribute("open", "")
    expect(live.locator(".vd-thought")).to_be_hidden()
    live.locator("summary").click()
    expect(live.locator(".vd-thought")).to_be_visible()
    done = tab.page.locator("#vd-past details")
    expect(done.locator("summary")).to_contain_text("Thought for")
    expect(done.locator(".vd-thought")).to_be_visible()


def test_a_citation_shows_its_passage_marked_and_in_view(visit: Open) -> None:
    tab = visit()
    tab.answered()
    marks = tab.page.locator("#vd-panel mark:visible")
    expect(marks).to_have_count(0)
    tab.chip(1).click()
    card = tab.page.locator("#vd-source-1-1")
    cited = answer().sources[0]
    shown = "".join(card.locator("mark").all_text_contents())
    assert shown == POOLED.text[cited.start : cited.end]
    evidence = card.locator("mark.is-evidence")
    expect(evidence).to_have_text(re.compile("^In cohorts with time-dependent exposure"))
    settled_in_view(evidence)
    expect(card.locator("h3")).to_contain_text(POOLED.title)
    expect(card.locator(".vd-facts")).to_have_text("Annals of Metabolic Epidemiology · 2020")
    expect(card.locator("a")).to_have_attribute("href", POOLED.url)
    expect(card.locator("[data-vd-toggle]")).to_have_attribute("aria-expanded", "true")
    tab.chip(2).click()
    expect(card.locator(".vd-passage")).to_be_hidden()
    settled_in_view(tab.page.locator("#vd-source-1-2 mark.is-evidence").first)


def test_all_of_the_evidence_comes_into_view_its_label_and_its_sentence(visit: Open) -> None:
    tab = visit({"width": 1280, "height": 460})  # just enough for the title and the label
    tab.answered()
    tab.chip(2).click()
    evidence = tab.page.locator("#vd-panel mark.is-evidence")
    expect(evidence).to_have_count(2)
    tab.page.wait_for_function(
        "() => [...document.querySelectorAll('#vd-panel mark.is-evidence')].at(-1)"
        ".getBoundingClientRect().bottom <= innerHeight"
    )


def test_a_heading_of_a_markdown_file_is_seen_without_its_hashes(visit: Open) -> None:
    tab = visit()
    tab.answered("What is shock in sepsis?")
    tab.chip(0).click()
    passage = tab.page.locator("#vd-source-1-1-text")
    expect(passage).to_be_visible()
    lines = [line for line in passage.inner_text().split("\n") if line]
    assert lines[:3] == [GUIDE.title, "Shock", "Shock is sepsis with a lactate above 2 mmol/L."]
    settled_in_view(passage.locator("mark", has_text="lactate"))


def test_the_marks_of_a_markdown_file_are_seen_as_what_they_mean(visit: Open) -> None:
    tab = visit()
    tab.answered("What is shock in sepsis?")
    tab.chip(0).click()
    passage = tab.page.locator("#vd-source-1-1-text")
    expect(passage.locator("td")).to_have_text(
        ["Ceftriaxone", "2 g", "Vancomycin", "25 mg/kg"], use_inner_text=True
    )
    expect(passage.locator("td strong")).to_have_text("Ceftriaxone")
    expect(passage.locator("pre")).to_have_text("dose = 25 * weight", use_inner_text=True)
    expect(passage.locator(".vd-item").nth(1)).to_have_text("oxygen", use_inner_text=True)
    expect(passage.locator("a")).to_have_attribute("href", "https://example.org/rule")
    expect(passage.locator("img, script, b")).to_have_count(0)
    blocks = passage.locator("> :not(.vd-ids)")
    assert "".join(blocks.evaluate_all("all => all.map(each => each.textContent)")) == GUIDE.text
    assert tab.page.evaluate("window.owned") is None


def test_a_citation_works_from_the_keyboard(visit: Open) -> None:
    tab = visit()
    tab.answered()
    tab.chip(2).focus()
    tab.page.keyboard.press("Enter")
    passage = tab.page.locator("#vd-source-1-2-text")
    expect(passage).to_be_focused()
    tab.page.keyboard.press("Escape")
    expect(passage).to_be_hidden()
    expect(tab.chip(2)).to_be_focused()


def test_a_source_opens_and_closes_by_its_title(visit: Open) -> None:
    tab = visit()
    tab.answered()
    title = tab.page.locator("#vd-source-1-4 [data-vd-toggle]")
    title.click()
    expect(tab.page.locator("#vd-source-1-4 mark").first).to_be_visible()
    expect(tab.page.locator("#vd-source-1-4")).to_contain_text("Retracted")
    title.click()
    expect(tab.page.locator("#vd-source-1-4-text")).to_be_hidden()


def test_weak_sentences_say_so_and_explain_on_focus(visit: Open) -> None:
    tab = visit()
    tab.answered()
    marks = tab.page.locator("#vd-past .vd-mark")
    expect(marks).to_have_text(["partly supported", "not supported"])
    marks.nth(1).focus()
    tip = marks.nth(1).evaluate("each => getComputedStyle(each, '::after').content")
    assert "Do not rely on it" in tip


def test_a_follow_up_keeps_the_history_and_the_older_sources(
    visit: Open, assistant: ScriptedAssistant
) -> None:
    tab = visit()
    tab.answered()
    tab.answered("And without diabetes?", turns=2)
    assert assistant.asked[1]["history"] == (Turn(QUESTION, answer().answer),)
    expect(tab.page.locator("#vd-panel [data-vd-turn='1']")).to_be_hidden()
    expect(tab.page.locator("#vd-panel [data-vd-turn='2']")).to_be_visible()
    tab.chip(0).click()
    settled_in_view(tab.page.locator("#vd-source-1-1 mark.is-evidence").first)
    expect(tab.page.locator("#vd-panel [data-vd-turn='2']")).to_be_hidden()


def test_two_tabs_do_not_share_a_conversation(visit: Open, assistant: ScriptedAssistant) -> None:
    first, second = visit(), visit()
    first.answered()
    second.answered("Something else?")
    assert assistant.asked[1]["history"] == ()
    expect(second.page.locator("#vd-past")).not_to_contain_text(QUESTION)


def test_stop_ends_the_answer_and_the_assistant(visit: Open, assistant: ScriptedAssistant) -> None:
    assistant.pause_s = 0.05
    tab = visit()
    tab.ask()
    expect(tab.page.locator("#vd-live .vd-text")).to_contain_text("pooled")
    expect(tab.page.locator("#vd-ask")).to_be_hidden()
    tab.page.click("#vd-stop")
    assert assistant.cancelled.wait(10)
    expect(tab.page.locator("#vd-past .vd-turn")).to_have_count(1)
    expect(tab.page.locator("#vd-past")).to_contain_text("Stopped")
    expect(tab.page.locator("#vd-ask")).to_be_visible()
    assistant.pause_s = 0.0
    tab.answered(turns=2)


def test_closing_the_tab_stops_the_assistant(visit: Open, assistant: ScriptedAssistant) -> None:
    assistant.pause_s = 0.2
    tab = visit()
    tab.ask()
    expect(tab.page.locator("#vd-live .vd-thinking")).to_be_visible()
    tab.page.close()
    assert assistant.cancelled.wait(30)


def test_an_abstention_is_calm_and_leads_to_the_nearest_passages(visit: Open) -> None:
    tab = visit()
    tab.answered("Who won the 1998 World Cup?")
    expect(tab.page.locator(".vd-abstained")).to_contain_text("Not in this library")
    expect(tab.page.locator("#vd-panel h2:visible")).to_have_text("Nearest passages")
    tab.page.locator(".vd-near").first.click()
    settled_in_view(tab.page.locator("#vd-source-1-2 mark").first)


def test_where_the_model_failed_a_quotation_leads_to_its_passage(visit: Open) -> None:
    tab = visit()
    tab.answered("Is metformin good for the gut?")
    said = tab.page.locator(".vd-abstained")
    expect(said).to_contain_text("Passages found, but no answer that they support")
    expect(said).not_to_contain_text("Not in this library")
    said.locator("blockquote button").click()
    settled_in_view(tab.page.locator("#vd-source-1-1 mark", has_text="Metformin use is associated"))


def test_an_error_is_a_message_with_a_way_out(visit: Open) -> None:
    tab = visit()
    tab.answered("busy?")
    alert = tab.page.locator("#vd-past [role=alert]")
    expect(alert).to_contain_text("the engine is <b>busy</b>")
    expect(alert).to_contain_text("try again in a minute")
    expect(tab.page.locator("body")).not_to_contain_text("Traceback")


def test_an_empty_question_gets_a_gentle_word(visit: Open, assistant: ScriptedAssistant) -> None:
    tab = visit()
    tab.page.click("#vd-ask")
    expect(tab.page.locator(".vd-notice")).to_have_text("Type a question first.")
    assert assistant.asked == []


def test_a_question_that_is_too_long_is_kept_whole_and_told(visit: Open) -> None:
    tab, pasted = visit(), "Why so? " * 300 + "In children, that is."
    tab.ask(pasted)
    expect(tab.page.locator(".vd-notice")).to_contain_text("2,000 characters; this has 2,421")
    expect(tab.page.locator(BOX)).to_have_value(pasted)


def test_shift_enter_makes_a_line_and_enter_sends(
    visit: Open, assistant: ScriptedAssistant
) -> None:
    tab = visit()
    tab.page.fill(BOX, "First line")
    tab.page.press(BOX, "Shift+Enter")
    tab.page.keyboard.type("second line")
    tab.page.press(BOX, "Enter")
    expect(tab.page.locator("#vd-past .vd-turn")).to_have_count(1)
    assert assistant.asked[0]["question"] == "First line\nsecond line"


def test_an_example_is_asked_with_one_click(visit: Open, assistant: ScriptedAssistant) -> None:
    tab = visit()
    tab.page.locator(".vd-example").first.click()
    expect(tab.page.locator("#vd-past .vd-turn")).to_have_count(1)
    expect(tab.page.locator("#vd-start")).to_be_hidden()
    assert assistant.asked[0]["question"] == ASKING.title


def test_a_new_conversation_starts_clean(visit: Open, assistant: ScriptedAssistant) -> None:
    tab = visit()
    tab.answered()
    tab.page.click("#vd-new")
    expect(tab.page.locator("#vd-past .vd-turn")).to_have_count(0)
    expect(tab.page.locator("#vd-start")).to_be_visible()
    tab.answered()
    assert assistant.asked[-1]["history"] == ()


def test_filters_and_corpus_reach_the_assistant(visit: Open, assistant: ScriptedAssistant) -> None:
    tab = visit()
    expect(tab.page.get_by_label("From year")).to_be_hidden()
    tab.page.click("#vd-filters > button")
    tab.page.get_by_label("From year").fill("2015")
    tab.page.get_by_label("Leave out retracted work").check()
    expect(tab.page.locator("#vd-filters > button")).to_contain_text("from 2015")
    tab.page.get_by_label("Corpus").first.click()
    tab.page.get_by_role("option", name="oncology").click()
    expect(tab.page.locator(".vd-corpus")).to_contain_text("oncology")
    tab.answered()
    asked = assistant.asked[0]
    assert asked["corpus"] == "oncology"
    assert (asked["filters"].year_from, asked["filters"].year_to) == (2015, None)
    assert asked["filters"].exclude_retracted is True


def test_hostile_text_stays_text(visit: Open) -> None:
    tab = visit()
    tab.answered(HOSTILE.title)
    tab.chip(0).click()
    mark = tab.page.locator("#vd-source-1-1 mark").first
    settled_in_view(mark)
    expect(mark).to_have_text("<img src=x")
    tab.page.locator("#vd-past summary").click()
    assert tab.page.evaluate("window.owned") is None
    inside = tab.page.locator("#vd-past, #vd-panel")
    expect(inside.locator("img, script, b, a[href^='javascript']")).to_have_count(0)


def test_the_page_survives_what_a_model_may_write_as_a_template(visit: Open) -> None:
    tab = visit()
    tab.answered("${window.owned=1} {{constructor}} `x`")
    expect(tab.page.locator("#vd-past h2")).to_contain_text("${window.owned=1} {{constructor}} `x`")
    assert tab.page.evaluate("window.owned") is None


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_narrow_page_shows_sources_over_the_answer(visit: Open, scheme: str) -> None:
    tab = visit(NARROW, scheme)
    width = "document.documentElement.scrollWidth"
    assert tab.page.evaluate(width) <= NARROW["width"]
    tab.answered()
    assert tab.page.evaluate(width) <= NARROW["width"]
    panel = tab.page.locator("#vd-right")
    expect(panel).to_be_hidden()
    tab.chip(1).scroll_into_view_if_needed()
    tab.chip(1).click()
    settled_in_view(tab.page.locator("#vd-source-1-1 mark.is-evidence").first)
    tab.page.get_by_role("button", name="Back to the answer").click()
    expect(panel).to_be_hidden()
    expect(tab.chip(1)).to_be_focused()


def test_on_a_narrow_page_no_open_filter_shows_through_the_sources(visit: Open) -> None:
    tab = visit(NARROW)
    tab.page.get_by_text("Filters", exact=True).click()
    labels = [tab.page.get_by_text(name, exact=True) for name in ("From year", "To year")]
    for label in labels:
        settled_in_view(label)
    tab.answered()
    tab.chip(0).click()
    expect(tab.page.locator("#vd-right")).to_be_visible()
    for label in labels:
        assert not in_view(label)
    tab.page.get_by_role("button", name="Back to the answer").click()
    for label in labels:
        settled_in_view(label)


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_the_arrow_of_the_menu_stands_beside_the_name_of_the_corpus(
    visit: Open, size: dict[str, int]
) -> None:
    tab = visit(size)
    menu = tab.page.locator("#vd-corpus")
    menu.locator("input").click()
    tab.page.get_by_role("option", name=LONG_NAME).click()
    expect(menu.locator("input")).to_have_value(LONG_NAME)
    boxes = [menu.locator(each).bounding_box() for each in ("input", ".icon-wrap", ".wrap-inner")]
    name, arrow, frame = (box for box in boxes if box is not None)
    assert name["x"] + name["width"] <= arrow["x"] + 1
    assert arrow["x"] + arrow["width"] <= frame["x"] + frame["width"]
    assert name["width"] >= 70  # enough to tell it from others
    expect(tab.page.get_by_role("button", name="New conversation")).to_be_visible()


def test_a_wide_screen_shows_the_name_of_the_corpus_whole(visit: Open) -> None:
    tab = visit(WIDE)
    name = tab.page.locator("#vd-corpus input")
    for chosen in (CORPUS, LONG_NAME):
        name.click()
        tab.page.get_by_role("option", name=chosen).click()
        expect(name).to_have_value(chosen)
        assert name.evaluate("each => each.scrollWidth <= each.clientWidth")
        menu = tab.page.locator("#vd-corpus").bounding_box()
        assert menu is not None
        assert menu["width"] < WIDE["width"] / 4  # and no wider than it needs
        expect(tab.page.locator(".vd-header")).not_to_contain_text(chosen, use_inner_text=True)


def test_light_and_dark_follow_the_system(visit: Open) -> None:
    background = "getComputedStyle(document.querySelector('.gradio-container')).backgroundColor"
    light = visit().page.evaluate(background)
    dark = visit(scheme="dark").page.evaluate(background)
    assert light == "rgb(247, 247, 244)"
    assert dark == "rgb(17, 21, 23)"


def test_the_page_does_not_scroll_as_a_whole(visit: Open) -> None:
    tab = visit()
    tab.answered()
    expect(tab.page.locator(BOX)).to_be_in_viewport()
    expect(tab.page.locator(".vd-header")).to_be_in_viewport()
    assert tab.page.evaluate("document.documentElement.scrollHeight") <= WIDE["height"]
