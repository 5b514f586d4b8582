"""Words and numbers of a text, as retrieval checks and sentence checks compare them.

English words are lower-cased and lightly stemmed; Chinese is taken as character pairs, which
need no dictionary. Numbers are brought to one spelling: `1,000` is `1000`, `.5` is `0.5`,
`12.50%` is `12.5`.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Literal

Language = Literal["en", "zh"]

HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+")
WORD = re.compile(r"[^\W\d_](?:[^\W_]|[-'’](?=[^\W_]))*")
# A number that stands by itself: not the 2 of "IL2", nor the 19 of "COVID-19" or "PD-1".
NUMBER = re.compile(
    r"(?<![\w.])(?<![^\W\d_]-)\d{1,3}(?:[,\u2009\u00a0]\d{3})+(?:\.\d+)?(?!\d)"
    r"|(?<![\w.])(?<![^\W\d_]-)\d*[.·]?\d+"
)

STOP_WORDS = frozenset(
    """a about above after again against all also although am an and any are as at be because been
    before being below between both but by can cannot could did do does doing don't down during each
    either etc few for from further had has have having he her here hers him his how however i if
    in into is it its itself just may me might more most must my neither nor not of off on once only
    or other ought our out over own per quite rather same shall she should since so some such than
    that the their them then there therefore these they this those through thus to too under until
    up upon us very was we were what when where whether which while who whom whose why will with
    within without would yes you your according source sources study studies evidence shown show
    shows suggest suggests found abstract passage text
    aber als auch auf aus bei beim dass das dem den der des durch ein eine einem einen einer eines
    er es für ist kein keine keinem keinen keiner kann können mit muss müssen nach nicht noch nur ob
    oder ohne sich sie sind soll sollen sollte sollten sowie über um und unter vom von vor weder
    werden wie wird worden wurde wurden zu zum zur zwischen darf dürfen während im ihm ihn ihr sein
    einer keines""".split()
)
# Words that tell a German sentence, which `language_of` takes for English.
GERMAN = re.compile(r"\b(?:der|und|ist|sind|nicht|eine[nrms]?|wird|werden|wurden?|oder|durch)\b")
LONGEST_STEM = 8
# From these shares of its words in another one a sentence is a near copy of it, or a copy.
NEAR_COPY, COPY = 0.75, 0.85
# "(95% CI 1.3-4.4)", "[2]": what a sentence says beside.
PARENTHESIS = re.compile(r"\([^()]*\)|\[[^\][]*\]")
FULL_WIDTH = str.maketrans("０１２３４５６７８９．％，", "0123456789.%,")


def language_of(text: str) -> Language:
    """`zh` if Han characters outnumber the words written in letters, otherwise `en`."""
    han = sum(len(run) for run in HAN.findall(text))
    return "zh" if han > len(WORD.findall(HAN.sub(" ", text))) else "en"


def stem(word: str) -> str:
    """A light stem: enough that "treated", "treating" and "treatments" meet, and British spelling
    meets American. Eight letters at most, so that "homeless" meets "homelessness"."""
    return without_ending(word)[:LONGEST_STEM]


def without_ending(word: str) -> str:
    """The whole of such a stem, for names: "vasopressin" is no "vasopressor"."""
    word = word.replace("ae", "e").replace("oe", "e")
    for suffix, least in (("ations", 5), ("ation", 5), ("ments", 5), ("ment", 5), ("ings", 4)):
        if word.endswith(suffix) and len(word) - len(suffix) >= least - 1:
            return word[: -len(suffix)]
    for suffix in ("ies", "ied"):
        if word.endswith(suffix) and len(word) > 4:
            return word[: -len(suffix)]
    for suffix in ("ing", "ed", "es", "ly", "e", "s", "y"):
        if word.endswith(suffix) and not word.endswith("ss") and len(word) - len(suffix) >= 3:
            return word[: -len(suffix)]
    return word


def content_words(text: str) -> set[str]:
    """Stems of the words that carry meaning; for Chinese, pairs of adjacent characters."""
    words = set()
    for match in WORD.finditer(HAN.sub(" ", text).lower()):
        word = match.group().replace("’", "'").removesuffix("'s")
        for part in (word, *word.split("-")) if "-" in word else (word,):
            if len(part) > 1 and part not in STOP_WORDS:
                words.add(stem(part))
    for run in HAN.findall(text):
        words.update(run[i : i + 2] for i in range(len(run) - 1))
        if len(run) == 1:
            words.add(run)
    return words


def containment(words: set[str], within: set[str]) -> float:
    """The share of `words` that `within` holds too, in [0, 1]; 0 if there are none."""
    return len(words & within) / len(words) if words else 0.0


def numbers(text: str) -> set[str]:
    """The numbers written in digits, in one spelling."""
    plain = HAN.sub(" ", text.translate(FULL_WIDTH))
    return {normal(match.group()) for match in NUMBER.finditer(plain)}


def normal(digits: str) -> str:
    """A number written in digits, in the spelling that all its spellings share."""
    value = Decimal(re.sub(r"[,\u2009\u00a0]", "", digits).replace("·", "."))
    return format(value.normalize(), "f") if value else "0"
