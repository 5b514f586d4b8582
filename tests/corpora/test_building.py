"""Text put together from headings and paragraphs, and what a document says of pages."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from vademecum.corpora.document import Document, Section
from vademecum.corpora.readers.building import TextBuilder


def test_headings_stand_with_what_follows_and_label_it() -> None:
    builder = TextBuilder()
    builder.paragraph("Before.")
    builder.heading(1, "Part one:")
    builder.heading(2, "Doses")
    builder.paragraph("5 mg.")
    builder.paragraph("")
    builder.paragraph("Daily.")
    builder.leave(2)
    builder.paragraph("Of part one.")
    builder.heading(1, "Part two")
    text, sections = builder.build()
    assert text == "Before.\n\nPart one:\nDoses\n5 mg.\n\nDaily.\n\nOf part one.\n\nPart two"
    assert builder.length == len(text)
    assert [(s.label, text[s.start : s.end]) for s in sections] == [
        ("", "Before."),
        ("Part one > Doses", "5 mg.\n\nDaily."),
        ("Part one", "Of part one."),
    ]


def test_without_headings_there_are_no_sections() -> None:
    builder = TextBuilder()
    builder.paragraph("One.")
    builder.paragraph("Two.")
    assert builder.build() == ("One.\n\nTwo.", ())


BLOCK = st.tuples(st.integers(0, 4), st.text("ab .:", max_size=5).map(str.strip))


@given(st.lists(BLOCK, max_size=20))
def test_sections_never_overlap_and_hold_every_paragraph(blocks: list[tuple[int, str]]) -> None:
    builder = TextBuilder()
    paragraphs = []
    for level, text in blocks:
        if level:
            builder.heading(level, text)
        else:
            builder.paragraph(text)
            paragraphs += [text] if text else []
    whole, sections = builder.build()
    held = "\n\n".join(whole[s.start : s.end] for s in sections)
    assert held == ("\n\n".join(paragraphs) if sections else "")
    ends = [0, *(s.end for s in sections)]
    assert all(s.start >= end for s, end in zip(sections, ends, strict=False))


def test_a_character_stands_on_a_page() -> None:
    document = Document(
        doc_id="d", title="t", text="one two three", kind="full_text", pages=(0, 4, 4, 8)
    )
    pages = [document.page_at(at) for at in (0, 3, 4, 7, 8, 12)]
    assert pages == [1, 1, 3, 3, 4, 4]  # page 2 is empty
    assert replace(document, pages=()).page_at(5) is None
    assert Document.from_json(document.to_json()) == document


def test_what_was_stored_before_there_were_pages_is_unchanged() -> None:
    """The hash is part of every library: if it moved, all of it would be embedded again."""
    document = Document("pmid:1", "T", "Text.", "abstract", (Section("S", 0, 5),))
    hashes = {
        document.content_hash(),
        replace(document, origin="other").content_hash(),
    }
    assert len(hashes) == 1
    assert hashes == {"9f84d532eeb8087e96576a449a388b75264a330bc82fa7686de3b20c56e94df4"}
    for later in ({"pmid": "1"}, {"licence": "CC0"}, {"pages": (0,)}):
        assert replace(document, **later).content_hash() not in hashes
