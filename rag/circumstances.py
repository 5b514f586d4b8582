"""What a text names: things, numbers, sides of bounds; and of whom, when and under what it speaks.

"In women on warfarin deaths were halved within 3 hours" names women, warfarin, deaths, hours and
one side of three hours ("<3"); that it speaks of women and of warfarin, within three hours, are its
circumstances. What is said of them is for `directions.py`, `arms.py` and `regimen.py` to read, and
for `statements.py` to compare. English, German and Chinese.
"""

from __future__ import annotations

import re
from functools import lru_cache

from vademecum.rag.effects import GENERIC
from vademecum.rag.negation import NEGATION, with_for_not_without
from vademecum.rag.quantities import GERMAN_SPELLED, ONES
from vademecum.rag.words import NUMBER, WORD, content_words, normal, stem

# "Within 3 hours" and "after 3 hours" name the two sides of one bound.
BEFORE = (
    r"(?:no|not) (?:more|older|longer|later|higher|larger|greater) than|at (?:the )?most"
    r"|(?:a )?maximum of|nicht (?:mehr|länger|später|älter|höher) als|höchstens|maximal|spätestens"
    r"|within|before|prior to|under|below|less than|fewer than|younger than|until|up to|vor|unter"
    r"|bis(?: zu)?"
)
AFTER = (
    r"(?:no|not) (?:less|fewer|younger|shorter|earlier|lower|smaller) than|at (?:the )?least"
    r"|(?:a )?minimum of|nicht (?:weniger|kürzer|früher|jünger) als|mindestens|wenigstens"
    r"|frühestens|after|following|beyond|over|above|more than|later than|older than|nach|über|ab"
)
SIDE = re.compile(
    rf"\b(?:(?P<before>{BEFORE})|(?P<after>{AFTER})) (?:an? |the |der |dem |den |das |einer? )*"
    rf"(?:doses? of |ages? )?(?:(?P<number>{NUMBER.pattern})|(?P<word>{WORD.pattern}))"
    r"|\b(?P<having>with|without|mit|ohne) (?:an? |the |no |de[mnr] |eine[mnr]? )?(?P<what>[\w-]+)",
    re.IGNORECASE,
)
# "8 degrees or less", "6 Jahre und älter".
BEHIND = re.compile(
    rf"(?P<number>{NUMBER.pattern})(?: [^\W\d_]+)? (?:and|or|und|oder) (?:(?P<less>less|fewer|under"
    r"|below|lower|younger|weniger|kleiner|jünger|darunter)|(?:more|over|above|higher|older|mehr"
    r"|größer|älter|darüber))\b",
    re.IGNORECASE,
)
# "The maximum stay is 14 nights".
LIMIT = re.compile(
    r"\b(?:(?P<most>maximum|maximal\w*|höchst\w{4,})|minimum|minimal\w*|mindest\w{4,})\s(?:[^\W\d]+\s){0,4}?"
    rf"(?:is|are|was|were|of|beträgt|betragen|ist|sind)\s(?P<number>{NUMBER.pattern})",
    re.IGNORECASE,
)
SMALL = {word: n for n, word in enumerate(ONES, 1) if n > 1} | GERMAN_SPELLED
SPELLED = re.compile(rf"\b(?:{'|'.join(SMALL)})\b", re.IGNORECASE)
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


@lru_cache(maxsize=4096)
def names(text: str) -> frozenset[str]:
    """The words that carry meaning, the numbers, and the sides of bounds ("<3", ">surger").

    "Pain was less after 3 hours" names pain, hours and ">3": what is less, and that it is less,
    tell nothing of whom it is said.
    """
    said = HAN_JOINS.sub(" ", NEGATION.sub(" ", text))
    found = content_words(said) - SAYS_NOTHING | labels(text)
    plain = SIDE.sub(lambda match: " " if match["number"] else match.group(), text)
    numbers = {normal(match.group()) for match in NUMBER.finditer(plain)}
    return frozenset(found | numbers | {f"{side}{what}" for side, what in sides(text)})


@lru_cache(maxsize=4096)
def circumstances(text: str) -> frozenset[str]:
    """The names in phrases that say of whom, when or under what: of "in women deaths were halved on
    day 3" women, deaths, day and 3, up to the verb and from "on"."""
    found: set[str] = set()
    for match in OPENS.finditer(text):
        end = ENDS.search(text, match.end())
        found |= names(text[match.start() : end.start() if end else len(text)])
    return frozenset(found)


def labels(text: str) -> set[str]:
    """What stands in a text for a name: "drug A" has "label A", "all others" has "others"."""
    return {
        "others" if match["rest"] or match["ander"] else f"label {match.group()}"
        for match in LABEL.finditer(text)
    }


def sides(text: str) -> set[tuple[str, str]]:
    """What a text names a side of, as stems and numbers, each after its side: "<", ">", "with " or
    "without ". "Before surgery, without food" gives ("<", "surger") and ("without ", "food")."""
    text = SPELLED.sub(lambda match: str(SMALL[match.group().lower()]), with_for_not_without(text))
    found = {("<" if m["side"] == "前" else ">", m["what"]) for m in HAN_SIDE.finditer(text)}
    for match in BEHIND.finditer(text):
        found.add(("<" if match["less"] else ">", normal(match["number"])))
    for match in LIMIT.finditer(text):
        found.add(("<" if match["most"] else ">", normal(match["number"])))
    for match in SIDE.finditer(text):
        if having := match["having"]:
            side = "with " if having.lower() in ("with", "mit") else "without "
            found.add((side, stem(match["what"].lower())))
        else:
            what = normal(match["number"]) if match["number"] else stem(match["word"].lower())
            found.add(("<" if match["before"] else ">", what))
    return found
