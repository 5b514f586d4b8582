"""Of whom, when and under what a passage says something, beside what it says otherwise of another.

"Pain was less on day 1. On day 3 it was greater." Two statements in a row that differ in value (a
direction, a figure) are told apart by what the one names and the other does not. A sentence that
has the value of the one and names the other is at odds with both. English, German and Chinese.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from vademecum.rag.effects import GENERIC
from vademecum.rag.negation import NEGATION, with_for_not_without
from vademecum.rag.words import NUMBER, WORD, containment, content_words, normal, stem

# "Within 3 hours" and "after 3 hours" name the two sides of one bound.
BEFORE = (
    r"within|before|prior to|under|below|less than|fewer than|younger than|until|up to|vor|unter"
    r"|bis(?: zu)?"
)
AFTER = r"after|following|beyond|over|above|more than|later than|older than|nach|über|ab"
SIDE = re.compile(
    rf"\b(?:(?P<before>{BEFORE})|(?P<after>{AFTER})) (?:an? |the |der |dem |den |das |einer? )*"
    rf"(?:doses? of |ages? )?(?:(?P<number>{NUMBER.pattern})|(?P<word>{WORD.pattern}))"
    r"|\b(?P<having>with|without|mit|ohne) (?:an? |the |no |de[mnr] |eine[mnr]? )?(?P<what>[\w-]+)",
    re.IGNORECASE,
)
MARKED = re.compile(r"[<>]|with(?:out)? ")
HAN_SIDE = re.compile(r"(?P<what>[\u4e00-\u9fff]{2})(?:之|以)?(?P<side>[前后])")
# Words that open a circumstance: "in women", "among those on the drug", "(placebo)".
OPENS = re.compile(
    r"\b(?:in|on|at|for|für|with(?:in|out)?|among|during|after|before|prior|following|under|over|above|below"
    r"|beyond|until|up|by|when|given|receiving|taking|early|late|bei|mit|ohne|unter|im|am|vor|nach"
    r"|während|ab)\b|\((?=[^\W\d])",
    re.IGNORECASE,
)
# Where it ends, unless another one opens: "in men | was halved".
ENDS = re.compile(
    r"[,;:)]|\d[\d.,]*\s*%|\b(?:was|were|is|are|had|has|did|does|wurden?|war(?:en)?|and|und|of)\b",
    re.IGNORECASE,
)
# What tells nothing of whom something is said; what is high in one is low in the other.
SAYS_NOTHING = (
    GENERIC
    - content_words("high low early late long short overall total adult")
    - content_words("one two three four five six seven eight nine ten twelve")
) | content_words(
    """seen observed noted detected reported evident present occurred given received gegeben
    whereas versus vs among compared against solche solcher beobachtet änderte änderten hingegen
    dagegen change difference reduction war waren hat hatte
    hatten die 变化 差异 有变 有差"""
)
# What is called by no name of its own: "drug A", "the intervention group", "all others".
LABEL = re.compile(
    r"(?<=[^\W\d_] )(?P<letter>[A-HJ-Z])\b(?![.'’]\w)|\b(?P<han>[A-Z])(?= ?[组药方])"
    r"|\b(?P<arm>intervention|treatment|treated|experimental|study|active)(?= (?:group|arm)\b)"
    r"|\b(?P<rest>(?:all |the )?others?|the rest|everyone else|(?:alle[nr]? )?(?:anderen?|übrigen?)"
    r"|sonstigen?)\b|(?P<ander>其他|其余)",
)
# Characters that join words of Chinese, and what changes: between them stand the names.
HAN_JOINS = re.compile(
    r"[的了在为是与和及于对中将均被由占]|下降|上升|升高|降低|增加|增长|减少|达到?"
)
LEAST_NAMED = 1 / 2  # of what tells the other statement apart, in the sentence
BOTH = 2  # the claim names all that tells the two apart
SAME_MATTER = 0.8  # of the other words of the sentence, in the two statements
ALL_SAID = 0.9


@dataclass(frozen=True, slots=True)
class Statement:
    """A clause of a passage with what it says (`value`) and all that it `names`.

    `own` are the names without those of asides, `around` those of the whole sentence,
    `circumstances` those of whom, when and under what, `subject` those before the value.
    """

    value: Hashable
    names: frozenset[str]
    own: frozenset[str]
    around: frozenset[str]
    circumstances: frozenset[str]
    subject: frozenset[str]


def statement(
    value: Hashable, clause: str, before: str, aside: str = "", whole: str = ""
) -> Statement:
    """The statement of a clause; `before` is what stands before its value, `aside` what is added
    behind it ("but not fatigue, | over 12 weeks") and may be said of the whole sentence."""
    own = names(clause)
    said = own | names(aside)
    return Statement(value, said, own, said | names(whole), circumstances(clause), names(before))


def stands(
    claim: Statement,
    pairs: Sequence[tuple[Statement, Statement]],
    contrary: Callable[[Hashable, Hashable], bool],
) -> int:
    """-1 if the claim gives the value of one statement to what the one beside it is about, 1 if it
    gives it to its own, 0 if no two statements tell. `pairs` are those near
    each other."""
    found = {
        sign
        for one, other in pairs
        if contrary(one.value, other.value)
        for sign in [
            _stands(claim, one, other, later=False),
            _stands(claim, other, one, later=True),
        ]
        if sign
    }
    if 1 in found:
        return 1
    if -1 not in found or BOTH in found:
        return 0
    # Another statement may say just what the claim says.
    held = any(
        each.value == claim.value
        and containment(set(claim.names), set(each.names)) >= ALL_SAID
        and claim.circumstances <= each.names
        for pair in pairs
        for each in pair
    )
    return 0 if held else -1


def _stands(claim: Statement, own: Statement, other: Statement, *, later: bool) -> int:
    """How a claim stands to a statement of its value, `later` if it is the second of the two."""
    if claim.value != own.value:
        return 0
    first, second = (other, own) if later else (own, other)
    seconds = second.own - first.names
    if later:
        ours = seconds
        theirs = first.circumstances - second.names
        subject = first.subject - second.names
        # "The rent monthly in advance, the heating yearly": each has a subject of its own.
        apart = second.subject - second.circumstances - first.names
        if not theirs or (apart and subject & claim.names and not seconds & claim.names):
            theirs = subject
    else:
        ours, theirs = (first.circumstances | first.subject) - second.names, seconds
    if not ours or not theirs:
        return 0
    held, lost = (
        containment(set(ours), set(claim.names)),
        containment(set(theirs), set(claim.names)),
    )
    rest = {name for name in claim.names - theirs if not MARKED.match(name)}
    if held == lost == 1:
        return BOTH
    if lost > held and lost >= LEAST_NAMED:
        return -1 if _said(rest, own.around | other.around) >= SAME_MATTER else 0
    whole = held == 1 > lost or (held >= LEAST_NAMED and lost == 0)
    return 1 if whole and _said(rest, own.names | other.names) >= ALL_SAID else 0


def _said(names: set[str], held: frozenset[str]) -> float:
    return containment(names, set(held)) if names else 1.0


@lru_cache(maxsize=4096)
def names(text: str) -> frozenset[str]:
    """The words that carry meaning, the numbers, and the sides of bounds ("<3", ">surger")."""
    said = HAN_JOINS.sub(" ", NEGATION.sub(" ", text))
    found = content_words(said) - SAYS_NOTHING | labels(text)
    plain = SIDE.sub(lambda match: " " if match["number"] else match.group(), text)
    numbers = {normal(match.group()) for match in NUMBER.finditer(plain)}
    return frozenset(found | numbers | {f"{side}{what}" for side, what in sides(text)})


def labels(text: str) -> set[str]:
    """What stands in a text for a name."""
    return {
        "others" if match["rest"] or match["ander"] else f"label {match.group()}"
        for match in LABEL.finditer(text)
    }


def sides(text: str) -> set[tuple[str, str]]:
    """What a text names a side of, as stems and numbers, each after its side: "<", ">", "with " or
    "without "."""
    text = with_for_not_without(text)
    found = {("<" if m["side"] == "前" else ">", m["what"]) for m in HAN_SIDE.finditer(text)}
    for match in SIDE.finditer(text):
        if having := match["having"]:
            side = "with " if having.lower() in ("with", "mit") else "without "
            found.add((side, stem(match["what"].lower())))
        else:
            what = normal(match["number"]) if match["number"] else stem(match["word"].lower())
            found.add(("<" if match["before"] else ">", what))
    return found


@lru_cache(maxsize=4096)
def circumstances(text: str) -> frozenset[str]:
    """The names in phrases that say of whom, when or under what."""
    found: set[str] = set()
    for match in OPENS.finditer(text):
        end = ENDS.search(text, match.end())
        found |= names(text[match.start() : end.start() if end else len(text)])
    return frozenset(found)
