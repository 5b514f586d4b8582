"""Copied sentences with one thing of them changed, as `check.py` tries them."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Sequence

from vademecum.rag.words import numbers

VERB = re.compile(r"\b(is|are|was|were|has|have|had|can|may|did|does)\b")
UNIT = re.compile(
    r"(?<=\d)(\s?)(%|mg|mcg|μg|µg|g|kg|ng|ml|mL|mm|cm|hours?|days?|weeks?|months?|years?|minutes?)(?![\w/])"
)
OTHER_UNITS = {
    "%": "-fold", "mg": "g", "mcg": "mg", "μg": "mg", "µg": "mg", "g": "mg", "kg": "g",
    "ng": "mg", "ml": "l", "mL": "L", "mm": "cm", "cm": "mm", "hour": "day", "day": "week",
    "week": "month", "month": "year", "year": "month", "minute": "hour",
}  # fmt: skip
POPULATION = re.compile(
    r"\b(?:(wo)?men|(fe)?males?|boys|girls|children|adults|infants|rats|mice|pregnant women)\b",
    re.I,
)
OTHER_POPULATIONS = {
    "men": "women", "women": "men", "male": "female", "males": "females", "female": "male",
    "females": "males", "boys": "girls", "girls": "boys", "children": "adults",
    "adults": "children", "infants": "adults", "rats": "humans", "mice": "humans",
    "pregnant women": "men",
}  # fmt: skip
ROUTE = re.compile(
    r"\b(oral(?:ly)?|intravenous(?:ly)?|intramuscular(?:ly)?|subcutaneous(?:ly)?)\b", re.I
)
OTHER_ROUTES = {
    "oral": "intravenous", "intravenous": "oral", "intramuscular": "oral",
    "subcutaneous": "intravenous",
}  # fmt: skip
SIDE = re.compile(
    r"\b(before|after|within|with|without|above|below|under|over)(?= (?:the )?[\w-]{3,})", re.I
)
OTHER_SIDES = {
    "before": "after", "after": "before", "within": "after", "with": "without", "without": "with",
    "above": "below", "below": "above", "under": "over", "over": "under",
}  # fmt: skip
NAME_WITH_DIGITS = re.compile(r"\b(?:[A-Za-z]+-?|[Tt]ype )\d+(?![\w.%])")
COMPARED = (
    re.compile(r"(\bfrom )(\d[\w.%/ ]*?)( to )(\d[\w.%]*)"),
    re.compile(r"(\bin (?:the )?)(\w+)((?: \w+)? than in (?:the )?)(\w+)"),
    re.compile(r"(\b)(\d[\d.]*%)( (?:vs\.?|versus|and) )(\d[\d.]*%)"),
)
INTERVAL = re.compile(r"(?<![\w.])(\d*\.?\d+)(\s?(?:-|–|to)\s?)(\d*\.?\d+)(?![\w.]*\d)")
LONG_WORD = re.compile(r"\b[a-z]{9,}\b")
LETTERS = "aeiou", "bcdfglmnprst"


def with_other_numbers(sentences: Sequence[str], text: str) -> list[str]:
    """Each sentence that holds a number of two digits or more, with one digit of it changed."""
    changed = []
    for sentence in sentences:
        match = re.search(r"(?<![\w.,-])\d\d+(?![\w,])", sentence)
        if match:
            digits = match.group()
            other = str((int(digits[0]) % 9) + 1) + digits[1:]
            if other not in numbers(text):
                changed.append(sentence[: match.start()] + other + sentence[match.end() :])
    return changed


def denied(sentences: Sequence[str]) -> list[str]:
    """Each short sentence that denies nothing, denied."""
    return [
        VERB.sub(lambda match: match.group() + " not", sentence, count=1)
        for sentence in sentences
        if VERB.search(sentence) and not re.search(r"\b(no|not|un\w+|without)\b", sentence)
    ]


def with_other_units(sentences: Sequence[str], text: str) -> list[str]:
    """Each sentence with its first unit changed, where the text lacks the number in that unit."""
    changed = []
    for sentence in sentences:
        if match := UNIT.search(sentence):
            unit = match.group(2)
            other = OTHER_UNITS.get(unit) or OTHER_UNITS[unit.rstrip("s")] + "s"
            put = ("" if other[0] == "-" else match.group(1)) + other
            number = re.search(r"[\d.]+$", sentence[: match.start()])
            if number and not re.search(number.group() + r"[\s-]?" + other.lstrip("-"), text):
                changed.append(sentence[: match.start()] + put + sentence[match.end() :])
    return changed


def with_other_populations(sentences: Sequence[str], text: str) -> list[str]:
    """Each sentence with its first population exchanged for one that the text lacks."""
    changed = []
    for sentence in sentences:
        if match := POPULATION.search(sentence):
            other = OTHER_POPULATIONS[match.group().lower()]
            if not re.search(rf"\b{other.removesuffix('s')}", text, re.I):
                changed.append(sentence[: match.start()] + other + sentence[match.end() :])
    return changed


def with_other_routes(sentences: Sequence[str], text: str) -> list[str]:
    """Each sentence with the first route of a drug exchanged for one that the text lacks."""
    changed = []
    for sentence in sentences:
        if match := ROUTE.search(sentence):
            route = match.group().lower()
            other = OTHER_ROUTES[route.removesuffix("ly")] + ("ly" if route[-2:] == "ly" else "")
            if other[:6] not in text.lower():
                changed.append(sentence[: match.start()] + other + sentence[match.end() :])
    return changed


def with_other_sides(sentences: Sequence[str], text: str) -> list[str]:
    """Each sentence with its first "before", "within", "with" exchanged for its counterpart, where
    the text lacks that of the same word."""
    changed = []
    for sentence in sentences:
        if match := SIDE.search(sentence):
            other = OTHER_SIDES[match.group().lower()] + sentence[match.end() :]
            if " ".join(other.split()[:2]).lower() not in text.lower():
                changed.append(sentence[: match.start()] + other)
    return changed


def with_other_names(sentences: Sequence[str], text: str) -> list[str]:
    """Each sentence with a name like "IL-6" or "type 2", its last digit changed."""
    changed = []
    for sentence in sentences:
        if match := NAME_WITH_DIGITS.search(sentence):
            other = match.group()[:-1] + str((int(match.group()[-1]) + 2) % 10)
            if other.lower() not in text.lower():
                changed.append(sentence[: match.start()] + other + sentence[match.end() :])
    return changed


def rare_words(texts: Sequence[str]) -> list[str]:
    """Long words that one text alone holds, three times or more: what it is about."""
    words = [Counter(re.findall(r"\b[a-z]{8,}\b", text)) for text in texts]
    held_by = Counter(word for counted in words for word in counted)
    rare = {w for counted in words for w, n in counted.items() if n >= 3 and held_by[w] == 1}
    return sorted(rare)


def with_rare_words(
    sentences: Sequence[str], text: str, rare: Sequence[str], chance: random.Random
) -> list[str]:
    """Each sentence that holds a rare word, exchanged for one of another text."""
    known, changed = set(rare), []
    for sentence in sentences:
        match = next((m for m in re.finditer(r"\b[a-z]{8,}\b", sentence) if m[0] in known), None)
        if match:
            other = chance.choice([word for word in rare if word not in text])
            changed.append(sentence[: match.start()] + other + sentence[match.end() :])
    return changed


def exchanged(sentences: Sequence[str], text: str) -> list[str]:
    """Each sentence with two things that it compares in each other's place."""
    changed = []
    for sentence in sentences:
        for pattern in COMPARED:
            other = pattern.sub(r"\1\4\3\2", sentence, count=1)
            if other != sentence and other not in text:
                changed.append(other)
                break
    return changed


def mangled(
    sentences: Sequence[str], text: str, rare: Sequence[str], chance: random.Random
) -> list[str]:
    """Each sentence that holds a rare word, with two letters of it exchanged for others of their
    kind, or its end for another one."""
    known, changed = set(rare), []
    for sentence in sentences:
        match = next((m for m in LONG_WORD.finditer(sentence) if m[0] in known), None)
        if not match:
            continue
        word = match[0]
        if chance.random() < 1 / 3:
            other = word[: len(word) * 2 // 3] + chance.choice(("xis", "olam", "urid", "enap"))
        else:
            letters = list(word)
            for at in chance.sample(range(3, len(word) - 1), 2):
                kind = LETTERS[word[at] not in LETTERS[0]]
                letters[at] = chance.choice([letter for letter in kind if letter != word[at]])
            other = "".join(letters)
        if other not in text.lower():
            changed.append(sentence[: match.start()] + other + sentence[match.end() :])
    return changed


def with_other_intervals(sentences: Sequence[str], text: str) -> list[str]:
    """Each sentence with an interval, its upper bound that of another interval of the text."""
    held = [(float(m[1]), float(m[3]), m[3]) for m in INTERVAL.finditer(text)]
    bounds = {(low, high) for low, high, _ in held}
    changed = []
    for sentence in sentences:
        for match in INTERVAL.finditer(sentence):
            low, high = float(match[1]), float(match[3])
            others = [u for _, h, u in held if h > low and h != high and (low, h) not in bounds]
            if low < high and others:
                changed.append(sentence[: match.start(3)] + others[0] + sentence[match.end(3) :])
                break
    return changed


def opened(sentences: Sequence[str]) -> list[str]:
    """Each sentence as what a study found: right, and no copy."""
    return [
        f"The study found that {s[0].lower() if s[1:2].islower() else s[0]}{s[1:]}"
        for s in sentences
    ]
