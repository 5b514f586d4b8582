"""CSV, TSV and JSON Lines."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reader_support import check, damaged, read_all, survives

from vademecum.corpora.document import Document, Record, Rejection
from vademecum.corpora.readers.records import SAMPLE_BYTES
from vademecum.corpora.readers.rows import RowReader
from vademecum.errors import DocumentRejected


def read(path: Path, content: str | bytes) -> list[Record]:
    data = content.encode() if isinstance(content, str) else content
    return read_all(RowReader(), path, data)


def documents(path: Path, content: str | bytes) -> list[Document]:
    found = [record for record in read(path, content) if isinstance(record, Document)]
    for document in found:
        check(document)
    return found


CSV = """id,Title,Abstract,Year,DOI,Authors
1,Rest,"It helped, a lot.
And more.",2020,10.1/x,Ito A; Li B
2,Pulse,It fell.,,,
"""

JSON_ROW = '{"id": 7, "text": "One."}'


def test_columns_are_known_by_their_usual_names(tmp_path: Path) -> None:
    one, two = documents(tmp_path / "papers.csv", CSV)
    assert (one.doc_id, two.doc_id) == ("papers:1", "papers:2")
    assert (one.title, one.text) == ("Rest", "It helped, a lot.\nAnd more.")
    assert (one.date, one.doi, one.authors) == ("2020", "10.1/x", ("Ito A", "Li B"))
    assert two.date == two.doi == ""
    assert one.origin == "papers.csv"


@pytest.mark.parametrize(
    ("column", "kind"),
    [("abstract", "abstract"), ("Abstract ", "abstract"), ("text", "full_text")],
)
def test_an_abstract_is_no_full_text(tmp_path: Path, column: str, kind: str) -> None:
    for name in ("a.csv", "a.jsonl"):
        row = f"title,{column}\nA,It fell." if name == "a.csv" else json.dumps({column: "It fell."})
        [document] = documents(tmp_path / name, row)
        assert document.kind == kind


def test_an_abstract_among_several_texts_is_not_all_there_is(tmp_path: Path) -> None:
    (tmp_path / "a.csv.fields.toml").write_text('text = ["abstract", "body"]')
    [document] = documents(tmp_path / "a.csv", "abstract,body\nIt fell.,And rose.")
    assert document.kind == "full_text"


@pytest.mark.parametrize(
    ("name", "separator"), [("a.tsv", "\t"), ("a.csv", ";"), ("a.csv", "\t"), ("a.csv", "|")]
)
def test_separators(tmp_path: Path, name: str, separator: str) -> None:
    [document] = documents(
        tmp_path / name, separator.join(["title", "text"]) + f"\nA{separator}B, c"
    )
    assert (document.title, document.text) == ("A", "B, c")


def test_json_lines_with_a_map_beside_them(tmp_path: Path) -> None:
    (tmp_path / "qa.jsonl.gz.fields.toml").write_text(
        'text = ["q", "answers"]\ntitle = "q"\nurl = "meta.link"\nkeywords = "tags"\nid = "n"\n'
        'pmid = "meta.pmid"\npmcid = "meta.pmc"\nlanguage = "lang"\n'
    )
    row = {
        "n": 7,
        "q": "Why rest?",
        "answers": ["It helps.", "So they say."],
        "meta": {"link": "https://example.org", "pmid": 12, "pmc": "PMC3"},
        "tags": ["rest", "pulse", "rest"],
        "lang": "en",
    }
    data = gzip.compress(json.dumps(row).encode() + b"\n\n")
    [document] = documents(tmp_path / "qa.jsonl.gz", data)
    assert document.doc_id == "qa:7"
    assert document.text == "Why rest?\n\nIt helps.\n\nSo they say."
    assert (document.title, document.url) == ("Why rest?", "https://example.org")
    assert (document.pmid, document.pmcid) == ("12", "PMC3")
    assert (document.keywords, document.language) == (("rest", "pulse"), "eng")


def test_what_a_map_does_not_say_is_known_by_its_usual_name(tmp_path: Path) -> None:
    table = "id,title,year,Zusammenfassung,text\n7,On rest,2020,It helped.,none\n"
    (tmp_path / "fields.toml").write_text('text = "Zusammenfassung"')
    [document] = documents(tmp_path / "a.csv", table)
    assert (document.doc_id, document.title, document.date) == ("a:7", "On rest", "2020")
    assert document.text == "It helped."
    (tmp_path / "fields.toml").write_text('text = "Zusammenfassung"\ntitle = []\nid = "title"')
    [document] = documents(tmp_path / "a.csv", table)
    assert (document.doc_id, document.title) == ("a:On rest", "It helped.")


def test_a_short_value_is_told_with_its_column(tmp_path: Path) -> None:
    """A number or a code says nothing by itself; a sentence, a text and a title do."""
    row = {
        "name": "Foxglove",
        "height_cm": 150,
        "facts": {"hardiness": "H7"},
        "light": "",
        "use": "It is grown for its flowers.",
        "note": "sown in spring, planted out in autumn",
        "颜色": "紫色",
        "说明": "有毒。",
        "content": "All of it",
        "No. of cases": "12",
        "": "nameless",
    }
    columns = ["facts.hardiness" if name == "facts" else name for name in row if name != "name"]
    beside = tmp_path / "fields.toml"
    beside.write_text(f"text = {json.dumps(columns, ensure_ascii=False)}\n")
    [found] = documents(tmp_path / "plants.jsonl", json.dumps(row))
    assert found.text.split("\n\n") == [
        "height cm: 150",
        "hardiness: H7",
        row["use"],
        row["note"],
        "颜色: 紫色",
        "有毒。",
        "All of it",
        "No. of cases: 12",
        "nameless",
    ]


def test_a_map_for_the_folder(tmp_path: Path) -> None:
    (tmp_path / "fields.toml").write_text('text = "Spalte 2"')
    [document] = documents(tmp_path / "a.csv", "Spalte 1,Spalte 2\nx,Der Text.")
    assert document.text == document.title == "Der Text."


@pytest.mark.parametrize(
    "said",
    [
        "text =",
        'title = "a"',
        'text = "a"\nnonsense = "b"',
        "text = 5",
        "text = [1]",
        pytest.param("text = " + "[" * 100_000, id="deep"),
        "\udc80",
    ],
)
def test_a_map_that_makes_no_sense_is_told(tmp_path: Path, said: str) -> None:
    (tmp_path / "fields.toml").write_bytes(said.encode("utf-8", "surrogateescape"))
    with pytest.raises(DocumentRejected, match=r"a\.csv: fields\.toml cannot be followed") as told:
        read(tmp_path / "a.csv", "text\nx")
    assert "text =" in told.value.hint


def test_a_map_that_is_some_other_file_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "fields.toml").write_text("# more\n" * (1 << 18))
    with pytest.raises(DocumentRejected, match="cannot be followed: it is larger than 1 MB"):
        read(tmp_path / "a.csv", "text\nx")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names on Windows")
@pytest.mark.timeout(20)
def test_a_map_that_is_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fields.toml")
    with pytest.raises(DocumentRejected, match="cannot be followed: it is not a regular file"):
        read(tmp_path / "a.csv", "text\nx")


def test_rows_without_an_id_are_known_by_what_they_say(tmp_path: Path) -> None:
    one, again, other = read(tmp_path / "a.csv", "text\nSame.\nSame.\nOther.")
    assert isinstance(one, Document)
    assert isinstance(other, Document)
    assert one.doc_id.startswith("row:")
    assert one.doc_id != other.doc_id
    assert again == Rejection("a.csv, line 3", "the same row again", harmless=True)
    [elsewhere] = documents(tmp_path / "b.csv", "text\nSame.")
    assert elsewhere.doc_id != one.doc_id or elsewhere.origin == "b.csv"


def test_two_rows_under_one_id_are_both_kept(tmp_path: Path) -> None:
    one, other = documents(tmp_path / "a.csv", "id,text\n1,One.\n1,Another.\n1,One.\n")
    assert one.doc_id == "a:1"
    assert other.doc_id.startswith("a:1~")


@pytest.mark.parametrize("stem", ["pmid", "PMCID", "doi", "file", "row", "pmid:1"])
def test_a_table_called_like_a_kind_of_id_gives_none_of_that_kind(
    tmp_path: Path, stem: str
) -> None:
    for name, data in ((f"{stem}.csv", "id,text\n7,One."), (f"{stem}.jsonl", JSON_ROW)):
        [document] = documents(tmp_path / name, data)
        assert document.doc_id == f"table-{stem.lower()}:7"
        assert document.file == name


def test_of_a_long_id_the_beginning_and_a_hash_are_left(tmp_path: Path) -> None:
    ids = ["长" * 66, "长" * 80, "长" * 30_000, "长" * 30_000 + "x", "x" * 198]
    rows = "".join(json.dumps({"id": one, "text": f"{one[:9]}."}) + "\n" for one in ids)
    found = [document.doc_id for document in documents(tmp_path / "a.jsonl", rows)]
    assert len(set(found)) == len(ids)
    assert [found[0], found[-1]] == [f"a:{ids[0]}", f"a:{ids[-1]}"]
    assert all(doc_id.startswith("a:长长长长长") for doc_id in found[:-1])
    assert max(len(doc_id.encode()) for doc_id in found) == 200


def test_rows_that_cannot_be_taken_are_told_and_the_others_read(tmp_path: Path) -> None:
    table = "id,text\n1,One.\n2,\n\n\n3,x,y\n4\n5,Five."
    first, *told, last = read(tmp_path / "a.csv", table)
    assert told == [
        Rejection("a.csv, line 3", "no text"),
        Rejection("a.csv, line 6", "3 fields, and the header names 2"),
        Rejection("a.csv, line 7", "no text"),
    ]
    assert isinstance(first, Document)
    assert isinstance(last, Document)
    lines = '{"text": "One."}\n[1]\n{"text": \n"x"\n' + "[" * 100_000 + '\n{"text": "\\ud800x"}'
    lines = f'{{"text": "Large.", "id": {"9" * 5000}}}\n{lines}'
    records = read(tmp_path / "a.jsonl", lines)
    reasons = [record.reason for record in records if isinstance(record, Rejection)]
    assert [reason.split(":")[0] for reason in reasons] == [
        "a number of more digits than can be read",
        "a list and not an object",
        "not JSON",
        "a str and not an object",
        "nested too deeply",
    ]
    halved = records[-1]
    assert isinstance(halved, Document)
    assert halved.text == "\ufffdx"


def test_quotation_marks_within_a_field_are_read(tmp_path: Path) -> None:
    table = 'id,text\n1,"Aspirin" helps.\n2,He says "no".\n3,"A ""no"",\nhe says."\n4,Four.\n'
    assert [document.text for document in documents(tmp_path / "a.csv", table)] == [
        "Aspirin helps.",
        'He says "no".',
        'A "no",\nhe says.',
        "Four.",
    ]


@pytest.mark.parametrize("mark", ['2,"Two', '2,"Two, ""2""', '2,"', '"2,Two', '2,"two\nlines'])
def test_a_quotation_mark_that_is_never_closed_is_told_with_its_row(
    tmp_path: Path, mark: str
) -> None:
    rows = [f"{n},Row {n}." for n in range(3, 50)]
    path = tmp_path / "a.csv"
    path.write_text("\n".join(["id,text", "1,One.", mark, *rows]))
    reading = RowReader().read(path)
    first = next(reading)
    assert isinstance(first, Document)
    assert first.text == "One."
    with pytest.raises(DocumentRejected, match="mark in the row of line 3 is never closed") as told:
        next(reading)
    assert "close it" in told.value.hint


def test_a_row_that_took_in_others_is_not_taken(tmp_path: Path) -> None:
    table = 'id,text\n1,"One.\n2,Two.\n3,"Three."\n4,Four.\n5,"Five\n""lines""" \n'
    told, four, five = read(tmp_path / "a.csv", table)
    where = "a.csv, line 2"
    assert told == Rejection(where, "a quotation mark is not closed where its field ends")
    assert isinstance(four, Document)
    assert isinstance(five, Document)
    assert (four.text, five.text) == ("Four.", 'Five\n"lines"')
    with pytest.raises(DocumentRejected, match="row of line 1 is never closed"):
        read(tmp_path / "a.csv", 'id,"text\n1,"One."\n2,Two.\n')


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.csv", "id,text\r1,One.\r2,Two.\r"),
        ("a.csv", "id,text\n1,One.\r2,Two.\r"),
        ("a.jsonl", '{"text": "One."}\r{"text": "Two."}\r'),
        ("a.jsonl", '{"text": "One."}\r' * 40_000),
    ],
)
def test_line_ends_of_old_macs_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, data: str
) -> None:
    monkeypatch.setattr("vademecum.corpora.readers.records.MAX_LINE", 1 << 19)
    with pytest.raises(DocumentRejected) as told:
        read(tmp_path / name, data)
    assert "as on old Macs" in told.value.hint


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    table = "title,text\n第一条,为了规范诊疗行为，制定本办法。\n第二条,本办法自发布之日起施行。\n"
    one, two = documents(tmp_path / "a.csv", table.encode(encoding))
    assert (one.title, two.text) == ("第一条", "本办法自发布之日起施行。")


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1252", "Der Käse im Café half."),
        ("utf-8", "Der Käse im Café half."),
        ("gb18030", "为了规范诊疗行为，制定本办法。"),
    ],
)
def test_the_first_letters_that_tell_the_encoding_may_come_late(
    tmp_path: Path, name: str, encoding: str, text: str
) -> None:
    plain = "".join(f"{n},{'Plain ASCII text. ' * 300}\n" for n in range(200))
    data = f"id,text\n{plain}x,{text}\ny,More.\n".encode(encoding)
    assert data.index(text.encode(encoding)) > SAMPLE_BYTES
    found = documents(tmp_path / name, gzip.compress(data, 1) if name.endswith("gz") else data)
    assert [document.text for document in found[-2:]] == [text, "More."]
    assert len(found) == 202


def test_rows_before_damaged_gzip_data_are_read(tmp_path: Path) -> None:
    rows = "".join(f"{n},{'Rest helps. ' * 30}\n" for n in range(500))
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(f"id,text\n{rows}".encode())[:-9])
    found: list[Record] = []
    with pytest.raises(DocumentRejected, match="gzip"):
        found.extend(RowReader().read(path))
    assert len(found) > 200


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("a.csv", b"", "no header"),
        ("a.csv", b"a,b\n1,2", "no column is known to be the text; there are 'a', 'b'"),
        ("a.jsonl", b'{"a": 1}', "no column is known"),
        ("a.csv", b"\x00\x01\x02\x03\x04\x05" * 9, "not a text file"),
        ("a.csv", b"text\n" + b"x" * (2 << 20), "longer than"),
        ("a.jsonl", b"x" * (2 << 20), "longer than"),
        ("a.csv", b'text\n"' + b"x\n" * (1 << 20), "not sound CSV"),
        ("a.csv", b"id,text\n" + b'"x\ny",' * (1 << 18), "the row of line 2 goes on for more than"),
        (
            "a.csv",
            b"text\n\xc3\xa9\n" + b"a" * (1 << 20) + b"\xff\xfe\n",
            "not a text file in utf-8",
        ),
        ("a.csv.gz", b"\x1f\x8b\x08", "gzip"),
        ("a.csv", b"," * 3000 + b"\n", "more than 2,000 columns"),
    ],
)
def test_what_cannot_be_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, data: bytes, says: str
) -> None:
    monkeypatch.setattr("vademecum.corpora.readers.records.MAX_LINE", 1 << 20)
    monkeypatch.setattr("vademecum.corpora.readers.records.SAMPLE_BYTES", 1 << 16)
    with pytest.raises(DocumentRejected, match=says) as caught:
        read(tmp_path / name, data)
    assert caught.value.message.startswith(f"{name}: ")
    assert caught.value.hint


@pytest.mark.parametrize(
    ("name", "data", "unread"),
    [
        ("a.csv", "id,text,dose,note\n1,One.,5,\n2,Two.,6,x", "'dose', 'note'"),
        ("a.jsonl", '{"text": "One.", "meta": {"url": "u"}, "n": 1}\n{"text": "Two."}', "'n'"),
        ("a.csv", "id,text\n1,One.\n2,Two.", ""),
        ("a.csv", f"text,{','.join(map(str, range(12)))}\nOne.\nTwo.", "'8', '9' and 2 more"),
    ],
)
def test_columns_that_are_not_read_are_told_once(
    tmp_path: Path, name: str, data: str, unread: str
) -> None:
    (tmp_path / "fields.toml").write_text('text = "text"\nurl = "meta.url"')
    found = read(tmp_path / name, data)
    assert [record.text for record in found if isinstance(record, Document)] == ["One.", "Two."]
    told = [record for record in found if isinstance(record, Rejection)]
    assert len(told) == bool(unread)
    for one in told:
        assert (one.where, one.harmless) == (f"{name}, columns", True)
        assert one.reason.startswith(f"not read until {name}.fields.toml names them: '")
        assert one.reason.endswith(unread)


def test_a_map_that_names_the_columns_of_another_table_is_told(tmp_path: Path) -> None:
    (tmp_path / "fields.toml").write_text('text = "abstract"')
    with pytest.raises(DocumentRejected, match="there is no column 'abstract'; there are") as told:
        read(tmp_path / "a.csv", "title,Inhalt\nRest,It helped all of them.")
    assert '`text = "Inhalt"`, `title = "title"`' in told.value.hint


@settings(max_examples=100, suppress_health_check=list(HealthCheck))
@given(data=damaged(CSV.encode()))
def test_damaged_tables_are_read_or_rejected(tmp_path: Path, data: bytes) -> None:
    survives(RowReader(), tmp_path / "a.csv", data)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)
PARTS = st.sampled_from(["text", "title", "id", "date", "authors", "pmid", "pmcid", "url", "tags"])


@settings(max_examples=100, suppress_health_check=list(HealthCheck))
@given(rows=st.lists(st.dictionaries(PARTS, VALUES), max_size=4))
def test_any_json_is_read_or_rejected(tmp_path: Path, rows: list[dict[str, object]]) -> None:
    data = "\n".join(map(json.dumps, rows)).encode()
    survives(RowReader(), tmp_path / "a.jsonl", data)


def test_real_question_and_answer_pairs(real_data: Path, tmp_path: Path) -> None:
    path = tmp_path / "medquad.jsonl.gz"
    path.symlink_to(real_data / "medquad" / "medquad.jsonl.gz")
    (tmp_path / "fields.toml").write_text(
        'text = ["question", "answer"]\ntitle = "question"\nid = "id"\nurl = "url"\n'
    )
    records = list(RowReader().read(path))
    found = [record for record in records if isinstance(record, Document)]
    assert len(found) == len({document.doc_id for document in found}) == 16_407
    assert all(document.url for document in found)
