"""A Word file as HTML, made by mammoth in a process of its own (`isolated.ask`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mammoth
from lxml import etree

from vademecum.corpora.readers import archive
from vademecum.corpora.readers.archive import Archive
from vademecum.corpora.readers.isolated import Answer, reply
from vademecum.corpora.readers.markup import flatten
from vademecum.corpora.readers.xml import SAFE
from vademecum.errors import DocumentRejected

MAX_HTML = 30 << 20  # characters
MAX_TAGS = 3_000_000  # of a part; mammoth needs longer for them than a file may take
STYLES = """
p[style-name='Title'] => h1:fresh
p[style-name='Subtitle'] => p:fresh
p[style-name='heading 7'] => h6:fresh
"""
DC = "{http://purl.org/dc/elements/1.1/}"


def work(path: Path) -> Answer:
    """`{html, title, author}`."""
    with path.open("rb") as file:
        if file.read(8) == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
            raise DocumentRejected(
                "protected by a password, or in Word's format of before 2007",
                hint="open it in Word or LibreOffice and save it as .docx without a password",
            )
    with archive.opened(path) as parts:
        if "word/document.xml" not in parts.names and "_rels/.rels" not in parts.names:
            raise DocumentRejected("a zip file, but not a Word file", hint=archive.AGAIN)
        for name in parts.names:
            if name.endswith((".xml", ".rels")):
                part = parts.read(name)  # sound, and within its limit
                if part.count(b"<") > MAX_TAGS:
                    raise DocumentRejected(f"more than {MAX_TAGS:,} tags", hint="split the file")
        title, author = _properties(parts)
    with path.open("rb") as file:
        try:
            html = mammoth.convert_to_html(file, style_map=STYLES, convert_image=_no_image).value
        except (MemoryError, RecursionError):
            raise
        except Exception as error:  # whatever its XML parser, its zip reader and itself raise
            raise DocumentRejected(
                f"not a sound Word file ({type(error).__name__})", hint=archive.AGAIN
            ) from error
    if len(html) > MAX_HTML:
        raise DocumentRejected("too large", hint="split the file")
    return {"html": html, "title": title, "author": author}


def _no_image(_image: Any) -> list[Any]:
    return []


def _properties(parts: Archive) -> tuple[str, str]:
    """Title and author as the file's properties tell them."""
    if "docProps/core.xml" not in parts.names:
        return "", ""
    try:
        root = etree.fromstring(parts.read("docProps/core.xml"), etree.XMLParser(**SAFE))
    except (etree.XMLSyntaxError, ValueError):
        return "", ""  # the text can be sound without them
    return flatten(root.find(f"{DC}title")), flatten(root.find(f"{DC}creator"))


if __name__ == "__main__":
    reply(work)
