"""One stretch of text cut into pieces of so many tokens: paragraphs, sentences, clauses, words.

langchain-text-splitters chooses the cuts. Its own `start_index` is wrong when lengths are
tokens (it searches from a place counted in the wrong unit, and finds repeated text too early),
so nothing is searched here: the pieces it returns are a partition of the text, and offsets are
the sums of their lengths.

A tokenizer takes 180 bytes for each character that it is at, so it is never given more than
`STRETCH` of them, and of what was counted only so much is remembered.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count, pairwise
from typing import TypeVar

from langchain_text_splitters import RecursiveCharacterTextSplitter

from vademecum.corpora.sentences import split_sentences

# Where to cut, best first; {mark} stands after every sentence. Clauses, then words, then anywhere.
BLANK_LINES = r"\n[^\S\n]*(?:\n[^\S\n]*)+"
SEPARATORS = (BLANK_LINES, "{mark}", r"[;:,]\s+|[；：，、]\s*", r"\s+", "")

# From here on come characters that Unicode keeps for internal use: one of them marks sentences.
FIRST_MARK = 0xFDD0

STRETCH = 200_000  # characters that are cut, and counted, at a time: more than a paper has
AHEAD = 1_000  # characters behind the end of a sentence or a heading that help to tell it
REMEMBERED = 20 * STRETCH  # characters; cutting a stretch asks for each a few times
ENTRY = 64  # characters that the place of a text among the remembered is worth

Item = TypeVar("Item")


def grouped(items: Iterable[Item], size: Callable[[Item], int]) -> Iterator[list[Item]]:
    """Neighbours of `STRETCH` in all; what is larger is alone."""
    group: list[Item] = []
    held = 0
    for item in items:
        if group and held + size(item) > STRETCH:
            yield group
            group, held = [], 0
        group.append(item)
        held += size(item)
    if group:
        yield group


class Lengths:
    """Token counts without special tokens, of each text once, many at a time. What was counted
    long ago is forgotten, and counted again where it is asked for."""

    def __init__(self, count_tokens: Callable[[Sequence[str]], list[int]], special: int) -> None:
        self._count_tokens = count_tokens
        self._special = special
        self._known: dict[str, int] = {"": 0}
        self._held = 0

    def learn(self, texts: Iterable[str]) -> None:
        """Count whatever is not known yet, a stretch in a call."""
        for new in grouped((t for t in dict.fromkeys(texts) if t not in self._known), len):
            if self._held > REMEMBERED:
                self._known = {"": 0}
                self._held = 0
            counts = self._count_tokens(new)
            self._known.update(
                (text, count - self._special) for text, count in zip(new, counts, strict=True)
            )
            self._held += sum(map(len, new)) + ENTRY * len(new)

    def __call__(self, text: str) -> int:
        if text not in self._known:
            self.learn([text])
        return self._known[text]


def cut(text: str, size: int, lengths: Lengths) -> Iterator[int]:
    """Ends of pieces of at most `size` tokens; the last is the text's.

    A piece is longer only where one character (with its combining marks) is. A long text is cut
    by stretches, each from where the last piece of the one before surely ends.
    """
    at = 0
    while at < len(text):
        stretch = text[at : _whole_character(text, at + STRETCH)]
        ends: Sequence[int] = [len(stretch)]
        if lengths(stretch.strip()) > size:  # not so of a word without end, to some tokenizers
            sentences = [end for _, end in split_sentences(stretch)]
            ends = list(_fitting(stretch, 0, sentences, size, size, lengths))
            if at + len(stretch) < len(text):
                ends = _sure(stretch, ends)
        yield from (at + end for end in ends)
        at += ends[-1]


def _sure(stretch: str, ends: Sequence[int]) -> Sequence[int]:
    """Ends that do not depend on what follows the stretch: those up to a paragraph's, where the
    cuts begin afresh. In one without paragraphs, all but the last."""
    sure = [end for end in ends[:-1] if end <= len(stretch) - AHEAD] or ends[:-1] or ends
    for number in range(len(sure), 0, -1):
        end = sure[number - 1]
        if end < len(stretch) // 2:
            break
        if re.search(rf"{BLANK_LINES}\Z", stretch[max(0, end - ENTRY) : end]):
            return sure[:number]
    return sure


def _fitting(
    text: str, base: int, sentences: Sequence[int], size: int, limit: int, lengths: Lengths
) -> Iterator[int]:
    """Ends of pieces of `text`, which stands at `base`: cut to `size`, none longer than `limit`."""
    cuts = [0, *_ends(text, [end - base for end in sentences], size, lengths)]
    pieces = [text[start:end] for start, end in pairwise(cuts)]
    lengths.learn(piece.strip() for piece in pieces)
    for start, piece in zip(cuts, pieces, strict=False):
        # Lengths of parts need not add up to the length of the whole (byte-pair encodings):
        # a piece that came out too long is cut again, smaller.
        if lengths(piece.strip()) > limit and size > 1 and len(piece) > 1:
            yield from _fitting(piece, base + start, sentences, size // 2, limit, lengths)
        else:
            yield base + start + len(piece)


def _ends(text: str, sentences: Sequence[int], size: int, lengths: Lengths) -> list[int]:
    """Where langchain ends its chunks of at most `size` tokens; the last end is the text's."""
    mark = next(chr(code) for code in count(FIRST_MARK) if chr(code) not in text)
    marked = _with_marks(text, [end for end in sentences if 0 < end < len(text)], mark)
    separators = [separator.format(mark=mark) for separator in SEPARATORS]
    _learn_pieces(marked, separators, mark, size, lengths)
    splitter = RecursiveCharacterTextSplitter(
        separators=separators,
        is_separator_regex=True,
        keep_separator="end",
        strip_whitespace=False,
        chunk_size=size,
        chunk_overlap=0,
        length_function=lambda piece: lengths(piece.replace(mark, "")),
    )
    ends: list[int] = []
    at = 0
    for chunk in splitter.split_text(marked):
        at += len(chunk.replace(mark, ""))
        end = _whole_character(text, at)
        if end > (ends[-1] if ends else 0):
            ends.append(end)
    return ends


def _with_marks(text: str, ends: Sequence[int], mark: str) -> str:
    """The text with `mark` after the white space that follows each sentence."""
    parts: list[str] = []
    start = 0
    for end in ends:
        while end < len(text) and text[end].isspace():
            end += 1
        parts.append(text[start:end])
        start = end
    return mark.join([*parts, text[start:]])


def _learn_pieces(
    marked: str, separators: Sequence[str], mark: str, size: int, lengths: Lengths
) -> None:
    """Count, one call a level, the pieces that langchain will ask for one by one."""
    pieces = [marked]
    for separator in separators:
        finer = [part for piece in pieces for part in _pieces(piece, separator)]
        lengths.learn(part.replace(mark, "") for part in finer)
        pieces = [part for part in finer if lengths(part.replace(mark, "")) >= size]


def _pieces(text: str, separator: str) -> list[str]:
    """The text cut after each match of the separator, which stays at the end of its piece."""
    if not separator:
        return list(text)
    ends = [match.end() for match in re.finditer(separator, text)]
    return [text[i:j] for i, j in zip([0, *ends], [*ends, len(text)], strict=True) if i < j]


def _whole_character(text: str, at: int) -> int:
    """Move a cut behind the combining marks and joiners of the character before it."""
    while at < len(text) and (
        unicodedata.category(text[at]) in {"Mn", "Mc", "Me"} or "\u200d" in text[at - 1 : at + 1]
    ):
        at += 1
    return at
