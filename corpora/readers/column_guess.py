"""What the columns of a table may mean that has none with a usual name for its text: the lines that
are proposed for a file beside it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from vademecum.corpora.readers.fields import (
    FOLDER_MAP,
    KEPT,
    MAP,
    FieldMap,
    Row,
    is_short,
    text_of,
)
from vademecum.corpora.readers.stream import printable
from vademecum.errors import DocumentRejected

SAMPLE = 50  # rows that are looked at

DIGIT = re.compile(r"\d")
ONE_NUMBER = re.compile(r"(?=.*\d)\S+")  # "7", "F-12"
DAY = re.compile(r"\d{1,4}([-/.])\d{1,2}\1\d{1,4}\b.*|\d{1,2}:\d\d.*")


def unknown_text(rows: Sequence[Row], name: str, what: str) -> DocumentRejected:
    """Of the file of that name, whose text nobody can tell: with the columns that there are, and
    what they may be by the first of its rows."""
    names = ", ".join(repr(printable(column)[:40]) for column in list(rows[0])[:20])
    lines = (f"`{part} = {json.dumps(value, ensure_ascii=False)}`" for part, value in _guess(rows))
    return DocumentRejected(
        f"{name}: {what}; there are {names}"[:390],
        hint=f"write {name}{MAP} beside it (or {FOLDER_MAP} for the whole folder); by the "
        f"first rows, the lines may be {', '.join(lines)}",
    )


def _guess(rows: Sequence[Row]) -> Iterator[tuple[str, str | list[str]]]:
    """Which columns may be the text, the title and the id; usual names come first.

    The text is every column that becomes no other part, also where nothing stands in it here:
    followed to the letter, the lines lose none. Neither a title nor an id has a value twice: of a
    roster, the shift is no title and the day no id. The title is the longest value of several words
    beside a long text, which no small letter begins ("once a week"), or the first without digits:
    of that the others say something, and it stays in the text, with what its column is called. So
    does a first column of one word with digits, an id if it is no day: people ask by it.
    """
    row = rows[0]
    known = FieldMap.of(row, {})
    values = {name: text_of(row, name).strip() for name in row if name and name.isprintable()}
    longest = max(values, key=lambda name: len(values[name]), default="text")
    is_table = len(values) > 2
    is_prose = not (is_table and is_short(values[longest]))
    elsewhere = {name for part in KEPT for name in getattr(known, part)}
    filled = [name for name, value in values.items() if value and name not in elsewhere]
    telling = [name for name in filled if _tells_apart([text_of(one, name) for one in rows])]
    begun = [name for name in telling if " " in values[name] and not values[name][0].islower()]
    wordy = [name for name in begun if is_prose and name != longest]
    plain = [name for name in telling if is_table and not DIGIT.search(values[name])]
    titles = (*known.title, *sorted(wordy, key=lambda name: -len(values[name])), *plain)
    others = [name for name in titles if name in filled and not (is_prose and name == longest)]
    title = next(iter(others), "")
    first = next(iter(values), "")
    is_id = (
        first in telling
        and first != title
        and ONE_NUMBER.fullmatch(values[first])
        and not DAY.fullmatch(values[first])
    )
    # A title is cut where it is long; what is known as one seldom is.
    is_whole = title in known.title or (title in wordy and is_short(values[title]))
    parts = {*elsewhere, *known.id, *([title] if is_whole else [])}
    text = [name for name in values if name not in parts]
    yield "text", text if len(text) > 1 else next(iter(text), longest)
    ids = (*known.id, first) if is_id else known.id
    for part, names in (("title", (title,)), ("id", ids), ("date", known.date)):
        for name in [name for name in names if name in filled][:1]:
            yield part, name


def _tells_apart(values: Sequence[str]) -> bool:
    """Whether there is a value in each row, and another one."""
    stripped = [value.strip() for value in values]
    return all(stripped) and len(set(stripped)) == len(stripped)
