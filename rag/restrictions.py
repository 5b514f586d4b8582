"""Whether a sentence leaves out the only case in which its passage says so.

"Pets are allowed" of "pets are allowed only with the landlord's consent", "Der Park ist geöffnet"
of "nur an Werktagen", "parking is free" of "free for one hour". A sentence that has a part of that
case tells it, and another part of the passage may say the same of every case. English and German.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from vademecum.rag.limits import LIMITED
from vademecum.rag.negation import negated
from vademecum.rag.words import containment, content_words

# "Only with", "nur bei" and what stands behind, to the end of the clause, or its verb in German.
# "Only by 4%", "only in part" measure; "not only with" restricts nothing.
CASE = re.compile(
    r"(?<!not )(?<!the )\b(?:only|solely|exclusively) (?:with|if|when|where|after|before|once|for"
    r"|in|on|during|between|until|under|at|by|to|upon|through|via|within)\b"
    r"(?! (?:about|around|part|some|an? (?:few|small|minority|part|third|quarter|half|subset))\b)"
    r"(?! \d+(?:\.\d+)? ?%)[^.;,:()]*"
    r"|(?<!nicht )\b(?:nur|ausschließlich|lediglich) (?:mit|bei|wenn|falls|nach|vor|für|in|im|an|am"
    r"|auf|während|zwischen|bis|unter|über|durch|gegen|zu[mr]?|von|vom|ab|innerhalb)\b"
    r"(?! (?:etwa|rund|einem? (?:Teil|Drittel|Viertel)|\d+(?:,\d+)? ?%|\d+ ?Prozent))[^.;:()]*?"
    r"(?=[,.;:()]|\Z| (?-i:[a-zäöüß]+(?:t|en|lich|bar|ig)(?: werden| worden)?)(?:[,.;:()]|\Z))",
    re.IGNORECASE,
)
# For how long something is free, allowed or valid; how long it is taken or kept is another matter.
FOR_SO_LONG = re.compile(
    r"(?<=\bfree )(?P<long>for (?:the first )?(?:\d+|an?|one|two|three|four|five|six|half an)"
    r" (?:minutes?|hours?|days?|weeks?|months?|years?)\b)"
    r"|\b(?:valid|open|closed|allowed|permitted|exempt|guaranteed|waived|suspended)\b[^.;,()]{0,30}?"
    r" (?P<so_long>for (?:the first )?(?:\d+|an?|one|two|three|four|five|six|half an)"
    r" (?:minutes?|hours?|days?|weeks?|months?|years?)\b)",
    re.IGNORECASE,
)
YES = re.compile(r"\A(?:yes|ja)\b\W*", re.IGNORECASE)
SHARED = 0.75  # of the words of a sentence, in what a part says of that case


def left_out(sentence: str, parts: Sequence[str]) -> str:
    """The case ("only with the landlord's consent") outside of which no part says what the sentence
    says of any, "" if it tells it, or there is none."""
    if LIMITED.search(sentence) or negated(sentence):
        return ""
    words = content_words(YES.sub("", sentence))
    found = ""
    for part in parts:
        if len(words) < 2 or containment(words, content_words(part)) < SHARED:
            continue
        case = _case(words, part)
        if not case:
            return ""
        found = found or case
    return found


def _case(words: set[str], part: str) -> str:
    """The only case of which a part says the words, "" if it says them of others, or they tell the
    case."""
    cases = [match.span() for match in CASE.finditer(part)]
    cases += [match.span(match.lastgroup or 0) for match in FOR_SO_LONG.finditer(part)]
    for start, end in cases:
        rest = content_words(f"{part[:start]} {part[end:]}")
        case = content_words(part[start:end]) - rest
        if case and not words & case and containment(words, rest) >= SHARED:
            return part[start:end].strip()
    return ""
