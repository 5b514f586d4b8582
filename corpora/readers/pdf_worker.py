"""The pages of a PDF file, read by PDFium in a process of its own (`isolated.ask`)."""

from __future__ import annotations

import ctypes
import re
import unicodedata
from pathlib import Path
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium

from vademecum.corpora.readers import page as layout
from vademecum.corpora.readers.isolated import Answer, reply
from vademecum.corpora.readers.page import Line
from vademecum.corpora.readers.pieces import Piece
from vademecum.errors import DocumentRejected

MAX_PAGES = 5000
MAX_CHARACTERS = 30_000_000
PAGE_CHARACTERS = 500_000
SCANNED_CHARACTERS = 20  # a page of images with less text than this is a scan

UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


def work(path: Path) -> Answer:
    """`{title, pages: [[paragraph]], scanned: [page number]}`."""
    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        if "assword" in str(error):
            raise DocumentRejected(
                "protected by a password", hint="open it, and save or print it without the password"
            ) from error
        raise DocumentRejected(
            "not a sound PDF file", hint="download the file again, or print it to a new PDF"
        ) from error
    if len(document) > MAX_PAGES:
        raise DocumentRejected(f"more than {MAX_PAGES:,} pages", hint="split the file")
    pages: list[list[list[Line]]] = []
    scanned: list[int] = []
    total = 0
    for number in range(len(document)):
        try:
            columns, images = _page(document[number])
        except pypdfium2.PdfiumError:
            columns, images = [], False  # PDFium shows such a page as an empty one, too
        length = sum(len(line.text) for column in columns for line in column)
        if images and length < SCANNED_CHARACTERS:
            scanned.append(number + 1)
        total += length
        if total > MAX_CHARACTERS:
            raise DocumentRejected(
                f"more than {MAX_CHARACTERS:,} characters of text", hint="split the file"
            )
        pages.append(columns)
    heads = layout.running_heads(pages)
    return {
        "title": _title(document, pages),
        "pages": [
            [text for column in layout.without(page, heads) for text in layout.paragraphs(column)]
            for page in pages
        ],
        "scanned": scanned,
    }


def _page(page: Any) -> tuple[list[list[Line]], bool]:
    """The lines of a page by column, and whether it shows images."""
    images = any(True for _ in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=2))
    text_page = page.get_textpage()
    count = min(text_page.count_chars(), PAGE_CHARACTERS)
    if count < 1:
        return [], images
    pieces = _pieces(page, text_page, count)
    if len(pieces) > 50 and count / len(pieces) < 2:
        # Letters that do not stand beside each other: turned text, or a script from the right.
        # PDFium's own order is the better one.
        return [_plain(text_page.get_text_range(0, count))], images
    return layout.lines_of(pieces), images


def _plain(text: str) -> list[Line]:
    lines = [clean(line) for line in text.splitlines()]
    return [Line(0, at * 12, 1, at * 12 + 10, line, 1) for at, line in enumerate(lines) if line]


def _pieces(page: Any, text_page: Any, count: int) -> list[Piece]:
    """Characters that follow each other closely on a line, as pieces."""
    width, height = page.get_size()
    turn = page.get_rotation()
    if turn in {90, 270}:
        width, height = height, width  # of the page as its text was written
    box = pdfium.FS_RECTF()
    pieces: list[Piece] = []
    letters: list[str] = []
    x0 = y0 = x1 = y1 = 0.0
    space = False

    def end() -> None:
        text = clean("".join(letters))
        if text:
            pieces.append(Piece(x0, y0, x1, y1, text))
        letters.clear()

    for index in range(count):
        code = pdfium.FPDFText_GetUnicode(text_page, index)
        if code in {9, 10, 13, 32, 160}:
            space = True
            continue
        if not pdfium.FPDFText_GetLooseCharBox(text_page, index, ctypes.byref(box)):
            continue
        a, b, c, d = _turned(turn, width, height, box)
        size = max(d - b, 0.1)
        middle = (b + d) / 2
        close = bool(letters) and y0 <= middle <= y1 and -0.5 * size <= a - x1 <= layout.GAP * size
        if close:
            if space or a - x1 > 0.25 * size:
                letters.append(" ")
            x1, y0, y1 = max(x1, c), min(y0, b), max(y1, d)
        else:
            end()
            x0, y0, x1, y1 = a, b, c, d
        letters.append("-" if code in {2, 0xFFFE} else _character(code))
        space = False
    end()
    return pieces


def _turned(turn: int, width: float, height: float, box: Any) -> tuple[float, float, float, float]:
    """A box as the page is shown, y downwards: (left, top, right, bottom)."""
    if turn == 90:
        return box.bottom, box.left, box.top, box.right
    if turn == 180:
        return width - box.right, box.bottom, width - box.left, box.top
    if turn == 270:
        return height - box.top, width - box.right, height - box.bottom, width - box.left
    return box.left, height - box.top, box.right, height - box.bottom


def _character(code: int) -> str:
    return chr(code) if 0 < code < 0x110000 else ""


def clean(text: str) -> str:
    """Text that can be stored: pairs joined, ligatures spelt out, no control characters."""
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "ignore")
    text = "".join(
        unicodedata.normalize("NFKC", letter) if "\ufb00" <= letter <= "\ufb06" else letter
        for letter in text
    )
    return " ".join(UNFIT.sub("", text).split())


def _title(document: Any, pages: list[list[list[Line]]]) -> str:
    """What the file says; else the largest lines of the first page with text, "" where all of
    them are alike."""
    stated = clean(document.get_metadata_dict().get("Title") or "")
    if (
        " " in stated
        and len(stated) > 8
        and not re.match(r"(?i)microsoft|untitled|.*\.(docx?|pdf|tex|indd|qxd)$", stated)
    ):
        return stated
    lines = next(([line for column in page for line in column] for page in pages if any(page)), [])
    lines = [line for line in lines[:40] if len(re.findall(r"\w", line.text)) > 3]
    if not lines:
        return stated
    largest = max(line.height for line in lines)
    if all(line.height > 0.93 * largest for line in lines):
        return ""
    title = ""
    for line in lines:
        if line.height > 0.93 * largest:
            title = layout.joined(title, line.text) if title else line.text
        elif title:
            break
    return title


if __name__ == "__main__":
    reply(work)
