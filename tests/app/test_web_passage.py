"""The passage in its document: exactly what was read is marked, in the whole text around it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from html_support import marked, texts, tree
from web_support import HOSTILE, POOLED, RETRACTED, SOURCES, TITLE_ONLY, after, source

from vademecum.app.web_passage import WINDOW, passage_html
from vademecum.app.web_sources import source_html
from vademecum.corpora.document import Document
from vademecum.rag.evidence import evidence


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
