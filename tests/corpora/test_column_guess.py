"""The lines that are proposed for a table whose text nobody can tell."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from reader_support import read_all

from vademecum.corpora.document import Document, Record
from vademecum.corpora.readers.records import is_json
from vademecum.corpora.readers.rows import RowReader
from vademecum.errors import DocumentRejected


def read(path: Path, content: str) -> list[Record]:
    return read_all(RowReader(), path, content.encode())


@pytest.mark.parametrize(
    ("name", "data", "lines"),
    [
        (
            "fragen.csv",
            "Nr;Titel;Jahr;Inhalt\nF-12;Ruhe nach der Operation;2020;Wer lange ruhte, dem half es.",
            '`text = ["Nr", "Jahr", "Inhalt"]`, `title = "Titel"`, `id = "Nr"`',
        ),
        (
            "qa.jsonl",
            '{"q": "Why rest?", "a": "It helps, so they all say."}',
            '`text = ["q", "a"]`, `title = "q"`',
        ),
        (
            "a.csv",
            "id,title,note\n1,Rest,It helped all of them.",
            '`text = "note"`, `title = "title"`, `id = "id"`',
        ),
        (
            "drugs.csv",
            "drug,indication,dose_mg,frequency\nmetformin,type 2 diabetes,500,twice daily",
            '`text = ["drug", "indication", "dose_mg", "frequency"]`, `title = "drug"`',
        ),
        (
            "plants.csv",
            "plant,watering,light,notes\nMonstera,once a week,indirect,Yellow leaves mean too much",
            '`text = ["plant", "watering", "light", "notes"]`, `title = "plant"`',
        ),
        (
            "clinics.csv",
            (
                "clinic,city,patients,in_range,closed,comment\n"
                "A02,Gmünd,188,61.0,,Below target of 65; samples arrive late"
            ),
            (
                '`text = ["clinic", "city", "patients", "in_range", "closed", "comment"]`, '
                '`title = "city"`, `id = "clinic"`'
            ),
        ),
        (
            "a.csv",
            "id,year,url,note\n1,2020,https://example.org/1,It helped all of them.",
            '`text = ["year", "note"]`, `id = "id"`, `date = "year"`',
        ),
        ("a.csv", "Frage,Antwort\n1,22", '`text = ["Frage", "Antwort"]`, `id = "Frage"`'),
        ("题.csv", "编号,正文\n1,休息有助于恢复。", '`text = ["编号", "正文"]`, `id = "编号"`'),
    ],
)
def test_who_has_other_columns_is_told_where_to_say_so_and_what(
    tmp_path: Path, name: str, data: str, lines: str
) -> None:
    with pytest.raises(DocumentRejected) as caught:
        read(tmp_path / name, data)
    assert caught.value.hint == (
        f"write {name}.fields.toml beside it (or fields.toml for the whole folder); by the first "
        f"rows, the lines may be {lines}"
    )
    said = [line.strip("`") for line in lines.split("`, `")]
    (tmp_path / "fields.toml").write_text("\n".join(said), encoding="utf-8")
    (document,) = read(tmp_path / name, data)
    assert isinstance(document, Document)
    kept = " ".join((document.title, document.text, document.doc_id, document.url))
    values = json.loads(data).values() if is_json(tmp_path / name) else data.split("\n")[1]
    for value in values if not isinstance(values, str) else re.split("[,;](?! )", values):
        assert value in kept  # to the letter, they lose nothing


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (  # whoever has two shifts has no row of his own, and neither has a day with two
            (
                "day,shift,nurse,remark\n2026-11-30,day,Anna,first\n2026-11-30,night,Ruth,\n"
                "2026-12-01,day,Ruth,last\n2026-12-01,night,Tom,\n"
            ),
            '`text = ["day", "shift", "nurse", "remark"]`',
        ),
        (  # a day is no id, even if it has one row
            "Tag,Fahrer,Ziel\n30.11.2026,Krug,Weber\n01.12.2026,Krug,Frei\n",
            '`text = ["Tag", "Fahrer", "Ziel"]`, `title = "Ziel"`',
        ),
        (
            (
                "article,unit,price\nModel boat kit,box,14.50\nTea towel,piece,9.00\n"
                "Children's guide,piece,4.00\n"
            ),
            '`text = ["article", "unit", "price"]`, `title = "article"`',
        ),
        (
            "Nr;Antwort;Bereich\n1;Wer lange ruhte, dem half es bald.;Pflege\n1;Nein.;Pflege\n",
            '`text = ["Nr", "Antwort", "Bereich"]`',
        ),
    ],
)
def test_no_title_and_no_id_is_proposed_that_two_rows_have(
    tmp_path: Path, data: str, lines: str
) -> None:
    with pytest.raises(DocumentRejected) as caught:
        read(tmp_path / "a.csv", data)
    assert caught.value.hint.endswith(f"by the first rows, the lines may be {lines}")


def test_what_is_damaged_behind_the_first_rows_does_not_hide_what_their_columns_may_be(
    tmp_path: Path,
) -> None:
    with pytest.raises(DocumentRejected) as caught:
        read(tmp_path / "a.csv", 'a,b,c\nOne,2,3\n1,2,3,4\nTwo,"4,5\n')
    assert caught.value.hint.endswith('`text = ["a", "b", "c"]`, `title = "a"`')
