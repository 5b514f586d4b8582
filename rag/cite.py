"""Citation markers: read, then removed from the text.

`answer` is what a person reads, without markers; each marker lives on as a number in the
`citations` of the sentence it stood in or behind, and the doors draw it from there. So offsets
into `answer` never depend on how a model spells `[1]`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

NUMBER = r"\^?(?:(?:sources?|refs?|passages?|资料|来源|文献)\s*)?\d{1,3}"
LIST = rf"{NUMBER}(?:\s*(?:[,;，、；]|and|和|-|–|—|至)\s*{NUMBER})*"
# Half-width, full-width and black lenticular brackets; "(Source 1)" needs its word.
# "[18]F" is an isotope, and "95% CI [2-5]" an interval; "foci [2]" is none.
CI = r"(?<![a-z])CI"
ONE = (
    rf"(?<!{CI} )(?<!{CI}: )(?<!{CI}, )(?:\[\s*{LIST}\s*\]|［\s*{LIST}\s*］|【\s*{LIST}\s*】"
    r"|[(（]\s*(?:sources?|资料|来源)\s*\d{1,3}(?:\s*[,、，]\s*\d{1,3})*\s*[)）])(?!F\b)"
)
# "According to [1] and [2], ..." goes as a whole, or "According to," would stay behind.
INTRO = (
    r"(?:(?:according to|as (?:shown|reported|described|stated|noted|found) (?:in|by)|based on)"
    r"(?: the)?(?: sources?| passages?| abstracts?| stud(?:y|ies))?|根据|依据|如)\s*"
)
MARKER = re.compile(
    rf"(?P<intro>\b{INTRO}(?={ONE}))?"
    rf"(?P<marks>{ONE}(?:\s*(?:,|and|、|，|和)?\s*{ONE})*)(?(intro)[ \t]*[,，]?[ \t]*)",
    re.IGNORECASE,
)
# A small model may copy the label that its source had in the prompt: "Source 1: Statins ...".
LABELLED = re.compile(
    r"(?m)^(?P<lead>[ \t>*_#•·\-–—]*?(?:\d{1,2}[.)、][ \t]+)?)"
    r"(?P<bold>\*\*)?(?:sources?|资料)[ \t]*(?P<n>\d{1,3})"
    r"(?(bold)(?:\*\*)?)[ \t]*[:：](?(bold)(?:\*\*)?)[ \t]*",
    re.IGNORECASE,
)
# "Source 1 says", "in Source 2", "the study by Source 1".
MENTIONED = re.compile(
    r"(?<![(\[（【\w])(?:(?:sources?)[ \t]+|资料[ \t]*)(?P<n>\d{1,3})(?![\w.]*\d)", re.IGNORECASE
)
BRACKETS = (("[", "]"), ("［", "］"), ("【", "】"), ("(", ")"), ("（", "）"))
RANGE = re.compile(r"(\d+)(?:\s*[-–—至]\s*[^\d\[\]]{0,10}?(\d+))?")
LONGEST_RANGE = 20
LEAD = re.compile(r"[\s>*_#•·\-–—]*|\s*\d{1,2}[.)、]\s+")  # a line may open so before its words
# A list of references at the end: sources are shown from `sources`, never from the model's text.
REFERENCES = re.compile(
    r"\n[\s*#]*(?:references|sources|citations|参考文献|资料来源|来源|资料)[\s*]*[:：]?[\s*]*"
    r"(?:(?:\n|[\[［【]).*)?\Z",
    re.IGNORECASE | re.DOTALL,
)
LABEL = re.compile(
    r"\A[\s*#]*(?:final )?(?:answer|response|回答|答案|答)[\s*]*[:：][\s*]*", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Mark:
    """Source numbers cited at a position of the text without markers.

    `leads` if the marker opened its line, so that it speaks of what follows.
    """

    position: int
    numbers: tuple[int, ...]
    leads: bool


@dataclass(frozen=True, slots=True)
class Cited:
    """A text without its markers, and the markers."""

    text: str
    marks: tuple[Mark, ...]


def read_markers(raw: str, sources: int) -> Cited:
    """Remove all markers; keep the numbers among them that name one of `sources` sources.

    A label that opens a line counts as one. A source that is spoken of ("Source 1 found") is cited
    by its sentence and stays in the text.
    """
    raw = LABELLED.sub(lambda match: f"{match['lead']}[{match['n']}] ", raw)
    raw = MENTIONED.sub(_with_marker, raw)
    parts: list[str] = []
    marks: list[Mark] = []
    length = done = 0
    for match in MARKER.finditer(raw):
        before = raw[done : match.start()]
        done = match.end()
        so_far = "".join(parts) + before
        opens = LEAD.fullmatch(so_far.rpartition("\n")[2]) is not None
        leads = opens or (match["intro"] is not None and so_far.rstrip()[-1:] in ".!?。！？")
        after = raw[done : done + 1]
        if opens:  # "[1] Aspirin": the space behind goes with the marker
            done += len(raw[done:]) - len(raw[done:].lstrip(" \t:："))
        elif not after or after in " \t\n.,;:!?。，；：！？)）":
            before = before.rstrip(" \t")
        if leads and match["intro"]:
            raw = raw[:done] + raw[done : done + 1].title()[:1] + raw[done + 1 :]
        parts.append(before)
        length += len(before)
        named = tuple(n for n in _numbers(match["marks"]) if 1 <= n <= sources)
        if named:
            marks.append(Mark(length, tuple(dict.fromkeys(named)), leads))
    parts.append(raw[done:])
    return Cited("".join(parts), tuple(marks))


def tidy(raw: str) -> str:
    """A raw answer without a leading "Answer:" and a list of references at its end."""
    return REFERENCES.sub("", "\n" + LABEL.sub("", raw.strip())).strip()


def _with_marker(match: re.Match[str]) -> str:
    """A mention of a source with a marker behind it, unless it stands in a marker already."""
    before = match.string[: match.start()]
    inside = any(before.rfind(opens) > before.rfind(shuts) for opens, shuts in BRACKETS)
    return match[0] if inside else f"{match[0]} [{match['n']}]"


def without_labels(sentence: str) -> str:
    """A sentence without what numbers it in a list, or names a source by its number: neither is a
    quantity that the source would have to hold."""
    return MENTIONED.sub(" ", LISTED.sub("", sentence))


LISTED = re.compile(r"\A\s*[>*_#•·\-–—]*\s*\(?\d{1,2}[.)、](?=\s|[^\d\s])\s*")


def strip_markers(raw: str) -> str:
    """The text a person reads."""
    return read_markers(raw, 0).text


def assign(marks: Sequence[Mark], spans: Sequence[tuple[int, int]]) -> list[tuple[int, ...]]:
    """The source numbers of each sentence.

    A marker belongs to the sentence it stands in or directly behind; one that opens a line, to
    the sentence that follows.
    """
    cited: list[list[int]] = [[] for _ in spans]
    for mark in marks:
        before = [i for i, (start, _) in enumerate(spans) if start < mark.position]
        after = [i for i, (start, _) in enumerate(spans) if start >= mark.position]
        if mark.leads and after:
            cited[after[0]].extend(mark.numbers)
        elif before:
            cited[before[-1]].extend(mark.numbers)
        elif after:
            cited[after[0]].extend(mark.numbers)
    return [tuple(dict.fromkeys(numbers)) for numbers in cited]


def _numbers(marks: str) -> list[int]:
    numbers: list[int] = []
    for low, high in RANGE.findall(marks):
        first, last = int(low), int(high or low)
        if first <= last < first + LONGEST_RANGE:
            numbers.extend(range(first, last + 1))
        else:
            numbers.extend((first, last))
    return numbers
