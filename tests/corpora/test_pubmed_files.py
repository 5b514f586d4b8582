"""Whole PubMed files: sound, damaged, hostile, large, and real ones."""

from __future__ import annotations

import gzip
import hashlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pubmed_support import (
    HEAD,
    article_set,
    citation,
    collect,
    counts,
    read,
    read_text,
    record,
)

from vademecum.corpora.document import Deletion, Document, Record
from vademecum.corpora.readers import pubmed_records, reader_for
from vademecum.corpora.readers.pubmed import PubmedReader
from vademecum.errors import DocumentRejected


def numbered(count: int, padding: str = "") -> list[str]:
    return [
        record(
            citation(
                f'<PMID Version="1">{n}</PMID>',
                abstract=f"<Abstract><AbstractText>Result {n}. {padding}</AbstractText></Abstract>",
            )
        )
        for n in range(1, count + 1)
    ]


def test_gzip_and_plain_say_the_same(tmp_path: Path) -> None:
    text = article_set(*numbered(3))
    (tmp_path / "a.xml").write_text(text)
    # Two members: what `cat a.gz b.gz` makes is one sound gzip file.
    halves = gzip.compress(text[:500].encode()) + gzip.compress(text[500:].encode())
    (tmp_path / "b.xml.gz").write_bytes(halves)
    plain, packed = read(tmp_path / "a.xml"), read(tmp_path / "b.xml.gz")
    hashes = [r.content_hash() for r in plain if isinstance(r, Document)]
    assert len(hashes) == 3
    assert hashes == [r.content_hash() for r in packed if isinstance(r, Document)]


def test_old_root_with_bare_citations(tmp_path: Path) -> None:
    other = '<OtherID Source="NLM">PMC123 [Available on 03/01/16]</OtherID>'
    deleted = "<DeleteCitation><PMID>9</PMID></DeleteCitation>"
    text = f"{HEAD}<MedlineCitationSet>{citation(more=other)}{deleted}</MedlineCitationSet>"
    document, deletion = read_text(tmp_path, text)
    assert isinstance(document, Document)
    assert (document.doc_id, document.pmcid) == ("pmid:11", "PMC123")
    assert deletion == Deletion("pmid:9")


def test_declared_encodings_are_honoured(tmp_path: Path) -> None:
    text = article_set(record(citation(title="<ArticleTitle>Ménière</ArticleTitle>")))
    latin = text.replace("utf-8", "iso-8859-1").encode("latin-1")
    (document,) = read_text(tmp_path, latin)
    assert isinstance(document, Document)
    assert document.title == "Ménière"


def rejected(path: Path) -> tuple[list[Record], DocumentRejected]:
    """What was read before a file was given up, and the error."""
    kept: list[Record] = []
    with pytest.raises(DocumentRejected) as caught:
        collect(PubmedReader().read(path), kept)
    assert path.name in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.hint
    return kept, caught.value


def test_truncated_gzip_keeps_what_came_before(tmp_path: Path) -> None:
    path = tmp_path / "cut.xml.gz"
    packed = gzip.compress(article_set(*numbered(400)).encode())
    path.write_bytes(packed[: len(packed) // 2])
    kept, error = rejected(path)
    assert len(kept) > 100
    assert [r.doc_id for r in kept if isinstance(r, Document)] == [
        f"pmid:{n}" for n in range(1, len(kept) + 1)
    ]
    assert "too early" in error.message


def test_gzip_without_its_trailer_is_not_sound(tmp_path: Path) -> None:
    path = tmp_path / "cut.xml.gz"
    path.write_bytes(gzip.compress(article_set(*numbered(3)).encode())[:-4])
    kept, _ = rejected(path)
    assert len(kept) == 3


def test_flipped_bits_in_gzip(tmp_path: Path) -> None:
    path = tmp_path / "bad.xml.gz"
    packed = bytearray(gzip.compress(article_set(*numbered(400)).encode()))
    packed[len(packed) // 2 : len(packed) // 2 + 8] = b"\xff" * 8
    path.write_bytes(packed)
    rejected(path)


def test_malformed_xml_costs_the_record_that_it_is_in(tmp_path: Path) -> None:
    path = tmp_path / "bad.xml"
    first, second, third = numbered(3)
    path.write_text(article_set(first, second, "<PubmedArticle></Oops>", third))
    kept, error = rejected(path)
    assert [r.doc_id for r in kept if isinstance(r, Document)] == ["pmid:1", "pmid:2", "pmid:3"]
    assert "malformed XML after record 2: " in error.message
    assert "before and behind were read" in error.hint


def test_truncated_xml(tmp_path: Path) -> None:
    path = tmp_path / "cut.xml"
    path.write_text(article_set(*numbered(3)).removesuffix("</PubmedArticleSet>\n"))
    kept, _ = rejected(path)
    assert len(kept) == 3


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("empty.xml", b"", "empty"),
        ("empty.xml.gz", gzip.compress(b"", mtime=0), "empty"),
        ("zero.xml.gz", b"", "empty"),
        ("plain.xml.gz", article_set().encode(), "gzip"),
        ("text.xml", b"not xml at all", "malformed"),
        ("page.xml", b"<html><body/></html>", "<html>"),
    ],
)
def test_files_that_are_no_pubmed_file(
    tmp_path: Path, name: str, content: bytes, says: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    kept, error = rejected(path)
    assert kept == []
    assert says in error.message


def test_missing_file_and_folder(tmp_path: Path) -> None:
    rejected(tmp_path / "none.xml")
    (tmp_path / "folder.xml").mkdir()
    rejected(tmp_path / "folder.xml")


def test_an_empty_set_is_sound(tmp_path: Path) -> None:
    assert read_text(tmp_path, article_set()) == []


def test_external_entities_are_not_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("the secret")
    doctype = f'<!DOCTYPE PubmedArticleSet [<!ENTITY x SYSTEM "{secret.as_uri()}">]>'
    body = record(citation(title="<ArticleTitle>A &x; b</ArticleTitle>"))
    (document,) = read_text(tmp_path, f"{doctype}<PubmedArticleSet>{body}</PubmedArticleSet>")
    assert isinstance(document, Document)
    assert document.title == "A &x; b"


def test_named_entities_of_an_unread_dtd_are_understood(tmp_path: Path) -> None:
    body = record(citation(title="<ArticleTitle>TGF-&beta; rose</ArticleTitle>"))
    (document,) = read_text(tmp_path, article_set(body))
    assert isinstance(document, Document)
    assert document.title == "TGF-β rose"


def test_entity_bombs_stay_small(tmp_path: Path) -> None:
    levels = "".join(
        f'<!ENTITY e{n} "{f"&e{n - 1};" * 20 if n else "boom" * 20}">' for n in range(8)
    )
    doctype = f"<!DOCTYPE PubmedArticleSet [{levels}]>"
    for body in (
        citation(title="<ArticleTitle>&e7;</ArticleTitle>"),
        citation(pmid='<PMID Version="&e7;">1</PMID>'),
    ):
        with pytest.raises(DocumentRejected, match="amplification"):
            read_text(tmp_path, f"{doctype}<PubmedArticleSet>{record(body)}</PubmedArticleSet>")


def test_absurd_nesting_is_turned_away(tmp_path: Path) -> None:
    deep = f"<ArticleTitle>{'<i>' * 5000}x{'</i>' * 5000}</ArticleTitle>"
    with pytest.raises(DocumentRejected):
        read_text(tmp_path, article_set(record(citation(title=deep))))


@pytest.mark.parametrize("root", ["PubmedArticleSet", "MedlineCitationSet"])
@pytest.mark.parametrize("sound", [0, 3])
def test_a_file_that_goes_on_without_records_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: str, sound: int
) -> None:
    """The tree of what is no record yet is in memory: of 600 KB packed it took 2 GB."""
    monkeypatch.setattr(pubmed_records, "MOST_BETWEEN", 1 << 20)
    monkeypatch.setattr(pubmed_records, "LONGEST_PIECE", 1 << 18)
    read: list[int] = []
    cut = pubmed_records._cut

    def noted(stream: Iterator[bytes]) -> Iterator[bytes]:
        for piece in cut(stream):
            read.append(len(piece))
            yield piece

    monkeypatch.setattr(pubmed_records, "_cut", noted)
    path = tmp_path / "endless.xml.gz"
    begun = "<PubmedArticle><MedlineCitation><PMID>1</PMID><Article><AuthorList>"
    text = f"<{root}>{''.join(numbered(sound))}{begun}{'<Author/>' * (10 << 20 >> 3)}"
    path.write_bytes(gzip.compress(text.encode()))
    kept, error = rejected(path)
    assert len(kept) == sound
    where = "after record 3" if sound else "before the first record"
    assert error.message == f"endless.xml.gz: no record ends in 1 MB {where}"
    assert sum(read) < 2 << 20


def test_records_as_long_as_they_are_real_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is between two ends counts, not the whole file, however it is parsed."""
    monkeypatch.setattr(pubmed_records, "MOST_BETWEEN", 1 << 13)
    monkeypatch.setattr("vademecum.corpora.readers.stream.CHUNK_BYTES", 1 << 10)
    monkeypatch.setattr(pubmed_records, "LONGEST_PIECE", 1 << 11)
    bare = "".join(citation(f"<PMID>{n}</PMID>") for n in range(1, 101))
    assert len(read_text(tmp_path, f"<MedlineCitationSet>{bare}</MedlineCitationSet>")) == 100


MEASURE = """
import resource, sys
from collections.abc import Iterator
from pathlib import Path
from vademecum.corpora.readers.pubmed import PubmedReader
def peak():
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
before = peak()
print(sum(1 for _ in PubmedReader().read(Path(sys.argv[1]))), peak() - before)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the peak is read with `resource`")
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "large.xml.gz"
    one = record(
        citation(abstract=f"<Abstract><AbstractText>{'Rest. ' * 2000}</AbstractText></Abstract>")
    )
    with gzip.open(path, "wt", compresslevel=1) as file:
        file.write(f"{HEAD}<PubmedArticleSet>")
        for _ in range(100):
            file.write(one * 100)
        file.write("</PubmedArticleSet>")
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(path)], capture_output=True, text=True, check=True
    )
    records, grown = map(int, done.stdout.split())
    assert records == 10_000, "about 120 MB of XML"
    assert grown < 50 << 20


# Real files, where VADEMECUM_TEST_DATA names a folder that holds them.


def test_real_old_root(real_data: Path) -> None:
    found = counts(PubmedReader().read(real_data / "pubmed/old/medline16n0902.xml.gz"))
    assert found == {"abstract": 526, "title": 78, "retracted": 0, "deleted": 1, "rejected": 0}


def test_real_deletions(real_data: Path) -> None:
    path = real_data / "pubmed/baseline2026/extdata/pubmed20n1016.xml.gz"
    found = counts(PubmedReader().read(path))
    assert found == {"abstract": 23, "title": 3, "retracted": 0, "deleted": 262, "rejected": 0}


def test_real_retractions(real_data: Path) -> None:
    documents = [
        item
        for item in read(real_data / "pubmed/retracted/pubmedsample_2019.xml")
        if isinstance(item, Document)
    ]
    notices = {"Retraction of Publication", "Retraction Notice"}
    assert len(documents) == 176
    assert sum(document.retracted for document in documents) == 3
    assert sum(bool(notices & set(document.publication_types)) for document in documents) == 2


def test_real_baseline_and_update_parts(real_data: Path) -> None:
    parts = sorted(real_data.glob("pubmed/baseline2026/*/*.xml.gz.md5"))
    assert parts
    for digest in parts:
        path = digest.with_suffix("")
        wanted = re.search(r"[0-9a-f]{32}", digest.read_text())
        assert wanted
        assert hashlib.md5(path.read_bytes()).hexdigest() == wanted[0]
        text = gzip.decompress(path.read_bytes()).decode()
        found = counts(reader_for(path).read(path))
        assert found["abstract"] + found["title"] == text.count("<PubmedArticle>")
        with_text = [r for r in text.split("<PubmedArticle>")[1:] if "<AbstractText" in r]
        assert found["abstract"] == len(with_text)
        assert found["rejected"] == 0


def test_real_documents_keep_their_promises(real_data: Path) -> None:
    seen = 0
    for path in sorted(real_data.glob("pubmed/**/*.xml*")):
        if path.suffix == ".md5":
            continue
        for item in reader_for(path).read(path):
            if not isinstance(item, Document):
                continue
            seen += 1
            assert Document.from_json(item.to_json()) == item
            assert item.text
            assert item.title
            assert re.fullmatch(r"\d{4}(-\d\d(-\d\d)?)?", item.date)
            for section in item.sections:
                assert item.text[: section.start].endswith(f"{section.label}: ")
                assert item.text[section.end : section.end + 2] in {"", "\n\n"}
    assert seen > 900


@pytest.mark.parametrize("count", [1, 1500])  # in one chunk, in many
@pytest.mark.parametrize("name", ["PubmedArticle", "MedlineCitation"])
def test_records_without_the_element_around_them_are_told(
    tmp_path: Path, name: str, count: int
) -> None:
    one = record() if name == "PubmedArticle" else citation()
    with pytest.raises(DocumentRejected) as caught:
        read_text(tmp_path, HEAD + one * count)
    assert caught.value.message == (
        f"pubmed.xml: begins with <{name}>: the tag around all records, <PubmedArticleSet>, is "
        "missing or damaged"
    )
    assert caught.value.hint == (
        "download the file again; records of your own go between <PubmedArticleSet> and "
        "</PubmedArticleSet>"
    )


@pytest.mark.parametrize(
    ("start", "why"),
    [
        ("<PubmedArticleSet a=b>", "AttValue"),
        ("< PubmedArticleSet>", "invalid element name"),
        ("<PubmedArticleSet", "error parsing attribute name"),
    ],
)
def test_a_damaged_root_is_told_as_damage_before_the_first_record(
    tmp_path: Path, start: str, why: str
) -> None:
    with pytest.raises(DocumentRejected, match=why) as caught:
        read_text(tmp_path, f"{HEAD}{start}\n{record()}</PubmedArticleSet>")
    assert caught.value.message.startswith("pubmed.xml: malformed XML before the first record: ")
    assert caught.value.hint == "download the file again"  # nothing was read before the damage
