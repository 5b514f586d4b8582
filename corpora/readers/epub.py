"""Electronic books in EPUB 2 and 3, by chapter.

Format: https://www.w3.org/TR/epub-33/
"""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from lxml import etree

from vademecum.corpora.document import Document, Record
from vademecum.corpora.readers import archive, html
from vademecum.corpora.readers.archive import Archive
from vademecum.corpora.readers.building import TextBuilder
from vademecum.corpora.readers.languages import language_code
from vademecum.corpora.readers.licences import licence_name
from vademecum.corpora.readers.markup import flatten
from vademecum.corpora.readers.stream import printable, whole
from vademecum.corpora.readers.titles import as_title, title_from
from vademecum.corpora.readers.xml import SAFE
from vademecum.errors import DocumentRejected

MAX_BYTES = 256 << 20  # packed, with its images
MAX_CHAPTERS = 5000
MAX_CHARACTERS = 30_000_000

CONTAINER = "META-INF/container.xml"
ENCRYPTION = "META-INF/encryption.xml"
DC = "{http://purl.org/dc/elements/1.1/}"
# Fonts may be scrambled by these without the book being protected.
FONTS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
PAGES = frozenset({"application/xhtml+xml", "text/html", "application/x-dtbook+xml"})


class EpubReader:
    """Reads .epub: one document, its chapters' headings as sections."""

    suffixes = (".epub",)

    def read(self, path: Path) -> Iterator[Record]:
        """Yield the book as one document of kind "full_text".

        Raises DocumentRejected if the file is no sound EPUB, is protected against copying, has
        no text, or is too large.
        """
        name = printable(path.name)
        data = whole(path, MAX_BYTES, hint="split the book")
        file_id = hashlib.sha256(data).hexdigest()[:32]
        del data
        try:
            with archive.opened(path) as parts:
                yield _book(parts, name, file_id)
        except DocumentRejected as error:
            if error.message.startswith(f"{name}: "):
                raise
            raise DocumentRejected(f"{name}: {error.message}", error.hint) from error


def _book(parts: Archive, name: str, file_id: str) -> Document:
    if ENCRYPTION in parts.names:
        for method in _xml(parts, ENCRYPTION).iter("{*}EncryptionMethod"):
            if method.get("Algorithm") not in FONTS:
                raise DocumentRejected(
                    "protected against copying (DRM)", hint="ask its seller for an open copy"
                )
    rootfile = _xml(parts, CONTAINER).find(".//{*}rootfile")
    place = rootfile.get("full-path", "") if rootfile is not None else ""
    package = _xml(parts, place)
    builder = TextBuilder()
    for chapter in _spine(package, place):
        if chapter not in parts.names:
            continue  # a book lacks a page more often than it is worth nothing
        text = html.decode_html(parts.read(chapter), name)
        if text.strip():
            root = html.parse(text, name)
            html.drop_furniture(root)
            builder.leave(1)
            html.write(root, builder)
        if builder.length > MAX_CHARACTERS:
            raise DocumentRejected(
                f"more than {MAX_CHARACTERS:,} characters of text", hint="split the book"
            )
    text, sections = builder.build()
    if not text.strip():
        raise DocumentRejected("no text in the book", hint="its pages may be images: use OCR")

    def said(what: str) -> str:
        return flatten(package.find(f".//{DC}{what}"))

    authors = (flatten(creator) for creator in package.iter(f"{DC}creator"))
    date = said("date")[:10]
    return Document(
        doc_id=f"file:{file_id}",
        title=as_title(said("title")) or title_from(text),
        text=text,
        kind="full_text",
        sections=sections,
        authors=tuple(dict.fromkeys(filter(None, authors))),
        journal=said("publisher"),
        date=date if html.DATE.fullmatch(date) else "",
        language=language_code(said("language")),
        licence=licence_name(said("rights")),
        origin=name,
    )


def _xml(parts: Archive, name: str) -> etree._Element:
    try:
        return etree.fromstring(parts.read(name), etree.XMLParser(**SAFE))
    except (etree.XMLSyntaxError, ValueError) as error:
        raise DocumentRejected(f"its part {name[:100]!r} is damaged", archive.AGAIN) from error


def _spine(package: etree._Element, place: str) -> Iterator[str]:
    """The pages in reading order, by the names of their parts; each once."""
    folder = posixpath.dirname(place)
    items = {
        item.get("id"): item.get("href", "")
        for item in package.iter("{*}item")
        if item.get("media-type") in PAGES
    }
    seen = set()
    for reference in package.iter("{*}itemref"):
        href = items.get(reference.get("idref"))
        if not href or reference.get("linear") == "no":
            continue
        name = posixpath.normpath(posixpath.join(folder, unquote(href.partition("#")[0])))
        if name not in seen:
            seen.add(name)
            yield name
        if len(seen) > MAX_CHAPTERS:
            raise DocumentRejected(f"more than {MAX_CHAPTERS:,} pages", hint="split the book")
