"""The rows of a file of rows, CSV, TSV or JSON Lines: one at a time, with where each stands."""

from __future__ import annotations

import codecs
import csv
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain, zip_longest
from pathlib import Path

from vademecum.corpora.readers.fields import Row
from vademecum.corpora.readers.markup import normalise
from vademecum.corpora.readers.stream import chunks, printable
from vademecum.corpora.readers.text import CONTROL, encoding_of
from vademecum.errors import DocumentRejected

MAX_LINE = 16 << 20  # characters of one line, of one field, and of a row of several lines
MAX_COLUMNS = 2000
SAMPLE_BYTES = 1 << 20
END = "\0\n"  # a line that no table has: NUL is taken out of them
OLD_MAC = "its lines end in CR, as on old Macs: save it with line ends LF"
BEYOND_ASCII = re.compile(rb"[\x80-\xff]")


def is_json(path: Path) -> bool:
    """Whether its rows are objects of JSON, by its name."""
    return path.name.lower().removesuffix(".gz").endswith(("jsonl", "ndjson"))


def rows_of(path: Path) -> Iterator[tuple[str, Row | str]]:
    """Each row with where it stands, or why it cannot be taken. Raises DocumentRejected."""
    lines = _lines(path)
    return _json(lines, printable(path.name)) if is_json(path) else _table(lines, path)


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
        except RecursionError:
            yield where, "nested too deeply"
            continue
        except json.JSONDecodeError as error:
            yield where, f"not JSON: {normalise(str(error))[:100]}"
            continue
        except ValueError:  # the one other thing that Python refuses
            yield where, "a number of more digits than can be read"
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
            raise DocumentRejected(
                f"{name}: more than {MAX_COLUMNS:,} columns",
                hint="save it anew with those alone that are to be read",
            )
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
    the file ends within quotation marks, for a row of several lines that is longer than `MAX_LINE`,
    and for a line end that is none.
    """
    taken: list[str] = []
    number = 1

    def noted() -> Iterator[str]:
        length = 0
        for line in chain((line.replace("\0", "") for line in lines), [END]):
            length = len(line) + (length if taken else 0)
            if length > MAX_LINE and taken:  # no field may be so long, but a row may have many
                raise DocumentRejected(
                    f"{name}: not sound CSV: the row of line {number:,} goes on for more than "
                    f"{MAX_LINE >> 20} million characters",
                    hint="close its quotation marks, or double those that are part of the text",
                )
            taken.append(line)
            yield line

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
