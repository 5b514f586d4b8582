"""The records of a PubMed file as elements: a stream, a few at a time.

lxml's pull parser stops at the end of every element to ask whether anyone waits for it, which is a
third of its time. So a file is cut behind its records, and each piece is parsed at once, in the
file's own head. What is no document by itself (damage, a comment that holds an end tag, a file's
last piece, another root) goes through the pull parser, and so does all that follows it: it says
what is wrong. Behind what is wrong each record is parsed by itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any

from lxml import etree

from vademecum.corpora.readers.markup import normalise
from vademecum.corpora.readers.stream import DOWNLOAD_AGAIN, chunks, printable
from vademecum.errors import DocumentRejected

ROOTS = frozenset({"PubmedArticleSet", "MedlineCitationSet"})
RECORDS = ("PubmedArticle", "MedlineCitation", "DeleteCitation", "PubmedBookArticle")
WHOLE = frozenset(RECORDS)

# No entity, DTD or network access: a file from outside must not read ours. Limits on depth and
# text size stay on (huge_tree): a real record is far below them.
SAFE: dict[str, Any] = {
    "resolve_entities": False,
    "load_dtd": False,
    "no_network": True,
    "huge_tree": False,
    "remove_comments": True,
    "remove_pis": True,
}

PIECE_BYTES = 1 << 16  # the tree of a larger piece leaves the processor's cache before it is read
LONGEST_PIECE = 1 << 22  # without a record's end; records of thousands of authors have 2 MB
MOST_BETWEEN = 32 << 20  # bytes from one record's end to the next; their tree takes ten times that
# Of what the parser says: its place, which counts from where it took over, and advice for programs.
NO_NEWS = re.compile(r",? line \d+(?:, column \d+)?|, try XML_PARSE_HUGE")
# Each piece is parsed behind it: a long one would be most of the work.
HEAD = re.compile(rb".{0,4096}?<PubmedArticleSet(?:\s[^<>]{0,4096})?>", re.DOTALL)
RECORD = b"<PubmedArticle>"
RECORD_END = b"</PubmedArticle>"
ROOT_END = b"</PubmedArticleSet>"
# What the reader reads of those that may hold markup (`%text;` in the DTD).
MIXED = (
    "ArticleTitle",
    "VernacularTitle",
    "AbstractText",
    "CollectiveName",
    "Suffix",
    "Keyword",
)


def records(path: Path) -> Iterator[etree._Element]:
    """Yield the record elements in order; each is good until the next is asked for.

    Raises DocumentRejected (truncated or malformed file, one that goes on without records, another
    kind of XML) after yielding what is sound before and behind the damage.
    """
    pieces = _Pieces()
    root = etree.XMLPullParser(events=("start",), **SAFE)
    parser = etree.XMLPullParser(events=("end",), tag=RECORDS, **SAFE)
    count = between = 0
    empty = True
    root_seen = fed = False
    stream = _cut(chunks(path))
    piece, ended = b"", 0  # the latest, and how many records ended in it
    try:
        for piece in stream:
            empty, ended = False, 0
            root_seen = root_seen or _check_root(root, piece, path)
            if not fed:
                if (found := pieces.parse(piece)) is not None:
                    count += len(found)
                    yield from found
                    continue
                parser.feed(pieces.head)
                fed = True
            between += len(piece)
            try:
                parser.feed(piece)
            finally:
                # Also when this piece is malformed: the records before the fault are sound.
                for element in _drain(parser):
                    count += 1
                    between = 0
                    ended += element.tag == "PubmedArticle"
                    yield element
            # lxml does not raise for an unknown entity: it would begin a new document.
            if parser.feed_error_log.filter_from_fatals():
                break
            if between > MOST_BETWEEN:
                raise _damaged(path, count, f"no record ends in {MOST_BETWEEN >> 20} MB")
        if empty:
            raise DocumentRejected(
                f"{printable(path.name)}: the file is empty", hint="download it again"
            )
        if not fed:  # it ends with a record: the end of the root is missing
            parser.feed(pieces.head)
        if not parser.feed_error_log.filter_from_fatals():
            piece = b""  # nothing is behind the end
        parser.close()
    except etree.XMLSyntaxError as error:
        what = normalise(NO_NEWS.sub("", str(error.msg)))[:200]  # it quotes names of any length
        behind = 0
        for element in pieces.behind(piece, ended, stream):
            behind += 1
            yield element
        told = _damaged(path, count, "malformed XML", f": {what}")
        if behind:
            told.hint = (
                "mend it, or download it again; the sound records before and behind were read"
            )
        raise told from error


def _damaged(path: Path, count: int, what: str, why: str = "") -> DocumentRejected:
    """Damage behind so many records."""
    where = f"after record {count}" if count else "before the first record"
    return DocumentRejected(
        f"{printable(path.name)}: {what} {where}{why}",
        hint=DOWNLOAD_AGAIN if count else "download the file again",
    )


def _cut(stream: Iterator[bytes]) -> Iterator[bytes]:
    """The bytes of a stream in pieces that end with a record, but for the last."""
    held = bytearray()
    try:
        for chunk in stream:
            held += chunk
            if len(held) < PIECE_BYTES:
                continue
            end = held.rfind(RECORD_END) + len(RECORD_END)
            if end < len(RECORD_END):
                if len(held) < LONGEST_PIECE:
                    continue
                end = len(held)
            yield bytes(held[:end])
            del held[:end]
    except DocumentRejected:
        if held:
            yield bytes(held)
        raise
    if held:
        yield bytes(held)


class _Pieces:
    """Parses pieces that follow each other, as documents of their own.

    White space between two tags is left out of the tree, which is a fifth of a record's time,
    until markup is met: between `<i>a</i>` and `<b>b</b>` it is part of the text.
    """

    def __init__(self) -> None:
        self._parser = etree.XMLParser(remove_blank_text=True, **SAFE)
        self._blanks = False  # whether the parser keeps them
        self.head = b""  # of the file, with the root's start, once a piece was parsed

    def parse(self, piece: bytes) -> list[etree._Element] | None:
        """The records of a piece; None if it does not consist of whole ones."""
        if not piece.endswith(RECORD_END):
            return None
        head = self.head
        if head:
            piece = head + piece
        elif first := HEAD.match(piece):
            head = first[0]
        else:
            return None
        try:
            if not self.head:  # what looks like the root may be in a comment or an entity
                etree.fromstring(head + ROOT_END, self._parser)
        except etree.XMLSyntaxError:
            return None
        elements = self._parsed(piece)
        if elements is not None:
            self.head = head
        return elements

    def _parsed(self, document: bytes) -> list[etree._Element] | None:
        """The records of a document whose root is not closed; None if it is none, or has others."""
        try:
            elements = list(self._root(document + ROOT_END))
        except etree.XMLSyntaxError:
            return None
        return elements if {element.tag for element in elements} <= WHOLE else None

    def behind(self, piece: bytes, ended: int, stream: Iterator[bytes]) -> Iterator[etree._Element]:
        """The sound records behind a fault: that is in what follows so many ends of records in a
        piece, and `stream` goes on behind it."""
        if not self.head and (first := HEAD.match(piece)):
            self.head = first[0]
        if not self.head:
            return
        rest = RECORD_END.join(piece.split(RECORD_END)[ended:])
        with suppress(DocumentRejected):  # more damage: the first is told
            for more in chain([b""], stream):
                *parts, rest = (rest + more).split(RECORD_END)
                for part in parts:
                    yield from self._sound(part + RECORD_END)
                rest = rest[-LONGEST_PIECE:]
        yield from self._parsed(self.head + rest.partition(ROOT_END)[0]) or ()

    def _sound(self, part: bytes) -> list[etree._Element]:
        """What ends with the end of a record; if that is no document, the record alone, which may
        follow on the remains of another."""
        found = self._parsed(self.head + part)
        if found is None and b"<!" not in part:  # within a comment it would be none
            found = self._parsed(self.head + part[max(part.rfind(RECORD), 0) :])
        return found or []

    def _root(self, document: bytes) -> etree._Element:
        root = etree.fromstring(document, self._parser)
        if not self._blanks and any(map(len, root.iter(*MIXED))):
            self._parser = etree.XMLParser(**SAFE)
            self._blanks = True
            root = etree.fromstring(document, self._parser)
        return root


def _check_root(root: etree.XMLPullParser, chunk: bytes, path: Path) -> bool:
    """Look for the root element; True once it was seen. Another kind of XML is turned away
    here, before a tree is built of it."""
    with suppress(etree.XMLSyntaxError):  # the parser of the records reports it
        root.feed(chunk)
    for element in _events(root):
        if element.tag in WHOLE:
            raise DocumentRejected(
                f"{printable(path.name)}: begins with <{element.tag}>: the tag around all records, "
                "<PubmedArticleSet>, is missing or damaged",
                hint="download the file again; records of your own go between <PubmedArticleSet> "
                "and </PubmedArticleSet>",
            )
        if element.tag not in ROOTS:
            tag = str(element.tag)[:100]  # as long as somebody made it
            raise DocumentRejected(
                f"{printable(path.name)}: not a PubMed file, its root element is <{tag}>",
                hint=f"PubMed files have the root {' or '.join(sorted(ROOTS))}",
            )
        return True
    return False


def _drain(parser: etree.XMLPullParser) -> Iterator[etree._Element]:
    for element in _events(parser):
        parent = element.getparent()
        if parent is None or parent.tag not in ROOTS:
            continue  # the MedlineCitation of a PubmedArticle, which comes as a whole
        yield element
        element.clear()
        while element.getprevious() is not None:
            del parent[0]


def _events(parser: etree.XMLPullParser) -> Iterator[etree._Element]:
    """The elements of the events at hand; these parsers report no others."""
    for _, element in parser.read_events():
        if isinstance(element, etree._Element):
            yield element
