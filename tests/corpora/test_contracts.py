"""Contracts by clause."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from reader_support import check, damaged, read_one, spans, survives

from vademecum.corpora.document import Document
from vademecum.corpora.readers import reader_for
from vademecum.corpora.readers.contracts import ContractReader, clauses

HEAD = """Exhibit 10.5

REST AGREEMENT

This Agreement is entered into by and between Ito Ltd and Li Inc (the "Parties").

"""
CONTRACT = f"""{HEAD}1.   APPOINTMENT.      -----------

1.1  Ito hereby appoints Li for a term of
2 years, and pays
3.5 percent of the price.

1.2  Exclusivity. Nobody else is appointed.

(a) not in Spain; and
(b) not in France.

2. TERM

2.1 As in Section 1.1.

EXHIBIT A

1. Prices
Rest costs 5.

2. Payment
In advance.
"""


def labels(text: str) -> list[str]:
    return [section.label for section in clauses(text)]


def test_clauses_are_labelled_by_number_and_title(tmp_path: Path) -> None:
    document = read_one(ContractReader(), tmp_path / "a.txt", CONTRACT)
    found = spans(document)
    assert [label for label, _ in found] == [
        "1 APPOINTMENT",
        "1 APPOINTMENT > 1.1",
        "1 APPOINTMENT > 1.2 Exclusivity",
        "2 TERM",
        "2 TERM > 2.1",
        "EXHIBIT A > 1 Prices",
        "EXHIBIT A > 2 Payment",
    ]
    assert found[1][1].startswith("Ito hereby appoints")
    assert found[1][1].endswith("3.5 percent of the price.")
    assert found[2][1].endswith("(b) not in France.")
    assert document.text == CONTRACT


def test_a_plain_contract_is_known_by_its_parties_however_they_are_named() -> None:
    head = 'SERVICES AGREEMENT\n\nbetween Ito Ltd ("the Client")\nand Li Inc ("the Laboratory")\n\n'
    body = (
        "1 SERVICES\n1.1 It rests.\n\n2 TERM\n2.1 Either party may end it.\n\n3 FEES\n3.1 None.\n"
    )
    assert labels(head + body)[:2] == ["1 SERVICES", "1 SERVICES > 1.1 It rests"]
    assert labels(head.replace("between", "for") + body) == []


def test_articles_and_a_table_of_contents() -> None:
    text = HEAD + (
        "ARTICLE I DEFINITIONS .......... 1\nARTICLE II TERM    4\nSection 2.1 Initial Term  5\n\n"
        "ARTICLE I - DEFINITIONS\nSection 1.1 Rest. Rest is rest.\n1.2 Pulse. As told by Li.\n"
        "ARTICLE II\nTERM\nSection 2.1 Initial Term. A year.\n2.2 Renewal. Another.\n2.3 End: None."
    )
    assert labels(text) == [
        "ARTICLE I DEFINITIONS > 1.1 Rest",
        "ARTICLE I DEFINITIONS > 1.2 Pulse",
        "ARTICLE II",
        "ARTICLE II > 2.1 Initial Term",
        "ARTICLE II > 2.2 Renewal",
        "ARTICLE II > 2.3 End",
    ]


def test_lines_that_were_joined_by_gaps() -> None:
    text = HEAD + (
        "1. Rest. It is owed.     1.1 Length. An hour.     1.2 Place. Anywhere.     2. Price. None."
        "     2.1 Tax. None.     3. End. Never."
    )
    assert labels(text) == [
        "1 Rest",
        "1 Rest > 1.1 Length",
        "1 Rest > 1.2 Place",
        "2 Price",
        "2 Price > 2.1 Tax",
        "3 End",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A study.\n1. Introduction\nx\n2. Methods\nx\n3. Results\nx\n4. End\nx\n5. Thanks\nx",
        HEAD + "1. One\n2. Two",
        HEAD + "We met on\n4 May\n9 June and\n30 July of\n12 years\n15 days.",
    ],
)
def test_other_numbered_texts_are_none(text: str) -> None:
    assert clauses(text) == ()
    assert not ContractReader().claims(text.encode())


def test_a_contract_is_known_by_its_words_and_clauses(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text(CONTRACT)
    [document] = reader_for(path).read(path)
    assert isinstance(document, Document)
    assert len(document.sections) == 7
    assert not ContractReader().claims(b"\x00\x01\x02\x03" * 50)


@settings(max_examples=100, suppress_health_check=list(HealthCheck))
@given(data=damaged(CONTRACT.encode()))
def test_damaged_contracts_are_read_or_rejected(tmp_path: Path, data: bytes) -> None:
    ContractReader().claims(data)
    survives(ContractReader(), tmp_path / "a.txt", data)


def test_real_contracts(real_data: Path) -> None:
    paths = sorted((real_data / "law" / "contracts").glob("*.txt"))
    by_clause = 0
    for path in paths:
        [document] = reader_for(path).read(path)
        assert isinstance(document, Document)
        check(document)
        if document.sections:
            by_clause += 1
            held = sum(section.end - section.start for section in document.sections)
            assert held > 0.8 * len(document.text) or "README" in path.name
    assert by_clause >= 0.7 * len(paths)
