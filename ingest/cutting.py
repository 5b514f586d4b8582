"""One stretch of text cut into pieces of so many tokens: paragraphs, sentences, clauses, words.

langchain-text-splitters chooses the cuts. Its own `start_index` is wrong when lengths are
tokens (it searches from a place counted in the wrong unit, and finds repeated text too early),
so nothing is searched here: the pieces it returns are a partition of the text, and offsets are
the sums of their lengths.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count, pairwise

from langchain_text_splitters import RecursiveCharacterTextSplitter

# Where to cut, best first; {mark} stands after every sentence. Clauses, then words, then anywhere.
BLANK_LINES = r"\n[^\S\n]*(?:\n[^\S\n]*)+"
SEPARATORS = (BLANK_LINES, "{mark}", r"[;:,]\s+|[；：，、]\s*", r"\s+", "")

# From here on come characters that Unicode keeps for internal use: one of them marks sentences.
FIRST_MARK = 0xFDD0


class Lengths:
    """Token counts without special tokens, of each text once, many at a time."""

    def __init__(self, count_tokens: Callable[[Sequence[str]], list[int]], special: int) -> None:
        self._count_tokens = count_tokens
        self._special = special
        self._known: dict[str, int] = {"": 0}

    def learn(self, texts: Iterable[str]) -> None:
        """Count in one call whatever is not known yet."""
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if new:
            counts = self._count_tokens(new)
            self._known.update(
                (text, count - self._special) for text, count in zip(new, counts, strict=True)
            )

    def __call__(self, text: str) -> int:
        if text not in self._known:
            self.learn([text])
        return self._known[text]


def cut(text: str, sentences: Sequence[int], size: int, lengths: Lengths) -> Iterator[int]:
    """Ends of pieces of at most `size` tokens; the last is the text's. `sentences` are their ends.

    A piece is longer only where one character (with its combining marks) is.
    """
    yield from _fitting(text, 0, sentences, size, size, lengths)


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
