"""Plain text and Markdown: one file, one document."""

from __future__ import annotations

import codecs
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import charset_normalizer

from vademecum.corpora.document import Document, Record, Section
from vademecum.corpora.readers.headings import LINE, headings
from vademecum.corpora.readers.stream import printable, whole
from vademecum.corpora.readers.titles import as_title
from vademecum.errors import DocumentRejected, EmptyFile

MAX_BYTES = 64 << 20
MAX_HEADINGS = 1_000_000  # they take 270 bytes each

SAMPLE_BYTES = 1 << 16  # of a text, to guess its encoding

BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark is the start of this one
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
LATIN = frozenset(
    "ascii cp037 cp1026 cp1140 cp1250 cp1252 cp1254 cp1257 cp1258 cp273 cp437 cp500 cp775 cp850 "
    "cp852 cp857 cp858 cp860 cp861 cp863 cp865 hp_roman8 iso8859_2 iso8859_3 iso8859_4 iso8859_9 "
    "iso8859_10 iso8859_13 iso8859_14 iso8859_15 iso8859_16 latin_1 mac_iceland mac_latin2 "
    "mac_roman mac_turkish".split()
)
# The commonest characters of Chinese prose and law.
COMMON = frozenset("的一是不了在有人和为以及于中用对等第条定法者与其可或按应当国大上个本")
CENTRAL = frozenset({"Polish", "Czech", "Slovak", "Hungarian"})
CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f-\x9f\ufffe\uffff]")
FRONT_MATTER = re.compile(r"\A---\n.*?\n---(?:\n|\Z)", re.DOTALL)
WORD = re.compile(r"\w")


@dataclass(frozen=True, slots=True)
class Facts:
    """What a text says of itself."""

    title: str = ""
    date: str = ""
    language: str = ""


class TextReader:
    """Reads .txt and .md; the document is known by the hash of its bytes."""

    suffixes = (".txt", ".md")

    def read(self, path: Path) -> Iterator[Record]:
        """Yield the file as one document of kind "full_text"; Markdown headings become sections.

        Line ends become "\\n". Raises EmptyFile, and DocumentRejected if the file is binary, larger
        than `MAX_BYTES`, or has more headings than `MAX_HEADINGS`.
        """
        data = whole(path, MAX_BYTES, hint="split the file into its works or chapters")
        text = re.sub(r"\r\n?", "\n", decode(data, printable(path.name)))
        if not text.strip():
            raise EmptyFile(f"{printable(path.name)}: no text in the file", hint="leave it out")
        sections, facts = self.structure(text, path)
        yield Document(
            doc_id=f"file:{hashlib.sha256(data).hexdigest()[:32]}",
            title=facts.title or _first_line(text) or printable(path.stem),
            text=text,
            kind="full_text",
            sections=sections,
            date=facts.date,
            language=facts.language,
            origin=printable(path.name),
        )

    def structure(self, text: str, path: Path) -> tuple[tuple[Section, ...], Facts]:
        """The sections of the text, and what it says of itself."""
        if path.suffix.lower() != ".md":
            return (), Facts()
        title, sections = _markdown(text, printable(path.name))
        return sections, Facts(title)


def decode(data: bytes, name: str, *, whole: bool = True) -> str:
    """Decode text of unknown encoding. Raises DocumentRejected, naming the file `name`, if the
    bytes are no text.

    Not `whole`: the beginning of a text, perhaps cut within a character.
    """
    decoder = codecs.getincrementaldecoder(encoding_of(data, whole=whole))()
    try:
        text = decoder.decode(data, final=whole)
    except UnicodeDecodeError:
        text = None
    # A stray control character occurs in text; one in a hundred means it is something else.
    if text is None or len(CONTROL.findall(text)) > len(text) / 100:
        raise DocumentRejected(
            f"{name}: not a text file",
            hint="save it as UTF-8 text; other formats cannot be read under this name",
        )
    return text.replace("\x00", "")


def encoding_of(data: bytes, *, whole: bool = True) -> str:
    """The name of the encoding that text is probably in: by its byte order mark, UTF-8 if it is
    that, otherwise by what its letters would be. UTF-8 where nothing fits.
    """
    for mark, encoding in BOMS:
        if data.startswith(mark):
            return encoding
    if _fits(data, "utf-8", whole):
        return "utf-8"
    if _is_chinese(data[:SAMPLE_BYTES]) and _fits(data, "gb18030", whole):
        return "gb18030"
    guess = charset_normalizer.from_bytes(data[:SAMPLE_BYTES]).best()
    name = guess.encoding if guess else ""
    if guess and name not in LATIN:
        return name if _fits(data, name, whole) else "utf-8"
    # Letters of Western Europe are the same bytes as others of Central Europe; only where words
    # are surely of one of these languages, they are taken for it.
    if guess and guess.language in CENTRAL:
        name = "cp1250" if name == "cp1250" else "iso8859_2"
        if _fits(data, name, whole):
            return name
    return "cp1252" if _fits(data, "cp1252", whole) else "latin-1"


def _is_chinese(sample: bytes) -> bool:
    """Whether bytes read as GB18030 make words; a guess by letters needs more text than this."""
    text = sample.decode("gb18030", "ignore")
    beyond_ascii = len(text.encode("ascii", "ignore")) < 0.7 * len(text)
    common = sum(letter in COMMON for letter in text)
    kana = sum("\u3041" <= letter <= "\u30ff" for letter in text)
    return beyond_ascii and common > 0.08 * len(text) and kana < 0.05 * len(text)


def _fits(data: bytes, encoding: str, whole: bool) -> bool:
    try:
        codecs.getincrementaldecoder(encoding)().decode(data, final=whole)
    except (LookupError, UnicodeDecodeError):
        return False
    return True


def _first_line(text: str) -> str:
    for line in LINE.finditer(FRONT_MATTER.sub("", text)):
        if WORD.search(line[0]):
            return as_title(line[0])
    return ""


def _markdown(text: str, name: str) -> tuple[str, tuple[Section, ...]]:
    """The first heading and the sections: each heading with the text up to the next one."""
    found = list(islice(headings(text), MAX_HEADINGS + 1))
    if len(found) > MAX_HEADINGS:
        raise DocumentRejected(
            f"{name}: more than {MAX_HEADINGS:,} headings",
            hint="split the file into its works or chapters",
        )
    if not found:
        return "", ()
    labels = [text[heading.first : heading.last] for heading in found]
    ends = [heading.start for heading in found[1:]] + [len(text)]
    sections: list[Section] = []
    for label, heading, end in zip(labels, found, ends, strict=True):
        start = heading.end
        content = text[start:end]
        if content.strip():
            start += len(content) - len(content.lstrip())
            sections.append(Section(label, start, start + len(content.strip())))
    return as_title(labels[0]), tuple(sections)
