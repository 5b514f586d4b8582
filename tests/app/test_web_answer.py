"""An answer as HTML: its sentences, the citations behind them, the marks on weak ones."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from html_support import assert_inert, texts, tree
from web_support import GUIDE, POOLED, SAID, SOURCES, Said, answer, source

from vademecum.app.web_answer import checked_html, plain_text, raw_html, support_html
from vademecum.app.web_inline import inline
from vademecum.app.web_text import blocks


def test_each_sentence_is_followed_by_its_citations() -> None:
    said = answer()
    root = tree(checked_html(said, 2))
    chips = root.xpath("//button")
    assert [each.get("data-vd-cite") for each in chips] == ["2-1", "2-1", "2-2", "2-3", "2-4"]
    for text, button in zip(
        texts(checked_html(said, 2), "//span[contains(@class, 'vd-sentence')]"), chips, strict=True
    ):
        assert text in said.answer
        before = button.getparent().getprevious()
        assert before.text_content() == text
    assert POOLED.title in chips[0].get("aria-label")
    assert chips[0].get("type") == "button"


def test_a_citation_points_at_the_sentence_that_bears_it_out() -> None:
    chips = tree(checked_html(answer(), 1)).xpath("//button")
    starts = [POOLED.text[int(each.get("data-vd-evidence")) :][:22] for each in chips[:2]]
    assert starts == ["Over a median follow-u", "In cohorts with time-d"]


def test_the_text_of_an_answer_survives_whole() -> None:
    said = answer()
    root = tree(checked_html(said, 1))
    for each in root.xpath("//span[@class='vd-after']"):
        each.drop_tag() if not len(each) else [child.drop_tree() for child in each]
    assert str(root.text_content()) == said.answer


def test_weak_sentences_are_marked_in_words() -> None:
    said = [*SAID, ("So it seems:", (), "uncited")]
    shown = texts(checked_html(answer(said), 1), "//span[contains(@class, 'vd-mark')]")
    assert shown == ["partly supported", "not supported", "no source"]


def test_a_heading_that_the_source_has_is_no_sentence_without_a_source() -> None:
    said: list[Said] = [
        ("Shock", (), "uncited"),
        ("Shock is sepsis with a lactate above 2 mmol/L.", (1,), "supported"),
        ("Shock kills all", (), "uncited"),
    ]
    found = answer(said, between="\n\n", sources=[source(1, GUIDE)])
    markup = checked_html(found, 1)
    assert texts(markup, "//span[contains(@class, 'vd-heading')]") == ["Shock"]
    assert texts(markup, "//span[contains(@class, 'vd-mark')]") == ["no source"]
    assert plain_text(found).startswith("Shock\n\nShock is sepsis")
    assert plain_text(found).count("(no source)") == 1


def test_the_passages_near_to_what_none_bears_stand_behind_its_mark_to_compare() -> None:
    said = answer([("It cures cancer.", (1,), "unsupported"), ("So.", (2,), "partial")])
    first, second = tree(checked_html(said, 1)).xpath("//span[@class='vd-after']")
    assert [each.text_content() for each in first] == ["not supported", "compare", "1"]
    assert [each.text_content() for each in second] == ["2", "partly supported"]
    assert "It cures cancer. (not supported; compare [1])" in plain_text(said)


def test_marks_explain_themselves_to_pointer_and_keyboard() -> None:
    (first, *_) = tree(checked_html(answer(), 1)).xpath("//span[contains(@class, 'vd-mark')]")
    assert first.get("tabindex") == "0"
    assert first.get("data-vd-tip") in first.get("aria-label")


def test_a_sentence_on_retracted_work_alone_says_so() -> None:
    said = [("Mortality was halved.", (4,), "partial")]
    assert texts(checked_html(answer(said), 1), "//span[contains(@class, 'vd-mark')]") == [
        "retracted source"
    ]


def test_a_citation_of_no_known_source_is_left_out() -> None:
    assert tree(checked_html(answer([("So.", (9,), "partial")]), 1)).xpath("//button") == []


def test_an_answer_keeps_its_lists_and_paragraphs() -> None:
    said = [("First point.", (1,), "supported"), ("Second **point**.", (2,), "supported")]
    root = tree(checked_html(answer(said, between="\n- "), 1))
    assert len(root.xpath("//p")) == 1
    assert len(root.xpath("//li")) == 1
    assert root.xpath("//li//strong")[0].text == "point"
    assert [each.get("data-vd-cite") for each in root.xpath("//li//button")] == ["1-2"]


def test_a_sentence_over_two_lines_is_cited_once_at_its_end() -> None:
    root = tree(checked_html(answer([("It begins\nand ends here.", (1,), "supported")]), 1))
    assert len(root.xpath("//button")) == 1
    assert len(root.xpath("//span[contains(@class, 'vd-sentence')]")) == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\n\nb", "<p>a</p><p>b</p>"),
        ("a\nb", "<p>a<br>b</p>"),
        ("## Head\ntext", '<p class="vd-heading">Head</p><p>text</p>'),
        ("1. a\n2. b", "<ol><li>a</li><li>b</li></ol>"),
        ("3) a", '<ol start="3"><li>a</li></ol>'),
        ("- a\n\n- b", "<ul><li>a</li><li>b</li></ul>"),
        ("", ""),
        ("2020 was a year.", "<p>2020 was a year.</p>"),
        ("**<b>** **", "<p><strong>&lt;b&gt;</strong> **</p>"),
        ("*E. coli* in `x*y*z`", "<p><em>E. coli</em> in <code>x*y*z</code></p>"),
        ("**A**irway, 2*3*4, B*07", "<p><strong>A</strong>irway, 2*3*4, B*07</p>"),
        ("see [the rule](https://e.org/x)", "<p>see the rule</p>"),  # an address may be made up
        ("[x](javascript:x) ![y](https://e.org/y.png)", None),
    ],
)
def test_the_little_formatting_that_models_write(text: str, expected: str | None) -> None:
    shown = blocks(text, lambda start, end: inline(text[start:end]))
    assert_inert(shown)
    if expected is not None:
        assert re.sub(r"<span hidden>.*?</span>", "", shown) == expected


def test_markers_become_chips_while_the_answer_is_written() -> None:
    root = tree(raw_html("Why?", "It helps [1][2]. It may not [7]. And [", SOURCES, 1))
    assert [each.text for each in root.xpath("//button")] == ["1", "2"]
    assert "[" not in root.text_content()


def test_support_is_summed_up_over_sentences_that_claim_something() -> None:
    assert "3 of 5 sentences" in support_html(answer())
    assert "Both sentences" in support_html(answer(SAID[:2]))
    assert "Supported by" in support_html(answer(SAID[:1]))
    assert "Both sentences" in support_html(answer([*SAID[:2], ("Why?", (), "uncited")]))
    assert support_html(answer(())) == ""


def test_copied_text_carries_citations_marks_and_the_sources_cited() -> None:
    copied = plain_text(answer())
    assert "(hazard ratio 0.91, 95% CI 0.86 to 0.97). [1]" in copied
    assert "patients take. [3] (partly supported)" in copied
    assert "[4] RETRACTED: Metformin halves" in copied
    assert "[5]" not in copied


def test_copied_text_names_file_and_page() -> None:
    own = replace(SOURCES[0], title="Our trial", url="", file="trial report.pdf", page=3)
    copied = plain_text(answer(SAID[:1], sources=(own,)))
    reference = "[1] Our trial. Annals of Metabolic Epidemiology. 2020. trial report.pdf, p. 3"
    assert copied.splitlines()[-1] == reference
    cited = replace(own, cited_sections=("§ 1 Doses",))
    copied = plain_text(answer(SAID[:1], sources=(cited,)))
    assert copied.splitlines()[-1].endswith("trial report.pdf, § 1 Doses, p. 3")
