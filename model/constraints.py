"""Citations of sources that do not exist cannot be written."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from functools import cache, lru_cache
from typing import NamedTuple

from tokenizers import Tokenizer

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def _begun(words: tuple[str, ...]) -> str:
    """A pattern of every beginning of some words, none of it included."""
    return "|".join("".join(f"(?:{ch}" for ch in word) + ")?" * len(word) for word in words)


# Every text that may still become a marker, from behind its opening bracket to short of the
# closing one: [1], [1, 2], [1-3], [source 2 and 3], 【1】; (source 1), which needs its word.
WORD = r"(?:sources?|refs?|passages?|资料|来源|文献)"
NUMBER = rf"\^?(?:{WORD}\s*)?\d{{1,3}}"
SQUARE = re.compile(
    rf"\s*(?:{NUMBER}\s*(?:[,;，、；–—至和-]|and)\s*)*"
    rf"(?:{NUMBER}\s*(?:an?)?|\^?{WORD}\s*"
    rf"|\^?(?:{_begun(('sources', 'refs', 'passages', '资料', '来源', '文献'))}))",
    re.IGNORECASE,
)
ROUND = re.compile(
    r"\s*(?:(?:sources?|资料|来源)\s*(?:\d{1,3}\s*[,、，]\s*)*(?:\d{1,3}\s*)?"
    rf"|{_begun(('sources', '资料', '来源'))})",
    re.IGNORECASE,
)
MARKERS = {"[": SQUARE, "［": SQUARE, "【": SQUARE, "(": ROUND, "（": ROUND}
INTERVAL = re.compile(r"(?<![a-z])CI[:,]? \Z", re.IGNORECASE)  # "95% CI [12-25]" cites nothing
# The same without a bracket: "Source 1 found", a line that begins with "Source 1:", "资料1".
NAME = re.compile(rf"(?:sources?|资料)[ \t]*\d{{0,3}}|{_begun(('sources', '资料'))}", re.IGNORECASE)
BEGINNING = re.compile(r"[\[［【(（]|(?<![^\W_])[s资]", re.IGNORECASE)
DIGITS = re.compile(r"\d+\Z")
BYTE = re.compile(r"<0x([0-9A-F]{2})>")
BEFORE = 5  # characters that INTERVAL looks at


class Tail(NamedTuple):
    """What matters of a text to what may follow."""

    before: str = ""  # its last characters
    opening: str = ""  # the bracket of what may become a marker
    content: str = ""  # what stands behind that bracket
    name: str = ""  # what may become a source's name
    pending: bytes = b""  # the beginning of a character


class CitationConstraint:
    """Refuses tokens that would cite beyond the sources, 1 to `sources`.

    It follows the answer, never the thinking: `advance` it by each token of the answer. What
    begins like a marker, or names a source without one, is held to the sources digit by digit, so
    that `[1` with 5 sources can go on to `[1]` or `[1, 2]` but not to `[12`, nor `Source 1` to
    `Source 12`. This takes `[2020]`, `[18F]` and `source 2020` from the model, too; `[Ca2+]`,
    `[sic]`, `(n = 12)`, `sources: 12` and `95% CI [12-25]` stay.

    A digit that is allowed there always names a source, and what is no digit is always allowed:
    the constraint alone never leaves a model without a token.
    """

    def __init__(self, sources: int, bytes_of: Callable[[int], bytes]) -> None:
        """`bytes_of` gives the text of a token in UTF-8, not always whole characters."""
        self.sources = sources
        self._bytes_of = bytes_of
        self._tail = Tail()
        self._asked: tuple[int, Tail] | None = None  # the last token asked for, and what follows it

    def allows(self, token: int) -> bool:
        """Whether this token may come next. O(1) where nothing begins to cite."""
        tail, allowed = self._after(token)
        self._asked = token, tail
        return allowed

    def advance(self, token: int) -> None:
        """This token came, allowed or not."""
        asked, self._asked = self._asked, None
        self._tail = asked[1] if asked and asked[0] == token else self._after(token)[0]

    def _after(self, token: int) -> tuple[Tail, bool]:
        """The tail once this token came, and whether it cites no source that does not exist."""
        text, pending = _decoded(self._tail.pending, self._bytes_of(token))
        tail = self._tail._replace(pending=pending)
        if not tail.opening and not tail.name:
            whole = tail.before + text
            if not BEGINNING.search(whole, len(tail.before)):
                return Tail(before=whole[-BEFORE:], pending=pending), True
        allowed = True
        for ch in text:
            tail = _followed(tail, ch)
            for digits in (DIGITS.search(tail.content), DIGITS.search(tail.name)):
                allowed &= digits is None or 1 <= int(digits[0]) <= self.sources
        return tail, allowed


@lru_cache(maxsize=4096)
def _decoded(pending: bytes, given: bytes) -> tuple[str, bytes]:
    """The characters that some bytes end, and the beginning of one that they do not."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    decoder.setstate((pending, 0))
    return decoder.decode(given), decoder.getstate()[0]


def _followed(tail: Tail, ch: str) -> Tail:
    """The tail one character later."""
    opening, content = tail.opening, tail.content + ch
    if not (opening and MARKERS[opening].fullmatch(content)):
        opens = ch in MARKERS and not INTERVAL.search(tail.before)
        opening, content = ch if opens else "", ""
    name = tail.name + ch if tail.name else ""
    if not (name and NAME.fullmatch(name)):
        begins = not tail.before[-1:].isalnum() and NAME.fullmatch(ch)
        name = ch if begins else ""
    before = (tail.before + ch)[-BEFORE:]
    return Tail(before, opening, content, name, tail.pending)


def token_bytes(tokenizer: Tokenizer) -> Callable[[int], bytes]:
    """The function from tokens to their bytes; control tokens have none. Make it once: it caches.

    A token of part of a character decodes to nothing sensible alone: byte-level tokenizers then
    spell its bytes in an alphabet of their own (GPT-2's), others write `<0xE3>`.
    """
    byte_of = _byte_alphabet()

    @cache
    def bytes_of(token: int) -> bytes:
        text: str = tokenizer.decode([token])
        if REPLACEMENT not in text:
            return text.encode()
        spelled = str(tokenizer.id_to_token(token))
        if single := BYTE.fullmatch(spelled):
            return bytes([int(single[1], 16)])
        if byte_of.keys() >= set(spelled):
            return bytes(byte_of[letter] for letter in spelled)
        return text.encode()  # it spells the replacement character itself

    return bytes_of


def _byte_alphabet() -> dict[str, int]:
    """GPT-2's letters for bytes: printable ones stand for themselves, others from U+0100 on."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {
        chr(256 + n): byte for n, byte in enumerate(others)
    }
