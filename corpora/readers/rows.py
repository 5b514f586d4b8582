"""Tables and lists of records: CSV, TSV and JSON Lines, a document for each row.

`records` gives the rows, `fields` says what their columns mean.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from vademecum.corpora.document import UNIVERSAL, Document, Record, Rejection
from vademecum.corpora.readers.column_guess import SAMPLE, unknown_text
from vademecum.corpora.readers.dates import iso_date
from vademecum.corpora.readers.fields import (
    MAP,
    FieldMap,
    Row,
    Stated,
    maps_of,
    raw,
    stated_beside,
    storable,
    text_of,
    told,
    unread,
)
from vademecum.corpora.readers.languages import language_code
from vademecum.corpora.readers.licences import licence_name
from vademecum.corpora.readers.markup import normalise
from vademecum.corpora.readers.records import is_json, rows_of
from vademecum.corpora.readers.stream import printable
from vademecum.corpora.readers.titles import as_title
from vademecum.errors import DocumentRejected

ID_BYTES = 200  # of an id as it is: an index drops what is too long for it (tantivy 65,530)
ID_HEAD = 100  # of a longer one
NAMED = 10  # columns that are not read

DATE = re.compile(r"(\d{4})(?:[-/.](\d{1,2})(?:[-/.](\d{1,2}))?)?(?!\d)")
PMCID = re.compile(r"(?:PMC)?(\d+)", re.IGNORECASE)
NAMES = re.compile(r"\s*;\s*")


@dataclass(slots=True)
class _Rows:
    """What has been seen of a file."""

    name: str
    stem: str
    stated: Stated
    is_table: bool  # all of its rows have the same columns
    seen: dict[str, bytes] = field(default_factory=dict)  # ids, and what stood under them
    told: bool = False  # which columns are not read


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
        row under the id of another is kept, its id made longer. The columns of the first row that
        are not read are yielded as a rejection, too. Raises DocumentRejected if no column is known
        to be the text, or the file is no text or damaged.
        """
        name = printable(path.name)
        stem = name.lower().removesuffix(".gz").rpartition(".")[0]
        rows = _Rows(name, stem, stated_beside(path), not is_json(path))
        records = rows_of(path)
        for where, row in records:
            if isinstance(row, str):
                yield Rejection(where, row)
            else:
                if not rows.seen and (why := _no_text(row, rows)):
                    raise unknown_text([row, *_next(records)], rows.name, why)
                yield _document(row, where, rows)
                yield from _left_out(row, rows)


def _left_out(row: Row, rows: _Rows) -> Iterator[Rejection]:
    columns = () if rows.told else unread(row, FieldMap.of(row, rows.stated))
    rows.told = True
    if columns:
        names = ", ".join(repr(printable(column)[:40]) for column in columns[:NAMED])
        more = f" and {len(columns) - NAMED:,} more" if len(columns) > NAMED else ""
        why = f"not read until {rows.name}{MAP} names them: {names}{more}"
        yield Rejection(f"{rows.name}, columns", why, harmless=True)


def _no_text(row: Row, rows: _Rows) -> str:
    """Why the text of the first row cannot be told, "" if it can."""
    columns = FieldMap.of(row, rows.stated).text
    if not columns:
        return "no column is known to be the text"
    if rows.is_table and not any(name in row for name in columns):
        return f"there is no column {', '.join(map(repr, columns))}"
    return ""


def _next(records: Iterator[tuple[str, Row | str]]) -> Iterator[Row]:
    """Some more rows, as far as they can be read."""
    with suppress(DocumentRejected):
        for _, row in islice(records, SAMPLE - 1):
            if not isinstance(row, str):
                yield row


def _document(row: Row, where: str, rows: _Rows) -> Record:
    columns = FieldMap.of(row, rows.stated)
    text = "\n\n".join(filter(None, (told(row, name) for name in columns.text)))
    if not text:
        return Rejection(where, "no text")

    def one(names: tuple[str, ...]) -> str:
        return next((found for name in names if (found := normalise(text_of(row, name)))), "")

    def several(names: tuple[str, ...]) -> tuple[str, ...]:
        given = next((found for name in names if (found := raw(row, name))), "")
        parts = given if isinstance(given, list) else NAMES.split(storable(given))
        return tuple(dict.fromkeys(filter(None, (normalise(storable(part)) for part in parts))))

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


def _date(text: str) -> str:
    found = DATE.match(text)
    return iso_date(found[1], found[2] or "", found[3] or "") if found else ""
