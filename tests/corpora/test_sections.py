"""Where a stretch of text stands: parts cover the text, labels are paths, sections nest."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from vademecum.corpora.document import Document, Section
from vademecum.corpora.readers import reader_for
from vademecum.corpora.readers.building import TextBuilder
from vademecum.corpora.sections import around, label_of, parts_of


def paper() -> Document:
    builder = TextBuilder()
    builder.heading(1, "Methods")
    builder.paragraph("Forty people took part.")
    builder.heading(2, "Doses")
    builder.paragraph("Each took 5 mg.")
    builder.heading(2, "Tests")
    builder.paragraph("Blood was drawn.")
    builder.heading(1, "Results")
    builder.paragraph("Nothing changed.")
    text, sections = builder.build()
    return Document("file:1", "A trial", text, "full_text", sections)


def span(document: Document, piece: str) -> tuple[int, int]:
    start = document.text.index(piece)
    return start, start + len(piece)


def test_a_part_begins_with_its_heading() -> None:
    document = paper()
    parts = [
        (part.path, document.text[part.start : part.end].strip()) for part in parts_of(document)
    ]
    assert parts == [
        (("Methods",), "Methods\nForty people took part."),
        (("Methods", "Doses"), "Doses\nEach took 5 mg."),
        (("Methods", "Tests"), "Tests\nBlood was drawn."),
        (("Results",), "Results\nNothing changed."),
    ]


@pytest.mark.parametrize(
    ("piece", "label"),
    [
        ("took 5", "Methods > Doses"),
        ("Doses\nEach took 5 mg.", "Methods > Doses"),
        ("Each took 5 mg.\n\nTests\nBlood", "Methods"),
        ("Blood was drawn.\n\nResults\nNothing", ""),
        ("Nothing", "Results"),
    ],
)
def test_a_label_is_the_path_that_all_of_a_stretch_shares(piece: str, label: str) -> None:
    document = paper()
    assert label_of(document, *span(document, piece)) == label


def test_the_sections_around_a_passage_come_outermost_first() -> None:
    document = paper()
    found = [document.text[a:b] for a, b in around(document, *span(document, "took 5"))]
    assert found == [
        "Methods\nForty people took part.\n\nDoses\nEach took 5 mg.\n\nTests\nBlood was drawn.",
        "Doses\nEach took 5 mg.",
    ]
    assert list(around(document, *span(document, "Blood was drawn.\n\nResults"))) == []


def test_a_text_without_sections_is_one_part_without_a_label() -> None:
    document = Document("file:1", "t", "Only this.", "full_text")
    (part,) = parts_of(document)
    assert (part.path, part.start, part.end) == ((), 0, 10)
    assert label_of(document, 0, 4) == ""
    assert list(around(document, 0, 4)) == []


def test_a_long_foreword_is_a_part_of_its_own() -> None:
    foreword = "This agreement is made between the parties named below. " * 5
    text = f"{foreword}\n\n1. Term\nIt lasts a year.\n\nSigned in Bonn."
    start = text.index("It lasts")
    document = Document("file:1", "t", text, "full_text", (Section("1. Term", start, start + 16),))
    assert [(part.path, text[part.start : part.end].strip()) for part in parts_of(document)] == [
        ((), foreword.strip()),
        (("1. Term",), "1. Term\nIt lasts a year."),
        ((), "Signed in Bonn."),
    ]


@pytest.mark.parametrize(
    "name",
    ["jats/pone.0000217.nxml", "law/zh/民法典/物权编.md", "pubmed/old/medline16n0902.xml.gz"],
)
def test_the_parts_of_real_documents_cover_their_texts(real_data: Path, name: str) -> None:
    path = real_data / name
    if not path.exists():
        pytest.skip(f"no {name}")
    deepest = 0
    for document in reader_for(path).read(path):
        if not isinstance(document, Document):
            continue
        parts = parts_of(document)
        assert parts[0].start == 0
        assert parts[-1].end == len(document.text)
        assert all(a.end == b.start for a, b in pairwise(parts))
        for section in document.sections:
            deepest = max(deepest, section.label.count(">") + 1)
            assert label_of(document, section.start, section.end) == section.label
            for start, end in around(document, section.start, section.end):
                assert start <= section.start < section.end <= end
    assert deepest >= 1
