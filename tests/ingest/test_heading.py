"""What is embedded with a passage: the title and the label of its section, where there are any."""

from __future__ import annotations

from vademecum.corpora.document import Document, Passage, Section
from vademecum.ingest.heading import embedding_text

TEXT = "Doses\nEach took 5 mg.\n\nTests\nBlood was drawn."
SECTIONS = (Section("Methods > Doses", 6, 21), Section("Methods > Tests", 29, 45))
PAPER = Document("file:1", "A trial", TEXT, "full_text", SECTIONS)


def passage(start: int, end: int) -> Passage:
    return Passage("file:1", 0, start, end, TEXT[start:end])


def test_a_passage_of_a_section_is_embedded_with_title_and_label() -> None:
    assert embedding_text(PAPER, passage(6, 21)) == "A trial\nMethods > Doses\n\nEach took 5 mg."


def test_a_passage_of_several_sections_has_what_they_share() -> None:
    assert embedding_text(PAPER, passage(0, 45)) == f"A trial\nMethods\n\n{TEXT}"


def test_without_sections_the_title_stands_alone() -> None:
    plain = Document("file:1", "A trial", TEXT, "full_text")
    assert embedding_text(plain, passage(0, 5)) == "A trial\n\nDoses"


def test_without_a_title_or_with_nothing_else_the_passage_stands_alone() -> None:
    untitled = Document("file:1", "", TEXT, "full_text")
    assert embedding_text(untitled, passage(0, 5)) == "Doses"
    title = Document("pmid:1", "Doses", "Doses", "title")
    assert embedding_text(title, passage(0, 5)) == "Doses"
