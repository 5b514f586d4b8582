"""What a passage says of one thing, said of another that it names elsewhere.

"Apixaban is stopped 5 days before surgery" where a passage has "Warfarin is stopped 5 days before
surgery", and apixaban in another sentence: each of the words is there, and no sentence says so. The
sentence of the passage that it follows word by word has something else in one place. What stands
in its place as a pronoun, or in general words ("the treatment"), may be the thing itself. What all
of a clause says of another subject is looked at in `rag/subjects.py`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from functools import lru_cache

from vademecum.rag.words import HAN, NUMBER, STOP_WORDS, WORD, normal, without_ending

# A name of one letter ("ward B"): a capital that begins no sentence.
LETTER = re.compile(r"(?<=[a-z,;] )[A-HJ-Z](?=[\s.,;:]|\Z)")
# What may be said for the thing that is meant; words of advice and of direction, which other rules
# compare.
GENERAL = frozenset(
    map(
        without_ending,
        """adult agent amount approach arm case change child children cohort combination compound
        device diet disease disorder dosage dose drug effect exposure factor finding form group
        increase individual intervention kind level man measure medication men method model number
        outcome participant patient people person population practice procedure program programme
        rate reduction regimen result sample score significant significantly study subject substance
        supplement supplementation symptom system technique test therapy tool treatment trial type
        user value woman women advise avoid contraindicate give given indicate recommend suggest
        take use angewendet anwenden behandlung empfohlen geben gegeben gruppe indiziert
        kontraindiziert mittel patient patienten person personen therapie vermeiden verwenden
        verwendet better decline decrease decreased drop elevate elevated fall fewer great greater
        high higher improve improved less low lower raise raised reduce reduced rise worse
        worsen""".split(),
    )
)
# What follows is done, and is no thing: "did not prevent colds".
DOES = re.compile(r"\b(?:can|could|did|do|does|may|might|must|not|should|to|will|would)(?= (\w+))")
# So many words of a sentence are of the one that it follows, if one of its words is not, or two.
FOLLOWED = {1: 1, 2: 4}


def borrowed(sentence: str, parts: Sequence[str]) -> bool:
    """Whether a sentence has, in the place of what one of the parts says it of, what only others of
    them name."""
    ours = words_in_order(sentence)
    if len(set(ours)) < 2 or HAN.search(sentence):
        return False
    theirs = [words_in_order(part) for part in parts]
    mine = set(ours)
    if any(mine <= set(words) for words in theirs):
        return False
    closest = max((len(mine & set(words)) for words in theirs), default=0)
    followed = [words for words in theirs if len(mine & set(words)) == closest]
    if closest < FOLLOWED.get(len(mine) - closest, closest + 1):
        return False
    elsewhere = set().union(*map(set, theirs))
    no_things = GENERAL | {without_ending(match[1]) for match in DOES.finditer(sentence.lower())}
    return mine <= elsewhere and any(
        _in_place(ours, each, mine - set(each), no_things) for each in followed
    )


def _in_place(
    ours: Sequence[str], theirs: Sequence[str], others: set[str], no_things: frozenset[str]
) -> bool:
    """Whether words that are ours alone stand where something of its own stands in theirs."""
    for kind, a, b, c, d in SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes():
        instead = set(theirs[c:d]) - set(ours) - GENERAL
        if (
            kind == "replace"
            and others <= set(ours[a:b])
            and others - no_things
            and len(instead) >= len(others)
            and d - c <= 2 * (b - a) + 1
        ):
            return True
    return False


@lru_cache(maxsize=4096)
def words_in_order(text: str) -> tuple[str, ...]:
    """Stems of the words that carry meaning and numbers, in order."""
    found: list[tuple[int, str]] = []
    for match in WORD.finditer(text):
        word = match.group().lower().replace("’", "'").removesuffix("'s")
        if len(word) > 1 and word not in STOP_WORDS:
            found.append((match.start(), without_ending(word)))
    found += [(match.start(), match.group().lower()) for match in LETTER.finditer(text)]
    found += [(match.start(), normal(match.group())) for match in NUMBER.finditer(text)]
    return tuple(word for _, word in sorted(found))
