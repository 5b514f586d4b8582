"""Statutes by article."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from reader_support import check, damaged, read_one, spans, survives

from vademecum.corpora.document import Document
from vademecum.corpora.readers import reader_for
from vademecum.corpora.readers.statutes import StatuteReader, _de_date, articles

CHINESE = """# 诊疗办法

2007年6月29日 第二十八次会议通过

2012年12月28日 第三十次会议修正

<!-- INFO END -->

## 第一章 总　则

第一条 为了规范诊疗行为，制定本办法。

第二条 本办法适用于医院。

第二条规定的医院，包括诊所。

## 第二章 附  则

**第三条**　本办法自发布之日起施行。

第三条之一 补充规定。
"""

GERMAN = """---
Title: Ruhegesetz
jurabk: RuhG
---

# Ruhegesetz (RuhG)

Ausfertigungsdatum
:   1998-05-04

Zuletzt geändert durch
:   Art. 1 G v. 10.5.2012 I 1084

Dieses Gesetz dient der Richtlinie vom 9. Februar 2020.

# Buch 1 - Allgemeines

## Abschnitt 1 - Grundsätze

### § 1 Zweck

(1) Dieses Gesetz dient der Ruhe. Es gilt
§ 7 Absatz 2 entsprechend.

### (XXXX) §§ 2 bis 3 (weggefallen)

### § 3a Begriffe der Ruhe

§ 1 Absatz 1 gilt auch hier
Ruhe ist, wenn nichts geschieht.

# Buch 2 - Schluss

### §§ 4 bis 6 Übergang

Bis dahin bleibt es laut, und zwar nach

§ 99 dieses Gesetzes
"""


def read(folder: Path, name: str, text: str) -> Document:
    return read_one(StatuteReader(), folder / name, text)


def test_a_chinese_statute(tmp_path: Path) -> None:
    document = read(tmp_path, "a.md", CHINESE)
    assert spans(document) == [
        ("第一章 总则 > 第一条", "为了规范诊疗行为，制定本办法。"),
        ("第一章 总则 > 第二条", "本办法适用于医院。\n\n第二条规定的医院，包括诊所。"),
        ("第二章 附则 > 第三条", "本办法自发布之日起施行。"),
        ("第二章 附则 > 第三条之一", "补充规定。"),
    ]
    assert (document.title, document.date) == ("诊疗办法", "2012-12-28")
    assert document.language == "chi"
    assert document.text == CHINESE


def test_a_german_statute(tmp_path: Path) -> None:
    document = read(tmp_path, "a.md", GERMAN)
    assert [label for label, _ in spans(document)] == [
        "Buch 1 - Allgemeines > Abschnitt 1 - Grundsätze > § 1 Zweck",
        "Buch 1 - Allgemeines > Abschnitt 1 - Grundsätze > § 3a Begriffe der Ruhe",
        "Buch 2 - Schluss > §§ 4 bis 6 Übergang",
    ]
    assert spans(document)[1][1].startswith("§ 1 Absatz 1 gilt auch hier")
    assert (document.title, document.date) == ("Ruhegesetz", "2012-05-10")
    assert document.language == "ger"


def test_articles_of_a_constitution(tmp_path: Path) -> None:
    markdown = """# Grundgesetz (GG)

Zuletzt geändert durch
:   Art. 1 G v. 11.7.2012 I 1478

## Präambel

Im Bewußtsein der Verantwortung.

## I. - Die Grundrechte

### Art 1

(1) Die Ruhe ist unantastbar.

### Art 2

Jeder hat Ruhe.

### Art 12a

Das Nähere regelt ein Gesetz.
"""
    document = read(tmp_path, "gg.md", markdown)
    assert [label for label, _ in spans(document)] == [
        "Präambel",
        "I. - Die Grundrechte > Art 1",
        "I. - Die Grundrechte > Art 2",
        "I. - Die Grundrechte > Art 12a",
    ]
    assert (document.title, document.date) == ("Grundgesetz (GG)", "2012-07-11")
    text = "Grundgesetz\nvom 23. Mai 1949\n\nArt. 1\nText.\n\nArt. 2\nMehr.\n\nArtikel 12a\nEnde.\n"
    assert [s.label for s in articles(text)] == ["Art. 1", "Art. 2", "Artikel 12a"]
    assert _de_date(text) == "1949-05-23"


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16"])
def test_a_statute_is_known_by_its_articles(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "law.txt"
    path.write_bytes(CHINESE.encode(encoding))
    [document] = reader_for(path).read(path)
    assert isinstance(document, Document)
    assert len(document.sections) == 4


@pytest.mark.parametrize(
    "text",
    [
        "第一条 只有一条。\n\n第二条 和另一条。",
        "Siehe § 1 und § 2.\n§ 3 Absatz 1 gilt.\n§ 4 Absatz 1 gilt.\n§ 5 ist neu.",
        "The law of 第一条.",
        "",
    ],
)
def test_what_only_quotes_a_statute_is_none(text: str) -> None:
    assert articles(text) == ()
    assert not StatuteReader().claims(text.encode())


def test_bytes_that_are_no_text_are_not_claimed() -> None:
    assert not StatuteReader().claims(b"\x00\x01\x02\x03" * 50)


@settings(max_examples=100, suppress_health_check=list(HealthCheck))
@given(data=damaged((CHINESE + GERMAN).encode()))
def test_damaged_statutes_are_read_or_rejected(tmp_path: Path, data: bytes) -> None:
    StatuteReader().claims(data)
    survives(StatuteReader(), tmp_path / "a.md", data)


def test_real_statutes(real_data: Path) -> None:
    paths = sorted((real_data / "law" / "zh").rglob("*.md"))
    assert paths
    by_article = 0
    for path in paths:
        [document] = reader_for(path).read(path)
        assert isinstance(document, Document)
        check(document)
        if "条" in "".join(section.label for section in document.sections):
            by_article += 1
            assert document.date
            assert document.title
        else:  # amendments have items, 一、 and so on; the last part of the code has two articles
            assert "修正案" in path.name or path.name in {"_index.md", "附则.md"}
    assert by_article == 43
    labour = next(path for path in paths if path.name.startswith("劳动合同法"))
    [document] = reader_for(labour).read(labour)
    assert isinstance(document, Document)
    assert len(document.sections) == 98
    assert document.sections[0].label == "第一章 总则 > 第一条"
