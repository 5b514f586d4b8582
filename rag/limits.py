"""Only, always and all: whether a sentence goes further than the sentences that have its words.

"The grant is paid only to widows" where a passage has "to widows and orphans", "always" for its
"usually", "all children" for its "most children". Another sentence of the passage lends its "all"
to nothing else. English, German and Chinese.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from vademecum.rag.negation import NOT_WITHOUT, negated
from vademecum.rag.polarity import CLAUSE
from vademecum.rag.words import containment, content_words, stem

# "Only 4%", "only slightly" measure; "nur noch", "immer noch", "immer mehr" tell of time and more.
ONLY = re.compile(
    r"(?<!not )(?<!the )\bonly(?! (?:\d|an?\b|one\b|two\b|three\b|few|half|slight|small|modest"
    r"|moderate|part|margin|mild|weak|minor|limited|some|about|after|\w+ly\b))\b|\bexclusively\b"
    r"|\bsolely\b|(?<!nicht )\b(?:nur|ausschließlich|lediglich)(?! (?:noch|\d|ein\w*|wenige?\b"
    r"|zu \d|gering\w*|leicht\w*|zum Teil|teilweise))\b|(?<!不)仅(?!\d|为|有?\d)|只(?![要是不\d])",
    re.IGNORECASE,
)
LIMITED = re.compile(
    r"\b(?:only|sole(?:ly)?|exclusive(?:ly)?|alone|just|merely|restricted|limited|confined|unique"
    r"|except|unless|neither|none|other than|apart from|rather than|nur|ausschließlich|allein"
    r"|lediglich|beschränk\w+|einzig\w*|außer|ausgenommen|sofern|es sei denn)\b|仅|只|唯一|限于|除",
    re.IGNORECASE,
)
ALWAYS = re.compile(
    r"\b(?:always|invariably)\b|(?<!wie )(?<!noch )\b(?:immer|stets|jederzeit|ausnahmslos)"
    r"(?! (?:noch|wieder|mehr|\w+er)\b)|总是|始终|一律|必定",
    re.IGNORECASE,
)
EVERY_TIME = re.compile(
    r"\b(?:always|invariably|all|every|each|100 ?%|immer|stets|jederzeit|ausnahmslos|alle[mnrs]?"
    r"|jede[mnrs]?|sämtliche\w*)\b|总|始终|一律|必|都|均|每|所有|全部",
    re.IGNORECASE,
)
# What is said of each, and of most of them or of some.
ALL = re.compile(
    r"\b(?<!not )(?<!almost )(?<!nearly )(?<!at )(?:all|every|each)(?: of)?(?: the)? "
    r"(?P<en>[a-z-]+)"
    r"|\b(?<!nicht )(?<!fast )(?:alle|sämtliche|jede[rs]?) (?P<de>[A-ZÄÖÜ]\w+)"
    r"|(?:所有|全部|每[个名位]?)(?:的)?(?P<zh>[\u4e00-\u9fff]{2})",
    re.IGNORECASE,
)
MOST = re.compile(
    r"\b(?:most|many|some|several|few|almost all|nearly all|not all|not every|majority of|half)"
    r"(?: of)?(?: the)? (?P<en>[a-z-]+)"
    r"|\b(?:meisten|viele|einige|manche|mehrere|wenige|fast alle|nicht alle|mehrheit der) "
    r"(?P<de>[A-ZÄÖÜ]\w+)"
    r"|(?:大?多数|大部分|部分|有些|许多|少数|不是所有)(?:的)?(?P<zh>[\u4e00-\u9fff]{2})",
    re.IGNORECASE,
)
SHARED = 0.75  # of the words of the sentence, in the part that it goes beyond


def too_wide(sentence: str, parts: Sequence[str]) -> str:
    """The word by which a sentence goes further than the parts that have its words, "" if it does
    not, or no part has them."""
    for strong, goes_beyond in ((ONLY, _of_others), (ALWAYS, _not_always), (ALL, _not_all)):
        for match in strong.finditer(sentence):
            words = content_words(f"{sentence[: match.start()]} {sentence[match.end() :]}")
            pieces = [part for part in parts if containment(words, content_words(part)) >= SHARED]
            if pieces and all(goes_beyond(match, words, piece) for piece in pieces):
                return match.group()
    return ""


def _of_others(only: re.Match[str], words: set[str], part: str) -> bool:
    return not (LIMITED.search(part) or NOT_WITHOUT.search(part) or negated(part))


def _not_always(always: re.Match[str], words: set[str], part: str) -> bool:
    """Whether a part says it at no time always: "every" of another clause is said of its own."""
    clauses = [each for each in CLAUSE.split(part) if words <= content_words(each)]
    return not any(EVERY_TIME.search(each) for each in clauses or [part])


def _not_all(every: re.Match[str], words: set[str], part: str) -> bool:
    """Whether a part says it of most or some of those of whom the sentence says it of all."""
    those = _those(every)
    of_some, of_all = ([_those(match) for match in found.finditer(part)] for found in (MOST, ALL))
    return _in(those, of_some) and not _in(those, of_all)


def _in(those: str, others: Sequence[str]) -> bool:
    """Whether those, of one or of several ("child", "children"), are among the others."""
    return any(those.startswith(other) or other.startswith(those) for other in others)


def _those(match: re.Match[str]) -> str:
    return stem((match["en"] or match["de"] or match["zh"]).lower())
