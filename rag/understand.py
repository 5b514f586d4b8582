"""Step 1: what is asked, in which language, and whether it leans on the question before.

Deterministic: a follow-up ("And in children?") is made stand-alone by putting the questions it
leans on in front of it. A wrong guess costs little, because both retrieval and the model then
merely read one question more.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from vademecum.errors import UsageError
from vademecum.rag.answer import Turn
from vademecum.rag.words import HAN, WORD, Language, content_words, language_of, stem

# Python reads a byte that is not UTF-8 as half a surrogate pair, which nothing can encode.
NO_TEXT = re.compile("[\ud800-\udfff]")
MOST_QUESTIONS = 3  # a chain of follow-ups is followed back no further than this

POINTS_BACK = frozenset(
    """it its they them their theirs he she him her his hers this these those that former latter
    same such""".split()
)
OPENS_FOLLOW_UP = re.compile(
    r"^(and|but|or|so|then|also|what about|how about|what else|why|how so|why not|any other)\b"
    r"|^(那么?|那|还有|它|他|她|这|其|该|为什么|为何|怎么办|如果是|以及|呢)"
    r"|^(再|更)?(具体|详细)",
    re.IGNORECASE,
)
POINTS_BACK_HAN = re.compile(
    r"它们?|他们|她们|这(个|种|些|类)|那(个|种|些|类)|该(药|病|研究|方法)|上述|前者|后者"
)
# "Is it safe to give ibuprofen to infants?": here "it" points at nothing before.
EMPTY_IT = re.compile(
    r"\bit\s+(?:be\s+)?(?:\w+\s+){0,2}(?:to|that|whether|if|for)\b", re.IGNORECASE
)
THOSE_WHO = re.compile(r"\b(those|that|these)\s+(who|whom|with|without|of|in|on)\b", re.IGNORECASE)
WEAK = frozenset(stem(word) for word in "use take give safe work mean make happen need".split())


@dataclass(frozen=True, slots=True)
class Query:
    """A question as typed, and as it can be answered without the conversation."""

    question: str
    standalone: str
    language: Language


def understand(question: str, history: Sequence[Turn] = ()) -> Query:
    """Read a question in the light of those before it.

    Raises UsageError if it is empty, has no words, or holds bytes that are no text.
    """
    if NO_TEXT.search(question):
        raise UsageError("the question is not UTF-8 text", "type it again, or save it as UTF-8")
    question = " ".join(question.split())
    if not WORD.search(question) and not HAN.search(question):
        what = "has no words, and a library is searched by words" if question else "is empty"
        raise UsageError(f"the question {what}", "ask in words, for example: Does X help in Y?")
    parts = [question]
    for turn in reversed(history):
        if len(parts) == MOST_QUESTIONS or not leans_back(parts[0]):
            break
        parts.insert(0, " ".join(turn.question.split()))
    standalone = " ".join(_closed(part) for part in parts[:-1]) + " " if parts[:-1] else ""
    return Query(question, standalone + question, language_of(question))


def leans_back(question: str) -> bool:
    """Whether a question is very short, opens like a follow-up, or refers to something outside."""
    if OPENS_FOLLOW_UP.match(question):
        return True
    if language_of(question) == "zh":
        return sum(map(len, HAN.findall(question))) <= 6 or bool(POINTS_BACK_HAN.search(question))
    if len(content_words(question)) <= 1:
        return True
    return _dangling(question)


def _dangling(question: str) -> bool:
    """A reference counts as dangling if too little stands before it for it to point at."""
    text = THOSE_WHO.sub(" ", question)
    if len(content_words(text) - WEAK) >= 3:
        text = EMPTY_IT.sub(" ", text)
    before = 0
    for match in WORD.finditer(text):
        word = match.group().lower()
        if word in POINTS_BACK:
            if before < 2 and not (word == "that" and before):
                return True
        elif content_words(word):
            before += 1
    return False


def _closed(question: str) -> str:
    return question if question[-1] in "?？.。!！" else question + "?"
