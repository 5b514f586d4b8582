"""PDF files: reading order, pages, scans, damage."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from pdf_support import LEFT, RIGHT, SCAN, lines, page, pdf
from reader_support import check, damaged, read_all, read_one, survives

from vademecum.corpora.document import Document, Rejection
from vademecum.corpora.readers import isolated, pdf_worker
from vademecum.corpora.readers.pdf import PdfReader
from vademecum.errors import DocumentRejected


def read(folder: Path, *pages: bytes, title: str = "") -> Document:
    return read_one(PdfReader(), folder / "a.pdf", pdf(pages, title))


def test_columns_are_read_one_after_the_other_whatever_the_file_s_order(tmp_path: Path) -> None:
    left, right = lines(60, 650, *LEFT), lines(320, 650, *RIGHT)
    rows = [piece for pair in zip(left, right, strict=True) for piece in pair]
    title = (120, 700, 18, "The pulse of four hundred older people at rest")
    foot = lines(60, 500, "Received in May and accepted in June of the year after by the editors.")
    document = read(tmp_path, page(*rows, title, *foot))
    assert document.title == title[3]
    parts = document.text.split("\n\n")
    assert parts[0] == title[3]
    body = " ".join(parts[1:-1])
    assert body.startswith("Rest after exercise is held")
    assert "is not common. For this" in body
    assert "each first day. the pulse fell" in body
    assert parts[-1].startswith("Received in May")


def test_a_table_keeps_its_rows(tmp_path: Path) -> None:
    table = []
    for at in range(8):
        y = 600 - 12 * at
        table += [(60, y, 10, f"Senior notes due in the year {2030 + at}"), (400, y, 10, f"{at}.5")]
    text = read(tmp_path, page(*table)).text
    assert text.splitlines()[1] == "Senior notes due in the year 2031  1.5"


def test_paragraphs_begin_at_a_gap_an_indent_or_a_short_line(tmp_path: Path) -> None:
    texts = [
        *lines(
            60, 700, "The first paragraph runs over the whole width of the page until it", "ends."
        ),
        *lines(60, 676, "The second one follows without a gap and is as wide as the first was"),
        *lines(60, 640, "The third stands after a gap, and it is as wide as those above it are"),
        *lines(90, 628, "An indented fourth, which has no gap above it, and a second line"),
        *lines(60, 616, "that is not indented."),
    ]
    parts = read(tmp_path, page(*texts)).text.split("\n\n")
    assert [part.split()[1] for part in parts] == ["first", "second", "third", "indented"]
    assert parts[3].endswith("second line that is not indented.")


def test_pages_are_kept_and_their_heads_and_numbers_left_out(tmp_path: Path) -> None:
    def numbered(number: int) -> bytes:
        body = lines(60, 600, f"This is what page {'abcd'[number - 1]} says.", "It says no more.")
        return page((60, 760, 9, "Journal of Rest 12"), *body, (300, 30, 9, str(number)))

    document = read(tmp_path, numbered(1), b"", numbered(3), numbered(4))
    assert document.text.count("Journal") == 0
    assert len(document.pages) == 4
    at = document.text.index("page c")
    assert document.page_at(at) == 3
    assert document.page_at(0) == 1
    assert document.page_at(len(document.text)) == 4


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_a_turned_page_is_read_all_the_same(tmp_path: Path, rotate: int) -> None:
    content = page(*lines(60, 700, *LEFT))
    document = read_one(PdfReader(), tmp_path / "a.pdf", pdf([content], rotate=rotate))
    assert "over two years" in document.text


def test_the_title_and_the_doi(tmp_path: Path) -> None:
    body = lines(60, 600, "See https://doi.org/10.1000/rest.12.", "Words.")
    named = read(tmp_path, page(*body), title="A study of rest")
    assert (named.title, named.doi) == ("A study of rest", "10.1000/rest.12")
    junk = read(tmp_path, page((60, 700, 20, "The large line"), *body), title="Microsoft Word - x")
    assert junk.title == "The large line"


def test_a_title_that_nothing_sets_apart_is_the_first_sentence_whole(tmp_path: Path) -> None:
    document = read(tmp_path, page(*lines(60, 700, *LEFT)))
    assert document.title == "Rest after exercise is held to be of use in people of all ages."
    long = [(60, 700 - 24 * at, 20, "Recovery of the resting pulse") for at in range(9)]
    title = read(tmp_path, page(*long, *lines(60, 400, *LEFT))).title
    assert len(title) <= 200
    assert title.endswith(" Recovery of the…")


def test_a_contract_has_its_clauses(tmp_path: Path) -> None:
    head = "This Agreement is entered into by and between Ito Ltd and Li Inc (the Parties)."
    names = ("Rest", "Price", "Tax", "Term", "End")
    items = [f"{number}. {name}. It is owed." for number, name in enumerate(names, 1)]
    document = read(tmp_path, page(*lines(60, 700, head, *items)))
    assert [section.label for section in document.sections][:2] == ["1 Rest", "2 Price"]


def test_a_scanned_page_is_told_and_the_others_are_read(tmp_path: Path) -> None:
    data = pdf([page(*lines(60, 700, *LEFT)), SCAN, b""])
    rejection, document = read_all(PdfReader(), tmp_path / "a.pdf", data)
    assert isinstance(rejection, Rejection)
    assert rejection.where == "a.pdf, page 2"
    assert "ocrmypdf" in rejection.reason
    assert rejection.harmless
    assert isinstance(document, Document)
    assert document.text.startswith("Rest after")


ENCRYPT = (
    f"/Encrypt << /Filter /Standard /V 1 /R 2 /O <{'41' * 32}> /U <{'42' * 32}> /P -4 >> "
    "/ID [<00> <00>]"
)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (pdf([SCAN, SCAN]), "pages are images"),
        (pdf([b""]), "no text"),
        (pdf([page((60, 700, 10, "Secret."))], trailer=ENCRYPT), "password"),
        (b"", "not a PDF"),
        (b"<html>Not found</html>", "not a PDF"),
        (b"%PDF-1.4\nnothing", "not a sound PDF"),
    ],
)
def test_what_cannot_be_read_is_told_in_one_line(tmp_path: Path, data: bytes, says: str) -> None:
    path = tmp_path / "bad.pdf"
    path.write_bytes(data)
    with pytest.raises(DocumentRejected, match=says) as caught:
        list(PdfReader().read(path))
    assert caught.value.message.startswith("bad.pdf: ")
    assert caught.value.hint


SOUND = pdf([page(*lines(60, 700, *LEFT), *lines(320, 700, *RIGHT)), SCAN])


@settings(max_examples=100, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=damaged(SOUND))
def test_damaged_files_are_read_or_rejected(tmp_path: Path, data: bytes) -> None:
    """In this process, for speed; the same inputs each time, since PDFium could take it along."""
    path = tmp_path / "a.pdf"
    path.write_bytes(data)
    try:
        answer = pdf_worker.work(path)
    except DocumentRejected:
        return
    for paragraphs in answer["pages"]:
        for paragraph in paragraphs:
            assert paragraph.strip()
            paragraph.encode()


@pytest.mark.parametrize("limit", ["MAX_PAGES", "MAX_CHARACTERS"])
def test_pages_and_text_are_limited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(pdf_worker, limit, 1)
    path = tmp_path / "a.pdf"
    path.write_bytes(pdf([page((60, 700, 10, "Some text."))] * 2))
    with pytest.raises(DocumentRejected, match="more than 1 "):
        pdf_worker.work(path)


def test_the_size_of_the_file_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vademecum.corpora.readers.pdf.MAX_BYTES", 100)
    survives(PdfReader(), tmp_path / "a.pdf", SOUND)
    with pytest.raises(DocumentRejected, match="larger than"):
        list(PdfReader().read(tmp_path / "a.pdf"))


ENDLESS = "not read within 1 seconds"


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", r"crashed \(signal 11\)"),
        ("raise KeyError('x')", r"crashed \(KeyError: 'x'\)"),
        ("while True: pass", ENDLESS),
        ("REPLY(lambda path: {'x': len(bytearray(1 << 30))})", "too large"),
        ("REPLY(lambda path: (lambda f: f(f))(lambda f: f(f)))", "too deeply nested"),
        ("print('noise')", "crashed"),
    ],
)
def test_a_reader_in_its_own_process_cannot_take_ours_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, says: str
) -> None:
    module = tmp_path / "unlucky_worker.py"
    module.write_text(
        f"from vademecum.corpora.readers.isolated import reply as REPLY\n{code}\n", "utf-8"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    seconds = 1 if says == ENDLESS else 60  # on a busy machine the others need a while
    with pytest.raises(DocumentRejected, match=says) as caught:
        isolated.ask("unlucky_worker", tmp_path / "a.pdf", seconds=seconds, memory=1 << 29)
    assert caught.value.message.startswith("a.pdf: ")
    assert caught.value.hint


def test_real_filings(real_data: Path) -> None:
    paths = sorted((real_data / "finance").glob("*.pdf"))
    assert len(paths) == 8
    for path in paths:
        [document] = PdfReader().read(path)
        assert isinstance(document, Document)
        check(document)
        assert len(document.text) > 1000 * len(document.pages) / 2
    pepsico = next(path for path in paths if path.name.startswith("PEPSICO"))
    [document] = PdfReader().read(pepsico)
    assert isinstance(document, Document)
    row = "2.625% Senior Notes Due 2026  PEP26  The Nasdaq Stock Market LLC\n"
    assert row in document.text
    assert document.page_at(document.text.index("Segun Agbaje")) == 3
