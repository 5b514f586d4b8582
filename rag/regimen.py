"""Which way and how often something is given, paid or done: of a class of such words one excludes
the others.

A sentence that names another one than the part of the passage that has its words is at odds with
it, and so is one that gives to one thing what a part gives to the other ("A twice daily and B once
daily"). English, German, Chinese and the abbreviations of prescriptions ("i.v.", "IM").
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from vademecum.rag.beside import Stated, Value, beside, given_to_another
from vademecum.rag.quantities import GERMAN_SPELLED, HAN_DIGITS, SPELLED
from vademecum.rag.words import containment, content_words

# "Stage IV" is no route, and "im" and "sc" are words of German and of Latin in small letters.
ROUTES = {
    "intravenous": r"(?i:(?<!stage )(?<!class )(?<!type )(?<!grade ))\bIV\b"
    r"|(?i:\bintraven(?:ous|ös)\w*)|\bi\.\s?v\.|静脉(?:注射|滴注|给药)?",
    "intramuscular": r"(?i:\bintramus[ck]ul[aä]r\w*)|\bIM\b|\bi\.\s?m\.|肌内(?:注射)?|肌肉注射",
    "subcutaneous": r"(?i:\bsub[ck]utan\w*)|\bSC\b|\bs\.\s?c\.|皮下(?:注射)?",
    "oral": r"(?i:\boral(?:ly|e[mnrs]?)?\b|\bby mouth\b|\bper os\b)|\bPO\b|\bp\.\s?o\.|口服",
    "rectal": r"(?i:\bre[ck]tal(?:ly|e[mnrs]?)?\b)|直肠给药",
    "topical": r"(?i:\btopical(?:ly)?\b|\btopisch\w*)|外用",
    "inhaled": r"(?i:\binhal(?:ed|ation)\b|\binhalativ\w*)|吸入",
    "intranasal": r"(?i:\bintranasal\w*)|鼻内",
    "intrathecal": r"(?i:\bintrathe[ck]al\w*)|鞘内",
    "sublingual": r"(?i:\bsublingual\w*)|舌下",
}
PERIODS = {
    "day": r"(?i:\bdaily\b|\b(?:every|each|a|per) day\b|\btäglich\w*|\bpro tag\b)|每[日天]",
    "week": r"(?i:\bweekly\b|\b(?:every|each|a|per) week\b|\bwöchentlich\w*|\bpro woche\b)|每周",
    "month": r"(?i:\bmonthly\b|\b(?:every|each|a|per) month\b|\bmonatlich\w*|\bpro monat\b)"
    r"|每个?月",
    "quarter": r"(?i:\bquarterly\b|\b(?:every|each|per) quarter\b|\bvierteljährlich\w*"
    r"|\bpro quartal\b)|每个?季度",
    "year": r"(?i:\b(?:yearly|annual(?:ly)?)\b|\b(?:every|each|per) year\b|\bjährlich\w*"
    r"|\bpro jahr\b)|每年",
}
# "Every two weeks", "alle 14 Tage", "every other day".
EVERY = re.compile(
    rf"\b(?:every|alle)[ ](?P<n>\d+|other|second|{'|'.join(SPELLED)})[ -]"
    r"(?:(?P<hour>hours?|Stunden)|(?P<day>days?|Tage)|(?P<week>weeks?|Wochen)"
    r"|(?P<month>months?|Monate)|(?P<year>years?|Jahre))\b",
    re.IGNORECASE,
)
# Behind a number of times they are periods; else "am Tag der Operation", "within a year".
BEHIND_TIMES = {
    "day": r"(?i:am tag)\b|[一每][日天]",
    "week": r"(?i:in der woche)\b|[一每]周",
    "month": r"(?i:im monat)\b|[一每]个?月",
    "quarter": r"(?i:a quarter|im quartal)\b|[一每]个?季度",
    "year": r"(?i:a year|im jahr)\b|[一每]年",
}
COUNTED = {name: re.compile(f"{pattern}|{BEHIND_TIMES[name]}") for name, pattern in PERIODS.items()}
_COUNTED = "|".join(pattern.pattern for pattern in COUNTED.values())
TIMES = {"once": 1, "twice": 2, "thrice": 3, "einmal": 1}
TIMES |= {f"{word}mal": n for word, n in GERMAN_SPELLED.items()}
# "Three times a day", "zweimal täglich", "2x daily", "每日两次".
COUNT = re.compile(
    rf"\b(?:(?P<once>{'|'.join(TIMES)})|(?P<times>\d+|{'|'.join(SPELLED)})[- ]?(?:times|mal|[x×]))"
    rf"[- ](?:{_COUNTED})|(?:{_COUNTED})\s?(?P<han>\d+|[{''.join(HAN_DIGITS)}])\s?次",
    re.IGNORECASE,
)
CLASSES = tuple(
    {name: re.compile(pattern) for name, pattern in given.items()} for given in (ROUTES, PERIODS)
)
SHARED = 0.6  # of the other words of the sentence, in a part that names another one
HOLDS = 0.4  # the same, in a part that names the sentence's own

Class = Mapping[str, re.Pattern[str]]


def at_odds(sentence: str, parts: Sequence[str]) -> bool:
    """Whether the sentence names one of a class that no part names of its matter, and a part that
    has its other words names another; or one that the parts name of another matter beside it."""
    return any(_other(sentence, parts, i) for i, _ in enumerate(values(sentence))) or (
        given_to_another(sentence, parts, statements)
    )


def named(text: str, given: Class) -> set[str]:
    """Which of a class a text names."""
    return {name for name, pattern in given.items() if pattern.search(text)}


@lru_cache(maxsize=1024)
def values(text: str) -> tuple[tuple[Value, ...], ...]:
    """The routes of a text, its periods, and how often in each it says."""
    counted = [(match.span(), *_count(match)) for match in COUNT.finditer(text)]
    routes, periods = (_in_order(_found(text, given)) for given in CLASSES)
    # "Twice daily" is said as one.
    whole = [Value(*span, period) for span, _, period in counted]
    apart = [
        period
        for period in periods
        if not any(start <= period.start < end for (start, end), _, _ in counted)
    ]
    counts = tuple(Value(*span, (times, period)) for span, times, period in counted)
    return routes, _in_order([*apart, *whole]), counts


def _count(match: re.Match[str]) -> tuple[int, str]:
    """How often, and in which period."""
    period = next(iter(named(match.group(), COUNTED)), "")
    if once := match["once"]:
        return TIMES.get(once.lower(), 0), period
    number = match["times"] or match["han"]
    spelled = (SPELLED | HAN_DIGITS).get(number.lower(), 0)
    return int(number) if number.isdigit() else spelled, period


def _found(text: str, given: Class) -> Iterable[Value]:
    for name, pattern in given.items():
        for match in pattern.finditer(text):
            yield Value(match.start(), match.end(), name)
    for match in EVERY.finditer(text) if given is CLASSES[1] else ():
        number = match["n"].lower()
        times = 2 if number in ("other", "second") else SPELLED.get(number, number)
        yield Value(match.start(), match.end(), f"{times} {match.lastgroup}")


def _in_order(found: Iterable[Value]) -> tuple[Value, ...]:
    return tuple(sorted(found, key=lambda value: value.start))


@lru_cache(maxsize=1024)
def statements(part: str) -> Stated:
    """What a part names of each class, with the words beside each."""
    return tuple(
        (str(i), tuple(beside(part, found))) for i, found in enumerate(values(part)) if found
    )


def _other(sentence: str, parts: Sequence[str], i: int) -> bool:
    own = {value.value for value in values(sentence)[i]}
    if not own:
        return False
    words = content_words(_without(sentence, i))
    naming = [part for part in parts if values(part)[i]]
    shares = {part: containment(words, content_words(_without(part, i))) for part in naming}
    if any(
        shares[part] >= HOLDS and own & {value.value for value in values(part)[i]}
        for part in naming
    ):
        return False
    return any(share >= SHARED for share in shares.values())


def _without(text: str, i: int) -> str:
    for value in reversed(values(text)[i]):
        text = f"{text[: value.start]} {text[value.end :]}"
    return text
