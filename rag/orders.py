"""What a passage tells not to do, told to do: "Water the cactus when it is not spring" where the
passage has "Do not water it from November to February", and nothing else of watering.

A sentence that begins with a verb is an order. It is at odds with a passage that has the verb only
behind "do not" or "never", unless another part of the passage has half of what else it says ("take
it at night", of what "is taken at night"). English; other languages begin orders otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from vademecum.rag.polarity import CLAUSE
from vademecum.rag.words import containment, content_words

ORDER = re.compile(r"\W*(?P<verb>[A-Z][a-z]+)\b(?!\s+not\b)")
DENIED = r"\b(?:do not|don['’]t|never)\s+(?:\w+ly\s+)?"
HALF = 1 / 2


def at_odds(sentence: str, parts: Sequence[str]) -> bool:
    """Whether a sentence orders what the parts forbid."""
    begun = ORDER.match(sentence)
    if begun is None:
        return False
    verb = begun["verb"].lower()
    forbidden = re.compile(rf"{DENIED}{verb}\b", re.IGNORECASE)
    ordered = re.compile(rf"\b{verb}\b", re.IGNORECASE)
    clauses = [clause for part in parts for clause in CLAUSE.split(part) if clause]
    denied = [clause for clause in clauses if forbidden.search(clause)]
    others = [clause for clause in clauses if not forbidden.search(clause)]
    if not denied or any(ordered.search(clause) for clause in others):
        return False
    words = content_words(sentence[begun.end() :])
    return all(containment(words, content_words(clause)) < HALF for clause in others)
