"""What the page shows, as HTML: nothing foreign runs, offsets are exact, marks say what is weak."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from lxml import html as lxml_html
from web_support import (
    GUIDE,
    HOSTILE,
    POOLED,
    RETRACTED,
    SAID,
    SOURCES,
    TITLE_ONLY,
    TRIAL,
    Said,
    abstention,
    after,
    answer,
    source,
    unwritten,
)

from vademecum.app.web_answer import checked_html, plain_text, raw_html, support_html
from vademecum.app.web_inline import inline
from vademecum.app.web_passage import WINDOW, passage_html
from vademecum.app.web_render import (
    error_html,
    footer_html,
    header_html,
    live_html,
    notice_html,
    stopped_html,
    turn_html,
    welcome_html,
)
from vademecum.app.web_sources import panel_html, source_html
from vademecum.app.web_text import blocks, escape, safe_url, seconds
from vademecum.corpora.document import CorpusInfo, Document
from vademecum.rag.answer import ModelRef
from vademecum.rag.evidence import evidence

ATTACK = HOSTILE.title
BY_ID = {d.doc_id: d for d in (POOLED, TRIAL, RETRACTED, TITLE_ONLY, HOSTILE)}


def tree(markup: str) -> lxml_html.HtmlElement:
    return lxml_html.fragment_fromstring(markup, create_parent="div")


def texts(markup: str, xpath: str) -> list[str]:
    return [str(each.text_content()) for each in tree(markup).xpath(xpath)]


def marked(markup: str) -> str:
    return "".join(texts(markup, "//mark"))


def assert_inert(markup: str) -> None:
    """No script, no image, no handler, no address but http(s)."""
    for element in tree(markup).iter():
        assert element.tag not in {"script", "img", "iframe", "object", "svg", "style", "b"}
        for name, value in element.attrib.items():
            assert not name.startswith("on"), name
            if name in {"href", "src", "action"}:
                assert value.startswith(("http://", "https://"))


# Nothing foreign runs


@pytest.mark.parametrize(
    "markup",
    [
        source_html(source(1, HOSTILE), HOSTILE, 1),
        source_html(source(1, HOSTILE), None, 1),
        panel_html([source(1, HOSTILE)], BY_ID, turn=1, question=ATTACK, nearest=False),
        turn_html(
            answer(
                [(ATTACK, (1,), "partial"), (HOSTILE.text, (), "uncited")],
                question=ATTACK,
                thinking=ATTACK,
                reason=ATTACK,
                sources=[source(1, HOSTILE)],
                model=ModelRef(ATTACK, ATTACK, ATTACK),
            ),
            1,
        ),
        turn_html(
            replace(abstention(ATTACK), answer=ATTACK, sources=(source(1, HOSTILE),)), 1
        ),
        live_html(ATTACK, 1, ATTACK, thinking=ATTACK, text=ATTACK, sources=[source(1, HOSTILE)]),
        stopped_html(ATTACK, 1, thinking=ATTACK, text=ATTACK, sources=[]),
        error_html(ATTACK, 1, ATTACK, ATTACK),
        notice_html(ATTACK),
        header_html(CorpusInfo(ATTACK, "", 1, 1, ATTACK, "")),
        welcome_html(CorpusInfo(ATTACK, "", 1, 1, ATTACK, ""), ATTACK, ATTACK, offers=True),
    ],
    ids=[
        "source", "gone", "panel", "turn", "abstained", "live", "stopped", "error", "notice",
        "header", "welcome",
    ],
)  # fmt: skip
def test_hostile_text_stays_text(markup: str) -> None:
    assert_inert(markup)
    assert "&lt;script&gt;" in markup


def test_attributes_cannot_be_left() -> None:
    assert escape("\"'><img>") == "&quot;&#x27;&gt;&lt;img&gt;"


def test_control_characters_and_direction_overrides_vanish() -> None:
    assert escape("a\x00b\x1b[2Jc\u202ed\x9be\n\tf") == "ab[2Jcde\n\tf"


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        " JAVASCRIPT:x",
        "data:text/html,x",
        "//evil",
        "http:",
        "",
        "http://[x",
    ],
)
def test_only_web_addresses_become_links(url: str) -> None:
    assert safe_url(url) == ""
    assert "<a " not in source_html(replace(SOURCES[0], url=url), POOLED, 1)


def test_link_to_pubmed_opens_elsewhere_without_a_trace() -> None:
    (link,) = tree(source_html(SOURCES[0], POOLED, 1)).xpath("//a")
    assert link.get("href") == "https://pubmed.ncbi.nlm.nih.gov/99000001/"
    assert link.get("rel") == "noopener noreferrer"
    assert link.get("target") == "_blank"
    assert "PubMed" in link.text_content()


# The passage in its document


@pytest.mark.parametrize(
    ("document", "piece"),
    [
        (POOLED, after(POOLED, "Over a median")),
        (POOLED, "absent for breast cancer (1.00, 0.92 to 1.09). In cohorts"),
        (POOLED, "BACKGROUND: Observational"),
        (POOLED, "RESULTS: Over"),
        (POOLED, None),
        (TITLE_ONLY, None),
        (HOSTILE, "<img src=x"),
    ],
    ids=["to the end", "in mid-sentence", "at a label", "a label", "all", "title", "markup"],
)
def test_exactly_the_passage_is_marked_in_the_whole_text(
    document: Document, piece: str | None
) -> None:
    cited = source(1, document, piece)
    markup = passage_html(document, cited)
    assert marked(markup) == document.text[cited.start : cited.end]
    assert tree(markup).text_content() == document.text


def test_section_labels_are_bold_and_sections_are_paragraphs() -> None:
    markup = passage_html(POOLED, SOURCES[0])
    assert texts(markup, "//strong") == ["BACKGROUND:", "METHODS:", "RESULTS:", "CONCLUSIONS:"]
    assert len(texts(markup, "//p")) == 4


MARKDOWN = (
    "# Sepsis\n\n## Shock ##\n\nLactate is above 2. Give #2 doses.\n\n"
    "```\n# a comment\n```\n\n## To be written\n"
)


def test_a_heading_of_markdown_is_bold_and_its_hashes_are_not_shown() -> None:
    typed = replace(HOSTILE, text=MARKDOWN, origin="sepsis.md")
    cited = source(1, typed, "## Shock ##\n\nLactate is above 2.")
    markup = passage_html(typed, cited)
    assert marked(markup) == cited.text
    assert tree(markup).text_content() == typed.text
    assert texts(markup, "//strong") == ["Sepsis", "Shock", "To be written"]
    assert texts(markup, "//span[@hidden]") == ["# ", "## ", " ##", "```\n", "```\n\n", "## "]
    assert not [each for each in texts(markup, "//p") if not each.strip("# \n")]


def test_hashes_in_a_file_that_is_no_markdown_are_text() -> None:
    typed = replace(HOSTILE, text=MARKDOWN, origin="sepsis.txt")
    assert "hidden" not in passage_html(typed, source(1, typed))


def test_a_text_that_names_no_sections_has_no_labels() -> None:
    assert texts(passage_html(RETRACTED, source(1, RETRACTED)), "//strong") == []


def test_a_long_text_is_shown_around_the_passage_only() -> None:
    words = " ".join(f"Sentence {i} says little." for i in range(2_000))
    long = replace(POOLED, text=words, sections=(), kind="full_text")
    cited = source(1, long, "Sentence 1000 says little. Sentence 1001 says little.")
    markup = passage_html(long, cited)
    assert marked(markup) == cited.text
    shown = str(tree(markup).text_content())
    assert len(shown) < WINDOW
    assert shown.startswith("… Sentence 9")
    assert shown.endswith("little. …")
    assert "part of the full text" in source_html(cited, long, 1)


@pytest.mark.parametrize(
    ("held", "says"),
    [(None, "no longer"), (replace(POOLED, text="Quite another text."), "changed")],
)
def test_a_document_that_went_or_changed_still_shows_what_was_used(
    held: Document | None, says: str
) -> None:
    markup = source_html(SOURCES[0], held, 1)
    assert says in markup
    assert marked(markup) == SOURCES[0].text


def test_the_evidence_is_the_sentence_that_says_most_of_the_claim() -> None:
    claim = "Breast cancer showed no association (1.00, 0.92 to 1.09), liver cancer the strongest."
    at = evidence(claim, SOURCES[0])
    assert at is not None
    assert POOLED.text[at:].startswith("The association was strongest for liver cancer")
    assert f'data-vd-at="{at}"' in passage_html(POOLED, SOURCES[0])


# A source


def test_a_source_says_what_it_is() -> None:
    shown = str(tree(source_html(SOURCES[0], POOLED, 1)).text_content())
    for part in (POOLED.title, "Annals of Metabolic Epidemiology", "2020", "systematic review"):
        assert part in shown
    assert "abstract only" in shown
    assert "PMID 99000001" in shown
    assert "Okafor N" in shown
    assert "Retracted" not in shown


def test_lines_that_an_editor_wrapped_are_one_paragraph() -> None:
    text = (
        "The rules of our reading room were agreed upon in the spring of last year\n"
        "and hold for everybody.\nBring:\n- a card\n- a pencil, since ink is not allowed near any "
        "of the old books\n- patience\n\nA paragraph of its own."
    )
    lines = [
        text[: text.index("Bring")].replace("\n", " ").strip(),
        "Bring:",
        "- a card",
        "- a pencil, since ink is not allowed near any of the old books",
        "- patience",
        "A paragraph of its own.",
    ]
    document = Document("file:1", "Rules", text, "full_text", origin="rules.txt")
    shown = passage_html(document, source(1, document))
    assert [" ".join(each.split()) for each in texts(shown, "//p")] == lines
    assert "".join(texts(shown, "//mark")) == text
    rows = replace(document, origin="rules.pdf")  # its reader has joined the lines already
    assert len(texts(passage_html(rows, source(1, rows)), "//p")) == len(lines) + 1


def test_a_source_says_where_it_stands_and_under_what_licence() -> None:
    placed = source(
        1, POOLED, section="Methods > Doses", page=12, licence="CC BY 4.0", file="a <b>.pdf"
    )
    shown = source_html(placed, POOLED, 1)
    (facts,) = tree(shown).xpath("//p[@class='vd-facts']/text()")
    assert facts.endswith("2020 · a <b>.pdf · Methods > Doses · p. 12")
    assert "CC BY 4.0" in texts(shown, "//p/span")
    assert "p. " not in source_html(source(1, POOLED), POOLED, 1)
    cited = replace(placed, cited_sections=("§ 1 Doses", "§ 3 <Times>"))
    (facts,) = tree(source_html(cited, POOLED, 1)).xpath("//p[@class='vd-facts']/text()")
    assert facts.endswith("a <b>.pdf · § 1 Doses; § 3 <Times> · p. 12")


def test_a_source_names_the_other_documents_of_its_work() -> None:
    both = source(1, POOLED, also=("doi:10.1000/x", "pmcid:PMC9"))
    (ids,) = texts(source_html(both, POOLED, 1), "//p[@class='vd-ids']")
    assert ids.startswith("PMID 99000001 · doi:10.1000/x · PMC9 · doi ")


@pytest.mark.parametrize(
    ("kind", "words"),
    [("abstract", "abstract only"), ("full_text", "full text"), ("title", "title only")],
)
def test_a_source_says_how_much_of_it_was_read(kind: str, words: str) -> None:
    assert words in texts(source_html(source(1, POOLED, kind=kind), POOLED, 1), "//p/span")


def test_retraction_is_said_in_words() -> None:
    assert "Retracted" in texts(source_html(source(1, RETRACTED), RETRACTED, 1), "//span")
    near = turn_html(replace(abstention(), sources=(source(1, RETRACTED),)), 1)
    assert "Retracted" in texts(near, "//strong")


def test_a_source_opens_by_keyboard_and_says_so() -> None:
    root = tree(source_html(SOURCES[0], POOLED, 3))
    (button,) = root.xpath("//button")
    assert button.get("type") == "button"
    assert button.get("aria-expanded") == "false"
    (region,) = root.xpath(f"//*[@id='{button.get('aria-controls')}']")
    assert region.get("role") == "region"
    assert region.get("aria-label")
    assert "hidden" in region.attrib


# The answer


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


def test_the_nearest_passages_name_their_files() -> None:
    own = replace(SOURCES[0], file="trial report.pdf")
    shown = turn_html(replace(abstention(), sources=(own,)), 1)
    assert "2020, trial report.pdf" in texts(shown, "//small")[0]


# An exchange


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


def test_an_error_gives_message_and_hint() -> None:
    root = tree(error_html("q", 1, "it is locked", "close the other one"))
    (alert,) = root.xpath("//*[@role='alert']")
    assert "it is locked" in alert.text_content()
    assert "close the other one" in alert.text_content()


def test_what_was_stopped_says_that_it_was_not_checked() -> None:
    assert "not checked" in stopped_html("q", 1, thinking="", text="Half a", sources=[])
    assert "Nothing was written" in stopped_html("q", 1, thinking="", text="", sources=[])


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.123, "0.12 s"), (3.42, "3.4 s"), (48.2, "48 s"), (125, "2 min 5 s"), (59.7, "1 min 0 s")],
)
def test_seconds(value: float, expected: str) -> None:
    assert seconds(value) == expected


def test_what_the_model_read_stands_with_its_source() -> None:
    panel = {"turn": 1, "question": "q", "nearest": False}
    told = [source(1, POOLED), source(2, POOLED)]
    shown = tree(panel_html(told, BY_ID, **panel, read=(0.744, 0.256)))  # type: ignore[arg-type]
    cards = [str(card.text_content()) for card in shown.xpath("//article")]
    assert ["74% of the attention" in card for card in cards] == [True, False]
    assert "26% of the attention" in cards[1]
    assert "attention" not in panel_html(told, BY_ID, **panel)  # type: ignore[arg-type]
    alone = panel_html(told[:1], BY_ID, **panel, read=(1.0,))  # type: ignore[arg-type]
    assert "attention" not in alone  # all of it: there was nothing else to read
