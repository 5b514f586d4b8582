"""Questions to begin with, taken from the library: titles that ask one.

A library of any field offers its own, and whatever it offers it can answer. Whoever opens the page
may be a stranger to the field: those in the words that most of the library uses come first, and
before titles in capitals those that are written as people write questions.
"""

from __future__ import annotations

import math
import re
from collections import Counter

from vademecum.app.web_stream import Shelf
from vademecum.rag.words import content_words

MOST = 3
LONGEST = 100  # characters: one line on a wide page
LOOKED_AT = 400  # passages
OPENERS = "does do is are can should will what which how why when where who 是否 什么 如何 为什么"
# One sentence that begins as a question: no subtitle before it or after it.
ASKS = re.compile(
    rf"(?:(?:{'|'.join(OPENERS.split()[:14])})\b[^.:?!]{{12,}}\?|[^。：？！]{{6,}}？)",
    re.IGNORECASE,
)


def examples(shelf: Shelf, corpus: str) -> list[str]:
    """At most three questions that titles of a corpus ask, the plainest first, and as different as
    they come."""
    hits = shelf.search_lexical(corpus, OPENERS, LOOKED_AT)
    wanted = list(dict.fromkeys(hit.passage.doc_id for hit in hits))
    documents = shelf.documents(corpus, wanted)
    asked = [
        title
        for doc_id in wanted
        if doc_id in documents
        and not documents[doc_id].retracted
        and len(title := documents[doc_id].title.strip()) <= LONGEST
        and ASKS.fullmatch(title)
    ]
    words: dict[str, set[str]] = {}  # of each document that was looked at
    for hit in hits:
        words.setdefault(hit.passage.doc_id, set()).update(content_words(hit.passage.text))
    held = Counter(word for each in words.values() for word in each)
    asked.sort(key=lambda title: (_is_plain(title), _familiar(title, held)), reverse=True)
    by_opener: dict[str, str] = {}
    for title in asked:
        by_opener.setdefault(title.split()[0].lower(), title)
    chosen = [*by_opener.values(), *asked]
    return list(dict.fromkeys(chosen))[:MOST]


def _familiar(title: str, held: Counter[str]) -> float:
    """How common the words of a title are in the library, as the mean of the logarithms; `held`
    says how many documents have a word. A word of one document alone counts nothing."""
    words = content_words(title)
    return sum(math.log(max(1, held[word])) for word in words) / max(1, len(words))


def _is_plain(title: str) -> bool:
    """Whether a title is not "Does Metformin Help People With Cancer?"."""
    words = [word for word in title.split()[1:] if len(word) > 3 and word.isalpha()]
    return 2 * sum(word.istitle() for word in words) <= len(words)
