"""Web pages saved as files."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from reader_support import damaged, read_one, spans, survives

from vademecum.corpora.document import Document
from vademecum.corpora.readers.html import HtmlReader
from vademecum.corpora.sentences import split_sentences
from vademecum.errors import DocumentRejected

PAGE = """<!DOCTYPE html><html lang="de-DE"><head><title>Rest &amp; pulse | Site</title>
<meta name="citation_title" content="Rest and pulse"><meta name="citation_author" content="Ito A">
<meta name="citation_author" content="Li B"><meta name="citation_doi" content="doi:10.1000/x.1">
<meta name="citation_pmid" content="77"><meta name="citation_date" content="2020/3/7">
<meta name="citation_journal_title" content="J Tests">
<link rel="canonical" href="https://example.org/rest">
<link rel="license" href="https://creativecommons.org/licenses/by/4.0/"></head>
<body><header>Site</header><nav>Home</nav><main><h1>Rest</h1><p>It helped.</p></main>
<footer>Imprint</footer></body></html>"""


def read(folder: Path, html: str | bytes) -> Document:
    return read_one(HtmlReader(), folder / "page.html", html)


def body(folder: Path, html: str) -> str:
    return read(folder, f"<html><body>{html}</body></html>").text


def test_what_the_head_says(tmp_path: Path) -> None:
    document = read(tmp_path, PAGE)
    assert document.title == "Rest and pulse"
    assert document.authors == ("Ito A", "Li B")
    assert (document.doi, document.pmid) == ("10.1000/x.1", "77")
    assert (document.date, document.journal) == ("2020-03-07", "J Tests")
    assert (document.language, document.licence) == ("ger", "CC BY 4.0")
    assert document.url == "https://example.org/rest"
    assert document.doc_id.startswith("file:")
    assert spans(document) == [("Rest", "It helped.")]


def test_furniture_is_left_out(tmp_path: Path) -> None:
    html = """<nav>menu</nav><div role="navigation">more</div><script>no()</script>
      <p hidden>no</p><article><p>Yes.</p><header>Kept</header>
      <p>Text<svg><text>no</text></svg>.</p></article>
      <button>no</button><template>no</template><footer>no</footer>"""
    assert body(tmp_path, html) == "Yes.\n\nKept\n\nText."


def test_a_small_main_is_not_the_page(tmp_path: Path) -> None:
    html = "<main>Ad</main><p>The text that this page is about, at its length.</p>"
    assert body(tmp_path, html).endswith("length.")


def test_blocks_end_paragraphs_and_inline_marks_do_not(tmp_path: Path) -> None:
    html = """a <b>b </b>c<br>d<br><br>e <div>f<p>g<sup>2</sup></p>h</div>
      <span>i<div>j</div>k</span><a>l</a> 10<sup>-3</sup>"""
    assert body(tmp_path, html) == "a b c d\n\ne\n\nf\n\ng2\n\nh\n\ni\n\nj\n\nkl 10^-3"


def test_headings_lists_and_preformatted_text(tmp_path: Path) -> None:
    html = """<h1>A <br>b</h1><h3>C</h3><ul><li>one<ul><li>two</ul><li><p>three</p><p>four</p></ul>
      <dl><dt>BMI<dd>mass</dl><h3>D</h3><pre>x\n  y<br>z</pre>"""
    document = read(tmp_path, html)
    assert spans(document) == [
        ("A b > C", "- one\n  - two\n- three four\n\n- BMI: mass"),
        ("A b > D", "x\n  y\nz"),
    ]


def test_a_heading_is_no_part_of_the_sentence_below_it(tmp_path: Path) -> None:
    html = "<h1>Bees</h1><h2>In winter</h2><p>They need sugar.</p><h2>Mites</h2>Acid kills them."
    text = body(tmp_path, html)
    assert [text[start:end] for start, end in split_sentences(text)] == [
        "Bees",
        "In winter",
        "They need sugar.",
        "Mites",
        "Acid kills them.",
    ]


def test_tables_of_values_and_tables_that_lay_out(tmp_path: Path) -> None:
    wide = f"<table><tr><td colspan={'9' * 5000}>A<td>B<tr><td>C<td>D</table>"
    assert "C | D" in body(tmp_path, wide)
    values = """<table><caption>Doses</caption><tr><th colspan=2>Group<th>mg<tr><td>A<td>B<td>5
      <tr><td></table>"""
    assert body(tmp_path, values) == "Doses\n\nGroup |  | mg\nA | B | 5"
    layout = f"<table><tr><td><h2>Left</h2>text<td>{values}</table>"
    assert body(tmp_path, layout) == "Left\ntext\n\nDoses\n\nGroup |  | mg\nA | B | 5"


@pytest.mark.parametrize(
    ("stated", "encoding"),
    [
        ("utf-8", "utf-8"),
        ("", "utf-8"),
        ("gb2312", "gb18030"),
        ("big5", "big5"),
        ("", "utf-16"),
        ("nonsense", "gb18030"),
    ],
)
def test_encodings(tmp_path: Path, stated: str, encoding: str) -> None:
    meta = f'<meta charset="{stated}">' if stated else ""
    text = "第一條 為了規範診療行為，制定本辦法。第二條 本辦法自發布之日起施行。"
    page = f"<html><head>{meta}</head><body><p>{text}</p></body></html>"
    assert read(tmp_path, page.encode(encoding)).text == text


def test_a_windows_page_that_says_latin_1(tmp_path: Path) -> None:
    page = '<meta http-equiv="Content-Type" content="text/html; charset=ISO-8859-1"><p>“Été”'
    assert read(tmp_path, page.encode("cp1252")).text == "“Été”"


def test_what_no_tree_can_hold_is_left_out(tmp_path: Path) -> None:
    html = "a\x01b&#1;c&#x1F;d&#11;<svg>e</svg>\x0cf&#10;g&#x41;&#xD800;&#xFFFF;&#99999999;<hr>h"
    assert body(tmp_path, html).replace("\ufffd", "").split() == ["abcdf", "gA", "h"]


def test_the_title_falls_back(tmp_path: Path) -> None:
    assert read(tmp_path, "<p>x</p><h1>The <i>head</i></h1>y").title == "The head"
    assert read(tmp_path, "<p>Only text.</p>").title == "Only text."
    assert read(tmp_path, "<h2>Bees</h2><p>They need sugar.</p>").title == "Bees"
    assert read(tmp_path, "<p>One sentence. " + "Another one. " * 40).title == "One sentence."


def test_a_long_title_is_cut_between_words(tmp_path: Path) -> None:
    title = read(tmp_path, f"<title>{'remembering ' * 30}</title><p>Text.").title
    assert title == "remembering " * 15 + "remembering…"
    assert len(read(tmp_path, f"<title>{'蜜蜂' * 200}</title><p>Text.").title) == 200


@pytest.mark.parametrize(
    ("html", "says"),
    [
        ("", "no text"),
        ("<html><body><div id=app></div><script>app()</script></body></html>", "no text"),
        ("<div>" * 10_000 + "x", "nested deeper"),
        ("\x00\x01\x02\x03" * 100, "not a text file"),
    ],
)
def test_what_is_no_page_is_rejected(tmp_path: Path, html: str, says: str) -> None:
    path = tmp_path / "page.html"
    path.write_text(html)
    with pytest.raises(DocumentRejected, match=says) as caught:
        list(HtmlReader().read(path))
    assert caught.value.message.startswith("page.html: ")
    assert caught.value.hint


def test_size_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vademecum.corpora.readers.html.MAX_BYTES", 10)
    with pytest.raises(DocumentRejected, match="larger than"):
        read(tmp_path, PAGE)


def test_tags_are_counted_before_they_become_a_tree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 32 MB of "<p>x" it took 3 GB."""
    monkeypatch.setattr("vademecum.corpora.readers.html.MAX_TAGS", 100)
    assert read(tmp_path, "<p>x" * 100).text.count("x") == 100
    with pytest.raises(DocumentRejected, match=r"page\.html: more than 100 tags") as caught:
        read(tmp_path, "<p>x" * 101)
    assert "save it as text" in caught.value.hint


RICH = PAGE.replace("</main>", "<ul><li>a<ul><li>b</ul></ul><table><tr><td>1<td>2</table></main>")


@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(data=damaged(RICH.encode()))
def test_damaged_pages_are_read_or_rejected(tmp_path: Path, data: bytes) -> None:
    survives(HtmlReader(), tmp_path / "page.html", data)
