"""What a source says of its own: not what it asks, and not what it sets out to find."""

from __future__ import annotations

import re
from dataclasses import dataclass

from vademecum.corpora.sentences import split_sentences
from vademecum.rag.answer import Source
from vademecum.rag.words import containment, content_words

# The aim of a study asserts nothing.
AIM = re.compile(
    r"\b(?:aim(?:s|ed)?|objectives?|purpose|goal|hypothes\w+|sought|to (?:investigate|determine|"
    r"examine|assess|evaluate|explore|test|study) (?:whether|if)|whether)\b|旨在|目的|是否|假设",
    re.IGNORECASE,
)
# A title may ask without a question mark: "Does aspirin reduce stroke: a trial".
ASKS = re.compile(
    r"(?:does|do|did|is|are|was|were|can|could|should|will|would|has|have)\s", re.IGNORECASE
)

COPY, SPEAKS_OF = 0.85, 0.6  # shares of the words of a sentence in one of the source


@dataclass(frozen=True, slots=True)
class Told:
    """The title of a source, "" where it asks, and the sentences of its text that do not."""

    title: str
    sentences: tuple[str, ...]

    @property
    def parts(self) -> tuple[str, ...]:
        """All of them."""
        return (*([self.title] if self.title else []), *self.sentences)

    @property
    def reported(self) -> tuple[str, ...]:
        """The sentences that say something of their own."""
        return tuple(sentence for sentence in self.sentences if reports(sentence))


def told_by(source: Source) -> Told:
    """What a source tells. A question states nothing, wherever it stands."""
    title = " ".join(part for part in _sentences(source.title) if not asks(part))
    text = tuple(part for part in _sentences(source.text) if part.rstrip()[-1:] not in "?？")
    return Told(title, text)


def asks(title: str) -> bool:
    """Whether a title is a question."""
    return title.rstrip()[-1:] in "?？" or ASKS.match(title) is not None


def reports(part: str) -> bool:
    """Whether a sentence of a source says something of its own, not what it asks or is to find."""
    return part.rstrip()[-1:] not in "?？" and not AIM.search(part)


def only_set_out(sentence: str, told: Told) -> bool:
    """Whether a source sets out to find what a sentence states, and reports nothing of the kind."""
    if AIM.search(sentence):
        return False
    words = content_words(sentence)
    aims = [part for part in told.sentences if not reports(part)]
    return any(containment(words, content_words(part)) >= COPY for part in aims) and not any(
        containment(words, content_words(part)) >= SPEAKS_OF for part in told.reported
    )


def _sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in split_sentences(text)]
