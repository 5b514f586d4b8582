"""Which words of an English question say what it is about, and which of them a text holds.

"How often", "what happens" and "is it allowed" ask: no text has to hold them. What the thing asked
for is ("which drugs") counts little: it is often named alone. What is left is looked for by its
forms ("given" for "give", "insurance" for "insured").
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from math import log

from vademecum.rag.asked_for import unnamed
from vademecum.rag.dates import by_days, with_days
from vademecum.rag.otherwise_said import ENGLISH, ENGLISH_KINDS, by_stem
from vademecum.rag.words import WORD, content_words, stem

ASKS = re.compile(
    r"\bhow (?:often|many|much|long|soon|quickly|fast|old|far|common|frequent(?:ly)?)\b"
    r"|\b(?:what|which) (?:happens|kinds?|sorts?|types?|period|dates?|times?|hours|days|amount)\b"
    r"|\b(?:allowed|permitted|forbidden|prohibited|possible|necessary|required?|requires|needed"
    r"|needs?|take place|uses?|used|using|go|goes|going|get|gets|got|happen(?:s|ed)?|together|done"
    r"|finds?|(?:takes?|taking|taken)(?= \w)|on duty|looks? after"
    r"|have to|has to|(?:any|some)(?:body|one|thing)|means?(?=\W*\Z))\b",
    re.IGNORECASE,
)
_FORMS = """become became; begin began begun; bend bent; bind bound; bite bitten; bleed bled;
blow blew blown; break broke broken; bring brought; build built; burn burnt; buy bought; catch
caught; choose chose chosen; come came; deal dealt; dig dug; draw drew drawn; drink drank drunk;
drive drove driven; eat ate eaten; fall fell fallen; feed fed; feel felt; fight fought; find found;
fly flew flown; forbid forbade forbidden; forget forgot forgotten; freeze froze frozen; give gave
given; grow grew grown; hang hung; hear heard; hide hid hidden; hold held; keep kept; know knew
known; lay laid; lead led; learn learnt; leave left; lend lent; light lit; lose lost; make made;
mean meant; meet met; pay paid; ride rode ridden; ring rang rung; rise rose risen; run ran; say
said; see saw seen; seek sought; sell sold; send sent; shake shook shaken; shoot shot; show shown;
shrink shrank shrunk; sing sang sung; sink sank sunk; sit sat; sleep slept; slide slid; speak spoke
spoken; spend spent; spill spilt; spoil spoilt; spring sprang sprung; stand stood; steal stole
stolen; stick stuck; strike struck; sweep swept; swell swollen; swim swam swum; take took taken;
teach taught; tear tore torn; tell told; think thought; throw threw thrown; understand understood;
wake woke woken; wear wore worn; win won; write wrote written"""
IRREGULAR = {
    stem(form): stem(verb)
    for verb, *forms in (line.split() for line in _FORMS.split(";"))
    for form in forms
}
DOUBLED = re.compile(r"([bdgmnprt])\1$")  # "stopped", "thinning"
KIND = re.compile(r"\b(?:which|what) (\w+)", re.IGNORECASE)
KIND_COUNTS = 0.25
# Letters of a word that another one begins with: of "technique" and "tech" nothing is told.
BEGINS = 5


OTHERWISE = by_stem(ENGLISH, ENGLISH_KINDS, stem)


def asked_words(question: str) -> dict[str, float]:
    """The stems that say what is asked, each with how much it counts; all of the words that carry
    meaning, if all only ask."""
    question = by_days(question)
    words = words_of(ASKS.sub(" ", question)) or words_of(question)
    kinds = words_of(" ".join(KIND.findall(question)))
    return {word: KIND_COUNTS if word in kinds else 1.0 for word in words}


def subject(question: str) -> str:
    """The first stem that says what is asked, "" if there is none: what the question is about."""
    asked = asked_words(question)
    for match in WORD.finditer(ASKS.sub(" ", question)):
        for word in words_of(match.group()):
            if asked.get(word) == 1.0:
                return word
    return ""


def words_of(text: str) -> set[str]:
    """The stems of a text, irregular verbs as what they are forms of, and of the days it names."""
    words = content_words(with_days(text))
    return {IRREGULAR.get(word, DOUBLED.sub(r"\1", word)) for word in words}


def words_told(sentence: str) -> set[str]:
    """The same of a sentence, and what is asked by words that it need not have for it."""
    return words_of(sentence) | unnamed(sentence)


def weights(asked: Mapping[str, float], texts: Collection[Collection[str]]) -> dict[str, float]:
    """How much each word tells: what it counts, times ln(1 + N / (n + 1/2)) where n of the N texts
    hold it."""
    return {
        word: counts * log(1 + len(texts) / (sum(holds(text, word) for text in texts) + 0.5))
        for word, counts in asked.items()
    }


def share_held(weights: Mapping[str, float], text: Collection[str]) -> float:
    """The share of the weights whose words a text holds, in [0, 1]."""
    total = sum(weights.values())
    return sum(w for word, w in weights.items() if holds(text, word)) / total if total else 0.0


def holds(text: Collection[str], word: str) -> bool:
    """Whether a word, one that stands for it, or one that begins with it, or that it begins with,
    is among those of a text."""
    return any(_holds(text, one) for one in (word, *OTHERWISE.get(word, ())))


def _holds(text: Collection[str], word: str) -> bool:
    does = f"{word}er" if len(word) == BEGINS - 1 else word  # who drives is the driver
    return (
        word in text
        or does in text
        or any(
            (len(word) >= BEGINS and one.startswith(word))
            or (len(one) >= BEGINS and word.startswith(one))
            for one in text
        )
    )
