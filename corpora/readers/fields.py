"""What the columns of a table mean, and what stands in them.

That is guessed from their names, as far as no file beside the data tells it: `papers.csv` is
explained by `papers.csv.fields.toml`, or by `fields.toml` for the whole folder.
"""

from __future__ import annotations

import json
import re
import stat
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from vademecum.corpora.readers.markup import normalise
from vademecum.corpora.readers.stream import printable
from vademecum.errors import DocumentRejected

MAP = ".fields.toml"
FOLDER_MAP = "fields.toml"
MAP_BYTES = 1 << 20

SENTENCE = re.compile(r"[.!?]\W*\Z|[。！？]")  # in a text of few words
FEW_WORDS, FEW_LETTERS = 4, 40
WORDS = re.compile(r"[^\s_]+")

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
# What a document keeps as it stands; its text need not hold it.
KEPT = ("authors", "journal", "url", "doi", "pmid", "pmcid", "language", "licence", "keywords")
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
            found = place.stat()
            if not stat.S_ISREG(found.st_mode):  # to open a pipe may wait for ever
                raise _wrong_map(path, place, "it is not a regular file")
            if found.st_size > MAP_BYTES:
                raise _wrong_map(path, place, f"it is larger than {MAP_BYTES >> 20} MB")
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


def unread(row: Row, columns: FieldMap) -> tuple[str, ...]:
    """The columns of a row that become no part of a document."""
    taken = {name for part in fields(columns) for name in getattr(columns, part.name)}
    taken |= {name.partition(".")[0] for name in taken if name not in row}
    return tuple(name for name in row if name and name not in taken)


def is_short(value: str) -> bool:
    """Whether a value says little by itself: it has few words, and is no sentence."""
    few = len(value) <= FEW_LETTERS and len(value.split()) <= FEW_WORDS
    return few and not SENTENCE.search(value)


def raw(row: Row, name: str) -> Any:
    """A column's value as it came; in JSON, dots in its name lead inwards."""
    if name in row:
        return row[name]
    value: Any = row
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def told(row: Row, name: str) -> str:
    """A column's value as text. One of few words, and no sentence, says little without the name of
    its column, unless that says no more than that it is a text or a title."""
    value = text_of(row, name).strip()
    column = " ".join(WORDS.findall(name if name in row else name.rpartition(".")[2]))
    if not value or not is_short(value) or not column or column.lower() in OF_TEXTS:
        return value
    return f"{column}: {value}"


def text_of(row: Row, name: str) -> str:
    """A column's value; of a list, its parts as paragraphs."""
    found = raw(row, name)
    if isinstance(found, list):
        return "\n\n".join(filter(None, map(storable, found)))
    return storable(found)


def storable(value: Any) -> str:
    """A value as text that can be stored."""
    if value is None or isinstance(value, bool):
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    # JSON can hold halves of characters ("\ud800").
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return whole.replace("\0", "").replace("\r\n", "\n")
