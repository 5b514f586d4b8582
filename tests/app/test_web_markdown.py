"""A passage of a Markdown file on the page: laid out as its marks say, no character less."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import html as lxml_html
from web_support import HOSTILE, source

from vademecum.app.web_passage import passage_html
from vademecum.corpora.document import Document


def guide(text: str, **how: str) -> Document:
    return Document("file:1", "A guide", text, "full_text", origin=how.get("origin", "guide.md"))


def shown(text: str, cited: str | None = None) -> lxml_html.HtmlElement:
    """How a text is shown, after what must hold of every text."""
    document = guide(text)
    passage = source(1, document, cited)
    tree = lxml_html.fragment_fromstring(passage_html(document, passage), create_parent="section")
    assert tree.text_content() == text
    assert "".join(mark.text_content() for mark in tree.iter("mark")) == passage.text
    for element in tree.iter():
        assert element.tag in TAGS
        assert set(element.attrib) <= {"class", "hidden", "data-vd-at", *LINKED}
        assert not set(element.attrib) & LINKED or element.tag == "a"
        assert element.get("href", "https://").startswith(("http://", "https://"))
    return tree


TAGS = frozenset("section p pre div table tr th td mark span strong em del code a".split())
LINKED = frozenset({"href", "title", "target", "rel"})


def read(text: str) -> str:
    """What a reader reads of it."""
    tree = shown(text)
    for hidden in tree.xpath("//span[@hidden]"):
        hidden.text = ""
    return str(tree.text_content())


def held(text: str, tag: str) -> list[str]:
    return [str(each.text_content()) for each in shown(text).iter(tag)]


@pytest.mark.parametrize(
    ("text", "tag", "words"),
    [
        ("Give **2 g** now.", "strong", ["2 g"]),
        ("Give __2 g__ now.", "strong", ["2 g"]),
        ("An *E. coli* and a _K. oxytoca_.", "em", ["E. coli", "K. oxytoca"]),
        ("***Never*** twice.", "strong", ["Never"]),
        ("***Never*** twice.", "em", ["Never"]),
        ("**Over the end\nof a line**", "strong", ["Over the end\n", "of a line"]),
        ("**Dose:** 2 g", "strong", ["Dose:"]),
        ("**A**irway, **B**reathing", "strong", ["A", "B"]),
        ("**≥ 2 mmol/L** is shock", "strong", ["≥ 2 mmol/L"]),
        ("**重要**事项", "strong", ["重要"]),
        ("~~Dopamine~~ noradrenaline", "del", ["Dopamine"]),
        ("Run `a*b*c` twice.", "code", ["a*b*c"]),
        ("Type `` `x` `` so.", "code", [" `x` "]),
    ],
)
def test_marks_within_a_line_are_seen_as_what_they_mean(
    text: str, tag: str, words: list[str]
) -> None:
    assert held(text, tag) == words
    assert not re.search(r"[*_~]{2}", read(text))


@pytest.mark.parametrize(
    "text",
    [
        "HLA-A*02:01 and HLA-B*57:01 carriers",
        "2*3*4 mg, or 2 * 3 * 4 mg",
        "Significant (*) or not significant (*)",
        "*p<0.05, **p<0.01, ***p<0.001",
        "* p < 0.05 against placebo",
        "Group 5* and group 6* alone",
        "snake_case_name and a_1_b",
        "if lactate is\n> 2 mmol/L it is shock",
        "a change of\n- 5 %, or\n+ 3 %",
        "risk [12](3), interval [CI](0.55-0.91)",
        "P(A|B) and |x| are\nnot a table",
        "the ratio was\n2.5) of all",
        "** and ** alone, ~~ and ~~, ` alone",
        "[x](javascript:alert(1)) and ![x](data:image/png;base64,AA)",
        "<b onclick=alert(1)>bold</b><!-- not seen --><img src=//x.example/y>",
    ],
)
def test_what_may_be_a_sign_stays(text: str) -> None:
    assert read(text) == text


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ('[See](./a.md "Not in renal failure") it.', 'See "Not in renal failure" it.'),
        ('# Sepsis, [the rule](https://example.org/a "WHO")\n', 'Sepsis, the rule "WHO"\n'),
        ("## [Doses](<https://example.org> 'in adults') ##\n", "Doses 'in adults'\n"),
        ('[Doses](https://example.org "2 g")\n-----\n', 'Doses "2 g"\n\n'),
        ("[Doses](<https://example.org>) here", "Doses here"),
    ],
)
def test_the_title_of_a_link_is_read_behind_its_words(text: str, seen: str) -> None:
    assert read(text) == seen


def test_a_link_is_its_words_and_leads_where_it_says() -> None:
    text = "See [the **rule**](https://example.org/a_(b)?c=1&d) and <https://example.org>."
    assert read(text) == "See the rule and https://example.org."
    links = list(shown(text).iter("a"))
    assert {link.get("href") for link in links[:-1]} == {"https://example.org/a_(b)?c=1&d"}
    assert {link.get("title") for link in links[:-1]} == {"https://example.org/a_(b)?c=1&d"}
    assert links[-1].get("href") == "https://example.org"
    assert {link.get("rel") for link in links} == {"noopener noreferrer"}


def test_a_link_to_another_file_is_its_words() -> None:
    text = "See [doses](../doses.md#adults) and [below](#below)."
    assert read(text) == "See doses and below."
    assert held(text, "a") == []


def test_of_an_image_its_description_is_there_and_nothing_is_loaded() -> None:
    text = "![Lactate over time](https://example.org/figure.png)"
    assert read(text) == "Lactate over time"
    (described,) = shown(text).find_class("vd-image")
    assert described.tag == "span"


def test_an_escaped_mark_is_the_sign_alone() -> None:
    assert read(r"5 \* 3 \*significant\*, \`x`") == "5 * 3 *significant*, `x`"


def test_items_of_a_list_are_lines_with_a_bullet() -> None:
    text = "Give:\n- fluids\n  - slowly, and\n    **often**\n- oxygen\n\n1. first\n2) second"
    tree = shown(text)
    assert [each.text_content() for each in tree.find_class("vd-bullet")] == ["- ", "- ", "- "]
    items = [str(each.text_content()).strip() for each in tree.find_class("vd-item")]
    assert items == [
        "- fluids",
        "- slowly, and\n    **often**",
        "- oxygen",
        "1. first",
        "2) second",
    ]
    assert len(tree.find_class("vd-in1")) == 1
    assert "1. first" in read(text)


def test_stars_are_bullets_where_there_are_several() -> None:
    assert read("* fluids\n* oxygen") == "fluids\noxygen"


def test_what_is_quoted_and_what_parts_is_seen() -> None:
    text = "> Early\n> is better.\n\n---\n\nTitle\n=====\n\nText"
    assert [part for part in read(text).split("\n") if part] == [
        "Early",
        "is better.",
        "Title",
        "Text",
    ]
    tree = shown(text)
    assert len(tree.find_class("vd-quote")) == 2
    assert len(tree.find_class("vd-rule")) == 1
    assert [each.text for each in tree.find_class("vd-label")] == ["Title"]


TABLE = "| Drug | Dose |\n|:-----|----:|\n| **A** \\| B | 2 g |\n| C | `3` g |\n\nBehind it."


def test_a_table_is_a_table() -> None:
    assert [cell.strip() for cell in held(TABLE, "th")] == ["| Drug", "| Dose |\n|:-----|----:|"]
    assert len(held(TABLE, "tr")) == 3
    assert len(held(TABLE, "td")) == 4
    cells = re.split(r"\s{2,}|\n", read(TABLE).strip())
    assert cells == ["Drug", "Dose", "A | B", "2 g", "C", "3 g", "Behind it."]
    assert held(TABLE, "p") == ["Behind it."]


def test_a_table_without_pipes_around_it_is_one_too() -> None:
    assert held("Drug | Dose\n--- | ---\nA | 2 g", "td") == ["A ", "| 2 g"]


def test_a_passage_that_is_part_of_a_table_is_marked_in_its_cells() -> None:
    tree = shown(TABLE, "**A** \\| B | 2 g")
    assert [len(list(row.iter("mark"))) > 0 for row in tree.iter("tr")] == [False, True, False]


CODE = (
    "Before.\n```python\nx = a * b * c  # **not** bold\n\n"
    "    # no heading\n| a | b |\n```\n\nBehind."
)


def test_code_stands_as_it_was_typed() -> None:
    (code,) = held(CODE, "pre")
    assert "x = a * b * c  # **not** bold\n\n    # no heading\n| a | b |\n" in code
    assert held(CODE, "strong") == held(CODE, "td") == []
    assert "```" not in read(CODE)
    assert [each.strip() for each in held(CODE, "p")] == ["Before.", "Behind."]


def test_a_fence_that_is_not_closed_is_code_to_the_end() -> None:
    assert held("Before.\n\n~~~\nx * y\n\n# z", "pre") == ["~~~\nx * y\n\n# z"]


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("A.\n```Give 5 mg, never more.```\nNo **more**.", "A.\nGive 5 mg, never more.\nNo more."),
        ("```\na\n``` Not in shock.\n```\nB **c**.", "a\n``` Not in shock.\nB c."),
        ("````\n```\na\n````\nB **c**.", "```\na\nB c."),
        ("```\n~~~\na\n```\nB **c**.", "~~~\na\nB c."),
        ("```Warning: not in shock\na\n```\n", "Warning: not in shock\na\n"),
    ],
)  # fmt: skip
def test_what_is_no_fence_hides_nothing(text: str, seen: str) -> None:
    assert re.sub(r"\n+", "\n", read(text)) == re.sub(r"\n+", "\n", seen)


def test_a_fence_within_another_opens_none_in_what_comes_far_behind() -> None:
    lines = "".join(f"Line {i} of *it*.\n" for i in range(3_000))
    document = guide(f"````\n```\na\n````\n\n{lines}\n\nGive **2 g**.")
    markup = passage_html(document, source(1, document, "Give **2 g**."))
    assert "<strong>" in markup


@pytest.mark.parametrize(
    "text",
    [
        "Stop if ALT rises to\n> ULN times three, or is\n> twice the baseline.",
        "> ten days of fever: culture.",
        "+ ve culture\n\n- ve culture",
        "Share \\\\server\\share.",
        "*1* and *2* are alleles.",
    ],
)
def test_a_sign_that_carries_meaning_stays(text: str) -> None:
    assert read(text) == text


def test_in_a_long_text_what_began_before_is_still_known_for_what_it_is() -> None:
    rows = "".join(f"| drug {i} | {i} mg |\n" for i in range(800))
    lines = "".join(f"a = {i} * b * c\n" for i in range(800))
    for head, body, cited, tag in (
        ("| Drug | Dose |\n|---|---|\n", rows, "| drug 400 | 400 mg |", "td"),
        ("```\n", lines, "a = 400 * b * c", "pre"),
    ):
        document = guide(f"# Title\n\n{head}{body}\n\nThe end.")
        markup = passage_html(document, source(1, document, cited))
        tree = lxml_html.fragment_fromstring(markup, create_parent="section")
        (around,) = {mark.getparent().tag for mark in tree.iter("mark")}
        assert around == tag
        assert "".join(mark.text_content() for mark in tree.iter("mark")) == cited


def test_other_files_are_shown_as_they_stand() -> None:
    for origin in ("guide.txt", "guide.html"):
        document = guide(TABLE + CODE, origin=origin)
        markup = passage_html(document, source(1, document))
        assert "hidden" not in markup
        assert "<td" not in markup


def test_a_hostile_text_stays_text() -> None:
    attack = HOSTILE.text
    for around in ("{}", "**{}**", "`{}`", "[{}](https://e.org)", "| a |\n|--|\n| {} |", "- {}"):
        shown(around.format(attack))
    for target in ('https://e.org/"onmouseover=alert(1)', "https://e.org/<script>", "//e.org"):
        for link in shown(f"[x]({target})").iter("a"):
            assert set(link.attrib) == LINKED


SIGNS = "*_~`|[]()<>!#-+=\\\n "
WORDS = (
    "a",
    "Dose 2",
    "剂量",
    "**",
    "```\n",
    "\n- ",
    "\n> ",
    "\n\n",
    "|--|--|\n",
    "| a | b |\n",
    "1. ",
)
ATTACKS = ("](https://e.org)", "<script>", '"onload=x', "\n---\n", "](javascript:x)")
PIECES = st.sampled_from([*SIGNS, *WORDS, *ATTACKS])


@given(st.lists(PIECES, min_size=1, max_size=60).map("".join), st.data())
def test_no_text_loses_or_gains_a_character(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    document = guide(text)
    passage = replace(source(1, document), start=start, end=end, text=text[start:end])
    markup = passage_html(document, passage)
    tree = lxml_html.fragment_fromstring(markup, create_parent="section")
    assert tree.text_content() == text
    assert "".join(mark.text_content() for mark in tree.iter("mark")) == passage.text
    assert {element.tag for element in tree.iter()} <= TAGS


def test_marks_without_end_cost_no_time() -> None:
    for text in ("**a" * 4_000, "[" * 9_000, "`" * 9_000, "| " * 9_000, "*a _b " * 3_000):
        document = guide(text)
        passage_html(document, source(1, document, text[: len(text) // 2]))
