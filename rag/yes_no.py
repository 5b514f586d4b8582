"""Whether the first word answers a question as the rest does: "Yes, it must not be used".

A small model likes to agree, and then to copy a sentence that denies: the reader who stops at "Yes"
is told the contrary. "Yes, naloxone." has but one word that a passage could bear out: it is judged
as what the question asks of naloxone. Only where the question affirms, and asks for yes or no; what
it asks for may itself be a refusal ("Is it contraindicated?"), and is then left alone. English and
German; short answers in Chinese, too.
"""

from __future__ import annotations

import re
from itertools import takewhile

from vademecum.rag.negation import NO_DENIAL, OF_WHOM, REFUSAL, negated
from vademecum.rag.polarity import CLAUSE, direction
from vademecum.rag.words import WORD, containment, content_words, numbers

FIRST = re.compile(
    r"\W*(?:(?P<yes>yes|ja)|(?P<no>no|nein))\b\s*[,.:;!–—-]\s*(?P<rest>.+)", re.I | re.S
)
ALONE = re.compile(r"\W*(?P<word>yes|no|ja|nein)\W*", re.IGNORECASE)
ASKS = re.compile(
    r"\W*(?:do|does|did|is|are|was|were|can|could|may|must|should|shall|will|would|has|have|had"
    r"|ist|sind|war|waren|kann|können|darf|dürfen|muss|müssen|soll|sollen|hat|haben|wird|werden"
    r"|gilt|gelten|gibt)\s",
    re.IGNORECASE,
)
# A question of either of two, and one for what is itself a refusal or the lack of something.
EITHER = re.compile(r"\b(?:or|oder)\b", re.IGNORECASE)
LACKS = re.compile(
    rf"{REFUSAL.pattern}|\b(?:discourag\w+|as \w+ as|safe\w*|tolerat\w+|harmless|banned?"
    r"|forb[ai]d\w*|avoid\w*|exclu\w+|stop\w*|unaffected|unchanged|same|similar|equal\w*"
    r"|equivalen\w+|comparable|non-?inferior\w*|free|fail\w*|limit\w*|need(?:s|ed)?|necessary"
    r"|required|warranted|known|controversial|un(?:known|clear|safe|likely|necessary)"
    r"|in(?:effective|sufficient)\w*|overestimate\w*|sicher|verträglich|ausgeschlossen|gleich\w*"
    r"|ähnlich\w*|nötig|erforderlich)\b",
    re.IGNORECASE,
)
# What says of the verb that it is not so; "no" of what is asked for, or of what a study finds.
NOT = re.compile(
    r"\b(?:not|\w+n't|never|cannot|fail(?:s|ed)? to|unable to|nicht|niemals|kein(?:e[mnrs]?)?"
    r"|excluded|ineligible|ausgeschlossen)\b",
    re.IGNORECASE,
)
NO = re.compile(r"\bno (?:[\w-]+ ){0,2}?(?P<what>[\w-]+)", re.IGNORECASE)
FOUND = frozenset(
    """association benefit correlation data difference effect evidence improvement link reduction
    relation relationship significant""".split()
)
STILL_NEEDED = re.compile(
    r"\b(?:trials?|stud(?:y|ies)|research|RCTs?|data|evidence)\b[^.;,]{0,60}"
    r"\b(?:needed|required|warranted|lacking|necessary)\b",
    re.IGNORECASE,
)
MORE = re.compile(
    r"\b(?:superior|better|outperform\w*|(?:more|less) \w+|\w+er (?:\w+ )?than|besser|überlegen)\b",
    re.IGNORECASE,
)
AS_MUCH = re.compile(
    r"\b(?:non-?inferior\w*|equivalen\w+|similar\w*|comparable|equally|as \w+ as|no better"
    r"|gleichwertig|nicht unterlegen|ebenso|vergleichbar\w*)\b",
    re.IGNORECASE,
)
# Behind these it is said of whom, when or why.
OF_WHAT = re.compile(
    r"\b(?:who|whom|whose|which|that|if|when|unless|because|since|where|with|without|than|wenn"
    r"|falls|weil|ohne)\b.*",
    re.IGNORECASE | re.DOTALL,
)
NARROWS = re.compile(
    r"\b(?:only|just|merely|rather|instead|less|fewer|similar\w*|too|hardly|until|unless|except"
    r"|different\w*|nur|erst|statt\w*|außer|weniger)\b",
    re.IGNORECASE,
)

# "是的，肾上腺素。", to a question that ends with 吗.
YES_HAN = re.compile(r"\W*(?:是的?|对的?|可以|能|会)[，,：:]\s*(?P<rest>[^？?]+?)[。.!！\s]*")
ASKED_HAN = re.compile(r"\W*(?P<asked>(?:(?!还是)[^？?])+?)吗[？?]?\s*", re.DOTALL)
DO = re.compile(r"do|does|did", re.IGNORECASE)
SHORT = 1 / 2  # of the words of the question


def joined(before: str, sentence: str) -> str:
    """A sentence, with the "Yes." or "No." that stands alone before it."""
    alone = ALONE.fullmatch(before)
    return f"{alone['word']}, {sentence}" if alone else sentence


def stated(answer: str, question: str) -> str:
    """What a short answer says: of "Yes, naloxone." what is asked of naloxone; "" of others.

    Short is what names the thing that the question begins with, and little else, all of it asked.
    """
    yes, question_han = YES_HAN.fullmatch(answer), ASKED_HAN.fullmatch(question)
    if yes and question_han:
        return f"{question_han['asked']}。" if yes["rest"] in question_han["asked"] else ""
    first = FIRST.match(answer)
    if first is None or not first["yes"] or not ASKS.match(question) or EITHER.search(question):
        return ""
    said, asked = content_words(first["rest"]), content_words(question)
    if not said <= asked or len(said) > SHORT * len(asked):
        return ""
    asks, *rest = re.split("[?？]", question)[0].split()
    start = next((n for n, word in enumerate(rest) if content_words(word)), len(rest))
    thing = list(takewhile(lambda word: said >= content_words(word) != set(), rest[start:]))
    end = start + len(thing)
    if not thing:
        return ""
    verb = [] if DO.fullmatch(asks) else [asks.lower()]
    return " ".join((*rest[:end], *verb, *rest[end:])) + "."


def at_odds(sentence: str, question: str) -> bool:
    """Whether a sentence says "yes" and denies what is asked, or "no" and affirms it."""
    first = FIRST.match(sentence)
    if first is None or not ASKS.match(question) or EITHER.search(question) or negated(question):
        return False
    main = CLAUSE.split(first["rest"])[0]
    if first["yes"]:
        return _denies(main, question)
    return _affirms(main, question) and not negated(first["rest"])


def _denies(main: str, question: str) -> bool:
    if MORE.search(question) and AS_MUCH.search(main):
        return True
    if LACKS.search(question):
        return False
    said = OF_WHAT.sub(" ", OF_WHOM.sub(" ", NO_DENIAL.sub(" ", main)))
    asked = set(WORD.findall(question.lower()))
    no = any(m["what"].lower() in asked | FOUND for m in NO.finditer(said))
    return bool(no or NOT.search(said) or REFUSAL.search(said) or STILL_NEEDED.search(said))


def _affirms(main: str, question: str) -> bool:
    """Whether it has all words of the question, and the same thing is spoken of first."""
    asked, said = content_words(question), content_words(main)
    return (
        len(asked) > 1
        and containment(asked, said) == 1
        and _first(question) == _first(main)
        and numbers(question) <= numbers(main)
        and direction(question) == direction(main)
        and not (NARROWS.search(main) or AS_MUCH.search(main) or LACKS.search(main))
    )


def _first(text: str) -> set[str]:
    """The first word that carries meaning."""
    return next((found for word in WORD.findall(text) if (found := content_words(word))), set())
