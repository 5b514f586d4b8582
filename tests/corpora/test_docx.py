"""Word files, and the limits of zip files."""

from __future__ import annotations

from pathlib import Path

import pytest
from docx_support import docx, paragraph, zipped
from hypothesis import HealthCheck, given, settings
from reader_support import damaged, read_one, spans, survives

from vademecum.corpora.document import Document
from vademecum.corpora.readers import archive, docx_worker, html
from vademecum.corpora.readers.docx import DocxReader
from vademecum.errors import DocumentRejected

CELL = "<w:tc>{}</w:tc>"
TABLE = (
    "<w:tbl>"
    + "".join(
        f"<w:tr>{''.join(CELL.format(paragraph(text)) for text in row)}</w:tr>"
        for row in (("Group", "mg"), ("A", "5"))
    )
    + "</w:tbl>"
)


def read(folder: Path, body: str, title: str = "", **parts: str | bytes) -> Document:
    return read_one(DocxReader(), folder / "a.docx", docx(body, title, **parts))


def test_headings_tables_and_notes(tmp_path: Path) -> None:
    note = '<w:r><w:footnoteReference w:id="2"/></w:r>'
    body = (
        paragraph("The guide", "Titel")
        + paragraph("Doses", "berschrift1")
        + paragraph("Five mg", inside=note)
        + paragraph("Children", "Heading2")
        + TABLE
    )
    document = read(tmp_path, body)
    assert document.title == "The guide"
    assert document.authors == ("Ito A", "Li B")
    assert spans(document) == [
        ("Doses", "Five mg[1]"),
        ("Doses > Children", "Group | mg\nA | 5\n\n- See there."),
    ]
    assert read(tmp_path, body, title="As stated").title == "As stated"


def test_nothing_that_is_shown_is_lost_and_nothing_deleted_comes_back(tmp_path: Path) -> None:
    run = "<w:r><w:t>{}</w:t></w:r>"
    body = (
        f"<w:p>{run.format('kept ')}<w:ins w:id='1' w:author='x'>{run.format('inserted ')}</w:ins>"
        "<w:del w:id='2' w:author='x'><w:r><w:delText>deleted</w:delText></w:r></w:del>"
        f"<w:hyperlink>{run.format('linked')}</w:hyperlink></w:p>"
        f"<w:sdt><w:sdtContent>{paragraph('in a form field')}</w:sdtContent></w:sdt>"
    )
    assert read(tmp_path, body).text == "kept inserted linked\n\nin a form field"


DEEP = "<w:p>" + "<w:ins>" * 10_000 + "</w:ins>" * 10_000 + "</w:p>"
BOMB = (
    "<!DOCTYPE w [<!ENTITY a 'lol'>"
    + "".join(
        f"<!ENTITY {b} '{f'&{a};' * 10}'>" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    + "]><w>&i;</w>"
)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "damaged, or not"),
        (b"PK\x03\x04 and no more", "damaged, or not"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "password"),
        (zipped({"a.txt": "x"}), "not a Word file"),
        (docx(""), "no text"),
        (docx("<w:p>"), "not a sound Word file"),
        (docx(DEEP), "sound|nested|no text"),
        (docx("", **{"word/document.xml": BOMB}), "not a sound Word file"),
        (docx("", **{"word/document.xml": bytes(65 << 20)}), "larger than 64 MB"),
        (docx("", **{"word/document.xml": b"<a>" * 3_000_001}), "more than 3,000,000 tags"),
        (docx(paragraph("x"))[:-200], "damaged, or not"),
    ],
)
def test_what_cannot_be_read_is_told_in_one_line(tmp_path: Path, data: bytes, says: str) -> None:
    path = tmp_path / "bad.docx"
    path.write_bytes(data)
    with pytest.raises(DocumentRejected, match=says) as caught:
        list(DocxReader().read(path))
    assert caught.value.message.startswith("bad.docx: ")
    assert caught.value.hint


def test_a_part_that_points_out_of_the_archive_reaches_nothing(tmp_path: Path) -> None:
    (tmp_path / "secret.xml").write_text("secret")
    slip = docx(paragraph("Text."), **{"../../secret.xml": "<x/>", "/etc/passwd": "x"})
    assert read_one(DocxReader(), tmp_path / "a.docx", slip).text == "Text."
    assert (tmp_path / "secret.xml").read_text() == "secret"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.docx", "secret.xml"]


@pytest.mark.parametrize(("limit", "value"), [("MAX_ENTRIES", 2), ("MAX_TOTAL", 100)])
def test_archives_are_limited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    monkeypatch.setattr(archive, limit, value)
    path = tmp_path / "a.docx"
    path.write_bytes(docx(paragraph("x")))
    with pytest.raises(DocumentRejected, match=r"more than|larger than"), archive.opened(path):
        pass


def test_a_part_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "a.docx"
    path.write_bytes(docx(paragraph("x")))
    with archive.opened(path) as parts, pytest.raises(DocumentRejected, match="missing"):
        parts.read("word/absent.xml")


@settings(max_examples=80, suppress_health_check=list(HealthCheck))
@given(data=damaged(docx(paragraph("Heading", "berschrift1") + paragraph("Text.") + TABLE)))
def test_damaged_files_are_read_or_rejected(tmp_path: Path, data: bytes) -> None:
    """In this process, for speed."""
    path = tmp_path / "a.docx"
    path.write_bytes(data)
    try:
        answer = docx_worker.work(path)
        html.parse(answer["html"] or "<p></p>", "a.docx")
    except DocumentRejected as error:
        told = error
        assert told.hint


@settings(max_examples=80, suppress_health_check=list(HealthCheck))
@given(body=damaged((paragraph("One", "berschrift1") + TABLE).encode()))
def test_damaged_parts_are_read_or_rejected(tmp_path: Path, body: bytes) -> None:
    path = tmp_path / "a.docx"
    path.write_bytes(docx("", **{"word/document.xml": body}))
    try:
        docx_worker.work(path)
    except DocumentRejected as error:
        told = error
        assert told.hint


def test_a_whole_file_of_noise(tmp_path: Path) -> None:
    survives(DocxReader(), tmp_path / "a.docx", b"PK" + bytes(range(256)) * 40)
