"""What a passage tells of a mistake, or of former times, said as what holds.

"Methotrexate is to be taken daily" of "the label said daily instead of weekly; the error was found
in time", "the fee is 20 euros" of "the fee was raised from 20 to 25 euros". That it was so, a
sentence may say. English and German.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from vademecum.rag import set_aside
from vademecum.rag.duties import MARKS
from vademecum.rag.negation import negated
from vademecum.rag.slots import words_in_order
from vademecum.rag.words import containment, content_words

MISTAKE = re.compile(
    r"\b(?:by (?:mistake|accident|error)|in error|(?:mistaken|erroneous|wrong|inadvertent"
    r"|accidental|incorrect)ly|aus versehen|versehentlich|irrtümlich\w*|fälschlich\w*"
    r"|fehlerhaft\w*)\b",
    re.IGNORECASE,
)
# The sentence behind it calls it one: "The error was noticed by ...".
CALLED_ONE = re.compile(
    r"\W*(?:(?:the|this|that) (?:\w+ )?(?:error|mistake|slip|mix-up|oversight)"
    r"|(?:der|dieser|das|dieses) (?:Fehler|Irrtum|Versehen))\b",
    re.IGNORECASE,
)
FORMERLY = re.compile(
    r"\b(?:formerly|in former times|used to (?:be|have|cost|close|open)|früher|vormals|ehemals"
    r"|damals)\b",
    re.IGNORECASE,
)
# "Was raised from 20 to 25 euros": the first of the two holds no more.
CHANGED = re.compile(
    r"\b(?:(?:was|were|has been|have been|had been) (?:raised|lowered|changed|increased|reduced|cut"
    r"|moved|extended|shortened|postponed|renamed|corrected|adjusted|updated|amended)"
    r"|(?:rose|fell|went up|went down|changed|moved))\b[^.;:]{0,60}?\bfrom (?P<old>[^.;:]{1,60}?)"
    r" to (?P<new>[^.;:,]{1,60})"
    r"|\b(?:wurden?|ist|sind)\b[^.;:]{0,60}? von (?P<alt>[^.;:]{1,60}?) auf (?P<neu>[^.;:,]{1,60}?)"
    r" (?:\w*(?:erhöht|gesenkt|geändert|angehoben|verlängert|verkürzt|verschoben|verlegt))\b",
    re.IGNORECASE,
)
# A sentence of what holds, and one of what is demanded.
DEMANDS = re.compile(
    r"\b(?:must|shall|should|ought to|(?:is|are|was|were) to be|(?:has|have|needs?) to|required"
    r"|recommended|advised|müssen|muss|soll(?:en|te|ten)?|(?:ist|sind) [^.;,]{0,60}\bzu \w+en)\b",
    re.IGNORECASE,
)
HOLDS = re.compile(
    r"\b(?:is|are|may|can|costs?|applies|apply|amounts?|lasts?|ist|sind|wird|werden|darf|dürfen|kann"
    r"|können|kostet|kosten|gilt|gelten|beträgt)\b",
    re.IGNORECASE,
)
PAST = re.compile(
    r"\b(?:was|were|had|has been|have been|did|used to|wurden?|war(?:en)?|hatten?|worden)\b",
    re.IGNORECASE,
)
SHARED = 0.75  # of the words of the sentence, in the part


def at_odds(sentence: str, parts: Sequence[str]) -> bool:
    """Whether a sentence says that what the parts tell of a mistake, or of former times, holds."""
    demands = DEMANDS.search(sentence) is not None
    if not demands and (PAST.search(sentence) or not HOLDS.search(sentence)):
        return False
    if negated(sentence) or MISTAKE.search(sentence) or FORMERLY.search(sentence):
        return False
    words = content_words(HOLDS.sub(" ", MARKS.sub(" ", sentence)))
    told = [part for part in parts if containment(words, content_words(part)) >= SHARED]
    if not told:
        return False
    mistaken = set(_mistaken(parts))
    said = set(words_in_order(sentence))
    return all(
        part in mistaken
        or FORMERLY.search(part) is not None
        or (demands and PAST.search(part) is not None and bool(set_aside.asides(part)))
        or _the_old(said, part)
        for part in told
    )


def _mistaken(parts: Sequence[str]) -> Iterator[str]:
    for part, behind in pairwise((*parts, "")):
        if MISTAKE.search(part) or CALLED_ONE.match(behind):
            yield part


def _the_old(said: set[str], part: str) -> bool:
    """Whether a sentence names what something was changed from, and not to what."""
    for match in CHANGED.finditer(part):
        old = set(words_in_order(match["old"] or match["alt"]))
        new = words_in_order(match["new"] or match["neu"])
        if (old - set(new)) & said and not said & set(new[:1]):
            return True
    return False
