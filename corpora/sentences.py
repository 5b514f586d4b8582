"""Sentences of English, German and Chinese text, by rules: fast, exact offsets, no model.

The rules lean towards leaving two sentences together: a piece of a sentence misleads whoever
reads it as evidence, a long one does not.
"""

from __future__ import annotations

import re
from itertools import pairwise, takewhile

from vademecum.corpora.abbreviations import (
    BEFORE_NAMES,
    BEFORE_NUMBERS,
    BEFORE_ORDINALS,
    DOTTED,
    LETTERS,
    MAYBE,
    NEVER,
    NEXT_IN_CITATIONS,
    NUMBER,
    ORDERED,
    STARTERS,
    STREET,
)

# What may end a sentence, with the quotes and brackets that close after it.
CLOSERS = "\"'”’»)\\]}」』）》】"
END = re.compile(rf"[.!?…]+[{CLOSERS}“‘]*(?=\s|$)|[。！？]+[…。！？{CLOSERS}]*")
# No space after the stop: a reference number that was raised ("approaches.1 As"), or a
# sentence run into the next ("in mice.These results").
GLUED = re.compile(r"(?<=[a-z)])\.(?:\d{1,3}(?:[,–-]\d{1,3})*(?=\s+[A-Z])|(?=[A-Z][a-z]+\s))")
BLANK_LINE = re.compile(r"\n[^\S\n]*(?:\n[^\S\n]*)+")
HAN = r"\u3000-\u303f\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef"
CJK = re.compile(rf"[{HAN}]")
# A line that starts something new: a heading, a list item, a table row.
BLOCK_START = re.compile(r"[^\S\n]*(?:#{1,6}\s|[-*+•]\s|\(?\d{1,3}[.)、]\s|\|)")
HEADING = re.compile(r"[^\S\n]*#{1,6}\s")
# An article of a statute, a clause of a contract, a lettered part of either: where the line before
# has ended.
ARTICLE = re.compile(
    r"[^\S\n]*(?:§§?\s*\d|Art(?:ikel|icle|\.)?\s+(?:\d|[IVXLC]+\b)|ARTICLE\s|Section\s+\d"
    r"|\d{1,3}(?:\.\d{1,3})+\.?[^\S\n]+[\"“„A-ZÄÖÜ]"
    r"|第[一二三四五六七八九十百千零〇两\d]+[条章节编]"
    r"|(?:[a-z]\)|\((?:[a-z]{1,2}|[ivx]{1,4})\))[^\S\n]+\S)"
)
LINE_ENDS = frozenset(".!?:;。！？：；")
HEADING_CHARACTERS = 80
# A heading above a paragraph, as readers of pages and books write it. Whether a line was only
# wrapped is told by its room: the first word below it would not have fitted there.
TITLE_CHARACTERS = 200
NARROWEST = 60  # characters to which people wrap a text
COLUMN = 30  # characters of the narrowest column of a printed page
BELOW_CHARACTERS = 800  # that are asked how wide a text is
ROOM = 0.9  # of that width, which lines that were only wrapped use up
UNFINISHED = re.compile(
    r"[,，、(/–—-]$|\b(?:an?|and|as|at|by|for|from|in|of|on|or|the|to|with|than|that"
    r"|is|are|was|were|about|und|oder|d(?:er|ie|as|en|em|es)|eine?|von|vom|mit|für|nach|durch|Herrn?|zu[rm]?|i[nm]|am)$"
)
CELLS = re.compile(r"\||\t|\S {2,}\S")  # of a table
COURT_CHARACTERS = 4  # "F. Supp.", "Fed. R.", "Cal. App."

# A small first letter that begins a sentence all the same: "mRNA", "p53", "α-tocopherol";
# not a unit: "g-1".
SMALL_NAME = re.compile(r"(?![a-z]+-\d\b)[a-z]{1,4}-?[A-Z0-9]|[α-ω]")
OPENERS = "\"'“‘„‚«([{「『（《【"
TOKEN_EDGE = re.compile(rf"[\s(\[{{“‘„‚\"'/—–{HAN}]")
SPACED_LETTER = re.compile(r"[A-Za-zÄÖÜäöü]\.")


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
    begins = True  # a paragraph, or what stands below a heading
    while (newline := text.find("\n", line_start)) != -1:
        after = newline + 1
        heads = begins and _heads_paragraph(text, line_start, newline)
        begins = heads or not text[line_start:newline].strip()
        if (
            heads
            or BLOCK_START.match(text, after)
            or HEADING.match(text, line_start)
            or _chinese_line_ends(text, newline)
            or (ARTICLE.match(text, after) and _line_ended(text, line_start, newline))
            or _heads_article(text, line_start, newline)
        ):
            cuts.append(after)
        line_start = after
    return cuts


def _chinese_line_ends(text: str, newline: int) -> bool:
    """Chinese is not hard-wrapped: between two Chinese lines a break ends a paragraph."""
    before, after = text[newline - 1 : newline], text[newline + 1 : newline + 2]
    return bool(CJK.match(before) and CJK.match(after)) and before not in "，、"


def _line_ended(text: str, line_start: int, newline: int) -> bool:
    """Whether a line ends a sentence or is a heading: what follows is not its second half."""
    line = text[line_start:newline].rstrip()
    if not line or line[-1] in LINE_ENDS:
        return True
    return len(line) < HEADING_CHARACTERS and bool(BLOCK_START.match(line) or ARTICLE.match(line))


def _heads_paragraph(text: str, line_start: int, newline: int) -> bool:
    """Whether the first line of a paragraph is its heading: "Feeding in winter", and what stands
    below begins anew, though its first word would have fitted into the line."""
    if newline - line_start > TITLE_CHARACTERS:
        return False
    line = text[line_start:newline].strip()
    if not line or line[-1] in LINE_ENDS or UNFINISHED.search(line) or CELLS.search(line):
        return False
    below = _paragraph_at(text, newline + 1)
    if not below or CELLS.search(below[0]):
        return False
    word = below[0].split(maxsplit=1)[0]
    first = word.lstrip(OPENERS)
    anew = first[:1].isupper() or first[:1].isdigit() or SMALL_NAME.match(first)
    width = max(map(len, below))
    if len(below) == 1 or width < COLUMN:  # an end, or more headings: they tell of no width
        width = max(NARROWEST, width)
    return bool(anew) and len(line) + 1 + len(word) <= ROOM * width


def _paragraph_at(text: str, at: int) -> list[str]:
    """The first lines of the paragraph that begins there."""
    lines = text[at : at + BELOW_CHARACTERS].split("\n")
    return list(takewhile(bool, map(str.strip, lines)))


def _heads_article(text: str, line_start: int, newline: int) -> bool:
    """Whether a line is the heading of an article: "§ 1 Purpose", and a sentence begins below."""
    if newline - line_start >= HEADING_CHARACTERS or not ARTICLE.match(text, line_start):
        return False
    before = text[max(0, line_start - HEADING_CHARACTERS) : line_start].rstrip(" \t\r")
    begins = not before.strip() or before.endswith("\n\n") or before.rstrip()[-1] in LINE_ENDS
    below = text[newline + 1 : newline + 40].lstrip(" \t" + OPENERS)
    return begins and text[newline - 1] not in ",;" and below[:1].isupper()


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
    if mark != ".":
        return False  # a bracket or quote closes first: "(Smith et al.) Patients"
    word = _token(text, dot)
    if word in NEVER:
        return True
    if following in NEXT_IN_CITATIONS and word.istitle() and len(word) <= COURT_CHARACTERS:
        return True
    if (word in BEFORE_NUMBERS or STREET.fullmatch(word)) and NUMBER.match(following):
        return True
    if word.isdecimal():
        return _opens_line(text, dot - len(word)) or _is_ordinal(text, dot, word, following)
    starter = following.rstrip(",;:") in STARTERS
    if len(word) == 1 and word.isalpha():
        return _stands_for_a_word(text, dot, word, following, starter)
    known = word.lower() in MAYBE and not word.isupper()
    return bool(known or DOTTED.fullmatch(word)) and not starter


def _is_ordinal(text: str, dot: int, number: str, following: str) -> bool:
    """ "1. Januar", "am 3. Tag", "der 2. Senat", "15. 3. 2011": German writes ordinals so."""
    if len(number) > 3:
        return False
    noun = following.rstrip(",.;:)")
    before = _word_before(text, dot - len(number))
    if noun in ORDERED:
        return True
    if noun.isdecimal():  # a date, of which this is the day or the month
        return following.endswith(".") or (before[:-1].isdecimal() and before.endswith("."))
    return before.lower() in BEFORE_ORDINALS and noun not in STARTERS


def _stands_for_a_word(text: str, dot: int, letter: str, following: str, starter: bool) -> bool:
    """ "J. Smith", "z. B.", "Roe v. Doe"; not "hepatitis C.", "5 g.", "mg/L."."""
    before = _word_before(text, dot - 1)
    if SPACED_LETTER.fullmatch(before) and before.islower():
        return True  # "z. B.", "i. V. m."
    if letter.islower():
        spaced = bool(SPACED_LETTER.match(following) or SPACED_LETTER.fullmatch(before))
        if before[-1:].isdigit():
            return spaced or (letter == "f" and not starter)  # "§ 433 f. BGB"
        return spaced or letter in LETTERS
    unit = text[dot - 2 : dot - 1] == "/"  # "mg/L."
    return not (starter or unit or _names_a_kind(before))


def _names_a_kind(before: str) -> bool:
    """ "hepatitis C", "vitamin D", "100 U": a word in small letters or a number before it."""
    if before[-1:].isdigit():
        return True
    small = before.islower() and before.isalpha()
    return len(before) > 2 and small and before not in BEFORE_NAMES


def _word_before(text: str, at: int) -> str:
    """The word that ends before `at`, white space between left out."""
    while at > 0 and text[at - 1].isspace():
        at -= 1
    return _token(text, at)


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
    while at > 0 and text[at - 1] != "\n" and text[at - 1].isspace():
        at -= 1
    return at == 0 or text[at - 1] == "\n"
