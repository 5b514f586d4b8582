"""Of what a passage says "only": "only women are admitted on Tuesdays" is not "only on Tuesdays".

A sentence with "only" before another thing than each "only" of the passage with its words is at
odds with it. English and German.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import takewhile

from vademecum.rag.finite import PREPOSITIONS, tokens, verb_at
from vademecum.rag.negation import negated
from vademecum.rag.words import containment, content_words

ONLY = re.compile(
    r"(?<!not )(?<!the )(?<!nicht )(?<!an )\b(?:only|nur|ausschließlich|solely|exclusively)\b"
    r"(?! (?:\d|a\b|an (?!d)|one\b|two\b|noch\b|half\b|slight|about\b|if\b|when\b|wenn\b))",
    re.IGNORECASE,
)
ENDS = re.compile(r"[,;:.()]")
FOCUS = 3  # words of it that are read
REACH = 80  # characters
SHARED = 0.75  # of the words of the sentence, in the part


def at_odds(sentence: str, parts: Sequence[str]) -> bool:
    """Whether a sentence says "only" of what no part with its words says it of."""
    ours = focus(sentence)
    if not ours or negated(sentence):
        return False
    words = content_words(sentence)
    near = [part for part in parts if containment(words, content_words(part)) >= SHARED]
    told = [theirs for part in near if (theirs := focus(part))]
    # A part without "only" may say it in other words: "alone", "no one else".
    return bool(told) and len(told) == len(near) and all(ours.isdisjoint(each) for each in told)


@lru_cache(maxsize=4096)
def focus(text: str) -> frozenset[str]:
    """The words behind the one "only" of a sentence, up to the verb where it is the subject that
    is limited, and of a phrase to its end; none where it has no "only" or several."""
    found = [*ONLY.finditer(text)]
    if len(found) != 1:
        return frozenset()
    match = found[0]
    behind = text[match.end() : match.end() + REACH]
    stop = ENDS.search(behind)
    said = [token.word for token in tokens(behind[: stop.start()] if stop else behind)]
    if not text[: match.start()].strip(" \n-*•"):
        verb = verb_at(said)
        said = said[: verb if verb else 1]
    elif said and said[0] in PREPOSITIONS:  # "only in the garden | on a lead"
        said = [said[0], *takewhile(lambda word: word not in PREPOSITIONS, said[1:])]
    stems = [stem for word in said for stem in content_words(word)]
    return frozenset(stems[:FOCUS])
