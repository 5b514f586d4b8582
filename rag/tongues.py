"""In which language a text is written, and whether a question is in another one than the texts.

The embedder was trained on one language and words match only words of the same: a question in
another language than the texts finds nothing close, whatever they say. Languages are told by their
letters and small words, and named as documents name theirs (ISO 639-2: "eng", "chi"). What a
document records is not asked first: PubMed has English abstracts of Chinese articles.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from vademecum.rag.spoken import spoken
from vademecum.rag.words import WORD, language_of

SMALL: dict[str, frozenset[str]] = {
    code: frozenset(words.split())
    for code, words in {
        "eng": "a an and are as at be been by can could did do does for from had has have how if "
        "in into is it its may me no not of on or should so than that the their there these they "
        "this to was were what when which who why with would you your",
        "ger": "als am auch auf aus bei das dass dem den der des die durch ein eine einem einen "
        "einer eines für hat im in ist kann mit nach nicht oder sich sie sind und vom von war "
        "was welche werden wie wird wurde wurden zu zum zur",
        "fre": "à au aux avec ce cette chez comment dans de des du elle en est et il ils la le les "
        "leur ne ou où par pas pour pourquoi quel quelle quelles quels que qui sa sans ses sont "
        "sur un une",
        "spa": "al como con cómo cuál cuáles de del el en es está la las lo los más no o para pero "
        "por qué que se sin son su sus un una y",
        "ita": "al alla che come con da dal dei del della delle di e è gli i il in la le lo nei "
        "nel nella non o per perché più quale quali si sono sul un una",
        "por": "a ao as com como da das de do dos e é em são está mais na nas no nos não o os ou "
        "para pela pelo por qual quais que se sem sua um uma",
        "dut": "aan bij dat de deze die dit door een en het hoe met naar niet of om op te uit van "
        "voor waarom wat welke wordt zijn",
    }.items()
}
ELSEWHERE = "other"  # any that is none of those named here
LETTERS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("jpn", re.compile("[\u3040-\u30ff]")),
    ("kor", re.compile("[\uac00-\ud7a3]")),
    # Greek stands in any text on biology, as do two letters of it in a row.
    (ELSEWHERE, re.compile("[\u0370-\u03ff]{3}|[\u0400-\u06ff\u0900-\u0e7f\u10a0-\u10ff]")),
)
OWN_LETTERS = ("chi", "jpn", "kor")
SURE = 2  # small words more than any other language has
READ = 1_500  # characters of a text
LONG = 5  # letters of a word that is about something


@dataclass(frozen=True, slots=True)
class Apart:
    """The language of a question, and that of most of the texts that were found for it."""

    asked: str
    held: str


def written_in(text: str) -> str:
    """The language of a text, "" where it cannot be told."""
    text = text[:READ]
    if code := _letters(text):
        return code
    best, _, lead = _small_words(text)
    return best if lead >= SURE else ""


def asked_in(question: str) -> str:
    """The language of a question, "" where it cannot be told.

    It is short: fewer words tell it.
    """
    if code := _letters(question):
        return code
    if spoken(question) == "de":
        return "ger"
    best, most, lead = _small_words(question)
    return best if lead and (most >= SURE or best == "eng") else ""


def _letters(text: str) -> str:
    """The language whose own letters a quarter of a text is written in, "" if none."""
    letters = max(1, sum(map(str.isalpha, text)))
    for code, pattern in LETTERS:
        if 4 * sum(len(found) for found in pattern.findall(text)) >= letters:
            return code
    return "chi" if language_of(text) == "zh" else ""


def _small_words(text: str) -> tuple[str, int, int]:
    """The language that a text has most small words of, how many, and how many more than of any
    other."""
    words = [word.lower() for word in WORD.findall(text) if not word.isupper()]
    counts = Counter({code: sum(word in small for word in words) for code, small in SMALL.items()})
    (best, most), (_, next_most) = counts.most_common(2)
    return best, most, most - next_most


def apart(question: str, texts: Iterable[tuple[str, str]]) -> Apart | None:
    """The languages of a question and of most of the texts, where they are two.

    Each text comes with the language that its document records, "" if none: it counts where the
    text does not tell. They are not where a text in the language of the question has half of its
    long words: what it asks for was there to be found.
    """
    told = [(text, written_in(text) or recorded) for text, recorded in texts]
    held = Counter(language for _, language in told)
    if not held:
        return None
    (most, count), *_ = held.most_common(1)
    asked = asked_in(question)
    if not asked and most in OWN_LETTERS and re.search("[a-z]{3}", question):
        asked = ELSEWHERE  # "aspirin overdose", over Chinese texts
    if not asked or most in ("", asked) or 2 * count <= held.total():
        return None
    words = {word.lower() for word in WORD.findall(question) if len(word) >= LONG}
    if words and any(
        language == asked and 2 * len(words & set(map(str.lower, WORD.findall(text)))) >= len(words)
        for text, language in told
    ):
        return None
    return Apart(asked, most)


def beside(question: str, texts: Iterable[tuple[str, str]]) -> Apart | None:
    """The languages of a question and of those of the texts that are in another, most of them;
    None where that of the question cannot be told, or all that tell one are in it."""
    asked = asked_in(question)
    told = Counter(written_in(text) or recorded for text, recorded in texts)
    others = [code for code, _ in told.most_common() if code not in ("", asked)]
    return Apart(asked, others[0]) if asked and others else None
