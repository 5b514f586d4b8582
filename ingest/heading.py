"""What is embedded with a passage, so that it can be found by what stands above it."""

from __future__ import annotations

from vademecum.corpora.document import Document, Passage
from vademecum.corpora.sections import label_of


def heading_of(document: Document, label: str) -> str:
    """The title, and below it the section's label: they say what "this drug" in the middle of a
    paper is. A document that is only a title has no heading."""
    if document.kind == "title":
        return ""
    return "\n".join(part for part in (document.title, label) if part)


def embedding_text(document: Document, passage: Passage) -> str:
    """What is embedded for a passage: its heading, an empty line, the passage."""
    heading = heading_of(document, label_of(document, passage.start, passage.end))
    return f"{heading}\n\n{passage.text}" if heading else passage.text
