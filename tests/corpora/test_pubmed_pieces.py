"""A PubMed file is parsed in pieces; what is read does not depend on where it was cut."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from lxml import etree
from pubmed_support import HEAD, article_set, citation, collect, read, record

from vademecum.corpora.document import Deletion, Document, Record, Rejection
from vademecum.corpora.readers import pubmed_records
from vademecum.corpora.readers.pubmed import PubmedReader
from vademecum.errors import DocumentRejected

DELETED = "<DeleteCitation><PMID>7</PMID></DeleteCitation>\n"
END = "</PubmedArticle>"


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """About three records each, from files as small as these."""
    monkeypatch.setattr("vademecum.corpora.readers.stream.CHUNK_BYTES", 1 << 7)
    monkeypatch.setattr(pubmed_records, "PIECE_BYTES", 1 << 11)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many records each piece that was parsed at once held."""
    found: list[int] = []
    parse = pubmed_records._Pieces.parse

    def counted(self: pubmed_records._Pieces, piece: bytes) -> list[etree._Element] | None:
        elements = parse(self, piece)
        if elements is not None:
            found.append(len(elements))
        return elements

    monkeypatch.setattr(pubmed_records._Pieces, "parse", counted)
    return found


def numbered(first: int, last: int, title: str = "Title") -> str:
    return "".join(
        record(
            citation(
                f'<PMID Version="1">{n}</PMID>', title=f"<ArticleTitle>{title} {n}</ArticleTitle>"
            )
        )
        for n in range(first, last + 1)
    )


def ids(records: list[Record]) -> list[str]:
    return [item.doc_id for item in records if isinstance(item, Document)]


def written(folder: Path, text: str) -> Path:
    path = folder / "pubmed.xml"
    path.write_text(text)
    return path


def broken(path: Path) -> tuple[list[Record], DocumentRejected]:
    kept: list[Record] = []
    with pytest.raises(DocumentRejected) as caught:
        collect(PubmedReader().read(path), kept)
    return kept, caught.value


def test_a_sound_file_is_parsed_in_pieces(tmp_path: Path, at_once: list[int]) -> None:
    path = written(tmp_path, article_set(numbered(1, 30), DELETED, numbered(31, 60)))
    found = read(path)
    assert ids(found) == [f"pmid:{n}" for n in range(1, 61)]
    assert found[30] == Deletion("pmid:7")
    assert len(at_once) > 10
    assert 50 < sum(at_once) < 61  # the last piece holds the end of the root


@pytest.mark.parametrize(
    "between",
    [
        f"<!-- {END} -->",
        f"<!-- <PubmedArticle>{END} -->",
        f"<?old {END}?>",
        f"<Note><![CDATA[{END}]]></Note>",
        "<Note/>",
        f"<Extra><PubmedArticle/>{numbered(90, 99)}</Extra>",
        f"<PubmedArticleSet>{numbered(70, 80)}</PubmedArticleSet>",
    ],
)
def test_the_end_of_a_record_where_none_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, between: str
) -> None:
    # One of them stands at the end of a piece, whichever record that is.
    text = article_set(*(numbered(n, n) + between for n in range(1, 31)))
    path = written(tmp_path, text)
    in_pieces = read(path)
    monkeypatch.setattr(pubmed_records, "PIECE_BYTES", 1 << 20)
    assert in_pieces == read(path)
    assert set(ids(in_pieces)) >= {f"pmid:{n}" for n in range(1, 31)}


def test_white_space_within_a_text_is_one_space(tmp_path: Path) -> None:
    title = "Two  spaces"
    found = read(written(tmp_path, article_set(numbered(1, 1, title))))
    assert [item.title for item in found if isinstance(item, Document)] == ["Two spaces 1"]


@pytest.mark.parametrize("first", [1, 25, 60], ids=["at once", "later", "at the end"])
@pytest.mark.parametrize("markup", ["<i>In</i> <b>vitro</b>", "<new>In</new>\n<i>vitro</i>"])
def test_white_space_between_tags_is_part_of_a_text_with_markup(
    tmp_path: Path, at_once: list[int], first: int, markup: str
) -> None:
    path = written(tmp_path, article_set(numbered(1, first), numbered(first + 1, 70, markup)))
    titles = [item.title for item in read(path) if isinstance(item, Document)]
    assert titles[first:] == [f"In vitro {n}" for n in range(first + 1, 71)]
    assert len(at_once) > 10


def test_every_piece_has_the_head_of_the_file(tmp_path: Path, at_once: list[int]) -> None:
    head = HEAD.replace("utf-8", "iso-8859-1")
    start = '<PubmedArticleSet xmlns:m="http://www.w3.org/1998/Math/MathML">\n'
    title = "Ménière <m:math><m:mi>x</m:mi><m:mo>=</m:mo></m:math>"
    path = tmp_path / "latin.xml"
    text = f"{head}{start}{numbered(1, 20, title)}</PubmedArticleSet>"
    path.write_bytes(text.encode("latin-1"))
    titles = [item.title for item in read(path) if isinstance(item, Document)]
    assert titles == [f"Ménière x = {n}" for n in range(1, 21)]
    assert len(at_once) > 3


@pytest.mark.parametrize(
    "before",
    [
        "<!-- <PubmedArticleSet> -->\n",
        "<?note <PubmedArticleSet>?>\n",
        '<!DOCTYPE PubmedArticleSet [<!ENTITY e "<PubmedArticleSet>">]>\n',
    ],
)
def test_what_looks_like_the_root_is_no_head(tmp_path: Path, before: str) -> None:
    declared = '<?xml version="1.0" encoding="utf-8"?>\n'
    text = f"{declared}{before}<PubmedArticleSet>{numbered(1, 30)}</PubmedArticleSet>"
    assert ids(read(written(tmp_path, text))) == [f"pmid:{n}" for n in range(1, 31)]


def test_a_long_head_is_not_parsed_again_for_each_piece(tmp_path: Path, at_once: list[int]) -> None:
    text = f"<!-- {'x' * 5000} --><PubmedArticleSet>{numbered(1, 30)}</PubmedArticleSet>"
    assert ids(read(written(tmp_path, text))) == [f"pmid:{n}" for n in range(1, 31)]
    assert at_once == []


def test_a_number_too_long_costs_one_record(tmp_path: Path) -> None:
    long = "9" * 5000
    text = article_set(numbered(1, 3), numbered(int("9" * 19), int("9" * 19)), numbered(4, 6))
    text = text.replace("9" * 19 + "</PMID>", f"{long}</PMID>")
    found = read(written(tmp_path, text))
    assert ids(found) == [f"pmid:{n}" for n in range(1, 7)]
    assert [item.where for item in found if isinstance(item, Rejection)] == ["pubmed.xml, record 4"]


@pytest.mark.parametrize("behind", range(1, 12))
def test_an_unknown_entity_is_never_passed_over(tmp_path: Path, behind: int) -> None:
    # With so many records behind it, the last piece would be a document by itself.
    damaged = numbered(10, 10, "&unknown;") + numbered(11, 10 + behind).rstrip()
    path = written(tmp_path, f"{HEAD}<PubmedArticleSet>{numbered(1, 9)}{damaged}")
    kept, error = broken(path)
    assert ids(kept) == [f"pmid:{n}" for n in range(1, 11 + behind) if n != 10]
    assert "malformed" in error.message


@pytest.mark.parametrize("at", [1, 2, 3, 4, 5, 20, 48, 49])
@pytest.mark.parametrize(
    ("damage", "lost"),
    [
        ("<PubmedArticle></Oops>", 0),  # it has no end: the next one begins within it
        ("<PubmedArticle></Oops></PubmedArticle>", 0),
        ("</Oops>", 0),
        ("\x07", 0),
        ("</PubmedArticleSet>", 0),
        ("</MedlineCitation></PubmedArticle>", 0),
        ("</Oops><!-- -->", 1),  # what may be within a comment is not taken out of it
    ],
)
def test_damage_costs_the_record_that_it_is_in(
    tmp_path: Path, at: int, damage: str, lost: int
) -> None:
    text = article_set(numbered(1, at), damage, numbered(at + 1, 50), DELETED)
    kept, error = broken(written(tmp_path, text))
    whole = [f"pmid:{n}" for n in range(1, 51)]
    assert ids(kept) == whole[:at] + whole[at + lost :]
    assert [item for item in kept if isinstance(item, Deletion)] == [Deletion("pmid:7")]
    assert f"after record {at}: " in error.message
    assert " line " not in error.message  # it would count from where the piece begins
    assert "before and behind were read" in error.hint


def test_damage_in_several_records_costs_those(tmp_path: Path) -> None:
    odd = numbered(11, 11, "<b>Bold"), numbered(21, 22, "x</ArticleTitle>"), numbered(40, 40, "<")
    text = article_set(numbered(1, 10), odd[0], numbered(12, 20), odd[1], numbered(23, 39), odd[2])
    kept, error = broken(written(tmp_path, text))
    assert ids(kept) == [f"pmid:{n}" for n in range(1, 40) if n not in (11, 21, 22)]
    assert "after record 10: " in error.message


def test_a_file_that_is_damaged_and_cut_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    text = article_set(numbered(1, 10), numbered(11, 11, "<b>"), numbered(12, 400))
    packed = gzip.compress(text.encode())
    path = tmp_path / "pubmed.xml.gz"
    path.write_bytes(packed[: len(packed) * 3 // 4])
    kept, error = broken(path)
    assert len(kept) > 100
    assert ids(kept) == [f"pmid:{n}" for n in range(1, len(kept) + 2) if n != 11]
    assert "after record 10: " in error.message


@pytest.mark.parametrize("cut", range(1, 24))
def test_a_file_that_ends_with_a_record_is_truncated(tmp_path: Path, cut: int) -> None:
    # With so many counts, one ends where a piece does.
    text = article_set(numbered(1, cut)).partition("</PubmedArticleSet>")[0].rstrip()
    kept, error = broken(written(tmp_path, text))
    assert ids(kept) == [f"pmid:{n}" for n in range(1, cut + 1)]
    assert f"after record {cut}: " in error.message


def test_what_follows_the_root_is_malformed(tmp_path: Path) -> None:
    text = article_set(numbered(1, 20)) + numbered(21, 40)
    kept, error = broken(written(tmp_path, text))
    assert ids(kept) == [f"pmid:{n}" for n in range(1, 41)]
    assert "malformed XML after record 20: " in error.message


def test_a_record_longer_than_a_piece_is_one_record(tmp_path: Path, at_once: list[int]) -> None:
    long = "A title of many words. " * 500
    text = article_set(numbered(1, 5), numbered(6, 6, long), numbered(7, 20))
    found = read(written(tmp_path, text))
    assert ids(found) == [f"pmid:{n}" for n in range(1, 21)]
    assert sum(at_once) > 15


def test_a_stream_without_ends_is_not_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: list[int]
) -> None:
    monkeypatch.setattr(pubmed_records, "LONGEST_PIECE", 1 << 12)
    longest = 0
    cut = pubmed_records._cut
    text = f"{HEAD}<MedlineCitationSet>{citation() * 60}</MedlineCitationSet>"
    for piece in cut(iter([text.encode()[at : at + 128] for at in range(0, len(text), 128)])):
        longest = max(longest, len(piece))
    assert longest == 1 << 12
    assert ids(read(written(tmp_path, text))) == ["pmid:11"] * 60
    assert at_once == []


@pytest.mark.parametrize("missing", [1, 4, 8, 9, 40, 200])
def test_gzip_gives_every_byte_before_its_fault(tmp_path: Path, missing: int) -> None:
    packed = gzip.compress(article_set(numbered(1, 200)).encode())[:-missing]
    path = tmp_path / "cut.xml.gz"
    path.write_bytes(packed)
    with gzip.open(path) as stream:  # the standard library's answer
        data = b""
        try:
            while chunk := stream.read1(128):
                data += chunk
        except EOFError:
            pass
    kept, error = broken(path)
    assert len(kept) == data.count(END.encode())
    assert "too early" in error.message
