"""What a passage says of all but some, or of some only: "not needed except with a valve".

"All but two of the rooms have a balcony" is read as "all of the rooms have a balcony except two".

Of those that are excepted it says the contrary; what it says of some only it does not say of all.
English, German and Chinese.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from vademecum.rag.finite import AUXILIARIES, CLOSED
from vademecum.rag.negation import NEGATION, negated
from vademecum.rag.polarity import direction
from vademecum.rag.words import containment, content_words

CUE = (
    r"\b(?:except(?:ing)?(?: for| in| with| when| if)*|with the exception of|unless|apart from"
    r"|other than|außer|mit ausnahme|ausgenommen|es sei denn|abgesehen von)\b|除非?"
)
# "Except for age, which was higher": the clause behind tells more of it, and excepts nothing.
EXCEPTION = re.compile(
    rf"(?:{CUE})(?P<those>[^.;,，。]*?)"
    r"(?=[.;,，。]|\Z|\s(?:nobody|no one|everyone|everybody|niemand)\b)"
    r"(?P<more>,\s*(?:which|who|whose|that|die|der|das)\b[^.;]*)?",
    re.IGNORECASE,
)
EXCEPT_WITH = re.compile(
    r"\b(?:except(?:ing)?|with the exception of|unless|apart from|other than)\s+(?:(?:for|in|those"
    r"|patients|people|participants|subjects|individuals|adults|women|men|children)\s+)*with\b",
    re.IGNORECASE,
)
# A number, or a name before the verb; "is all but empty" excepts nothing.
ALL_BUT = re.compile(
    r"\b(?P<all>(?:all|every(?:one|body)?|each|any(?:one|body)|no one|nobody|none|alle|jede[rs]?"
    r"|niemand)\b"
    r"(?: (?:of )?(?:the )?[\w-]+)?)"
    r" (?P<but>(?:but|bis auf|except(?: for)?|apart from|other than|außer)"
    r" (?P<those>(?:\d+|one|two|three|four|five|six|eine[nrs]?|zwei|drei|vier|fünf|sechs)\b"
    r"|(?:the |an? |my |our |de[nrm] |die |das |eine[nrm]? )?(?:[\w-]+ ){0,3}?[\w-]+"
    rf"(?= (?:{'|'.join(sorted(AUXILIARIES))})\b)"
    # "All members except juniors vote": a verb behind a plural.
    rf"|(?:the )?[\w-]+s(?= (?!(?:{'|'.join(sorted(CLOSED))})\b)[a-z]+(?<!s)\b)))(?P<rest>[^.;]*)",
    re.IGNORECASE,
)
NOT_THOSE = re.compile(r"\b(?:without|ohne|non)\b", re.IGNORECASE)
ALL = re.compile(
    r"\b(?:all|every(?:one|body)?|any|regardless|irrespective|whatever|always|alle[nrs]?|jede[mnrs]?"
    r"|unabhängig)\b|所有|全部|均",
    re.IGNORECASE,
)
ONLY = re.compile(
    r"(?<!not )\bonly (?:in|for|if|when|with|among|after|before|at|by|those|the|patients|people"
    r"|adults|children|women|men|participants|subjects|individuals)\b"
    r"|\b(?:confined|limited|restricted) to\b|(?<!nicht )\b(?:nur|ausschließlich) (?:bei|für|in"
    r"|wenn|die|patienten|frauen|männer|kinder)\b|(?<!不)仅[对在限]|只有",
    re.IGNORECASE,
)
SHARED = 0.6  # of the words of a sentence, in what a part says
OF_THOSE = 0.5  # of the words of an exception, in a sentence that speaks of it


def at_odds(sentence: str, parts: Sequence[str]) -> bool:
    """Whether the sentence says of the excepted what a part says of the others, or of all what
    it says of some."""
    return any(
        of_excepted(sentence, part) == "opposed" or _all_for_some(sentence, part) for part in parts
    )


def agrees(sentence: str, parts: Sequence[str]) -> bool:
    """Whether the sentence says of the excepted, or of the others, what an exception implies."""
    return any(of_excepted(sentence, part) == "implied" for part in parts)


def restated(sentence: str, parts: Sequence[str]) -> list[str]:
    """The parts, for a sentence of those without something: "all except those with diabetes" says
    it of all without diabetes."""
    if NOT_THOSE.search(sentence) is None or EXCEPTION.search(sentence):
        return list(parts)
    return [EXCEPT_WITH.sub("without", part) for part in parts]


def of_excepted(sentence: str, part: str) -> Literal["opposed", "implied", ""]:
    """How a sentence without an exception stands to a part with one: it says of those excepted the
    same as the part says of the others ("opposed"), or the contrary ("implied")."""
    part, sentence = all_but_as_except(part), all_but_as_except(sentence)
    match = EXCEPTION.search(part)
    if match is None or EXCEPTION.search(sentence):
        return ""
    words, those = content_words(sentence), content_words(match["those"])
    others = f"{part[: match.start()]} {part[match.end() :]}"
    rest = content_words(NEGATION.sub(" ", sentence)) - those
    if containment(those, words) < OF_THOSE or containment(rest, content_words(others)) < SHARED:
        return ""
    if _of_a_kind(match["those"], words):
        return ""
    if direction(sentence) * direction(others) < 0:
        return "opposed"
    of_others = NOT_THOSE.search(sentence) is not None and NOT_THOSE.search(others) is None
    same = negated(NOT_THOSE.sub(" ", sentence)) == negated(NOT_THOSE.sub(" ", others))
    return "implied" if same == of_others else "opposed"


def _of_a_kind(those: str, words: set[str]) -> bool:
    """Whether only a kind is excepted of what the words name: assistance dogs, of dogs."""
    last = those.split()[-2:]
    if len(last) < 2:
        return False
    of, thing = map(content_words, last)
    return bool(of) and bool(thing) and thing <= words and not of & words


def all_but_as_except(text: str) -> str:
    """A text with "all the rooms ... except two" for "all the rooms but two ..."."""
    return ALL_BUT.sub(r"\g<all>\g<rest> except \g<those>", text)


def _all_for_some(sentence: str, part: str) -> bool:
    if not (ALL.search(sentence) and ONLY.search(part)):
        return False
    if ALL.search(part) or ONLY.search(sentence):
        return False
    return containment(content_words(ALL.sub(" ", sentence)), content_words(part)) >= SHARED
