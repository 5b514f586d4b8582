"""Numbers with their units and signs, as the sentence check compares them.

"6 mg" is not "6 g", "3-fold" is not "3%", and "-0.8" is not "0.8". Spelling does not count:
"percent" is "%", "10-day" is "10 days", "twenty" is "20". Of a compound unit ("ng/ml") the first
part alone is compared.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from vademecum.rag.words import FULL_WIDTH, GERMAN, HAN, NUMBER, normal

# Each unit under one name; case counts, for "Mg" is magnesium and "M" molar.
UNITS = {
    "%": r"%|[Pp]er ?cent(?:age)?\b|Prozent(?:punkte?n?)?\b|个?百分点",
    "fold": r"fold\b|times\b|倍",
    "kg": r"kgs?\b|kilograms?\b|kilos?\b|Kilo(?:gramm)?\b|千克|公斤",
    "g": r"g\b|gr?ams?\b|grammes?\b|Gramm\b|克",
    "mg": r"mgs?\b|milligrams?\b|Milligramm\b|毫克",
    "ug": r"(?:[μµu]|mc)g\b|micrograms?\b|Mikrogramm\b|微克",
    "ng": r"ng\b|nanograms?\b|纳克",
    "pg": r"pg\b|picograms?\b|皮克",
    "l": r"[lL]\b|lit(?:re|er)s?\b|升",
    "dl": r"d[lL]\b|decilit(?:re|er)s?\b",
    "ml": r"m[lL]\b|cc\b|millilit(?:re|er)s?\b|毫升",
    "ul": r"[μµu][lL]\b|microlit(?:re|er)s?\b|微升",
    "cm": r"cms?\b|centimet(?:re|er)s?\b|厘米",
    "mm": r"mm\b|millimet(?:re|er)s?\b|毫米(?!汞)",
    "um": r"[μµu]m\b|micromet(?:re|er)s?\b|微米",
    "nm": r"nm\b|nanomet(?:re|er)s?\b|纳米",
    "mmHg": r"mm ?Hg\b|毫米汞柱",
    "kPa": r"kPa\b",
    "mol": r"mol\b|moles?\b|摩尔",
    "mmol": r"mmols?\b|millimoles?\b|mM\b|毫摩尔",
    "umol": r"[μµu]mols?\b|micromoles?\b|[μµu]M\b|微摩尔",
    "nmol": r"nmols?\b|nanomoles?\b|nM\b|纳摩尔",
    "IU": r"I?U\b|units?\b|Einheiten\b|国际单位|单位",
    "s": r"secs?\b|seconds?\b|(?<=\s)s\b|Sekunden?\b|秒",
    "min": r"mins?\b|minutes?\b|Minuten?\b|分钟",
    "h": r"h\b|hrs?\b|hours?\b|Stunden?\b|个?小时",
    "day": r"d\b|days?\b|Tage?n?\b|天",
    "week": r"wks?\b|weeks?\b|Wochen?\b|个?星期|周",
    "month": r"mos?\b|mths?\b|months?\b|Monate?n?\b|个月",
    "euro": r"[Ee]uros?\b|EUR\b|€|欧元",
    "dollar": r"(?:US )?[Dd]ollars?\b|USD\b|US\$|美元",
    "yuan": r"[Yy]uan\b|RMB\b|CNY\b|元(?![月素])|人民币",
    "year": r"y\b|yrs?\b|years?\b|Jahre?n?\b|年|岁",
}
UNIT = re.compile(
    r"[\s\u2009\u00a0]{0,2}-?(?:" + "|".join(f"(?:{p})" for p in UNITS.values()) + ")"
)
EACH = {name: re.compile(rf"[\s\u2009\u00a0]{{0,2}}-?(?:{p})") for name, p in UNITS.items()}
# Between two numbers of one unit: "40 and 12 ng/ml", "6-10 days", "5.2 ± 1.1 years".
LIST = re.compile(
    r"\s*(?:[-–—~±,/、至到或和与]|\+/-|,?\s*(?:and|or|to|versus|vs\.?|through)\b)\s*", re.I
)
SIGN = re.compile(r"(?:^|[\s(\[=<>≤≥,:;])[-−–]$")
RANGE = re.compile(r"\d\S{0,3}\s*[-−–]$")

ONES = "one two three four five six seven eight nine ten eleven twelve".split()
TEENS = "thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
SPELLED = {word: n for n, word in enumerate(["zero", *ONES, *TEENS])}
SPELLED |= {word: 10 * n for n, word in enumerate(TENS, 2)}
GERMAN_SPELLED = {
    word: n
    for n, word in enumerate("zwei drei vier fünf sechs sieben acht neun zehn elf zwölf".split(), 2)
} | {
    word: 10 * n
    for n, word in enumerate(
        "zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig".split(), 2
    )
}
SPELLED |= GERMAN_SPELLED
MULTIPLES = {"hundred": 100, "thousand": 1_000, "million": 1_000_000}
TIMES = re.compile(rf"[-\s]({'|'.join(MULTIPLES)})\b", re.IGNORECASE)
_SMALL = (
    rf"(?:(?:{'|'.join(TENS)})(?:[-\s](?:{'|'.join(ONES[:9])}))?"
    rf"|(?:{'|'.join(['zero', *TEENS, *ONES, *GERMAN_SPELLED])}))\b"
)
_AND = r"[-\s](?:and[-\s])?"
_BELOW = rf"{_SMALL}(?:[-\s]hundred\b(?:{_AND}{_SMALL}(?![-\s]hundred\b))?)?"
# "Twenty", "four hundred and twelve", "one million two hundred thousand"; not "two thousand and
# three thousand".
SPELLED_NUMBER = re.compile(
    rf"\b{_BELOW}(?:[-\s]million\b(?:{_AND}{_BELOW}(?![-\s]million\b))?)?"
    rf"(?:[-\s]thousand\b(?:{_AND}{_BELOW}(?![-\s](?:thousand|million)\b))?)?",
    re.IGNORECASE,
)
HAN_DIGITS = {han: n for n, han in enumerate("一二三四五六七八九", 1)} | {"两": 2}
HAN_NUMBER = re.compile(
    r"[二三四五六七八九]?十[一二三四五六七八九]?(?!分(?!钟))|[一二两三四五六七八九]"
)
HAN_PERCENT = re.compile(r"百分之\s*(\d[\d.]*|[一二三四五六七八九十]+)")
HAN_EDGE = re.compile(rf"(?<={HAN.pattern[:-1]})(?=[-−]?[\d.])|(?<=[A-Za-z])(?={HAN.pattern[:-1]})")
DECIMAL_COMMA = re.compile(r"(?<=\d),(?=\d{1,2}(?!\d))|(?<=\b0),(?=\d)")
THOUSANDS = re.compile(r"(?<![\d.,])[1-9]\d{0,2}(?:\.\d{3})+(?![\d.]\d|\d)")
PLAIN = 12  # a number written as a word counts from here on; a smaller one with its unit only


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number in one spelling, its unit ("" if none is recognised), whether a minus stands."""

    value: str
    unit: str = ""
    negative: bool = False


def quantities(text: str) -> list[Quantity]:
    """What a sentence states: numbers in digits, and spelled ones that surely count something
    ("twenty days", "thirty patients", not "one of the two")."""
    text = plain(german_numbers(text) if GERMAN.search(text) else text)
    stated = [_at(text, *found) for found in _digits(text)]
    for start, end, value in _spelled(text):
        quantity = _at(text, start, end, str(value))
        if value > PLAIN or (value > 1 and quantity.unit):
            stated.append(quantity)
    return stated


def quantities_held(text: str) -> frozenset[Quantity]:
    """What a source holds: every number, spelled ones too. A number takes over the unit of the
    next one in a list ("22.9 and 25.7%"). What may be German numbers is read both ways."""
    return _held(plain(text)) | _held(plain(german_numbers(text)))


def _held(text: str) -> frozenset[Quantity]:
    places = numbers_at(text, spelled=True)
    held: list[Quantity] = []
    for i in reversed(range(len(places))):
        quantity = _at(text, *places[i])
        if not quantity.unit and held and LIST.fullmatch(text[places[i][1] : places[i + 1][0]]):
            quantity = Quantity(quantity.value, held[-1].unit, quantity.negative)
        held.append(quantity)
    return frozenset(held)


def holds(held: frozenset[Quantity], quantity: Quantity) -> bool:
    """Whether a source holds a quantity. A number without a unit agrees with any unit; one with a
    minus needs the minus, but "fell by 0.8" may stand for "-0.8"."""
    return any(
        other.value == quantity.value
        and (other.unit == quantity.unit or not other.unit or not quantity.unit)
        and (other.negative or not quantity.negative)
        for other in held
    )


def numbers_at(text: str, *, spelled: bool = False) -> list[tuple[int, int, str]]:
    """Start, end and value of each number in digits, in order; with `spelled`, of those in words
    as well. For text that is `plain`."""
    words = [(start, end, str(value)) for start, end, value in _spelled(text)] if spelled else []
    return sorted([*_digits(text), *words])


def unit_after(text: str, end: int) -> str:
    """The unit that stands at `end`, right after a number; "" if none does."""
    return unit_at(text, end)[0]


def unit_at(text: str, end: int) -> tuple[str, int]:
    """The unit that stands at `end`, right after a number, and where it ends; "" and `end` if none
    does."""
    if not UNIT.match(text, end):
        return "", end
    matches = {name: match.end() for name, p in EACH.items() if (match := p.match(text, end))}
    unit = max(matches, key=lambda name: matches[name])
    return unit, matches[unit]


def german_numbers(text: str) -> str:
    """A text with "0,72" as "0.72" and "1.204" as "1204"."""
    return DECIMAL_COMMA.sub(".", THOUSANDS.sub(lambda match: match[0].replace(".", ""), text))


def plain(text: str) -> str:
    """Western digits, and a space between Han characters and letters or digits."""
    text = HAN_PERCENT.sub(lambda match: f" {_han_value(match.group(1))}% ", text)
    text = text.translate(FULL_WIDTH)
    return HAN_EDGE.sub(" ", text)


def _at(text: str, start: int, end: int, value: str) -> Quantity:
    before = text[max(0, start - 8) : start]
    negative = bool(SIGN.search(before)) and not RANGE.search(before)
    return Quantity(value, unit_after(text, end), negative)


def _digits(text: str) -> Iterator[tuple[int, int, str]]:
    for match in NUMBER.finditer(text):
        if times := TIMES.match(text, match.end()):  # "3 million"
            value = Decimal(normal(match.group())) * MULTIPLES[times.group(1).lower()]
            yield match.start(), times.end(), normal(format(value, "f"))
        else:
            yield match.start(), match.end(), normal(match.group())


def _spelled(text: str) -> Iterator[tuple[int, int, int]]:
    for match in SPELLED_NUMBER.finditer(text):
        yield match.start(), match.end(), _value(match.group())
    for match in HAN_NUMBER.finditer(text):
        yield match.start(), match.end(), int(_han_value(match.group()))


def _value(spelled: str) -> int:
    whole = part = 0
    for word in re.split(r"[-\s]", spelled.lower()):
        if word == "hundred":
            part *= MULTIPLES[word]
        elif word in MULTIPLES:
            whole, part = whole + part * MULTIPLES[word], 0
        else:
            part += SPELLED.get(word, 0)  # 0 for "and"
    return whole + part


def _han_value(han: str) -> str:
    """The value of a number up to ninety-nine in Han characters; digits stay as they are."""
    if han[0].isdigit():
        return han
    tens, ten, ones = han.rpartition("十")
    high = (HAN_DIGITS[tens[0]] if tens else 1) if ten else 0
    return str(10 * high + (HAN_DIGITS[ones[0]] if ones else 0))
