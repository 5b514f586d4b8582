"""Days of the year, however they are written: "30 November", "2026-11-30" and "30.11.2026".

Words are compared to tell whether a text speaks of what is asked, and a date in digits has none. So
a day stands as one word in both; and a text that has it in digits has the name of its month too,
for who asks of a whole month.
"""

from __future__ import annotations

import re

MONTHS = tuple(
    names.split()
    for names in """January Januar Jan; February Februar Feb; March März Mar; April Apr; May Mai;
    June Juni Jun; July Juli Jul; August Aug; September Sept Sep; October Oktober Oct Okt;
    November Nov; December Dezember Dec Dez""".split(";")
)
NUMBERS = {name.lower(): n for n, names in enumerate(MONTHS, 1) for name in names}
# "may" is no month, and neither is "mar".
_NAMES = "|".join(f"(?i:{n})" if len(n) > 3 else n for names in MONTHS for n in names)
_NAMED = rf"(?P<month>{_NAMES})\b\.?"
_IN_DIGITS = r"(?P<month>1[0-2]|0?[1-9])"
_DAY = r"(?P<day>[12]\d|3[01]|0?[1-9])"
_YEAR = r"(?:,? \d{4}\b)?"
NAMED = (
    re.compile(rf"\b{_DAY}(?:\.|st|nd|rd|th)?(?: of)? {_NAMED}{_YEAR}"),
    re.compile(rf"\b{_NAMED} (?:the )?{_DAY}(?:st|nd|rd|th)?\b(?![.:]\d){_YEAR}"),
)
DIGITS = (
    re.compile(rf"(?<![\d-])\d{{4}}-{_IN_DIGITS}-{_DAY}(?![\d-])"),
    re.compile(rf"(?<![\d.]){_DAY}\.{_IN_DIGITS}\.(?:\d{{4}}|\d\d)?(?![\d.]*\d)"),
)
MONTH = re.compile(rf"\b(?:{_NAMES})\b")


def asks_of_days(question: str) -> bool:
    """Whether a question names a day or a month."""
    return MONTH.search(question) is not None or any(one.search(question) for one in DIGITS)


def days_of(text: str) -> frozenset[str]:
    """The words that stand for the days that a text names."""
    return frozenset(_word(one) for pattern in (*NAMED, *DIGITS) for one in pattern.finditer(text))


def by_days(question: str) -> str:
    """A question with such a word in the place of each day."""
    for pattern in (*NAMED, *DIGITS):
        question = pattern.sub(lambda found: f" {_word(found)} ", question)
    return question


def with_days(text: str) -> str:
    """A text and, behind it, a word for each day and the names of the months of those in digits."""
    found = sorted(days_of(text))
    months = {int(one["month"]) for pattern in DIGITS for one in pattern.finditer(text)}
    found += [name for month in sorted(months) for name in MONTHS[month - 1][:2]]
    return f"{text} {' '.join(found)}" if found else text


def _word(found: re.Match[str]) -> str:
    """With a capital, as German writes its nouns."""
    month = found["month"].lower()
    number = NUMBERS.get(month) or int(month)
    return f"Day{number:02}{int(found['day']):02}"
