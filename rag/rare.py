"""Rare words of a sentence, such as names of drugs, that a source lacks or spells otherwise."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from vademecum.model.interface import TextEmbedder
from vademecum.rag import asked_english as english
from vademecum.rag.spelling import Spelled, words_of
from vademecum.rag.tongues import asked_in
from vademecum.rag.words import GERMAN, WORD, content_words, stem

PIECES = 3  # a word that the embedder's tokenizer cuts into so many is rare
SOME_PIECES = 2  # and one that is nearly a rare word is cut into this many at least
SHORTEST = 5  # letters
# What stands alone between small words, or before what asks, is a thing: "of metoprolol in", "is
# diclofenac allowed". A thing done is done to another one: "is reimplantation of".
_BEFORE = "of|for|with|without|on|about|to|against|from|by|in|during|after|before|and|or"
_VERB = "is|are|was|were|do|does|did|can|may|must|should|will"
NAME = re.compile(
    rf"\b(?:{_BEFORE}|{_VERB}) (?P<name>[^\W\d_]{{{SHORTEST},}})"
    rf"(?= +(?:\||(?!of\b)(?:{_BEFORE}|{_VERB})\b)|\W*\Z)",
    re.IGNORECASE,
)


class RareWords:
    """The words of the sources of an answer, against which those of its sentences are held."""

    def __init__(self, texts: Sequence[str], embedder: TextEmbedder) -> None:
        self._embedder = embedder
        self._spelled = [Spelled(text) for text in texts]
        self._stems = [content_words(text) for text in texts]
        self._pieces: dict[str, int] = {}

    def speaking_of(self, question: str, titles: Sequence[str]) -> list[int]:
        """Of a question with rare words that a title has, as a leaflet has a drug, or that it names
        things by, the sources that have one of these words; all of them if there are none. None if
        it names a thing that no source has."""
        headed = [Spelled(title) for title in titles]
        names = self.names(question)
        if any(not any(one.holds(name) for one in self._spelled) for name in names):
            return []
        named = [
            word
            for word in dict.fromkeys(words_of(question))
            if len(word) >= SHORTEST
            and word.isalpha()
            and (word in names or any(one.holds(word) for one in headed))
        ]
        named = [word for word in named if self._cut(word) >= PIECES]
        return [
            n
            for n, spelled in enumerate(self._spelled)
            if not named or any(map(spelled.holds, named))
        ]

    def names(self, question: str) -> list[str]:
        """The rare words that an English question names things by."""
        if asked_in(question) == "ger":
            return []
        found = [one["name"] for one in NAME.finditer(english.ASKS.sub("|", question))]
        return [name for name in found if content_words(name) and self._cut(name) >= PIECES]

    def missing(self, sentence: str, source: int) -> bool:
        """Whether the sentence has a rare word that the source has in no form, or a word with
        digits ("T1-weighted") that it has not."""
        named = [word for word in WORD.findall(sentence) if any(map(str.isdigit, word))]
        lacking = self._lacking(sentence, source)
        lacking += [word for word in named if stem(word.lower()) not in self._stems[source]]
        return any(self._cut(word) >= PIECES for word in lacking)

    def misspelt(self, sentence: str, source: int) -> bool:
        """Whether the sentence has a word that is nearly, and not, a word of the source, where one
        of the two is rare and no other source has it."""
        german = GERMAN.search(sentence) is not None
        for word in self._lacking(sentence, source):
            if not word[1:].islower():
                continue  # "lncRNA", and a sentence in capitals: `rag/names.py` looks after names
            meant = self._spelled[source].nearly(word, german=german)
            if meant and not any(spelled.holds(word) for spelled in self._spelled):
                own = self._cut(word)
                if own >= PIECES or (own >= SOME_PIECES and self._cut(meant) >= PIECES):
                    return True
        return False

    def _lacking(self, sentence: str, source: int) -> list[str]:
        lacking = [
            word
            for word in dict.fromkeys(words_of(sentence))
            if len(word) >= SHORTEST
            and word.isalpha()
            and content_words(word)
            and not self._spelled[source].holds(word)
        ]
        self._count(lacking)
        return lacking

    def _cut(self, word: str) -> int:
        """Into how many pieces the tokenizer cuts a word."""
        self._count([word])
        return self._pieces[word.lower()]

    def _count(self, words: Iterable[str]) -> None:
        lower = dict.fromkeys(word.lower() for word in words)
        if new := [word for word in lower if word not in self._pieces]:
            common = self._embedder.count_tokens(["the"])[0] - 1
            counts = self._embedder.count_tokens(new)
            self._pieces |= {w: n - common for w, n in zip(new, counts, strict=True)}


def unheard_of(question: str, texts: Iterable[str], embedder: TextEmbedder) -> bool:
    """Whether an English question names a thing that none of the texts does, in any form or nearly:
    of a drug that stands nowhere the dose of another one would be told."""
    names = RareWords((), embedder).names(question)
    if not names:
        return False
    spelled = [Spelled(text) for text in texts]
    return any(not any(one.holds(n) or one.nearly(n) for one in spelled) for n in names)
