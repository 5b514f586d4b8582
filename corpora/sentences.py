"""Sentences of English and Chinese text, by rules: fast, exact offsets, no model.

The rules lean towards leaving two sentences together: a piece of a sentence misleads whoever
reads it as evidence, a long one does not.
"""

from __future__ import annotations

import re
from itertools import pairwise

# What may end a sentence, with the quotes and brackets that close after it.
CLOSERS = "\"'”’»)\\]}」』）》】"
END = re.compile(rf"[.!?…]+[{CLOSERS}]*(?=\s|$)|[。！？]+[…。！？{CLOSERS}]*")
# No space after the stop: a reference number that was raised ("approaches.1 As"), or a
# sentence run into the next ("in mice.These results").
GLUED = re.compile(r"(?<=[a-z)])\.(?:\d{1,3}(?:[,–-]\d{1,3})*(?=\s+[A-Z])|(?=[A-Z][a-z]+\s))")
BLANK_LINE = re.compile(r"\n[^\S\n]*(?:\n[^\S\n]*)+")
CJK = re.compile(r"[\u3000-\u303f\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef]")
# A line that starts something new: a heading, a list item, a table row.
BLOCK_START = re.compile(r"[^\S\n]*(?:#{1,6}\s|[-*+•]\s|\(?\d{1,3}[.)、]\s|\|)")
HEADING = re.compile(r"[^\S\n]*#{1,6}\s")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Abbreviations after which a sentence goes on, whatever follows. "Ca." and "Ed." are other words.
NEVER = _words(
    """approx Approx ca cf Cf e.g E.g i.e I.e eg ie vs viz fig figs Fig Figs eq eqs Eq Eqs ref refs
    Ref Refs no nos No Nos Dr Mr Mrs Ms Prof St resp sect Sect ed eds vol Vol pp incl excl esp
    var subsp cv Dept Univ Proc"""
)
# Abbreviations that may also end one (in small letters here): what follows decides.
MAYBE = _words(
    """al etc inc ltd co corp jr sr sp spp nov wt max temp conc est
    pers comm unpubl jan feb mar apr jun jul aug sept sep oct dec"""
)
DOTTED = re.compile(r"(?:[A-Za-z]\.)+[A-Za-z]|Ph\.D|[BM]\.Sc")
# Words that begin sentences and hardly ever names: after an abbreviation they tell.
STARTERS = _words(
    """The This These Those That We Our It Its In On At By For From To With Of As An A All Both
    Each Some Many Most Among After Before During Although However Moreover Furthermore
    Therefore Thus Hence Here There Their They He She His Her When While Since If Because Also
    Additionally Finally Overall Interestingly Notably Importantly Conversely Similarly
    Consequently Nevertheless Results Methods Conclusions Conclusion Background Objective
    Objectives Patients Further Such Using Based Compared Despite Following No Not
    Only One Two Three Data Findings Treatment Mean Median Adverse"""
)
# "by J. Smith": a single letter after one of these, or after a name, is an initial.
BEFORE_NAMES = _words("and or by of from with to in for the see per after against")
# A small first letter that begins a sentence all the same: "mRNA", "p53", "α-tocopherol";
# not a unit: "g-1".
SMALL_NAME = re.compile(r"(?![a-z]+-\d\b)[a-z]{1,4}-?[A-Z0-9]|[α-ω]")
OPENERS = "\"'“‘«([{「『（《【"
TOKEN_EDGE = re.compile(r"[\s(\[{“‘\"'/—–]")


def split_sentences(text: str) -> list[tuple[int, int]]:
    """Start and end of each sentence in characters, in order, without overlap.

    No sentence starts or ends with white space, and every other character is in one. Blank
    lines, headings and list items end a sentence too; a section label ("RESULTS: ...") stays
    with the sentence it introduces.
    """
    cuts = sorted({0, len(text), *_stops(text), *_line_cuts(text)})
    spans: list[tuple[int, int]] = []
    for start, end in pairwise(cuts):
        piece = text[start:end]
        body = piece.strip()
        if body:
            start += len(piece) - len(piece.lstrip())
            spans.append((start, start + len(body)))
    return spans


def _stops(text: str) -> list[int]:
    """Ends of sentences that punctuation marks."""
    stops = [match.end() for match in END.finditer(text) if _is_stop(text, match)]
    for match in GLUED.finditer(text):
        word = _token(text, match.start())
        if len(word) >= 3 and word.isalpha() and word not in NEVER and word.lower() not in MAYBE:
            stops.append(match.end())
    return stops


def _line_cuts(text: str) -> list[int]:
    """Line breaks that separate sentences: hard-wrapped English lines go on."""
    cuts = [match.end() for match in BLANK_LINE.finditer(text)]
    line_start = 0
    while (newline := text.find("\n", line_start)) != -1:
        after = newline + 1
        if (
            BLOCK_START.match(text, after)
            or HEADING.match(text, line_start)
            or _chinese_line_ends(text, newline)
        ):
            cuts.append(after)
        line_start = after
    return cuts


def _chinese_line_ends(text: str, newline: int) -> bool:
    """Chinese is not hard-wrapped: between two Chinese lines a break ends a paragraph."""
    before, after = text[newline - 1 : newline], text[newline + 1 : newline + 2]
    return bool(CJK.match(before) and CJK.match(after)) and before not in "，、"


def _is_stop(text: str, match: re.Match[str]) -> bool:
    mark = match[0]
    if mark[0] in "。！？":
        return True
    following = _following(text, match.end())
    if not following:
        return True
    if following[0].islower() and not SMALL_NAME.match(following):
        return False
    if mark[0] != "." or mark.startswith(".."):
        return True
    return not _abbreviates(text, match.start(), mark, following)


def _abbreviates(text: str, dot: int, mark: str, following: str) -> bool:
    """Whether the stop at `dot` belongs to the word before it."""
    word = _token(text, dot)
    starter = following.rstrip(",;:") in STARTERS
    if mark != ".":
        return False  # a bracket or quote closes first: "(Smith et al.) Patients"
    if word in NEVER:
        return True
    if word.isdecimal():
        return _opens_line(text, dot - len(word))  # "1. Introduction"
    if len(word) == 1 and word.isupper():
        unit = text[dot - 2 : dot - 1] == "/"  # "mg/L."
        return not (starter or unit or _names_a_kind(text, dot - 1))
    known = word.lower() in MAYBE and not word.isupper()
    return bool(known or DOTTED.fullmatch(word)) and not starter


def _names_a_kind(text: str, letter: int) -> bool:
    """ "hepatitis C", "vitamin D", "100 U": a word in small letters or a number before it."""
    end = letter
    while end > 0 and text[end - 1].isspace():
        end -= 1
    word = _token(text, end)
    if word[-1:].isdigit():
        return True
    return len(word) > 2 and word.islower() and word.isalpha() and word not in BEFORE_NAMES


def _token(text: str, end: int) -> str:
    """The run of characters before `end`, back to white space or an opening bracket."""
    start = end
    while start > 0 and end - start < 40 and not TOKEN_EDGE.match(text[start - 1]):
        start -= 1
    return text[start:end]


def _following(text: str, end: int) -> str:
    """The next word, without opening quotes and brackets, "" at the end of the text."""
    rest = text[end : end + 60].lstrip()
    rest = rest.lstrip(OPENERS)
    return rest.split(maxsplit=1)[0] if rest.strip() else ""


def _opens_line(text: str, at: int) -> bool:
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return not line.strip()
