"""Whether a sentence takes its intervals whole from a passage, each with its own estimate.

"OR 2.41 (95% CI 0.11-4.40)" has two bounds that a passage may hold in two places: the interval is
false all the same. "6-23", "6 to 23" and, after "CI" or "range", "6, 23" and "6 and 23" are
intervals, "5.2 ± 1.1" is taken for one. A passage holds it where the two stand one after the other,
whatever stands between. "From 12% to 8%" and "between 12% and 8%" may be two findings and claim no
interval unless "CI" or "range" says so. What stands in one parenthesis belongs together.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise, takewhile

from vademecum.rag.quantities import UNIT, german_numbers, numbers_at, plain
from vademecum.rag.sentences import sentences_of
from vademecum.rag.words import GERMAN

TO = re.compile(r"-?\s*(?P<to>[-–—−~～]|±|\+/-|\b(?:to|through|bis)\b|[至到])\s*[-−–]?\s*", re.I)
IN_CONTEXT = re.compile(r"\s*(?:[,;，；、/和与]|,?\s*\b(?:and|und|y)\b)\s*[-−–]?\s*", re.IGNORECASE)
CONTEXT = re.compile(
    r"(?-i:\bCI|\bCrI|\bIQR|\bKI)\b|\b(?:confidence|credible|prediction) (?:intervals?|limits?)\b"
    r"|\binterquartile\b|\brange\b|置信区间|可信区间|四分位|范围|Konfidenzintervall|Spannweite",
    re.IGNORECASE,
)
OF_AN_ESTIMATE = re.compile(
    r"(?-i:\bCI|\bCrI|\bKI)\b|confidence|credible|置信|可信|konfidenz", re.I
)
OF_A_BOUND = re.compile(
    rf"{CONTEXT.pattern}|\b(?:bounds?|limits?|from|between|least|most|up|low|high|von|zwischen|bis)\b"
    r"|上限|下限",
    re.IGNORECASE,
)
FROM = re.compile(r"\b(?:from|von|between|zwischen)\b[^,;()]*\Z|从[^，；（）]*\Z", re.IGNORECASE)
LEVELS = frozenset(("80", "90", "95", "97.5", "99"))
PROBABILITY = re.compile(r"\b[Pp]\s?(?:-?\s?values?)?\s?(?:[=<>≤≥]|was|of)")
PER = re.compile(r"\bper\s*\Z|/\s*\Z|每\s*\Z", re.IGNORECASE)
LONGEST_PER = 20  # characters: of "per" and space
OPENS, CLOSES = frozenset("([（［"), frozenset(")]）］")
COUNTS = 12  # whole numbers up to here are ends of a list as well: "grades 1-3"


@dataclass(frozen=True, slots=True)
class Interval:
    """Two bounds, and the estimate whose interval they are, "" if none is given."""

    low: str
    high: str
    estimate: str = ""


class Given:
    """The intervals of a passage, and what numbers it gives together."""

    def __init__(self, text: str) -> None:
        self._pairs: set[tuple[str, str]] = set()
        self._together: list[frozenset[str]] = []
        self._inside: list[frozenset[str]] = []
        self._bounds: set[str] = set()  # what is a bound of an interval of confidence
        self._alone: set[str] = set()  # what is no bound
        for reading in dict.fromkeys((plain(text), plain(german_numbers(text)))):
            for start, end in sentences_of(reading):
                self._read(reading[start:end])

    def at_odds(self, sentence: str) -> bool:
        """Whether an interval of the sentence is put together of others, or given to another
        estimate, or a parenthesis of it mixes the numbers of two, or its only number
        is a bound that it does not call so."""
        sentence = german_numbers(sentence) if GERMAN.search(sentence) else sentence
        if any(not self._holds(interval) for interval in intervals(sentence)):
            return True
        values = {value for *_, value in numbers_at(plain(sentence))}
        alone = len(values) == 1 and values <= self._bounds - self._alone
        if alone and not OF_A_BOUND.search(sentence):
            return True
        return any(self._mixed(group) for group in parentheses(sentence))

    def _read(self, sentence: str) -> None:
        segments = list(_segments(sentence))
        bounds = [v for i in intervals(sentence) if i.estimate for v in (i.low, i.high)]
        self._bounds |= set(bounds)
        left = Counter(value for *_, value in numbers_at(sentence))
        left.subtract(bounds)
        self._alone |= {value for value, times in left.items() if times > 0}
        digits, places = numbers_at(sentence), numbers_at(sentence, spelled=True)
        outside = [each for each in digits if not _inside(each[0], segments)]
        for listed in (digits, places, outside):
            self._pairs |= set(pairwise(value for *_, value in listed))
        for i, (start, end, inside) in enumerate(segments):
            if not inside:
                continue
            before = segments[i - 1][0] if i else start
            behind = segments[i + 1][1] if i + 1 < len(segments) else end
            near = {v for at, _, v in places if before <= at < end}
            near |= {
                v
                for at, _, v in places
                if end <= at < behind and PROBABILITY.search(sentence[end:at])
            }
            self._inside.append(frozenset(v for at, _, v in places if start <= at < end))
            self._together.append(frozenset(near))
        if not any(inside for *_, inside in segments):
            self._together.append(frozenset(v for *_, v in places))

    def _holds(self, interval: Interval) -> bool:
        low, high, estimate = interval.low, interval.high, interval.estimate
        if (low, high) not in self._pairs:
            return False
        with_both = [held for held in self._together if low in held and high in held]
        return not estimate or not with_both or any(estimate in held for held in with_both)

    def _mixed(self, group: frozenset[str]) -> bool:
        """Whether numbers that stand in one parenthesis stand in several of the passage's."""
        if any(group <= held for held in self._together):
            return False
        return any(
            len(group & held) >= 2
            and len(group - held) == 1
            and any(group - held <= other for other in self._inside)
            for held in self._inside
        )


def intervals(sentence: str) -> list[Interval]:
    """The intervals that a sentence states."""
    text = plain(sentence)
    places = list(numbers_at(text))
    segments = list(_segments(text))
    found = []
    for i, ((start, end, low), (behind, stop, high)) in enumerate(pairwise(places)):
        since = places[i - 1][1] if i else 0
        before, between = text[since:start], text[end:behind]
        unit = UNIT.match(between)
        between = between[unit.end() :] if unit else between
        named = CONTEXT.search(before) is not None
        to = TO.fullmatch(between)
        estimate = _estimate(text, reversed(places[:i]), start, segments)
        if estimate and not OF_AN_ESTIMATE.search(before):
            # "0.91 (0.72-1.15)" is an estimate with its interval, "64 patients (6-23 years)" none.
            held = Decimal(low) <= Decimal(estimate) <= Decimal(high)
            estimate = estimate if held and _inside(start, segments) else ""
        alone = estimate and text[start - 1 : start] in OPENS and text[stop : stop + 1] in CLOSES
        if not to and not ((named or alone) and IN_CONTEXT.fullmatch(between)):
            continue
        spread = to is not None and to["to"] in ("±", "+/-")
        if spread or named or alone or _claims(before, low, high, text[end : behind + 12]):
            found.append(Interval(low, high, estimate))
    return found


def parentheses(sentence: str) -> list[frozenset[str]]:
    """The numbers that stand in each parenthesis, but for levels of confidence."""
    text = plain(sentence)
    places = list(numbers_at(text))
    groups = [
        frozenset(v for at, _, v in places if start <= at < end and v not in LEVELS)
        for start, end, inside in _segments(text)
        if inside
    ]
    return [group for group in groups if len(group) > 1]


def _claims(before: str, low: str, high: str, behind: str) -> bool:
    """Whether two numbers with "to" or a dash between are an interval where no word says so."""
    if FROM.search(before) or Decimal(low) >= Decimal(high):
        return False
    whole = "." not in low and "." not in high and Decimal(high) <= COUNTS
    return not whole or UNIT.search(behind) is not None


def _inside(at: int, segments: Sequence[tuple[int, int, bool]]) -> bool:
    return any(inside and start <= at < end for start, end, inside in segments)


def _estimate(
    text: str,
    before: Iterable[tuple[int, int, str]],
    at: int,
    segments: Sequence[tuple[int, int, bool]],
) -> str:
    """The last number before an interval (`before` are those, the last one first), in its
    parenthesis or right before that; no level of confidence, nor the 100 of "per 100 patients"."""
    i = next(i for i, (start, end, _) in enumerate(segments) if start <= at < end)
    reach = (
        segments[i - 1][0] if i and segments[i][2] and not segments[i - 1][2] else segments[i][0]
    )
    near = takewhile(lambda number: number[0] >= reach, before)
    return next(
        (
            value
            for place, _, value in near
            if value not in LEVELS and not PER.search(text, max(0, place - LONGEST_PER), place)
        ),
        "",
    )


def _segments(text: str) -> Iterator[tuple[int, int, bool]]:
    """The stretches of a text inside and outside its outermost parentheses, in order."""
    depth = start = 0
    for at, character in enumerate(text):
        if character in OPENS:
            if not depth and at > start:
                yield start, at, False
            start = at if not depth else start
            depth += 1
        elif character in CLOSES and depth:
            depth -= 1
            if not depth:
                yield start, at + 1, True
                start = at + 1
    if start < len(text):
        yield start, len(text), False
