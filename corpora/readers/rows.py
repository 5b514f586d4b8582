"""Tables and lists of records: CSV, TSV and JSON Lines, a document for each row.

Which columns mean what is guessed from their names, as far as no file beside the data tells it:
`papers.csv` is explained by `papers.csv.fields.toml`, or by `fields.toml` for the whole folder.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

from vademecum.corpora.document import UNIVERSAL, Document, Record, Rejection
from vademecum.corpora.readers.dates import iso_date
from vademecum.corpora.readers.languages import language_code
from vademecum.corpora.readers.licences import licence_name
from vademecum.corpora.readers.markup import normalise
from vademecum.corpora.readers.stream import chunks, printable
from vademecum.corpora.readers.text import CONTROL, encoding_of
from vademecum.corpora.readers.titles import as_title
from vademecum.errors import DocumentRejected

MAX_LINE = 16 << 20  # characters of one line, and of one field
MAX_COLUMNS = 2000
SAMPLE_BYTES = 1 << 20
ID_BYTES = 200  # of an id as it is: an index drops what is too long for it (tantivy 65,530)
ID_HEAD = 100  # of a longer one
END = "\0\n"  # a line that no table has: NUL is taken out of them
OLD_MAC = "its lines end in CR, as on old Macs: save it with line ends LF"
MAP = ".fields.toml"
FOLDER_MAP = "fields.toml"

DATE = re.compile(r"(\d{4})(?:[-/.](\d{1,2})(?:[-/.](\d{1,2}))?)?(?!\d)")
PMCID = re.compile(r"(?:PMC)?(\d+)", re.IGNORECASE)
BEYOND_ASCII = re.compile(rb"[\x80-\xff]")
SENTENCE = re.compile(r"[.!?]\W*\Z|[。！？]")  # in a text of few words
FEW_WORDS, FEW_LETTERS = 4, 40
WORDS = re.compile(r"[^\s_]+")
NAMES = re.compile(r"\s*;\s*")

Row = Mapping[str, Any]
Stated = Mapping[str, tuple[str, ...]]  # the columns of each part, as far as somebody said them

# What columns are called when nobody says what they mean; the first that is there is taken.
USUAL: dict[str, tuple[str, ...]] = {
    "text": ("text", "abstract", "body", "content", "contents", "passage", "full_text", "answer"),
    "title": ("title", "headline", "question", "name", "subject"),
    "id": ("id", "_id", "doc_id", "document_id", "key", "uid"),
    "authors": ("authors", "author"),
    "journal": ("journal", "source", "publisher"),
    "date": ("date", "published", "publication_date", "pub_date", "year"),
    "url": ("url", "link", "uri"),
    "doi": ("doi",),
    "pmid": ("pmid", "pubmed_id"),
    "pmcid": ("pmcid", "pmc"),
    "language": ("language", "lang"),
    "licence": ("licence", "license"),
    "keywords": ("keywords", "tags"),
}
OF_TEXTS = frozenset(name.replace("_", " ") for name in (*USUAL["text"], *USUAL["title"]))


@dataclass(frozen=True, slots=True)
class FieldMap:
    """The columns that each part of a document comes from.

    Several columns for `text` become paragraphs; for anything else the first that has a value
    counts. In JSON a dot leads inwards: `metadata.url`.
    """

    text: tuple[str, ...] = ()
    title: tuple[str, ...] = ()
    id: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    journal: tuple[str, ...] = ()
    date: tuple[str, ...] = ()
    url: tuple[str, ...] = ()
    doi: tuple[str, ...] = ()
    pmid: tuple[str, ...] = ()
    pmcid: tuple[str, ...] = ()
    language: tuple[str, ...] = ()
    licence: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()

    @classmethod
    def of(cls, columns: Iterable[str], stated: Stated) -> FieldMap:
        """What was stated; for the other parts the usual names, whatever their case, among the
        columns that nothing was stated of."""
        taken = {name for names in stated.values() for name in names}
        there = {name.strip().lower(): name for name in columns if name not in taken}
        usual = {
            part: tuple(there[name] for name in names if name in there)[:1]
            for part, names in USUAL.items()
        }
        return cls(**usual | dict(stated))


def stated_beside(path: Path) -> Stated:
    """What a file beside the data says, nothing if there is none; raises DocumentRejected if that
    makes no sense."""
    for place in maps_of(path):
        try:
            raw = tomllib.loads(place.read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue
        except (OSError, ValueError, RecursionError) as error:
            raise _wrong_map(path, place, normalise(str(error))) from error
        known = {each.name for each in fields(FieldMap)}
        stated: dict[str, tuple[str, ...]] = {}
        for name, value in raw.items():
            named = [value] if isinstance(value, str) else value
            if name not in known:
                raise _wrong_map(path, place, f"{name!r} is not one of {', '.join(known)}")
            if not isinstance(named, list) or not all(isinstance(one, str) for one in named):
                raise _wrong_map(path, place, f"{name!r} is no column's name and no list")
            stated[name] = tuple(named)
        if not stated.get("text"):
            raise _wrong_map(path, place, "it names no column for 'text'")
        return stated
    return {}


def maps_of(path: Path) -> tuple[Path, ...]:
    """Where a map of fields may lie; the first that is there counts."""
    return (path.with_name(path.name + MAP), path.with_name(FOLDER_MAP))


def _wrong_map(path: Path, place: Path, what: str) -> DocumentRejected:
    return DocumentRejected(
        f"{printable(path.name)}: {printable(place.name)} cannot be followed: {what[:200]}",
        hint='write lines like `text = "abstract"` or `text = ["question", "answer"]`',
    )


@dataclass(slots=True)
class _Rows:
    """What has been seen of a file."""

    name: str
    stem: str
    stated: Stated
    is_table: bool  # all of its rows have the same columns
    seen: dict[str, bytes] = field(default_factory=dict)  # ids, and what stood under them


class RowReader:
    """Reads .csv, .tsv, .jsonl and .ndjson (also .gz), a row at a time: memory does not grow
    with the file, except for the ids of its rows."""

    suffixes = tuple(
        suffix + packed
        for suffix in (".csv", ".tsv", ".jsonl", ".ndjson")
        for packed in ("", ".gz")
    )

    def guides(self, path: Path) -> tuple[Path, ...]:
        """The maps of fields."""
        return maps_of(path)

    def read(self, path: Path) -> Iterator[Record]:
        """Yield each row as a document: of kind "abstract" where its text is the column of that
        name and no other, else "full_text".

        Rows without text, that stood before, or that cannot be read are yielded as rejections. A
        row under the id of another is kept, its id made longer. Raises DocumentRejected if no
        column is known to be the text, or the file is no text or damaged.
        """
        name = printable(path.name)
        stem = name.lower().removesuffix(".gz").rpartition(".")[0]
        is_json = path.name.lower().removesuffix(".gz").endswith(("jsonl", "ndjson"))
        rows = _Rows(name, stem, stated_beside(path), not is_json)
        lines = _lines(path)
        for where, row in _json(lines, name) if is_json else _table(lines, path):
            if isinstance(row, str):
                yield Rejection(where, row)
            else:
                yield _document(row, where, rows)


def _lines(path: Path) -> Iterator[str]:
    """Lines with their ends, decoded; none longer than `MAX_LINE`."""
    name = printable(path.name)
    encoding = _encoding(path)
    decoder = codecs.getincrementaldecoder(encoding)()
    rest = ""
    number = 0
    for piece in chain(chunks(path), [b""]):
        try:
            text = rest + decoder.decode(piece, final=not piece)
        except UnicodeDecodeError as error:
            raise DocumentRejected(
                f"{name}: not a text file in {encoding} behind line {number:,}",
                hint="save it as UTF-8 text",
            ) from error
        found = text.split("\n")
        rest = found.pop()
        if len(rest) > MAX_LINE or any(len(line) > MAX_LINE for line in found):
            raise DocumentRejected(
                f"{name}: line {number + 1:,} or one of the next is longer than "
                f"{MAX_LINE >> 20} million characters",
                hint=OLD_MAC if "\r" in rest else "a row has to be a line; split it",
            )
        number += len(found)
        for line in found:
            yield f"{line}\n"
    if not number and "\r" in rest.rstrip():
        raise DocumentRejected(f"{name}: all of it is one line", hint=OLD_MAC)
    if rest:
        yield rest


def _encoding(path: Path) -> str:
    """What the first letters that are not ASCII are written in, however late they come: what is
    before them is the same in all encodings without a byte order mark, and would hide them."""
    sample = bytearray()
    is_whole = False
    with suppress(DocumentRejected):  # what comes before the damage can be read
        for number, piece in enumerate(chunks(path)):
            if sample:
                sample += piece
            elif found := BEYOND_ASCII.search(piece):
                line = piece.rfind(b"\n", 0, found.start()) + 1
                sample += piece[line:] if number else piece
            if len(sample) >= SAMPLE_BYTES:
                break
        else:
            is_whole = True
    return encoding_of(bytes(sample), whole=is_whole)


def _json(lines: Iterator[str], name: str) -> Iterator[tuple[str, Row | str]]:
    for number, line in enumerate(lines, 1):
        where = f"{name}, line {number}"
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            told = normalise(str(error))[:100] or "nested too deeply"
            yield where, f"not JSON: {told}"
            continue
        if isinstance(row, dict):
            yield where, row
        else:
            yield where, f"a {type(row).__name__} and not an object"


def _table(lines: Iterator[str], path: Path) -> Iterator[tuple[str, Row | str]]:
    name = printable(path.name)
    first = next(lines, "")
    if not first.strip():
        raise DocumentRejected(f"{name}: no header in its first line", hint="leave it out")
    if len(CONTROL.findall(first)) > len(first) / 100:
        raise DocumentRejected(f"{name}: not a text file", hint="save it as CSV in UTF-8")
    tabbed = path.name.lower().removesuffix(".gz").endswith(".tsv")
    separator = "\t" if tabbed else max(",;\t|", key=first.count)
    before = csv.field_size_limit(MAX_LINE)
    try:
        records = _records(chain([first], lines), separator, name)
        _, names, is_torn = next(records)
        if is_torn:
            raise _unclosed(name, 1)
        header = [column.strip() for column in names]
        if len(header) > MAX_COLUMNS:
            raise DocumentRejected(f"{name}: more than {MAX_COLUMNS:,} columns", hint="split it")
        for number, row, is_torn in records:
            where = f"{name}, line {number}"
            if is_torn:
                yield where, "a quotation mark is not closed where its field ends"
            elif not any(row):
                continue
            elif len(row) > len(header):
                yield where, f"{len(row)} fields, and the header names {len(header)}"
            else:
                yield where, dict(zip_longest(header, row, fillvalue=""))
    finally:
        csv.field_size_limit(before)


def _records(
    lines: Iterable[str], separator: str, name: str
) -> Iterator[tuple[int, list[str], bool]]:
    """The number of a row's first line, its fields, and whether it has taken in other rows, for a
    quotation mark of it is not closed.

    A mark within a field (`"Aspirin" helps`) is read as it stands. Raises DocumentRejected where
    the file ends within quotation marks, and for a line end that is none.
    """
    taken: list[str] = []

    def noted() -> Iterator[str]:
        for line in chain((line.replace("\0", "") for line in lines), [END]):
            taken.append(line)
            yield line

    number = 1
    reader = csv.reader(noted(), delimiter=separator, strict=False)
    try:
        for row in reader:
            if taken == [END]:
                return
            if taken[-1] == END:
                raise _unclosed(name, number)
            yield number, row, len(taken) > 1 and _is_torn("".join(taken), separator)
            number = reader.line_num + 1
            taken.clear()
    except csv.Error as error:
        if "new-line" in str(error):
            told = f"{name}: not sound CSV: a line end (CR) within line {reader.line_num:,}"
            raise DocumentRejected(told, hint=OLD_MAC) from error
        raise _unclosed(name, number) from error


def _unclosed(name: str, number: int) -> DocumentRejected:
    return DocumentRejected(
        f"{name}: not sound CSV: a quotation mark in the row of line {number:,} is never closed",
        hint="close it, or double it where it is part of the text",
    )


def _is_torn(row: str, separator: str) -> bool:
    """Whether text follows on quotation marks around several lines: what closed them was then a
    mark of another row."""
    end = re.escape(separator)
    part = re.compile(rf'(?:"([^"]*+(?:""[^"]*+)*+)")?+([^{end}\r\n]*+)(?:{end}|[\r\n]*\Z)')
    return any("\n" in (found[1] or "") and found[2].strip() for found in part.finditer(row))


def _document(row: Row, where: str, rows: _Rows) -> Record:
    columns = FieldMap.of(row, rows.stated)
    if rows.is_table and not rows.seen and columns.text and not any(n in row for n in columns.text):
        named = ", ".join(map(repr, columns.text))
        raise _unknown_text(row, rows, f"there is no column {named}")
    if not columns.text and rows.seen:
        return Rejection(where, "no text")
    if not columns.text:
        raise _unknown_text(row, rows, "no column is known to be the text")
    text = "\n\n".join(filter(None, (_told(row, name) for name in columns.text)))
    if not text:
        return Rejection(where, "no text")

    def one(names: tuple[str, ...]) -> str:
        return next((found for name in names if (found := normalise(_value(row, name)))), "")

    def several(names: tuple[str, ...]) -> tuple[str, ...]:
        raw = next((found for name in names if (found := _find(row, name))), "")
        parts = raw if isinstance(raw, list) else NAMES.split(_string(raw))
        return tuple(dict.fromkeys(filter(None, (normalise(_string(part)) for part in parts))))

    pmid, pmcid = one(columns.pmid), PMCID.fullmatch(one(columns.pmcid))
    is_abstract = [name.strip().lower() for name in columns.text] == ["abstract"]
    document = Document(
        doc_id="",
        title=as_title(one(columns.title) or text[:1000]),
        text=text,
        kind="abstract" if is_abstract else "full_text",
        authors=several(columns.authors),
        journal=one(columns.journal),
        date=_date(one(columns.date)),
        url=one(columns.url),
        doi=one(columns.doi).removeprefix("https://doi.org/"),
        pmcid=f"PMC{pmcid[1]}" if pmcid else "",
        pmid=pmid if pmid.isascii() and pmid.isdecimal() else "",
        language=language_code(one(columns.language)),
        keywords=several(columns.keywords),
        licence=licence_name(one(columns.licence)),
        origin=rows.name,
    )
    content = hashlib.sha256(document.to_json().encode()).digest()
    named = one(columns.id)
    doc_id = _id(rows.stem, named) if named else f"row:{content.hex()[:32]}"
    if rows.seen.get(doc_id, content[:8]) != content[:8]:
        doc_id += f"~{content.hex()[:8]}"  # another row under the same id
    if doc_id in rows.seen:
        return Rejection(where, "the same row again", harmless=True)
    rows.seen[doc_id] = content[:8]
    return replace(document, doc_id=doc_id)


def _id(stem: str, named: str) -> str:
    """Of a row with an id: never that of another kind of document (`pmid.csv`), and never long:
    the beginning and the hash of a long one."""
    doc_id = f"{stem}:{named}"
    if doc_id.startswith(UNIVERSAL):
        doc_id = f"table-{doc_id}"
    whole = doc_id.encode()
    if len(whole) <= ID_BYTES:
        return doc_id
    head = whole[:ID_HEAD].decode(errors="ignore")
    return f"{head}~{hashlib.sha256(whole).hexdigest()[:32]}"


def _unknown_text(row: Row, rows: _Rows, what: str) -> DocumentRejected:
    """With the columns that there are, and what they may be."""
    names = ", ".join(repr(printable(name)[:40]) for name in list(row)[:20])
    lines = (f"`{part} = {json.dumps(name, ensure_ascii=False)}`" for part, name in _guess(row))
    return DocumentRejected(
        f"{rows.name}: {what}; there are {names}"[:390],
        hint=f"write {rows.name}{MAP} beside it (or {FOLDER_MAP} for the whole folder); by the "
        f"first row, the lines may be {', '.join(lines)}",
    )


def _guess(row: Row) -> Iterator[tuple[str, str]]:
    """Which columns may be the text, the title and the id, by one row: the longest value, the
    longest of several words among the others, the first of one word; usual names come first."""
    known = FieldMap.of(row, {})
    values = {name: _value(row, name).strip() for name in row if name.isprintable()}
    text = max(values, key=lambda name: len(values[name]), default="text")
    yield "text", text
    others = [name for name, value in values.items() if name != text and value]
    wordy = [name for name in others if " " in values[name]]
    title = next(iter(known.title), max(wordy, key=lambda name: len(values[name]), default=""))
    id_ = next(iter(known.id), next((n for n in others if n != title and n not in wordy), ""))
    for part, name in (("title", title), ("id", id_)):
        if name in others:
            yield part, name


def _find(row: Row, name: str) -> Any:
    """A column's value; in JSON, dots in its name lead inwards."""
    if name in row:
        return row[name]
    value: Any = row
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _told(row: Row, name: str) -> str:
    """A column's value as text. One of few words, and no sentence, says little without the name of
    its column, unless that says no more than that it is a text or a title."""
    value = _value(row, name).strip()
    is_short = 0 < len(value) <= FEW_LETTERS and len(value.split()) <= FEW_WORDS
    column = " ".join(WORDS.findall(name if name in row else name.rpartition(".")[2]))
    if not is_short or SENTENCE.search(value) or not column or column.lower() in OF_TEXTS:
        return value
    return f"{column}: {value}"


def _value(row: Row, name: str) -> str:
    found = _find(row, name)
    if isinstance(found, list):
        return "\n\n".join(filter(None, map(_string, found)))
    return _string(found)


def _string(value: Any) -> str:
    """A value as text that can be stored."""
    if value is None or isinstance(value, bool):
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    # JSON can hold halves of characters ("\ud800").
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return whole.replace("\0", "").replace("\r\n", "\n")


def _date(text: str) -> str:
    found = DATE.match(text)
    return iso_date(found[1], found[2] or "", found[3] or "") if found else ""
