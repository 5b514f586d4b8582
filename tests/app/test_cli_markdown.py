"""Passages of Markdown files in the terminal: words, not marks."""

from __future__ import annotations

import pytest

from vademecum.app.markdown import plain


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
