"""PubMed's dates as ISO 8601, as exact as the source and no more."""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache

from lxml import etree

MONTHS = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1
    )
}
YEAR = re.compile(r"(?<!\d)(1[5-9]\d\d|20\d\d)(?!\d)")
# "1998 Dec-1999 Jan", "1980 Apr 15-30": the month and the day that follow the first year.
AFTER_YEAR = re.compile(r"\s+([A-Za-z]{3,})\.?(?:\s+(\d{1,2})(?!\d))?")


def publication_date(article: etree._Element) -> str:
    """The date of an `Article` (or of anything with the same children), "" if it has none.

    The issue's date counts; the electronic one makes it more exact where they agree (issue
    "2021", electronic "2021-03-02"), and stands in where there is no issue date.
    """
    return date_of(article.find("Journal/JournalIssue/PubDate"), article.find("ArticleDate"))


def date_of(pub_date: etree._Element | None, article_date: etree._Element | None) -> str:
    """`publication_date` from its two elements."""
    issue = _issue_date(pub_date)
    if len(issue) == len("2020-05-17"):
        return issue
    electronic = _parts_date(article_date)
    if not issue or electronic.startswith(issue):
        return electronic or issue
    return issue


@lru_cache(maxsize=4096)  # the records of a file share a few hundred dates
def iso_date(year: str, month: str = "", day: str = "") -> str:
    """Join date parts, leaving out what is missing or impossible: ("2020", "Feb", "31")
    gives "2020-02". Months are numbers or English names."""
    if not YEAR.fullmatch(year.strip()):
        return ""
    year, month, day = year.strip(), month.strip(), day.strip()
    in_digits = month.isdecimal() and len(month) <= 2  # thousands are refused by `int`
    number = int(month) if in_digits else MONTHS.get(month[:3].lower(), 0)
    if not 1 <= number <= 12:
        return year
    if day.isdecimal():
        try:
            return date(int(year), number, int(day)).isoformat()
        except ValueError:
            pass
    return f"{year}-{number:02}"


def medline_date(text: str) -> str:
    """PubMed's free-form date; a range counts from its start.

    "1998 Dec-1999 Jan" gives "1998-12", "1980 Apr 15-30" gives "1980-04-15", "1975 Fall" and
    "1990-1991" give the (first) year, text without a year gives "".
    """
    found = YEAR.search(text)
    if not found:
        return ""
    rest = AFTER_YEAR.match(text, found.end())
    return iso_date(found[1], rest[1], rest[2] or "") if rest else found[1]


def _issue_date(pub_date: etree._Element | None) -> str:
    if pub_date is None:
        return ""
    return _parts_date(pub_date) or medline_date(pub_date.findtext("MedlineDate") or "")


def _parts_date(element: etree._Element | None) -> str:
    if element is None:
        return ""
    parts = {child.tag: child.text or "" for child in element}
    return iso_date(parts.get("Year", ""), parts.get("Month", ""), parts.get("Day", ""))


def whole_date(element: etree._Element | None) -> str:
    """A date of year, month and day in numbers, as NLM dates its own work; "" if it is not."""
    if element is None:
        return ""
    parts = {child.tag: child.text or "" for child in element}
    return _in_numbers(parts.get("Year", ""), parts.get("Month", ""), parts.get("Day", ""))


@lru_cache(maxsize=4096)
def _in_numbers(*texts: str) -> str:
    parts = [text.strip() for text in texts]
    if not all(part.isascii() and part.isdecimal() and len(part) <= 4 for part in parts):
        return ""
    year, month, day = map(int, parts)
    return f"{year:04}-{month:02}-{day:02}"
