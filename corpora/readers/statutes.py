"""Statutes by article: Chinese ones (第一条) and German ones (§ 1, Art. 1)."""

from __future__ import annotations

import re
from pathlib import Path

from vademecum.corpora.document import Section
from vademecum.corpora.readers.dates import iso_date
from vademecum.corpora.readers.structure import Mark, lines_at, sections_between
from vademecum.corpora.readers.text import Facts, TextReader, decode
from vademecum.corpora.readers.titles import as_title
from vademecum.corpora.sections import BETWEEN
from vademecum.errors import DocumentRejected

ARTICLES = 3  # fewer are a quotation, not a statute

NUMBER = "[一二三四五六七八九十百千零〇两\\d]+"
ZH_ARTICLE = re.compile(
    rf"[\s#*　]*(第\s*{NUMBER}\s*条(?:之{NUMBER})?)\**(?:[\s　：:]+|$|(?=[（(【]))"
)
ZH_PART = re.compile(
    rf"[\s#*　]*(第\s*{NUMBER}\s*(编|分编|章|节)|附\s*则|序\s*言)\**(?:[\s　]+(.*))?$"
)
ZH_BEGINS = re.compile("[第附序]")
ZH_SPACED = re.compile(r"(?<=[\u4e00-\u9fff])[\s　]+(?=[\u4e00-\u9fff])")  # "总　则"
ZH_LEVELS = {"编": 1, "分编": 2, "章": 3, "节": 4}
ZH_DATE = re.compile(r"(\d{4})\s*年\s*(\d{1,2})\s*月\s*(\d{1,2})\s*日")

DE_ARTICLE = re.compile(
    r"[\s#*]*(?:\(\w+\)\s*)?((?:§§?|Art\.?|Artikel)\s*(\d{1,4})([a-z]{0,2})"
    r"(?:\s*(?:bis|und|,|–|-)\s*(?:§+\s*)?\d{1,4}[a-z]?)*)\**(?=[\s(:–-]|$)[\s:–-]*(.*)$"
)
DE_HEADING = re.compile(r"^#+[ \t]*(?:\(\w+\)[ \t]*)?(?:§|Art)", re.MULTILINE)
DE_PART = re.compile(
    r"[\s#*]*((?:[A-ZÄÖÜ]\w+(?:er|es|e)\s+)?"
    r"(Buch|Teil|Hauptteil|Kapitel|Abschnitt|Unterabschnitt|Titel|Untertitel|Anlage)\b.*)$"
)
DE_LEVELS = {
    name: level
    for level, name in enumerate(
        "Buch Hauptteil Teil Kapitel Abschnitt Unterabschnitt Titel Untertitel".split(), 1
    )
}
DE_SENTENCE = re.compile(r"(?:Abs\.|Absatz|Absätze|Satz|Nr\.|Nummer|gilt|gelten|findet|ist|sind)\b")
# When it was made, written anew, or changed for the last time.
DE_DATE = re.compile(
    r"(?:Ausfertigungsdatum|eugefasst|eändert|^\W*vom)(?:.|\n){0,80}?"
    r"(?:\b(\d{4})-(\d\d)-(\d\d)|\b(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4})"
    r"|\b(\d{1,2})\. ([A-Za-zä]+) (\d{4}))",
    re.MULTILINE,
)
DE_MONTHS = "januar februar märz april mai juni juli august september oktober november dezember"
FRONT_TITLE = re.compile(r"^Title:\s*[\"']?(.+?)[\"']?\s*$", re.MULTILINE)
HEADING = re.compile(r"#+\s+(.+?)\s*#*$")
ARTICLE_LEVEL = 9
HEADING_CHARACTERS = 150


class StatuteReader(TextReader):
    """Reads statutes in .txt and .md: one document, a section for each article.

    A section's label is its place: "第一章 总则 > 第三条", "Buch 1 > § 1 Beginn der
    Rechtsfähigkeit". The date is the latest one that stands before the first article.
    """

    def claims(self, beginning: bytes) -> bool:
        """Whether at least three articles stand at the start of lines, in order."""
        try:
            text = decode(beginning, "", whole=False)
        except DocumentRejected:
            return False
        return bool(articles(text))

    def structure(self, text: str, path: Path) -> tuple[tuple[Section, ...], Facts]:
        """The articles, and title, date and language of the statute."""
        sections = articles(text)
        if not sections:  # it began like one
            return super().structure(text, path)
        chinese = any(section.label.endswith("条") for section in sections)
        numbered = re.compile(f"(?:^|{BETWEEN})(?:第|§|Art)[^>]*$")
        first = next((s.start for s in sections if numbered.search(s.label)), sections[0].start)
        head = text[:first]
        return sections, Facts(
            title=_title(head),
            date=_zh_date(head) if chinese else _de_date(head),
            language="chi" if chinese else "ger",
        )


def articles(text: str) -> tuple[Section, ...]:
    """The articles of a statute; none if the text is not one."""
    for marks in (_chinese(text), _german(text)):
        if sum(mark.level == ARTICLE_LEVEL for mark in marks) >= ARTICLES:
            return sections_between(text, marks)
    return ()


def _chinese(text: str) -> list[Mark]:
    marks = []
    for at, line in lines_at(text):
        if not ZH_BEGINS.search(line[:20]):
            continue
        if found := ZH_ARTICLE.match(line):
            label = re.sub(r"\s", "", found[1])
            marks.append(Mark(ARTICLE_LEVEL, label, at, at + found.end()))
        elif (found := ZH_PART.match(line)) and len(line) < HEADING_CHARACTERS:
            title = ZH_SPACED.sub("", (found[3] or "").strip(" *　"))
            label = " ".join(filter(None, (re.sub(r"\s", "", found[1]), title)))
            marks.append(Mark(ZH_LEVELS.get(found[2] or "章", 3), label, at, at + len(line)))
    return marks


def _german(text: str) -> list[Mark]:
    marks: list[Mark] = []
    last = (0, "")
    # Where articles have headings of Markdown, a line that begins with "§ 5" is a sentence's.
    in_markdown = len(DE_HEADING.findall(text)) >= ARTICLES
    titled = False
    blank = True
    for at, line in lines_at(text):
        bare = line.strip()
        begins, blank = blank, not bare
        if not begins or not bare or len(bare) > HEADING_CHARACTERS:
            continue
        if bare.startswith("#") != in_markdown or bare.endswith((".", ",", ";")):
            continue
        found = DE_ARTICLE.match(line)
        number = (int(found[2]), found[3]) if found else (0, "")
        if found and number > last and not DE_SENTENCE.match(found[4]):
            label = " ".join(filter(None, (" ".join(found[1].split()), found[4].strip(" *"))))
            marks.append(Mark(ARTICLE_LEVEL, label, at, at + len(line)))
            last = number
        elif in_markdown and (heading := HEADING.match(bare)):
            if titled:
                level = len(bare) - len(bare.lstrip("#"))
                marks.append(Mark(level, heading[1], at, at + len(line)))
            titled = True
        elif part := DE_PART.match(line):
            marks.append(Mark(DE_LEVELS.get(part[2], 1), part[1].strip(" *"), at, at + len(line)))
    return marks


def _title(head: str) -> str:
    """What the front matter or the headings before the first part say: a code and its book."""
    if stated := FRONT_TITLE.search(head):
        return as_title(stated[1])
    parts: list[str] = []
    depth = 0
    for _, line in lines_at(head):
        heading = HEADING.match(line)
        if heading and not ZH_PART.match(line) and not DE_PART.match(line):
            depth = depth or heading.start(1)
            if heading.start(1) == depth:
                parts.append(heading[1])
    return as_title(" ".join(parts))


def _zh_date(head: str) -> str:
    dates = [f"{y}-{int(m):02}-{int(d):02}" for y, m, d in ZH_DATE.findall(head)]
    return max(dates, default="")


def _de_date(head: str) -> str:
    months = DE_MONTHS.split()
    dates = []
    for parts in DE_DATE.findall(head):
        if parts[0]:
            year, month, day = parts[:3]
        elif parts[5]:
            day, month, year = parts[3:6]
        else:
            day, name, year = parts[6:]
            if name.lower() not in months:
                continue
            month = str(months.index(name.lower()) + 1)
        dates.append(iso_date(year, month, day))
    return max(dates, default="")
