"""Plain text and Markdown files, and the choice of a reader."""

from __future__ import annotations

import codecs
import hashlib
import random
from pathlib import Path

import pytest

from vademecum.corpora.document import Document
from vademecum.corpora.readers import reader_for
from vademecum.corpora.readers.text import TextReader, decode
from vademecum.errors import DocumentRejected

CHINESE = "第一条 为了规范诊疗行为，制定本办法。\n第二条 本办法自发布之日起施行。\n"
RUSSIAN = (
    "Отдых после физической нагрузки снижает частоту пульса у пожилых людей. "
    "Это исследование проводилось два года.\n"
)
JAPANESE = "運動後の休息は高齢者の脈拍を下げる。この研究は二年間にわたって行われた。\n"
KOREAN = "운동 후 휴식은 노인의 맥박을 낮춘다. 이 연구는 2년 동안 진행되었다.\n"
POLISH = "Odpoczynek po wysiłku obniża tętno u osób starszych. Żadna różnica nie była większa.\n"
GERMAN = "Ruhe nach Übung senkt den Puls älterer Menschen in größeren Städten.\n"
FRENCH = "L'été dernier, une étude française a évalué le repos après l'effort.\n"


def read_one(path: Path, content: bytes) -> Document:
    path.write_bytes(content)
    (document,) = TextReader().read(path)
    assert isinstance(document, Document)
    return document


def test_a_text_file(tmp_path: Path) -> None:
    data = b"\n  The   title line\n\nBody text.\n"
    document = read_one(tmp_path / "note.txt", data)
    assert document.doc_id == f"file:{hashlib.sha256(data).hexdigest()[:32]}"
    assert document.title == "The title line"
    assert document.text == data.decode()
    assert (document.kind, document.origin, document.sections) == ("full_text", "note.txt", ())


def test_the_same_bytes_are_the_same_document_under_any_name(tmp_path: Path) -> None:
    one, two = read_one(tmp_path / "a.txt", b"x y"), read_one(tmp_path / "b.txt", b"x y")
    assert one.doc_id == two.doc_id
    assert one.content_hash() == two.content_hash()


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (CHINESE.encode(), CHINESE),
        (codecs.BOM_UTF8 + CHINESE.encode(), CHINESE),
        (codecs.BOM_UTF16_LE + CHINESE.encode("utf-16-le"), CHINESE),
        (codecs.BOM_UTF16_BE + CHINESE.encode("utf-16-be"), CHINESE),
        (codecs.BOM_UTF32_LE + CHINESE.encode("utf-32-le"), CHINESE),
        (CHINESE.encode("gb18030"), CHINESE),
        (FRENCH.encode("latin-1"), FRENCH),
        (FRENCH.encode("cp1252") * 50, FRENCH * 50),
        (GERMAN.encode("cp1252"), GERMAN),
        (POLISH.encode("cp1250"), POLISH),
        (POLISH.encode("iso8859-2"), POLISH),
        (RUSSIAN.encode("cp1251"), RUSSIAN),
        (RUSSIAN.encode("koi8-r"), RUSSIAN),
        (JAPANESE.encode("shift_jis"), JAPANESE),
        (JAPANESE.encode("euc_jp"), JAPANESE),
        (KOREAN.encode("euc_kr"), KOREAN),
        ("為了規範診療行為，制定本辦法。".encode("big5"), "為了規範診療行為，制定本辦法。"),
        ("“Smart” – quotes".encode("cp1252"), "“Smart” – quotes"),
        (b"one\r\ntwo\rthree\n", "one\ntwo\nthree\n"),
    ],
)
def test_encodings_and_line_ends(tmp_path: Path, data: bytes, text: str) -> None:
    assert read_one(tmp_path / "a.txt", data).text == text


def test_the_beginning_of_a_text_may_end_within_a_character() -> None:
    for encoding in ("utf-8", "gb18030", "utf-16"):
        data = (CHINESE * 5).encode(encoding)
        for cut in range(20, 60):
            beginning = decode(data[:cut], "a.txt", whole=False)
            assert (CHINESE * 5).startswith(beginning)


def test_markdown_headings_become_title_and_sections(tmp_path: Path) -> None:
    body = "## Doses\n\n5 mg daily.\n\n```\n# not a heading\n```\n## Empty\n## End\nlast"
    text = f"intro\n# The Guide #\n\n{body}"
    document = read_one(tmp_path / "guide.md", text.encode())
    assert document.title == "The Guide"
    assert document.text == text
    spans = [(s.label, text[s.start : s.end]) for s in document.sections]
    assert spans == [("Doses", "5 mg daily.\n\n```\n# not a heading\n```"), ("End", "last")]


@pytest.mark.parametrize(
    "code",
    ["```5 mg/kg```", "~~~\n```\n~~~", "````\n```\n# no heading\n````", "```\n``` not closed\n```"],
)
def test_headings_behind_code_are_headings(tmp_path: Path, code: str) -> None:
    document = read_one(tmp_path / "guide.md", f"# Doses\n\n{code}\n\n## Shock\nlast".encode())
    assert [section.label for section in document.sections][-1] == "Shock"
    assert "no heading" not in [section.label for section in document.sections]


def test_markdown_without_headings(tmp_path: Path) -> None:
    document = read_one(tmp_path / "note.md", b"---\nkey: value\n---\nFirst line.\nSecond.\n")
    assert (document.title, document.sections) == ("First line.", ())
    assert read_one(tmp_path / "empty-note.md", b"---\nkey: value\n---\n").title == "empty-note"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "no text"),
        (b" \n\t\n", "no text"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(100), "not a text file"),
        (random.Random(1).randbytes(4000), "not a text file"),
        (codecs.BOM_UTF16_LE + b"a", "not a text file"),
    ],
)
def test_what_is_no_text_is_rejected(tmp_path: Path, data: bytes, says: str) -> None:
    path = tmp_path / "bad.txt"
    path.write_bytes(data)
    with pytest.raises(DocumentRejected) as caught:
        list(TextReader().read(path))
    assert caught.value.message.startswith("bad.txt: ")
    assert says in caught.value.message
    assert caught.value.hint


def test_a_file_too_large_to_hold_is_rejected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vademecum.corpora.readers.text.MAX_BYTES", 10)
    path = tmp_path / "large.txt"
    path.write_text("more than ten bytes")
    with pytest.raises(DocumentRejected, match="larger than"):
        list(TextReader().read(path))


def test_a_text_of_nothing_but_headings_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 64 MB of them it took 4 GB."""
    monkeypatch.setattr("vademecum.corpora.readers.text.MAX_HEADINGS", 10)
    path = tmp_path / "a.md"
    path.write_text("# x\ny\n" * 10)
    [document] = TextReader().read(path)
    assert isinstance(document, Document)
    assert len(document.sections) == 10
    path.write_text("# x\ny\n" * 11)
    with pytest.raises(DocumentRejected, match=r"a\.md: more than 10 headings") as caught:
        list(TextReader().read(path))
    assert "split" in caught.value.hint
    path = path.rename(tmp_path / "a.txt")
    assert len(list(TextReader().read(path))) == 1  # in a plain text they are none


@pytest.mark.parametrize("name", ["a.xml", "a.XML.GZ", "b.txt", "c.Md"])
def test_a_reader_is_chosen_by_name(name: str) -> None:
    assert name.lower().endswith(reader_for(Path(name)).suffixes)


@pytest.mark.parametrize("name", ["a.pptx", "b.gz", "c", "xml"])
def test_no_reader_says_what_can_be_read(name: str) -> None:
    with pytest.raises(DocumentRejected) as caught:
        reader_for(Path(name))
    assert ".xml.gz" in caught.value.hint
    assert ".md" in caught.value.hint
