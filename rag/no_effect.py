"""An effect read out of a ratio that shows none: "0.98, a lower risk" (95% CI 0.61 to 1.57).

A ratio whose interval has 1 within it, or that stands where no association was found, is no more
and no less. A clause that gives it and says "lower" is at odds with a passage that does not say so.
English and German.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import lru_cache

from vademecum.rag.intervals import intervals
from vademecum.rag.negation import negated
from vademecum.rag.polarity import direction
from vademecum.rag.quantities import german_numbers
from vademecum.rag.words import GERMAN, numbers

RATIO = re.compile(
    r"\b(?:(?:hazards?|odds|risks?|rates?|incidence|prevalence)[ -]ratios?|relative risks?"
    r"|(?-i:a?HR|a?OR|a?RR|IRR|SHR)|relative[sn]? Risik\w+|Risikoverhältnis\w*)\b",
    re.IGNORECASE,
)
IN_GERMAN = re.compile(rf"{GERMAN.pattern}|\bKI\b|\bRisiko")
PIECE = re.compile(r";\s(?!\s*9\d)|\b(?:and|but|while|whereas|although|und|aber|während)\b", re.I)
NOT_SURE = re.compile(
    r"\b(?:(?:not|non|in)[- ]?significant\w*|trend\w*|tend(?:s|ed|ency)|numerical\w*|slight\w* but"
    r"|nicht signifikant\w*)\b",
    re.IGNORECASE,
)


def at_odds(sentence: str, parts: Sequence[str]) -> bool:
    """Whether a clause says more or less with a ratio that, in the parts, says neither."""
    shown = {value for part in parts for value in _none(part)}
    shown -= {value for part in parts for value in _some(part)}
    return bool(shown) and any(
        numbers(piece) & shown
        and direction(piece) != 0
        and not negated(piece)
        and not NOT_SURE.search(sentence)
        for piece in PIECE.split(_read(sentence))
    )


@lru_cache(maxsize=1024)
def _none(part: str) -> frozenset[str]:
    """The ratios of a part that show no effect, and of which it says none."""
    return frozenset(value for value, around, null in _ratios(part) if null and _says_none(around))


@lru_cache(maxsize=1024)
def _some(part: str) -> frozenset[str]:
    """Those that it gives for an effect, whatever else it gives with the same figure."""
    return frozenset(
        value for value, around, null in _ratios(part) if not (null and _says_none(around))
    )


def _says_none(around: str) -> bool:
    return direction(around) == 0 or negated(around)


def _ratios(part: str) -> Iterator[tuple[str, str, bool]]:
    """Each ratio, the clause around it, and whether its interval has 1 within it."""
    for piece in PIECE.split(_read(part)) if RATIO.search(part) else ():
        for interval in intervals(piece):
            if interval.estimate:
                null = Decimal(interval.low) < 1 < Decimal(interval.high)
                yield interval.estimate, piece, null


def _read(text: str) -> str:
    return german_numbers(text) if IN_GERMAN.search(text) else text
