"""Word files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from vademecum.corpora.document import Document, Record
from vademecum.corpora.readers import html
from vademecum.corpora.readers.building import TextBuilder
from vademecum.corpora.readers.isolated import ask
from vademecum.corpora.readers.markup import detach, flatten, normalise
from vademecum.corpora.readers.stream import printable, whole
from vademecum.corpora.readers.titles import as_title, title_from
from vademecum.errors import DocumentRejected

MAX_BYTES = 256 << 20  # packed, with its images
WORKER = "vademecum.corpora.readers.docx_worker"


class DocxReader:
    """Reads .docx: one document, its headings as sections; lists, tables and notes as text.

    What tracked changes deleted is left out, what they inserted is kept.
    """

    suffixes = (".docx",)

    def read(self, path: Path) -> Iterator[Record]:
        """Yield the file as one document of kind "full_text".

        Raises DocumentRejected if the file is no sound Word file, is protected by a password,
        has no text, is too large, or cannot be read in time.
        """
        name = printable(path.name)
        data = whole(path, MAX_BYTES, hint="split the file")
        file_id = hashlib.sha256(data).hexdigest()[:32]
        del data
        answer = ask(WORKER, path)
        root = html.parse(answer["html"] or "<p></p>", name)
        back = ("#footnote-ref", "#endnote-ref")  # "↑", which leads back from a note
        detach(root, [a for a in root.iter("a") if a.get("href", "").startswith(back)])
        heading = flatten(root.find(".//h1"))
        builder = TextBuilder()
        html.write(root, builder)
        text, sections = builder.build()
        if not text.strip():
            raise DocumentRejected(
                f"{name}: no text in the file", hint="if its pages are images, run them through OCR"
            )
        authors = (normalise(author) for author in answer["author"].split(";"))
        yield Document(
            doc_id=f"file:{file_id}",
            title=as_title(answer["title"] or heading) or title_from(text),
            text=text,
            kind="full_text",
            sections=sections,
            authors=tuple(filter(None, authors)),
            origin=name,
        )
