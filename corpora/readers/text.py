"""Plain text and Markdown: one file, one document."""

from __future__ import annotations

import codecs
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from vademecum.corpora.document import Document, Record, Section
from vademecum.corpora.readers.stream import printable, whole
from vademecum.errors import DocumentRejected

MAX_BYTES = 64 << 20
TITLE_CHARACTERS = 200

BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark is the start of this one
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f-\x9f\ufffe\uffff]")
HEADING = re.compile(r"^(#{1,6})[ \t]+(.*?)[ \t]*#*[ \t]*$")
FENCE = re.compile(r"^ {0,3}(```|~~~)")
FRONT_MATTER = re.compile(r"\A---\n.*?\n---(?:\n|\Z)", re.DOTALL)
WORD = re.compile(r"\w")


class TextReader:
    """Reads .txt and .md; the document is known by the hash of its bytes."""

    suffixes = (".txt", ".md")

    def read(self, path: Path) -> Iterator[Record]:
        """Yield the file as one document of kind "full_text"; Markdown headings become sections.

        Line ends become "\\n". Raises DocumentRejected if the file is empty, binary or larger
        than `MAX_BYTES`.
        """
        data = whole(path, MAX_BYTES, hint="split the file into its works or chapters")
        text = re.sub(r"\r\n?", "\n", decode(data, printable(path.name)))
        if not text.strip():
            raise DocumentRejected(
                f"{printable(path.name)}: no text in the file", hint="leave it out"
            )
        sections: tuple[Section, ...] = ()
        title = ""
        if path.suffix.lower() == ".md":
            title, sections = _markdown(text)
        yield Document(
            doc_id=f"file:{hashlib.sha256(data).hexdigest()[:32]}",
            title=title or _first_line(text) or printable(path.stem),
            text=text,
            kind="full_text",
            sections=sections,
            origin=printable(path.name),
        )


def decode(data: bytes, name: str) -> str:
    """Decode text of unknown encoding: a byte order mark, UTF-8, GB18030 (Chinese), or Western
    European. Raises DocumentRejected, naming the file `name`, if the bytes are no text.
    """
    text = _decode(data)
    # A stray control character occurs in text; one in a hundred means it is something else.
    if text is None or len(CONTROL.findall(text)) > len(text) / 100:
        raise DocumentRejected(
            f"{name}: not a text file",
            hint="save it as UTF-8 text; other formats cannot be read under this name",
        )
    return text.replace("\x00", "")


def _decode(data: bytes) -> str | None:
    for mark, encoding in BOMS:
        if data.startswith(mark):
            return _try(data[len(mark) :], encoding)
    text = _try(data, "utf-8")
    if text is not None:
        return text
    # In Chinese text most bytes are beyond ASCII, in Western European text few are.
    beyond_ascii = len(data) - len(data.translate(None, bytes(range(128, 256))))
    if beyond_ascii > 0.3 * len(data) and (text := _try(data, "gb18030")) is not None:
        return text
    text = _try(data, "cp1252")
    return text if text is not None else data.decode("latin-1")


def _try(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None


def _first_line(text: str) -> str:
    for line in FRONT_MATTER.sub("", text).split("\n"):
        if WORD.search(line):
            return " ".join(line.split())[:TITLE_CHARACTERS]
    return ""


def _markdown(text: str) -> tuple[str, tuple[Section, ...]]:
    """The first heading and the sections: each heading with the text up to the next one."""
    headings: list[tuple[str, int, int]] = []  # label, start of its line, start of its content
    at = 0
    fenced = False
    for line in text.split("\n"):
        end = at + len(line) + 1
        if FENCE.match(line):
            fenced = not fenced
        elif not fenced and (heading := HEADING.match(line)) and heading[2]:
            headings.append((heading[2], at, min(end, len(text))))
        at = end
    if not headings:
        return "", ()
    ends = [start for _, start, _ in headings[1:]] + [len(text)]
    sections: list[Section] = []
    for (label, _, start), end in zip(headings, ends, strict=True):
        content = text[start:end]
        if content.strip():
            start += len(content) - len(content.lstrip())
            sections.append(Section(label, start, start + len(content.strip())))
    return headings[0][0][:TITLE_CHARACTERS], tuple(sections)
