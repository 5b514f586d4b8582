"""How much of what a question asks a document or a passage holds, by its words.

Words that few of the candidates hold count more. English questions are covered by a whole document,
Chinese ones by a passage, and German ones by a passage that is German too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from math import log

from vademecum.corpora.document import Document, Passage
from vademecum.rag import asked_german as german
from vademecum.rag.asked import asked_words, held
from vademecum.rag.dates import asks_of_days, by_days, with_days
from vademecum.rag.rows import row_of
from vademecum.rag.words import content_words, language_of


def word_weights(query: str, candidates: Sequence[Passage]) -> dict[str, float]:
    """How much each content word of the query tells: ln(1 + N / (n + 1/2)) for a word that n of
    the N candidates hold. What all candidates hold tells little; a word that none holds, most."""
    if language_of(query) == "zh":
        words = asked_words(query)
        count = Counter(word for one in candidates for word in held(words, one.text))
    else:
        words = content_words(by_days(query))
        read = with_days if asks_of_days(query) else str
        count = Counter(
            word for one in candidates for word in words & content_words(read(one.text))
        )
    return {word: log(1 + len(candidates) / (count[word] + 0.5)) for word in words}


def coverage_of(
    query: str, candidates: Sequence[Passage]
) -> Callable[[Document, Passage], tuple[float, bool]]:
    """What tells the coverage of a query by a passage, and whether it is counted as of German."""
    asked = german.weights(query, [one.text for one in candidates]) if german.asks(query) else {}
    weights, dated = word_weights(query, candidates), asks_of_days(query)

    def covered(document: Document, passage: Passage) -> tuple[float, bool]:
        if language_of(query) == "zh":
            return coverage_han(weights, document, passage), False
        if asked and german.speaks(query, document, passage):
            named = names(query, document.title)
            counted = german.of_rows(asked) if row_of(passage.text) else asked
            return german.coverage(counted, document.title, passage.text, named=named), True
        return coverage(weights, document, dated=dated), False

    return covered


def coverage(weights: dict[str, float], document: Document, *, dated: bool = False) -> float:
    """The share of the weights whose words the document holds, in [0, 1]; `dated` if days or months
    are among them."""
    text = f"{document.title} {document.text}"
    return _share(weights, content_words(with_days(text) if dated else text))


def coverage_han(weights: dict[str, float], document: Document, passage: Passage) -> float:
    """The same of a Chinese query and one passage: a statute as a whole holds nearly any word."""
    return _share(weights, held(weights, f"{document.title} {passage.text}"))


def _share(weights: dict[str, float], words: set[str]) -> float:
    total = sum(weights.values())
    return sum(w for word, w in weights.items() if word in words) / total if total else 0.0


def names(query: str, title: str) -> bool:
    """Whether every word of a title that carries meaning stands in a query."""
    words = content_words(title)
    return bool(words) and words <= content_words(query)
