"""PDF files, by page."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from vademecum.corpora.document import Document, Record, Rejection
from vademecum.corpora.readers.contracts import clauses
from vademecum.corpora.readers.isolated import ask
from vademecum.corpora.readers.statutes import articles
from vademecum.corpora.readers.stream import printable, whole
from vademecum.corpora.readers.titles import as_title, title_from
from vademecum.errors import DocumentRejected

MAX_BYTES = 512 << 20
WORKER = "vademecum.corpora.readers.pdf_worker"
OCR = "run it through OCR (`ocrmypdf in.pdf out.pdf`) and read the result"
DOI = re.compile(r"\b10\.\d{4,9}/[^\s\"<>]+[^\s\"<>.,;)\]]")


class PdfReader:
    """Reads .pdf: one document, which knows where its pages start.

    Columns are read one after the other, words divided at a line's end are joined, and heads and
    feet that repeat on the pages are left out. Statutes and contracts have sections.
    """

    suffixes = (".pdf",)

    def read(self, path: Path) -> Iterator[Record]:
        """Yield the file as one document of kind "full_text", and each scanned page in it as a
        rejection.

        Raises DocumentRejected if the file is no sound PDF, is protected by a password, has no
        text (a scan), is too large, or cannot be read in time.
        """
        name = printable(path.name)
        data = whole(path, MAX_BYTES, hint="split the file")
        if b"%PDF-" not in data[:1024]:
            raise DocumentRejected(
                f"{name}: not a PDF file", hint="download it again; perhaps it is a web page"
            )
        file_id = hashlib.sha256(data).hexdigest()[:32]
        del data
        answer = ask(WORKER, path)
        blocks: list[str] = []
        starts: list[int] = []
        at = 0
        for page in answer["pages"]:
            starts.append(at)
            for paragraph in page:
                blocks.append(paragraph)
                at += len(paragraph) + 2
        text = "\n\n".join(blocks)
        scanned = answer["scanned"]
        if not text.strip():
            what = "its pages are images, without text" if scanned else "no text in the file"
            raise DocumentRejected(f"{name}: {what}", hint=OCR if scanned else "leave it out")
        for number in scanned:
            why = f"an image without text: {OCR}"
            yield Rejection(f"{name}, page {number}", why, harmless=True)
        first = text[: starts[1]] if len(starts) > 1 else text
        dois = set(DOI.findall(first))
        yield Document(
            doc_id=f"file:{file_id}",
            title=as_title(answer["title"]) or title_from(text) or printable(path.stem),
            text=text,
            kind="full_text",
            sections=articles(text) or clauses(text),
            pages=tuple(min(start, len(text)) for start in starts),
            doi=dois.pop() if len(dois) == 1 else "",
            origin=name,
        )
