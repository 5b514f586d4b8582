"""Electronic books."""

from __future__ import annotations

from pathlib import Path

import pytest
from docx_support import zipped
from hypothesis import HealthCheck, given, settings
from reader_support import damaged, read_one, spans, survives

from vademecum.corpora.readers import epub
from vademecum.corpora.readers.epub import EpubReader
from vademecum.errors import DocumentRejected

CONTAINER = """<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>
<rootfile full-path="OEBPS/book.opf"/></rootfiles></container>"""
PACKAGE = """<package xmlns="http://www.idpf.org/2007/opf"
xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata><dc:title>On rest</dc:title>
<dc:creator>Ito A</dc:creator><dc:language>en</dc:language><dc:date>2019-05-01T00:00:00Z</dc:date>
<dc:rights>https://creativecommons.org/licenses/by/4.0/</dc:rights></metadata><manifest>
<item id="a" href="text/one%20a.xhtml" media-type="application/xhtml+xml"/>
<item id="b" href="../two.xhtml" media-type="application/xhtml+xml"/>
<item id="c" href="gone.xhtml" media-type="application/xhtml+xml"/>
<item id="p" href="p.png" media-type="image/png"/></manifest>
<spine><itemref idref="b"/><itemref idref="p"/><itemref idref="a"/><itemref idref="c"/>
<itemref idref="b"/><itemref idref="unknown"/></spine></package>"""
HTML = (
    '<html xmlns="http://www.w3.org/1999/xhtml"><head><title>x</title></head><body>{}</body></html>'
)


def book(**parts: str | bytes) -> bytes:
    files: dict[str, str | bytes] = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": CONTAINER,
        "OEBPS/book.opf": PACKAGE,
        "OEBPS/text/one a.xhtml": HTML.format("<h1>Two</h1><p>Rest <b>more</b>.</p>"),
        "two.xhtml": HTML.format("<h1>One</h1><h2>Why</h2><p>It helps.</p><nav>toc</nav>"),
        **parts,
    }
    return zipped({name: content for name, content in files.items() if content})


def test_chapters_come_in_the_order_of_the_spine(tmp_path: Path) -> None:
    document = read_one(EpubReader(), tmp_path / "a.epub", book())
    assert spans(document) == [("One > Why", "It helps."), ("Two", "Rest more.")]
    assert (document.title, document.authors) == ("On rest", ("Ito A",))
    assert (document.language, document.date, document.licence) == (
        "eng",
        "2019-05-01",
        "CC BY 4.0",
    )


def test_scrambled_fonts_are_no_protection(tmp_path: Path) -> None:
    method = '<encryption xmlns="x"><EncryptionMethod Algorithm="{}"/></encryption>'
    fonts = method.format("http://www.idpf.org/2008/embedding")
    assert read_one(EpubReader(), tmp_path / "a.epub", book(**{"META-INF/encryption.xml": fonts}))
    locked = book(**{"META-INF/encryption.xml": method.format("http://www.w3.org/aes256")})
    with pytest.raises(DocumentRejected, match=r"a\.epub: protected against copying"):
        read_one(EpubReader(), tmp_path / "a.epub", locked)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "damaged, or not"),
        (zipped({"a": "b"}), "container.xml' is missing"),
        (book(**{"OEBPS/book.opf": "<package"}), "book.opf' is damaged"),
        (book(**{"two.xhtml": "", "OEBPS/text/one a.xhtml": HTML.format("")}), "no text"),
        (book(**{"two.xhtml": "<div>" * 10_000 + "x"}), "nested deeper"),
        (book(**{"two.xhtml": bytes(65 << 20)}), "larger than 64 MB"),
        (book()[:-30], "damaged, or not"),
    ],
)
def test_what_cannot_be_read_is_told_in_one_line(tmp_path: Path, data: bytes, says: str) -> None:
    path = tmp_path / "bad.epub"
    path.write_bytes(data)
    with pytest.raises(DocumentRejected, match=says) as caught:
        list(EpubReader().read(path))
    assert caught.value.message.startswith("bad.epub: ")
    assert caught.value.hint


def test_a_page_that_points_out_of_the_archive_reaches_nothing(tmp_path: Path) -> None:
    (tmp_path / "secret.xhtml").write_text("<p>secret</p>")
    slip = PACKAGE.replace("text/one%20a.xhtml", "../../../" + str(tmp_path / "secret.xhtml"))
    document = read_one(EpubReader(), tmp_path / "a.epub", book(**{"OEBPS/book.opf": slip}))
    assert "secret" not in document.text


@pytest.mark.parametrize("limit", ["MAX_CHAPTERS", "MAX_CHARACTERS"])
def test_size_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setattr(epub, limit, 1)
    with pytest.raises(DocumentRejected, match="more than 1 "):
        read_one(EpubReader(), tmp_path / "a.epub", book())


@settings(max_examples=80, suppress_health_check=list(HealthCheck))
@given(data=damaged(book()))
def test_damaged_books_are_read_or_rejected(tmp_path: Path, data: bytes) -> None:
    survives(EpubReader(), tmp_path / "a.epub", data)


@settings(max_examples=80, suppress_health_check=list(HealthCheck))
@given(package=damaged(PACKAGE.encode()))
def test_damaged_packages_are_read_or_rejected(tmp_path: Path, package: bytes) -> None:
    survives(EpubReader(), tmp_path / "a.epub", book(**{"OEBPS/book.opf": package}))
