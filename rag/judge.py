"""How one source stands to one sentence.

The score of a sentence against a source is the mean of two numbers: the cosine between the
sentence and the nearest sentence of the source, and the share of the sentence's content words
that the source holds. Measured on PubMedQA (`benchmarks/check.py`, decision 0001) the mean tells
a source that bears a sentence from its nearest neighbour better than either number alone.

Some things overrule the score. A quantity that the source does not hold (number, unit and sign) or
an interval put together of others (`rag/intervals.py`), a word that is nearly one of the source's
and none (`rag/spelling.py`), people of another kind than it speaks of, whatever is at odds with it
(`rag/at_odds.py`), and a relation between two things that it does not relate (`rag/relations.py`)
make the sentence unsupported; the source is cited all the same where it speaks of the matter, so
that a reader can compare. Partial at best is what a retracted source says; what names something
that it does not hold ("IL-8", a drug); what it says of another thing (`rag/slots.py`); what relates
two things that it only seems to relate; and what borrows a word of the question that it does not
hold: a small model likes to turn the question into a statement. What claims an effect where the
source reports a connection (`rag/overstatement.py`), or in stronger words (`rag/strength.py`,
`rag/limits.py`), or leaves out the only case of which it says so (`rag/restrictions.py`), is
overstated. Words in common are not enough: the cosine has floors of its own.
A "Yes" before what denies the question has no support, and a short one says what was asked
(`rag/yes_no.py`). What the source asks, or
leaves open, it does not say (`rag/told.py`, `rag/untold.py`), nor of itself that it says nothing
(`rag/silence.py`). A question claims nothing, and a copy
of a sentence of the source is supported.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vademecum.model.interface import TextEmbedder
from vademecum.rag import conditions, silence, slots, untold, yes_no
from vademecum.rag.answer import Source, Support
from vademecum.rag.asked_for import unnamed
from vademecum.rag.at_odds import at_odds, miscopied
from vademecum.rag.cite import without_labels
from vademecum.rag.intervals import Given
from vademecum.rag.limits import too_wide
from vademecum.rag.names import Held
from vademecum.rag.overstatement import overstatement
from vademecum.rag.populations import stance
from vademecum.rag.quantities import holds, quantities, quantities_held
from vademecum.rag.rare import RareWords
from vademecum.rag.relations import related
from vademecum.rag.restrictions import left_out
from vademecum.rag.spoken import spoken
from vademecum.rag.strength import too_strong
from vademecum.rag.told import only_set_out, reports, told_by
from vademecum.rag.wording import overstated, restricted, stronger
from vademecum.rag.words import WORD, containment, content_words, language_of

SUPPORTED, SUPPORTED_COSINE = 0.55, 0.50
PARTIAL, PARTIAL_COSINE = 0.40, 0.35
# A word borrowed from the question may be another name for what the source speaks of ("air
# pollution", "PM2.5"): then the sentences are close all the same.
BORROWED_COSINE = 0.60
NEAR_BEST = 0.10  # a sentence of a source this close to the nearest one is near, too

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one source stands to one sentence.

    `near` if it speaks of the same matter, whether or not it bears the sentence out. `reason` as in
    `Sentence`.
    """

    support: Support
    score: float
    near: bool = False
    reason: str = ""


class Evidence:
    """The sources of one answer, ready to be compared with sentences."""

    def __init__(
        self, sources: Sequence[Source], embedder: TextEmbedder, question: str = ""
    ) -> None:
        self._embedder = embedder
        self._sources = sources
        self._question = question
        self._asked = frozenset(content_words(question))
        self._spoken = spoken(question)
        self._whole = [f"{s.title}. {s.text}" for s in sources]
        # What a question speaks of is a topic of its source, but nothing that the source says.
        self._topics = [content_words(whole) for whole in self._whole]
        self._told = [told_by(source) for source in sources]
        self._parts = [told.parts for told in self._told]
        self._words = [content_words(" ".join(parts)) for parts in self._parts]
        # "Costs 45 euros" and "the number is 1177" name what "45 euros are paid" and "call" do not.
        self._unnamed = [unnamed(" ".join(parts)) for parts in self._parts]
        self._quantities = [quantities_held("\n".join(parts)) for parts in self._parts]
        self._names = [Held(whole) for whole in self._whole]
        self._copies = [
            {_plain(part) for part in told.sentences} if told.reported else set()
            for told in self._told
        ]
        self._rare = RareWords(self._whole, embedder)
        self._intervals = [Given(whole) for whole in self._whole]
        flat = [part for parts in self._parts for part in parts]
        rows = np.asarray(embedder.embed_passages(flat), np.float32) if flat else np.empty((0, 0))
        ends = np.cumsum([len(parts) for parts in self._parts])
        self._vectors: list[Vectors] = np.split(rows, ends[:-1]) if flat else []

    def judge(self, sentences: Sequence[str]) -> list[list[Verdict]]:
        """For each sentence, the verdict of every source, in order.

        A "Yes." alone is the beginning of the sentence behind it; "Yes, naloxone." is judged as
        what the question asks of naloxone.
        """
        if not sentences or not self._sources:
            return [[] for _ in sentences]
        answers = list(map(yes_no.joined, ("", *sentences), sentences))
        misled = [yes_no.at_odds(answer, self._question) for answer in answers]
        sentences = [
            yes_no.stated(answer, self._question) or one
            for answer, one in zip(answers, sentences, strict=True)
        ]
        rows = np.asarray(self._embedder.embed_passages(list(sentences)), np.float32)
        return [
            [self._verdict(sentence, row, i, misled=wrong) for i in range(len(self._sources))]
            for sentence, row, wrong in zip(sentences, rows, misled, strict=True)
        ]

    def _verdict(self, sentence: str, row: Vectors, source: int, *, misled: bool) -> Verdict:
        if not claims(sentence):
            return Verdict("uncited", 0.0)
        if not self._parts[source]:
            return Verdict("unsupported", 0.0)
        retracted = self._sources[source].retracted
        if not (retracted or misled) and _plain(sentence) in self._copies[source]:
            return Verdict("supported", 1.0)
        words = content_words(sentence)
        words -= (unnamed(sentence) & self._unnamed[source]) - self._words[source]
        cosines = self._vectors[source] @ row
        held = containment(words, self._words[source])
        language = language_of(sentence)
        english = language == "en"
        # The default embedder was trained on English: Chinese is judged by its words alone.
        cosine = float(cosines.max()) if english else held
        score = min(1.0, max(0.0, (cosine + held) / 2))
        opposite = Verdict("unsupported", min(score, PARTIAL / 2), near=score >= SUPPORTED)
        figures = without_labels(sentence)
        held_all = all(holds(self._quantities[source], q) for q in quantities(figures))
        if misled or not held_all or self._intervals[source].at_odds(figures):
            return opposite
        who = stance(sentence, self._whole[source])
        if who == "opposed" or self._rare.misspelt(sentence, source):
            return opposite
        lacking = words & self._asked - self._topics[source] if english else set()
        borrowed = bool(lacking)
        if score < PARTIAL or cosine < (BORROWED_COSINE if borrowed else PARTIAL_COSINE):
            return Verdict("unsupported", min(score, PARTIAL))
        if borrowed and subject(sentence) in lacking:
            return Verdict("unsupported", min(score, PARTIAL))
        told = self._told[source]
        nearest = self._nearest(words, cosines, source)
        # What is copied wrongly is wrong, of an aim too.
        if at_odds(sentence, told.reported, nearest, language) or (
            miscopied(sentence, told.sentences)
        ):
            return opposite
        relation = related(sentence, told, self._others(source)) if english else "stated"
        unsaid = silence if silence.SILENT.search(sentence) else untold
        left_open = english and (only_set_out(sentence, told) or unsaid.at_odds(sentence, told))
        if relation == "apart" or left_open:
            return Verdict("unsupported", min(score, PARTIAL), near=score >= SUPPORTED)
        if not retracted and (reason := self._overstated(sentence, source, english=english)):
            return Verdict("overstated", min(score, (PARTIAL + SUPPORTED) / 2), reason=reason)
        if (
            score < SUPPORTED
            or cosine < SUPPORTED_COSINE
            or retracted
            or borrowed
            or who == "missing"
            or slots.borrowed(sentence, self._parts[source])
            or relation == "near"
            or self._names[source].missing(sentence)
            or (english and self._rare.missing(sentence, source))
        ):
            return Verdict("partial", min(score, (PARTIAL + SUPPORTED) / 2))
        return Verdict("supported", score)

    def _others(self, source: int) -> set[str]:
        """The words of all sources but one."""
        return set().union(*(words for i, words in enumerate(self._words) if i != source))

    def _overstated(self, sentence: str, source: int, *, english: bool) -> str:
        """Why a sentence says more than a source, "" if it does not."""
        strong = too_strong(sentence, self._whole[source]) if english else ""
        if strong := strong or too_wide(sentence, self._parts[source]):
            return stronger(strong, self._spoken)
        parts = self._parts[source]
        case = left_out(sentence, parts) or conditions.left_out(sentence, parts, self._asked)
        if case:
            return restricted(case, self._spoken)
        if not english:
            return ""
        # A publication type that names the design may say what the text leaves out.
        design = self._sources[source].evidence_level
        over = overstatement(sentence, [*self._parts[source], *([design] if design else [])])
        return overstated(over.claimed, over.reported, self._spoken) if over else ""

    def _nearest(self, words: set[str], cosines: Vectors, source: int) -> list[str]:
        """The sentences of a source that are nearest to some words: those of them that report."""
        closeness = [
            (float(cosine) + containment(words, content_words(part))) / 2
            for cosine, part in zip(cosines, self._parts[source], strict=True)
        ]
        best = max(closeness)
        near = [
            part
            for part, close in zip(self._parts[source], closeness, strict=True)
            if close >= best - NEAR_BEST
        ]
        return [part for part in near if reports(part)] or near


def _plain(sentence: str) -> str:
    """A sentence without what differs between copies: space, a stop at its end."""
    return " ".join(sentence.split()).rstrip(".。")


def subject(sentence: str) -> str:
    """The stem of its first word that carries meaning: what an English sentence speaks of."""
    for match in WORD.finditer(sentence):
        for found in content_words(match.group()):
            return found
    return ""


def claims(sentence: str) -> bool:
    """Whether a sentence says something that a source could bear out."""
    return sentence.rstrip()[-1:] not in "?？:：" and bool(content_words(sentence))
