"""A terminal shows what a model wrote as its marks say, and never loses a sign that is none."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from web_support import answer

from vademecum.app import render
from vademecum.app.render_inline import inline


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Give **ceftriaxone 2 g** *now*.", "Give ceftriaxone 2 g now."),
        ("Take `HLA-B*57:01` first, see [the guideline](https://x.test/g).",
         "Take HLA-B*57:01 first, see the guideline."),
        ("HLA-A*02:01 is 2*3*4, *p<0.05 and > 2", "HLA-A*02:01 is 2*3*4, *p<0.05 and > 2"),
        ("", ""),
    ],
)  # fmt: skip
def test_marks_are_left_out_and_signs_stay(text: str, shown: str) -> None:
    assert inline(text).plain == shown


def test_what_is_marked_is_styled() -> None:
    found = inline("a **b** *c* ~~d~~ `e`", "red")
    styles = [(found.plain[span.start : span.end], span.style) for span in found.spans]
    assert found.style == "red"
    assert [each for each in styles if each[1]] == [("b", "bold"), ("c", "italic"), ("d", "strike")]


def test_an_answer_in_a_terminal_has_no_raw_marks() -> None:
    said = [("Give **ceftriaxone** within *an hour* [1].", (1,), "supported")]
    told = io.StringIO()
    render.answer(Console(file=told, width=200), answer(said))
    assert "Give ceftriaxone within an hour [1]." in told.getvalue()
