"""A source beside an answer: what it is, where it stands, how much of it was read."""

from __future__ import annotations

from dataclasses import replace

import pytest
from html_support import texts, tree
from web_support import GUIDE, POOLED, RETRACTED, SOURCES, abstention, source

from vademecum.app.web_render import turn_html
from vademecum.app.web_sources import panel_html, source_html


def test_a_source_says_what_it_is() -> None:
    shown = str(tree(source_html(SOURCES[0], POOLED, 1)).text_content())
    for part in (POOLED.title, "Annals of Metabolic Epidemiology", "2020", "systematic review"):
        assert part in shown
    assert "abstract only" in shown
    assert "PMID 99000001" in shown
    assert "Okafor N" in shown
    assert "Retracted" not in shown


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


@pytest.mark.parametrize(("file", "marks"), [("guide.md", False), ("guide.txt", True)])
def test_titles_and_headings_of_a_markdown_file_are_shown_as_its_marks_say(
    file: str, marks: bool
) -> None:
    raw = '[Shock](https://example.org/x "WHO") in **adults**'
    own = source(1, GUIDE, title=raw, cited_sections=(f"Sepsis > {raw}",), file=file)
    near = turn_html(replace(abstention(), sources=(own,)), 1)
    for markup in (source_html(own, GUIDE, 1), near):
        for hidden in (root := tree(markup)).xpath("//span[@hidden]"):
            hidden.drop_tree()
        assert ("](https" in root.text_content()) == marks
        assert ('Shock "WHO" in adults' in root.text_content()) != marks


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


def test_what_the_model_read_stands_with_its_source() -> None:
    panel = {"turn": 1, "question": "q", "nearest": False}
    held = {POOLED.doc_id: POOLED}
    told = [source(1, POOLED), source(2, POOLED)]
    shown = tree(panel_html(told, held, **panel, read=(0.744, 0.256)))  # type: ignore[arg-type]
    cards = [str(card.text_content()) for card in shown.xpath("//article")]
    assert ["74% of the attention" in card for card in cards] == [True, False]
    assert "26% of the attention" in cards[1]
    assert "attention" not in panel_html(told, held, **panel)  # type: ignore[arg-type]
    alone = panel_html(told[:1], held, **panel, read=(1.0,))  # type: ignore[arg-type]
    assert "attention" not in alone  # all of it: there was nothing else to read
