"""Files made to be slow, and ten thousand damaged ones."""

from __future__ import annotations

import gzip
import json
import random
import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from docx_support import docx, paragraph
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pdf_support import SCAN, lines, page, pdf
from pubmed_support import article_set, record
from reader_support import damaged, survives
from test_contracts import CONTRACT
from test_epub import book
from test_html import RICH
from test_jats import article
from test_row_files import CSV
from test_statutes import CHINESE, GERMAN

from vademecum.corpora.readers import Reader, docx_worker, html, pdf_worker, stream
from vademecum.corpora.readers.contracts import ContractReader
from vademecum.corpora.readers.epub import EpubReader
from vademecum.corpora.readers.html import HtmlReader
from vademecum.corpora.readers.jats import JatsReader
from vademecum.corpora.readers.pubmed import PubmedReader
from vademecum.corpora.readers.rows import RowReader
from vademecum.corpora.readers.statutes import StatuteReader
from vademecum.corpora.readers.text import TextReader
from vademecum.errors import DocumentRejected

MANY = 100_000  # anything that takes the square of it takes minutes


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("reader", "name", "text"),
    [
        (HtmlReader(), "a.html", "<p>x" + "<input>x" * MANY),
        (HtmlReader(), "a.html", "<p>" + "x<br>" * MANY),
        (HtmlReader(), "a.html", "<p>" + "x<b>y</b>" * MANY),
        (HtmlReader(), "a.html", "<ul>" + "<li>x<ul></ul>" * (MANY // 4)),
        (HtmlReader(), "a.html", "<div>x" * 190 + "<table><tr><td>1<td>2</table>" * (MANY // 10)),
        (JatsReader(), "a.nxml", article("<p>" + "<inline-graphic/>x" * MANY + "</p>")),
        (JatsReader(), "a.nxml", article("<fig><label>x</label></fig>" * MANY + "<p>x</p>")),
        (
            JatsReader(),
            "a.nxml",
            article(f"<p>x<alternatives>{'<tex-math/>' * MANY}</alternatives></p>"),
        ),
        (JatsReader(), "a.nxml", "<" + "x" * (MANY // 3) + "/>"),
        (PubmedReader(), "a.xml", "<" + "x" * (MANY // 3) + "/>"),
        (PubmedReader(), "a.xml", "<PubmedArticleSet><" + "x" * (MANY // 3) + ">"),
        (ContractReader(), "a.txt", CONTRACT + " " * MANY + "x"),
        (ContractReader(), "a.txt", CONTRACT + "\n1." * MANY),
        (StatuteReader(), "a.txt", CHINESE + "　" * MANY + "x\n" + "第" * MANY),
        (StatuteReader(), "a.txt", GERMAN + "\n§ " + "1 bis " * MANY),
        (TextReader(), "a.md", "# x" + " " * MANY + "y\n" + "#" * MANY),
        (RowReader(), "a.csv", "text\n" + '"x' * MANY),
        (RowReader(), "a.jsonl", '{"a":' * MANY),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 10 else "",
)
def test_a_file_made_to_be_slow_is_not(
    tmp_path: Path, reader: Reader, name: str, text: str
) -> None:
    survives(reader, tmp_path / name, text.encode())


BOMBS = [
    (RowReader(), "a.csv.gz", b"text\nOne row.\n", b"\n"),
    (RowReader(), "a.jsonl.gz", b'{"text": "One row."}\n', b"\n"),
    (PubmedReader(), "a.xml.gz", b"<PubmedArticleSet>" + record().encode(), b"<DeleteCitation/>"),
    (PubmedReader(), "a.xml.gz", b"<PubmedArticleSet>" + record().encode(), b"\n"),
    (JatsReader(), "a.nxml.gz", b"<article>", b"<p/>"),
]


@pytest.mark.parametrize(("reader", "name", "begins", "goes_on"), BOMBS)
def test_a_gzip_bomb_is_left_where_it_begins(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    reader: Reader,
    name: str,
    begins: bytes,
    goes_on: bytes,
) -> None:
    """Behind text that is packed as text is, and with an end that would say more."""
    monkeypatch.setattr(stream, "BOMB_BYTES", 1 << 20)
    read: list[str] = []
    chunks = stream._bounded

    def noted(*given: Any) -> Iterator[bytes]:
        for chunk in chunks(*given):
            read.append(str(len(chunk)))
            yield chunk

    monkeypatch.setattr(stream, "_bounded", noted)
    path = tmp_path / name
    path.write_bytes(gzip.compress(begins + goes_on * ((10 << 20) // len(goes_on))))
    with pytest.raises(DocumentRejected, match="unpack to more than 1 MB") as caught:
        list(reader.read(path))
    assert caught.value.hint
    assert sum(map(int, read)) < 5 << 20


def test_a_bomb_in_a_large_file_is_found_and_a_large_file_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "BOMB_BYTES", 8 << 20)
    noise = random.Random(1).randbytes(2 << 20)
    plain = b"A plain table, the same words in every row.\n" * (7 << 20 >> 5)
    sound, bomb = tmp_path / "sound.gz", tmp_path / "bomb.gz"
    sound.write_bytes(gzip.compress(noise + plain[: 7 << 20] + noise))
    bomb.write_bytes(gzip.compress(noise + b"\0" * (20 << 20) + noise))
    assert sum(map(len, stream.chunks(sound))) == 11 << 20
    with pytest.raises(DocumentRejected, match=r"bomb\.gz"):
        list(stream.chunks(bomb))


def in_worker(
    work: Callable[[Path], dict[str, object]], name: str
) -> Callable[[Path, bytes], None]:
    """What a reader's own process does, in this one: a thousand processes take too long."""

    def read(folder: Path, data: bytes) -> None:
        path = folder / name
        path.write_bytes(data)
        try:
            answer = work(path)
            json.dumps(answer).encode()
            if "html" in answer:
                html.parse(str(answer["html"]) or "<p></p>", name)
        except DocumentRejected as error:
            told = error
            assert told.hint

    return read


def in_reader(reader: Reader, name: str) -> Callable[[Path, bytes], None]:
    """A reader as it is."""
    return lambda folder, data: survives(reader, folder / name, data)


DOCX = docx(paragraph("Heading", "berschrift1") + paragraph("Text."))
SOUND: list[tuple[Callable[[Path, bytes], None], bytes]] = [
    (in_reader(PubmedReader(), "a.xml"), article_set(record()).encode()),
    (in_reader(JatsReader(), "a.nxml"), article("<sec><title>T</title><p>x</p></sec>").encode()),
    (in_reader(HtmlReader(), "a.html"), RICH.encode()),
    (in_reader(EpubReader(), "a.epub"), book()),
    (in_reader(RowReader(), "a.csv"), CSV.encode()),
    (in_reader(RowReader(), "a.jsonl"), b'{"text": "x", "id": 1}\n{"text": ["y"]}\n'),
    (in_reader(StatuteReader(), "a.md"), (CHINESE + GERMAN).encode()),
    (in_reader(ContractReader(), "a.txt"), CONTRACT.encode()),
    (in_worker(docx_worker.work, "a.docx"), DOCX),
    (in_worker(pdf_worker.work, "a.pdf"), pdf([page(*lines(60, 700, "One.", "Two.")), SCAN])),
]


@pytest.mark.slow
@pytest.mark.timeout(1200)
@settings(
    max_examples=10_000,
    deadline=10_000,  # milliseconds, for each
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data(), which=st.integers(0, len(SOUND) - 1))
def test_ten_thousand_damaged_files(tmp_path: Path, data: st.DataObject, which: int) -> None:
    read, sound = SOUND[which]
    read(tmp_path, data.draw(damaged(sound)))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 2 << 20  # KB: 2 GB
