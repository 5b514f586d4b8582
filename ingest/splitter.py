"""Documents into passages that fit the embedder: by section, then paragraph, then sentence.

A section that fits is a passage; one that does not is cut (`cutting.py`), and short neighbours
are joined. A document that fits whole, as most abstracts do, stays whole.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from itertools import pairwise

from vademecum.corpora.document import Document, Passage
from vademecum.corpora.sections import BETWEEN, Part, Path, common, parts_of, trimmed
from vademecum.ingest.cutting import STRETCH, Lengths, cut, grouped
from vademecum.ingest.heading import heading_of
from vademecum.model.interface import TokenCounter

VERSION = 3  # raise it when the same text would be cut differently, or embedded with other words

PASSAGE_TOKENS = 384  # more would be too much to cite as one passage
SHORT = 1 / 3  # of the room for a passage: what is shorter says little by itself

# What distinguishes tokenizers in the fingerprint.
PROBE = (
    "Acetylsalicylic acid 81 mg reduced the risk (RR 0.72; 95% CI 0.61-0.85).",
    "阿司匹林可降低风险。",
    "β₂-adrenoceptor",
)


def splitter_for(embedder: TokenCounter) -> Splitter:
    """Passages that fit the embedder together with their headings."""
    return Splitter(embedder.count_tokens, embedder.max_tokens, PASSAGE_TOKENS)


class Splitter:
    """Cuts documents into passages that take at most `max_tokens` tokens with their headings.

    `count_tokens` counts each text of a list as the embedder will see it, special tokens
    included if it counts them. A passage alone takes at most `most` (None: what the embedder
    takes). Raises ValueError on sizes that leave no room for text.
    """

    def __init__(
        self,
        count_tokens: Callable[[Sequence[str]], list[int]],
        max_tokens: int,
        most: int | None = None,
    ) -> None:
        self._count_tokens = count_tokens
        self._special = count_tokens([""])[0]
        self._whole = max_tokens - self._special
        self._most = min(max_tokens, most or max_tokens) - self._special
        if self._most < 1:
            raise ValueError(f"max_tokens must be more than {self._special}, got {max_tokens}")

    @property
    def fingerprint(self) -> str:
        """Equal for two splitters that cut every text alike; 16 hexadecimal digits."""
        identity = [VERSION, self._whole, self._most, self._count_tokens(PROBE)]
        return hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:16]

    def split(self, document: Document) -> list[Passage]:
        """The passages in order. Every character that is not white space is in one, and
        `document.text[start:end] == passage.text`.

        A passage is too long only where one character (with its combining marks) is, or where a
        heading takes more than half of what the embedder takes.
        """
        text = document.text
        lengths = Lengths(self._count_tokens, self._special)
        short = len(text) <= STRETCH
        lengths.learn([text, heading_of(document, "")] if short else [])

        def room(path: Path) -> int:
            heading = lengths(heading_of(document, BETWEEN.join(path)))
            return min(self._most, max(self._whole - heading, self._whole // 2, 1))

        if short and lengths(text) <= room(()):
            spans = [(0, len(text))]
        else:
            spans = _Pieces(document, lengths, room).spans()
        passages: list[Passage] = []
        for start, end in (trimmed(text, *span) for span in spans):
            if start < end:
                ordinal = len(passages)
                passages.append(Passage(document.doc_id, ordinal, start, end, text[start:end]))
        return passages


class _Pieces:
    """Sections and parts of sections of a document, each small enough for a passage.

    `room` says how many tokens there are for a passage under a path of headings.
    """

    def __init__(self, document: Document, lengths: Lengths, room: Callable[[Path], int]) -> None:
        self._text = document.text
        self._parts = parts_of(document)
        self._whole_work = document.kind == "abstract"  # its sections are one top section
        self._lengths = lengths
        self._room = room

    def spans(self) -> list[tuple[int, int]]:
        """Where the passages stand: sections are cut, then short neighbours joined, those first
        that have most headings in common."""
        pieces = self._cut()
        deepest = max(len(piece.path) for piece in pieces)
        for depth in range(deepest, -1, -1):
            # A short piece goes with what follows, else with what stands before it.
            pieces = self._join(pieces, depth, short=0)
            pieces = self._join(pieces, depth, short=1)
        return [(piece.start, piece.end) for piece in pieces]

    def _cut(self) -> list[Part]:
        pieces: list[Part] = []
        for parts in grouped(self._parts, _size):
            self._lengths.learn(self._body(part) for part in parts if _size(part) <= STRETCH)
            for part in parts:
                room = self._room(part.path)
                if _size(part) <= STRETCH and self._lengths(self._body(part)) <= room:
                    pieces.append(part)
                    continue
                ends = [0, *cut(self._text[part.start : part.end], room, self._lengths)]
                pieces += [
                    Part(part.path, part.start + start, part.start + end)
                    for start, end in pairwise(ends)
                ]
        return pieces

    def _join(self, pieces: Sequence[Part], depth: int, *, short: int) -> list[Part]:
        """Join neighbours that share `depth` headings, of which the first (`short` 0) or the
        second (1) says little by itself; both must where not even the top section is shared."""
        joined: list[Part] = []
        for group in grouped(pieces, _size):
            self._lengths.learn(map(self._body, group))
            for piece in group:
                if joined and (union := self._union(joined[-1], piece, depth, short)):
                    joined[-1] = union
                else:
                    joined.append(piece)
        return joined

    def _union(self, first: Part, second: Part, depth: int, short: int) -> Part | None:
        if first.path[:depth] != second.path[:depth] or len(first.path) < depth:
            return None
        path = common([first.path, second.path])
        room = self._room(path)
        sizes = self._lengths(self._body(first)), self._lengths(self._body(second))
        mixed = not self._whole_work and first.path[:1] != second.path[:1]
        if sizes[short] > SHORT * room or (mixed and max(sizes) > SHORT * room):
            return None
        union = Part(path, first.start, second.end)
        if sum(sizes) > room or _size(union) > STRETCH:
            return None
        return union if self._lengths(self._body(union)) <= room else None

    def _body(self, part: Part) -> str:
        return self._text[part.start : part.end].strip()


def _size(part: Part) -> int:
    return part.end - part.start
