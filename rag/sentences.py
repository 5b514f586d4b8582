"""Sentences as they are judged, quoted and counted: those of the library's cutter, joined again
where it cut through one.

The cutter also decides where passages end, so what it cuts otherwise is embedded anew
(`ingest/splitter.py`). Here it costs nothing to be right about "on 1. March 2024", "Drs. Roe", the
number of an item ("2." and its words) and a sentence that goes over the end of a page. Every
sentence begins where one of the cutter's does.
"""

from __future__ import annotations

import re

from vademecum.corpora.abbreviations import STARTERS
from vademecum.corpora.sentences import UNFINISHED, split_sentences

MONTH = re.compile(
    r"(?:January|February|March|April|May|June|July|August|September|October|November|December"
    r"|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\b"
)
YEAR = re.compile(r"\w+\.?,? (?:1[5-9]|20)\d\d\b")
DAY = re.compile(r"(?:\A|(?<=\s))(?P<before>\S+)\s+(?P<day>[1-9]|[12]\d|3[01])\.\Z")
BEFORE_DAYS = frozenset("on from to by until till since before after of the between and or".split())
# A number alone, or what it numbers: "2.", "4.1.", "SECTION 16.", "## 3.".
LABEL = re.compile(
    r"(?:\#{1,6} )?"
    r"(?:(?:section|sec|item|article|art|chapter|part|clause|step|rule|note|box|figure|table"
    r"|schedule|exhibit|appendix|annex|abschnitt|artikel|kapitel|teil|schritt|punkt|anlage|anhang"
    r"|abbildung|tabelle)\.? )?\(?(?:\d{1,3}(?:\.\d{1,3})*|[IVX]{1,4})[.)]",
    re.IGNORECASE,
)
# An item of a list within a line: "as follows: 1. Scope ... 2. Term".
ITEM = re.compile(r"(?<!\d)(?P<mark>[:;,])\s+\(?(?P<n>\d{1,2})\.\Z")
WORD_AT_END = re.compile(r"(?:\A|(?<=[\s(\[„“\"'-]))(?P<word>[^\W\d_]+(?:\.[^\W\d_]+)*)\.\Z")
# Before a name; before a number; in the names of journals and institutes, before the next word.
TITLES = frozenset("Drs Profs Capt Col Lt Sgt Revd Sens Reps Ft Hr Hrn Fr Frl Mag Ing Dres".split())
BEFORE_DIGITS = frozenset(
    "Mon Tue Tues Wed Thu Thur Thurs Fri ver vers Ver Str str st.dev dev Nrn Pkt Fn Anh Alt alt "
    "Mo Di Mi Do Sa So mind höchst tgl mtl wö Std Bsp Kl Lfd Amp Hbj Jgg".split()
)
IN_NAMES = frozenset(
    "Biol Chem Mol Clin Natl Acad Sci Phys Engl Genet Physiol Pharmacol Immunol Biochem Biophys "
    "Neurosci Microbiol Environ Exp Soc Commun Lett Opin Hosp Inst Lab Assoc Intl".split()
)
OWN_MIND = frozenset("my his her their your our in of the to one's".split())
# German ordinals, before a noun: "nach 2. Mahnung", "spätestens 3. Werktag".
ORDINAL = re.compile(r"(?:\A|(?<=\s))(?P<before>[^\W\d_]+)\s+\d{1,2}\.\Z")
BEFORE_ORDINALS = frozenset(
    "nach seit vor bis ab mit bei für gegen über unter je zwischen spätestens frühestens jeweils "
    "ihrem ihren ihrer ihres seinem seinen seiner seines unser unsere unserem unseren deren dessen "
    "jedem welche welcher welchem welchen kein keine keinem keinen etwaige".split()
)
NOUN = re.compile(r"[A-ZÄÖÜ][\wäöüß-]+")
# Over the end of a page: the one has no end, and the other begins with a small letter. So may the
# items of a list, of which each is a paragraph: the one must be long, or end as none of them does.
OPEN = re.compile(r"[a-zäöüß]{2}\Z")
LONG = 8  # words
GOES_ON = re.compile(r"(?:[a-zäöüß]{2,}|a)\b(?![.)])")
TAIL = 80  # characters on either side that tell


def sentences_of(text: str) -> list[tuple[int, int]]:
    """Start and end of each sentence in characters, in order, without overlap."""
    spans: list[tuple[int, int]] = []
    for start, end in split_sentences(text):
        if spans and _goes_on(text, *spans[-1], start):
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((start, end))
    return spans


def _goes_on(text: str, start: int, end: int, following: int) -> bool:
    """Whether the sentence that ends at `end` goes on at `following`."""
    left, right = text[max(start, end - TAIL) : end], text[following : following + TAIL]
    if "\n\n" in text[end:following].replace(" ", ""):
        return GOES_ON.match(right) is not None and _is_open(text[start:end], left)
    if start == end - len(left) and LABEL.fullmatch(left):
        return True
    return left.endswith(".") and (
        _is_day(left, right)
        or _numbers_an_item(text[start:end], left, right)
        or _abbreviated(left, right)
        or _is_ordinal(left, right)
    )


def _is_open(whole: str, left: str) -> bool:
    """Whether a paragraph breaks off: "Changes in the value of hedges are"."""
    if UNFINISHED.search(left):
        return True
    is_long = len(whole.split(maxsplit=LONG)) > LONG and not whole[0].islower()
    return is_long and OPEN.search(left) is not None


def _is_day(left: str, right: str) -> bool:
    """ "on 1. | March 2024"; not "in group 1. | March was cold"."""
    day = DAY.search(left)
    if not day or not MONTH.match(right):
        return False
    return day["before"].lower() in BEFORE_DAYS or YEAR.match(right) is not None


def _numbers_an_item(whole: str, left: str, right: str) -> bool:
    """ "as follows: 1. | Scope", and "Scope, 2. | Term" behind it; not "aged 3, 4. | The"."""
    item = ITEM.search(left)
    if not item or not right[:1].isalpha():
        return False
    if item["n"] == "1":
        return item["mark"] == ":"
    return re.search(rf"(?<![\d.]){int(item['n']) - 1}\.\s", whole) is not None


def _abbreviated(left: str, right: str) -> bool:
    last = WORD_AT_END.search(left)
    if not last:
        return False
    word = last["word"]
    if word in TITLES:
        return right[:1].isupper()
    if word in BEFORE_DIGITS:
        before = left[: last.start("word")].split()
        changed = word == "mind" and bool(before) and before[-1].lower() in OWN_MIND
        return right[:1].isdigit() and not changed
    name = right.split(maxsplit=1)[0].rstrip(",;:")
    return word in IN_NAMES and right[:1].isalnum() and name not in STARTERS


def _is_ordinal(left: str, right: str) -> bool:
    """ "nach 2. | Mahnung"; not "er kam bis Seite 3. | Danach"."""
    ordinal, noun = ORDINAL.search(left), NOUN.match(right)
    if not ordinal or not noun or noun[0] in STARTERS:
        return False
    return ordinal["before"].lower() in BEFORE_ORDINALS
