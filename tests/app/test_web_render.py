"""An exchange as HTML: answered, abstained from, failed or stopped; and the page before it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from html_support import texts, tree
from web_support import POOLED, SOURCES, abstention, answer, unwritten

from vademecum.app.web_answer import plain_text
from vademecum.app.web_render import error_html, footer_html, stopped_html, turn_html, welcome_html
from vademecum.app.web_text import seconds
from vademecum.corpora.document import CorpusInfo
from vademecum.rag.answer import ModelRef


def test_the_nearest_passages_name_their_files() -> None:
    own = replace(SOURCES[0], file="trial report.pdf")
    shown = turn_html(replace(abstention(), sources=(own,)), 1)
    assert "2020, trial report.pdf" in texts(shown, "//small")[0]


def test_thinking_is_folded_and_says_how_long() -> None:
    (details,) = tree(turn_html(answer(), 1, 12.4)).xpath("//details")
    assert "open" not in details.attrib
    assert details.xpath("summary")[0].text == "Thought for 12 s"
    assert "immortal time" in details.text_content()


def test_a_model_that_does_not_think_has_nothing_to_fold() -> None:
    assert tree(turn_html(answer(thinking=" "), 1)).xpath("//details") == []


def test_the_footer_says_model_corpus_and_times() -> None:
    shown = str(tree(footer_html(answer())).text_content())
    for part in ("r1-qwen-7b · nf4", "diabetes · 1,000 documents", "snapshot 9f31c07be2a4"):
        assert part in shown
    for part in ("newest 2021-01-05", "found in 0.14 s", "first word 1.8 s", "14 s in all"):
        assert part in shown


def test_the_footer_of_quoted_passages_claims_no_model() -> None:
    shown = str(tree(footer_html(answer(model=ModelRef("none", "", "")))).text_content())
    assert "no model: sentences copied from the sources" in shown
    assert "tokens/s" not in shown


def test_an_abstention_is_calm_and_shows_what_is_nearest() -> None:
    root = tree(turn_html(abstention(), 4))
    assert root.xpath("//*[@class='vd-abstained-head']")[0].text == "Not in this library"
    assert str(root.text_content()).count("ot in this library") == 1
    assert "matches the question only weakly" in root.text_content()
    near = root.xpath("//li/button")
    assert [each.get("data-vd-cite") for each in near] == ["4-2", "4-3", "4-4"]
    assert "role" not in root.xpath("//*[contains(@class, 'vd-abstained')]")[0].attrib


def test_below_a_copy_that_was_stopped_the_nearest_sentence_is_quoted() -> None:
    (quotation,) = unwritten().quotes
    root = tree(turn_html(answer(reason="stopped while it copied", quotes=(quotation,)), 4))
    assert "Stopped while it copied" in root.text_content()
    (quoted,) = root.xpath("//blockquote")
    assert quoted.text == f"“{quotation.text}”"


@pytest.mark.parametrize(("file", "marks"), [("guide.md", True), ("guide.txt", False), ("", False)])
def test_a_quotation_has_marks_only_if_its_file_is_markdown(file: str, marks: bool) -> None:
    (quotation,) = unwritten().quotes
    said = replace(
        unwritten(),
        quotes=(replace(quotation, text="Give **2 g** now."),),
        sources=tuple(replace(source, file=file) for source in SOURCES),
    )
    (quoted,) = tree(turn_html(said, 4)).xpath("//blockquote")
    assert bool(quoted.xpath(".//strong")) == marks
    assert "Give **2 g** now." in quoted.text_content()


def test_a_model_that_failed_is_no_statement_about_the_library() -> None:
    said = unwritten()
    (quotation,) = said.quotes
    root = tree(turn_html(said, 4))
    shown = str(root.text_content())
    assert "Passages found, but no answer that they support" in shown
    assert "Not in this library" not in shown
    assert shown.count("the model wrote nothing") == 1
    (quoted,) = root.xpath("//blockquote")
    assert quoted.text == f"“{quotation.text}”"
    (button,) = quoted.xpath(".//button")
    assert (button.get("data-vd-cite"), button.get("data-vd-evidence")) == (
        "4-1",
        str(quotation.start),
    )
    copied = plain_text(said)
    assert f"“{quotation.text}” [1]" in copied
    assert f"[1] {POOLED.title}" in copied


def test_what_says_more_than_its_passage_is_told_with_the_words_that_do() -> None:
    said = answer([("Metformin <prevents> cancer.", (1,), "overstated")])
    why = "it claims an effect (“prevents”)"
    said = replace(said, sentences=(replace(said.sentences[0], reason=why),))
    root = tree(turn_html(said, 1))
    (mark,) = root.xpath("//span[contains(@class, 'vd-mark')]")
    assert mark.text == "overstated"
    assert mark.get("data-vd-tip").startswith("It claims an effect (“prevents”). ")
    (line,) = root.xpath("//p[@class='vd-reason']")
    assert line.text_content() == (
        "Overstated: “Metformin <prevents> cancer.” It claims an effect (“prevents”)."
    )
    assert "Not fully supported by a passage" in root.text_content()
    assert "(overstated: it claims an effect (“prevents”))" in plain_text(said)


def test_a_reason_that_the_text_gives_already_is_not_said_twice() -> None:
    said = replace(abstention(), answer="Not here; nothing found.", reason="nothing found")
    assert str(tree(turn_html(said, 1)).text_content()).lower().count("nothing found") == 1


def test_an_answer_that_was_cut_says_so() -> None:
    assert "Cut at the token limit." in turn_html(answer(reason="cut at the token limit"), 1)


def test_the_welcome_says_who_answers_and_why() -> None:
    corpus = CorpusInfo("law", "", 12, 40, "", "")
    said = welcome_html(corpus, "small", "chosen by name", offers=True)
    assert "Model small (chosen by name)." in said
    assert "12 documents" in said
    assert "titles ask" in said
    named = welcome_html(corpus, "small", "Qwen 0.5B (small), the largest that fits.", offers=True)
    assert ">Qwen 0.5B (small), the largest that fits.<" in named
    quoting = welcome_html(corpus, None, "", offers=False)
    assert "No model: answers quote the passages." in quoting
    assert "titles ask" not in quoting


def test_the_welcome_to_an_empty_corpus_says_how_to_fill_it() -> None:
    said = welcome_html(CorpusInfo("a<b", "", 0, 0, "", ""), "small", "", offers=False)
    assert "Answers come from" not in said
    assert texts(said, "//code") == ["vademecum ingest PATHS --corpus a<b"]


def test_an_error_gives_message_and_hint() -> None:
    root = tree(error_html("q", 1, "it is locked", "close the other one"))
    (alert,) = root.xpath("//*[@role='alert']")
    assert "it is locked" in alert.text_content()
    assert "close the other one" in alert.text_content()


def test_a_command_in_a_hint_or_a_reason_is_set_as_one() -> None:
    hint = "for it run `vademecum models <list>`"
    error = error_html("Wie hoch ist die Kaution?", 1, "it failed", hint)
    assert texts(error, "//code") == ["vademecum models <list>"]
    welcome = welcome_html(CorpusInfo("law", "", 12, 40, "", ""), "small", hint, offers=False)
    assert texts(welcome, "//code") == ["vademecum models <list>"]


def test_an_error_is_in_english_and_says_so_to_a_screen_reader() -> None:
    root = tree(error_html("Wie hoch ist die Kaution?", 1, "it is locked", ""))
    assert root.xpath("//article/@lang") == ["de"]
    assert root.xpath("//*[@role='alert']/@lang") == ["en"]


def test_what_was_stopped_says_that_it_was_not_checked() -> None:
    assert "not checked" in stopped_html("q", 1, thinking="", text="Half a", sources=[])
    assert "Nothing was written" in stopped_html("q", 1, thinking="", text="", sources=[])


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.123, "0.12 s"), (3.42, "3.4 s"), (48.2, "48 s"), (125, "2 min 5 s"), (59.7, "1 min 0 s")],
)
def test_seconds(value: float, expected: str) -> None:
    assert seconds(value) == expected
