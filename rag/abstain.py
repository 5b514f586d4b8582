"""When there is no answer, and why.

Before writing: nothing found bears on the question, neither a passage as a whole nor a sentence of
one, and that alone is "not in this library", unless the question is in another language than what
was found. After writing: the
model declined, no sentence of what it wrote is borne out, or all that is comes from the question: a
small model that is asked why X harms answers that X harms. That says something of the model, unless
two languages are the cause. The nearest sources are shown in any case.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from vademecum.model.interface import TextEmbedder
from vademecum.rag.answer import BEARING, Sentence, Source
from vademecum.rag.asked_for import lacks
from vademecum.rag.pointed import pointed
from vademecum.rag.rare import unheard_of
from vademecum.rag.retrieve import Found
from vademecum.rag.rows import of_another_day
from vademecum.rag.wording import Reason
from vademecum.rag.words import Language, content_words, language_of

COSINE_SHARE = 0.6  # of the relevance; coverage has the rest
# PubMedQA: 97 % of questions reach it with their own abstract in the library, 6 % without it
# (decision 0001). A wrong "not in this library" still shows the nearest
# sources; a wrong answer misleads.
RELEVANT = 0.54
# The same for Chinese, where the coverage by words stands alone (`benchmarks/abstain_zh.py`).
RELEVANT_HAN = 0.58
# And where question and passage are German (`benchmarks/abstain_de.py`).
RELEVANT_GERMAN = 0.8
# Of a table with few and short rows hardly any row holds the words in which it is asked about: so
# much is enough of what the question names by its whole title, or what stands out in a small
# corpus by so much (decision 0001).
SINGLED_OUT = 0.7
LEAD = 0.2
# A source this much less relevant than the best one only distracts a small model.
DISTRACTS = 0.75

# Words that ask for something and claim nothing of it: "What is the effect of ...?"
ASKING = content_words("effect impact influence role relationship treatment therapy factor outcome")

# What is said instead where question and passages are in two languages: neither are words of the
# one found in the other, nor is a sentence of the one borne out by the other, whatever both say.
APART: dict[Reason, Reason] = {
    "irrelevant": "apart",
    "unnamed": "apart",
    "unquoted": "apart",
    "unsupported": "unchecked",
    "borrowed": "unchecked",
}

REFUSAL = re.compile(
    r"\b(?:sources?|passages?|abstracts?|texts?|studies|documents?|information|context|articles?)\b"
    r"[^.]{0,60}?\b(?:do(?:es)? not|don't|doesn't|did not|cannot|can't|fails? to|not)\b"
    r"[^.]{0,30}?\b(?:answer|contain|mention|provide|address|discuss|include|specif|describe"
    r"|enough|sufficient|give|report)"
    r"|\bno (?:\w+ ){0,2}(?:information|mention|evidence|data|answer)\b[^.]{0,80}?"
    r"\b(?:sources?|passages?|abstracts?|texts?|library|provided|given)\b"
    r"|\bi (?:cannot|can't|could not|am unable to|'m unable to|am not able to) "
    r"(?:\w+ ){0,2}(?:answer|find|provide|determine)"
    r"|\bi(?:'m| am) sorry\b|\bas an ai\b|\bi (?:do not|don't) (?:have|know)\b"
    r"|(?:资料|来源|文献|摘要|文本)(?:中|里)?[^。]{0,20}(?:没有|未|并未|不能|无法|不包含|不足)"
    r"|(?:无法|不能)(?:回答|确定)|抱歉|对不起",
    re.IGNORECASE,
)


def relevance(found: Found, language: Language) -> float:
    """How far a found passage bears on the question, in [0, 1]."""
    if language == "zh" or found.german:
        return found.coverage
    return COSINE_SHARE * max(0.0, found.cosine) + (1 - COSINE_SHARE) * found.coverage


def choose(
    question: str, found: Sequence[Found], language: Language, embedder: TextEmbedder
) -> tuple[list[Found], Reason | None]:
    """The found passages to answer from, and why not to ask the model, None if there is no reason:
    then they are all that was found."""
    texts = [f"{one.document.title} {one.passage.text}" for one in found]
    if found and language == "en" and unheard_of(question, texts, embedder):
        return list(found), "unnamed"
    can_tell = [
        one
        for one, text in zip(found, texts, strict=True)
        if not lacks(text, question) and not of_another_day(one.passage.text, question)
    ]
    withheld = before(can_tell, language)
    if not withheld:
        return relevant(can_tell, language), None
    sentences_tell = withheld == "irrelevant" and language == "en"
    if sentences_tell and (those := pointed(question, can_tell, embedder)):
        return those, None
    return list(found), "irrelevant" if found else "empty"


def before(found: Sequence[Found], language: Language) -> Reason | None:
    """Why not to ask the model by what the passages are about as a whole, None if there is no
    reason."""
    if not found:
        return "empty"
    return None if any(bears(one, language) for one in found) else "irrelevant"


def bears(found: Found, language: Language) -> bool:
    """Whether a found passage bears enough on the question to answer from."""
    if found.german:  # what it is named by has counted
        return relevance(found, language) >= RELEVANT_GERMAN
    least = RELEVANT_HAN if language == "zh" else RELEVANT
    # A Chinese question is nearer to one text than to others by chance: the embedder is English.
    singled_out = found.named or (language != "zh" and found.lead >= LEAD)
    return relevance(found, language) >= (SINGLED_OUT * least if singled_out else least)


def relevant(found: Sequence[Found], language: Language) -> list[Found]:
    """The found passages without those that would distract."""
    best = max((relevance(one, language) for one in found), default=0.0)
    return [one for one in found if relevance(one, language) >= DISTRACTS * best]


def after(
    sentences: Sequence[Sentence], question: str = "", sources: Sequence[Source] = ()
) -> Reason | None:
    """Why to withdraw what the model wrote, None if there is no reason.

    What is overstated is kept, marked: its source speaks of the matter.
    """
    if not sentences:
        return "silent"
    # "The studies did not report any deaths" is an answer where a source bears it out.
    if refuses(sentences[0].text) and not any(s.support == "supported" for s in sentences):
        return "declined"
    bearing = [sentence for sentence in sentences if sentence.support in BEARING]
    if not bearing:
        return "unsupported"
    if any(sentence.support == "supported" for sentence in bearing):
        return None
    return "borrowed" if all(borrows(s, question, sources) for s in bearing) else None


def borrows(sentence: Sentence, question: str, sources: Sequence[Source]) -> bool:
    """Whether a sentence says with words of the question what none of the sources it cites says.

    Chinese is not judged so: a question shares pairs of characters with any answer to it.
    """
    if language_of(sentence.text) == "zh":
        return False
    asked = (content_words(sentence.text) & content_words(question)) - ASKING
    cited = [source for source in sources if source.n in sentence.citations]
    return bool(cited) and all(asked - content_words(f"{s.title} {s.text}") for s in cited)


def refuses(text: str) -> bool:
    """Whether a sentence declines to answer."""
    return REFUSAL.search(text) is not None
