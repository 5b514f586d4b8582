"""What kind of answer a question asks for, and whether a text has one at all.

"What does a smoke detector cost?" is asked of a sum of money, "Which number do I ring?" of one that
can be dialled. A text that names neither a sum nor anything that is said of prices cannot answer
it, however much it says of smoke detectors; and "45 euros are paid" answers it without the word.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from vademecum.rag.words import stem


@dataclass(frozen=True, slots=True)
class Kind:
    """What asks for it, what it looks like in a text, what else is said where it is told in other
    words, and the stems of the English words that it need not be called by."""

    asks: re.Pattern[str]
    stated: re.Pattern[str]
    told: re.Pattern[str]
    names: frozenset[str]


MONEY = Kind(
    re.compile(
        r"\b(?:how much|what)\b[^.?]* (?:costs?|price)\b|\bhow expensive\b"
        r"|\b(?:was|wie ?viel) koste[nt]\b|\bwie teuer\b",
        re.IGNORECASE,
    ),
    re.compile(
        r"[€$£¥] ?\d|\b(?:EUR|GBP|USD|CHF) ?\d"
        r"|\d (?:EUR|GBP|USD|CHF|[Ee]uros?|pounds?|dollars?|francs?|[Cc]ents?|pence|Franken)\b"
    ),
    re.compile(
        r"\b(?:costs?|prices?|priced|expens\w+|fees?|free|charges?|charged|pay|pays|paid|payable)\b"
        r"|kost(?:e[nt]|spielig)|preis|gebühr|frei\b|gratis|umsonst|entgelt|teuer|zahl(?:t|en)\b",
        re.IGNORECASE,
    ),
    frozenset(map(stem, ("cost", "price", "pay", "fee", "charge"))),
)
CALL = Kind(
    re.compile(r"\b(?:tele)?phone number\b|\btelefonnummer\b", re.IGNORECASE),
    re.compile(r"\b(?:extension|tel\.?|call|ring|dial|phone)\b[^.;]{1,40}\d{3}", re.IGNORECASE),
    re.compile(r"phone|telefon|durchwahl|apparat|rufnummer|\d[\d /-]{4,}\d", re.IGNORECASE),
    frozenset(map(stem, ("phone", "telephone", "number"))),
)
KINDS = (MONEY, CALL)


def lacks(text: str, question: str) -> bool:
    """Whether a question asks for what a text tells nothing of."""
    return any(
        kind.asks.search(question) and not kind.stated.search(text) and not kind.told.search(text)
        for kind in KINDS
    )


def unnamed(text: str) -> frozenset[str]:
    """The stems by which is asked for what an English text states without them."""
    return frozenset().union(*(kind.names for kind in KINDS if kind.stated.search(text)))
