"""Names that a stem cannot tell apart: "IL-6" and "IL-8", "MERS", "type 1" and "type 2".

A name is a word with digits or inner capitals, or a kind or degree with its number. Spelling does
not count ("IL6", "CoV 2", "grade III" for "grade 3"), and an abbreviation is held by a text that
writes it out.
"""

from __future__ import annotations

import re

WITH_DIGITS = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]+[-‐–]?\d+[A-Za-z]*(?![\w.]*\d)")
CAPITALS = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]*[A-Za-z][A-Z][A-Za-z]*(?![A-Za-z0-9]|-\d)")
LONGEST = 6  # capitals in an abbreviation; a longer word is only written in capitals
# Measures and units, which the quantities look after.
NO_NAMES = frozenset("ci or hr rr sd se iqr rct vs mmhg mmol kpa dl ml iu ph mm nm um kda".split())
KIND = re.compile(
    r"\b(type|grade|stage|class|phase|level|degree|category)s?[ -]"
    r"((?:\d+|[IVX]+|[A-D])\b(?:(?:,\s?|\s?[-–/]\s?|\s(?:and|or|to)\s)(?:\d+|[IVX]+|[A-D])\b)*)",
    re.IGNORECASE,
)
KIND_HAN = re.compile(r"(\d+|[IVXⅠⅡⅢⅣⅤ]+|[一二三四五])\s*([型级期度])(?!间|的?时)")
ROMAN = dict(zip("i ii iii iv v vi vii viii ix x".split(), range(1, 11), strict=True))
HAN_NUMERALS = dict(zip("ⅠⅡⅢⅣⅤ一二三四五", [1, 2, 3, 4, 5] * 2, strict=True))


def names(sentence: str) -> set[str]:
    """The names of a sentence, in lower case; kinds as "type 2"."""
    found = {match.group() for match in WITH_DIGITS.finditer(sentence)}
    if not sentence.isupper():
        found |= {
            match.group()
            for match in CAPITALS.finditer(sentence)
            if len(match.group().rstrip("s")) <= LONGEST or not match.group().isupper()
        }
    found = {name.lower() for name in found}
    return {name for name in found if name not in NO_NAMES and name not in ROMAN} | kinds(sentence)


def kinds(text: str) -> set[str]:
    """Kinds and degrees with their number: "types 1 and 2" gives "type 1" and "type 2"."""
    found = set()
    for match in KIND.finditer(text):
        for number in re.findall(r"\w+", match.group(2).lower()):
            if number not in ("and", "or", "to"):
                found.add(f"{match.group(1).lower()} {ROMAN.get(number, number)}")
    for match in KIND_HAN.finditer(text):
        number = match.group(1)
        value = HAN_NUMERALS.get(number, ROMAN.get(number.lower(), number))
        found.add(f"{match.group(2)} {value}")
    return found


class Held:
    """What a source names."""

    def __init__(self, text: str) -> None:
        self._text = text.lower()
        self._kinds = kinds(text)
        # The first letter of every word, a number as it is: "type 2 diabetes mellitus" is "t2dm".
        words = re.findall(r"[a-z]+|\d+", self._text)
        self._initials = "".join(word if word[0].isdigit() else word[0] for word in words)

    def missing(self, sentence: str) -> set[str]:
        """The names of a sentence that the source does not hold."""
        return {name for name in names(sentence) if not self._holds(name)}

    def _holds(self, name: str) -> bool:
        if " " in name:
            return name in self._kinds
        parts = [re.escape(part) for part in re.findall(r"[a-z]+|\d+", name)]
        spelled = r"[-‐–/ ]?".join(parts)
        after = r"(?!\d)" if name[-1].isdigit() else r"(?![a-z])"
        plural = "" if name[-1].isdigit() else "s?"
        if re.search(rf"(?<![a-z0-9]){spelled}{plural}{after}", self._text):
            return True
        short = name.removesuffix("s")
        if short != name and re.search(rf"(?<![a-z]){re.escape(short)}(?![a-z])", self._text):
            return True
        return len(short) > 1 and short in self._initials
