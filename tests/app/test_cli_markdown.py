"""Passages and titles of Markdown files where no marks can be laid out: words, not marks."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console
from web_support import SOURCES, answer

from vademecum.app import render
from vademecum.app.markdown import plain
from vademecum.app.markdown_inline import in_line, unmarked
from vademecum.app.web_answer import plain_text, quotes_html, raw_html
from vademecum.rag.answer import Answer, Quotation


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("## Doses\n\nTake **two** of *them*.", "Doses\nTake two of them."),
        ("- one\n- two\n\n1. three", "one\ntwo\nthree"),
        (
            "See [the label](https://example.org/x) and ![a pill](p.png).",
            "See the label and a pill.",
        ),
        ("Run `a_b * c_d`:\n\n```sh\nmake all\n```", "Run a_b * c_d:\nmake all\n"),
        ("| drug | dose |\n|---|---|\n| aspirin | 100 mg |", "drug\ndose\naspirin\n100 mg"),
        ("> quoted\n> twice", "quoted twice"),
        ("Setext\n===\n\nover ~~ruled~~ &amp; done\\.", "Setext\nover ruled & done."),
        ("A line\nand its next", "A line and its next"),
        # A passage may begin and end within a mark.
        ("bold** ends here and *begins", "bold** ends here and *begins"),
        ("---", "---"),
        ("2 * 3 * 4 = 24, snake_case_name", "2 * 3 * 4 = 24, snake_case_name"),
        ("Fever < 38 °C & pulse > 60", "Fever < 38 °C & pulse > 60"),
    ],
)
def test_marks_are_left_out_and_every_word_stays(text: str, words: str) -> None:
    assert plain(text, "Notes.MD") == words


@pytest.mark.parametrize("file", ["", "notes.txt", "notes.pdf", "md"])
def test_what_is_no_markdown_is_shown_as_it_stands(file: str) -> None:
    assert plain("## 5 **stars**", file) == "## 5 **stars**"


@pytest.mark.parametrize(
    ("title", "words"),
    [
        ("The **boathouse** _key_", "The boathouse key"),
        ("See [the label](https://example.org/x)", "See the label"),
        ("1. HLA-A*02:01 and `a_b`", "1. HLA-A*02:01 and a_b"),
        ("<b>5 * 3</b>", "<b>5 * 3</b>"),
    ],
)
def test_so_are_those_of_a_title_which_is_one_line(title: str, words: str) -> None:
    assert unmarked(title, "Notes.MD") == words
    assert unmarked(title, "notes.txt") == title


def test_no_title_has_marks_in_a_terminal_in_a_copy_or_for_a_screen_reader() -> None:
    marked = replace(SOURCES[0], title="The **boathouse** key", file="a.md", section="_Doses_")
    found: Answer = answer([("It hangs there.", (1,), "supported")], sources=[marked])
    console = Console(file=io.StringIO(), width=200, record=True)
    render.answer(console, found)
    shown = (console.export_text(), plain_text(found), raw_html("Why?", "There [1].", [marked], 1))
    for told in shown:
        assert "The boathouse key" in told
        assert "**" not in told
    assert all("_Doses_" not in told for told in shown[:2])


def test_a_row_of_a_table_is_quoted_as_its_cells() -> None:
    row = "| warfarin | **INR** rises |  |"
    assert in_line(row, "a.md") == "warfarin · **INR** rises"
    for text, file in ((row, "a.txt"), ("|", "a.md"), ("|a| and |b| differ", "a.md")):
        assert in_line(text, file) == text
    source = replace(SOURCES[0], file="a.md")
    found = answer((), sources=[source], status="not_written", quotes=(Quotation(1, row, 0, 9),))
    console = Console(file=io.StringIO(), width=200, record=True)
    render.answer(console, found)
    for told in (console.export_text(), plain_text(found)):
        assert "“warfarin · INR rises” [1]" in told
    assert "“warfarin · <span hidden>**</span><strong>INR</strong>" in quotes_html(found, 1)
