"""What a source says of its own: not what it asks, and not what it sets out to find."""

from __future__ import annotations

import re
from dataclasses import dataclass

from vademecum.rag.answer import Source
from vademecum.rag.sentences import sentences_of
from vademecum.rag.words import COPY, containment, content_words

# The aim of a study asserts nothing. It is known by its form: "objective response", "goal-directed"
# and "whether or not" are words of findings too.
_NOUN = r"(?:aims?|objectives?|purposes?|goals?)"
_TEST = (
    r"(?:investigat|determin|examin|assess|evaluat|explor|test|stud|establish|ascertain|ask)"
    r"(?:e|y|s|es|ed|ied|ies|ing|ying|ation)?"
)
# All there is of a sentence: behind a comma it may say what was done, or is to be done.
_ALONE = (
    r"\A\W*to (?:analy[sz]e|assess|characteri[sz]e|clarify|compare|describe|determine|develop"
    r"|elucidate|establish|estimate|evaluate|examine|explore|identify|investigate|review|study"
    r"|summari[sz]e|test|understand)\b"
    r"(?![^;]*(?:,|\b(?:we|was|were|is|are|has|have|had|can|may|should|must|will|found|showed)\b))"
)
AIM = re.compile(
    rf"{_ALONE}|\A\W*{_NOUN}\s*:|\b{_NOUN} (?:was|were|is|are) (?:\w+ )?to\b"
    rf"|\b{_NOUN} of (?:this|the|our|these|present)\b[^.;]{{0,80}}? (?:was|were|is|are)\b"
    r"(?! (?:reached|achieved|met|attained|fulfilled))"
    r"|\b(?:we|study|studies|trial|paper|review|analysis|authors|investigators|which|it)"
    r" (?:\w+ )?(?:aim(?:s|ed)?|sought)\b|\baim(?:s|ed|ing) to\b"
    rf"|\b{_TEST} (?:\w+ )?whether\b|\bto {_TEST} if\b"
    r"|\b(?:unknown|unclear|uncertain|known|controversial|debated?|open|questions?(?: of)?) "
    r"(?:whether|if)\b|\A\W*whether\b.*\b(?:unknown|unclear|uncertain|not known|controversial)\b"
    r"|(?:test\w*|under) (?:\w+ ){1,2}hypothes[ie]s|hypothes[ie]s (?:that|is|was)|hypothesi[sz]e"
    r"|旨在|目的(?:是|为|在于|[:：】])|(?<!无论)(?<!不论)(?<!不管)是否|(?<!支持)假设",
    re.IGNORECASE,
)
# What was found to be so was a hypothesis before.
UPHELD = re.compile(
    r"(?<!not )(?<!n't )(?<!to )(?<!ly )\b(?:support(?:s|ed|ing)?|confirm(?:s|ed|ing)?"
    r"|(?:consistent|in line|in keeping) with) (?:the|our|this) (?:\w+ )?hypothes[ie]s"
    r"|\bas hypothesi[sz]ed",
    re.IGNORECASE,
)
# A title may ask without a question mark: "Does aspirin reduce stroke: a trial".
ASKS = re.compile(
    r"(?:does|do|did|is|are|was|were|can|could|should|will|would|has|have)\s", re.IGNORECASE
)

SPEAKS_OF = 0.6  # share of the words of a sentence in one of the source


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
    return part.rstrip()[-1:] not in "?？" and not _aims(part)


def only_set_out(sentence: str, told: Told) -> bool:
    """Whether a source sets out to find what a sentence states, and reports nothing of the kind.
    What repeats an aim is right of a source that reports something as well."""
    if _aims(sentence):
        return not told.reported
    words = content_words(sentence)
    aims = [part for part in told.sentences if not reports(part)]
    return any(containment(words, content_words(part)) >= COPY for part in aims) and not any(
        containment(words, content_words(part)) >= SPEAKS_OF for part in told.reported
    )


def _aims(part: str) -> bool:
    return AIM.search(UPHELD.sub(" ", part)) is not None


def _sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences_of(text)]
