"""The answer, as every door gives it, and the events that lead to it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from vademecum.corpora.document import Kind, Section

Support = Literal["supported", "partial", "overstated", "unsupported", "uncited"]
# What at least one source speaks for, if only in part.
BEARING: tuple[Support, ...] = ("supported", "partial", "overstated")
# "not_in_library": the search found nothing that bears on the question. "not_written": it found
# passages, but no sentence that holds came of them, which says nothing of the library.
# "other_language": the question is in another language than the texts found, which can neither be
# searched nor checked. "stopped": by the person who asked.
Status = Literal["answered", "not_in_library", "other_language", "not_written", "stopped"]


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of the answer: `answer[start:end] == text`.

    `citations` are source numbers, best first. `score` in [0, 1] says how well the best cited
    source supports it. `attention` has, for each source in order, the share of the model's
    attention that it received while the sentence was written: what was really read, whatever is
    cited. It is empty where no model of ours wrote. `reason` says in words why a sentence is
    overstated: it claims an effect where its source reports a connection, or in a word that is
    stronger than any of its source.
    """

    text: str
    start: int
    end: int
    citations: tuple[int, ...]
    support: Support
    score: float
    attention: tuple[float, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """A numbered passage: `text == document.text[start:end]`.

    `section` is the path of the headings it stands below ("Methods > Participants", "" where
    there are none or it spans several), `page` where it begins, counted from 1, in documents
    that have pages; `file` the name of the file it was read from, where that and no PMID, PMCID or
    DOI names the document, with as much of its path as tells it from others found. `also` are the
    ids of other documents of the same work in the corpus: of its abstract, say, or of a preprint.
    `sections` are those of a full text that the passage spans, where they are several, by their
    places in the document, and `cited_sections` the labels of those that hold what the passage is
    cited or quoted for.
    """

    n: int
    doc_id: str
    passage_id: str
    title: str
    year: int | None
    journal: str
    url: str
    kind: Kind
    retracted: bool
    evidence_level: str
    text: str
    start: int
    end: int
    score: float
    section: str = ""
    page: int | None = None
    licence: str = ""
    also: tuple[str, ...] = ()
    file: str = ""
    sections: tuple[Section, ...] = ()
    cited_sections: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """Where in the document to look: the sections cited, or else what the passage is below."""
        return "; ".join(self.cited_sections) or self.section


@dataclass(frozen=True, slots=True)
class Quotation:
    """A sentence of source `n`, word for word: `text == document.text[start:end]`."""

    n: int
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class CorpusRef:
    """Which state of which corpus was asked."""

    name: str
    snapshot: str
    documents: int
    newest: str


@dataclass(frozen=True, slots=True)
class ModelRef:
    """Which model wrote the answer; name "none" for extractive answers."""

    name: str
    quantization: str
    attention: str


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds, but `decode_tok_s`: tokens a second."""

    retrieve_s: float
    first_token_s: float
    decode_tok_s: float
    total_s: float


@dataclass(frozen=True, slots=True)
class Answer:
    """A checked answer. Unless `status` is "answered", `answer` tells a person what happened
    instead and `reason` why.

    `quotes` are for "not_written", and for an answer that was stopped while it copied a passage:
    what the sources themselves say nearest to the question. Nobody wrote it as an answer.
    `audit_id` is new with each answer, for whoever keeps answers: nothing is kept here under it.
    """

    question: str
    answer: str
    thinking: str
    status: Status
    reason: str
    sentences: tuple[Sentence, ...]
    quotes: tuple[Quotation, ...]
    sources: tuple[Source, ...]
    corpus: CorpusRef
    model: ModelRef
    seed: int
    timings: Timings
    audit_id: str

    @property
    def abstained(self) -> bool:
        """Whether there is no answer, whatever the status says is the cause."""
        return self.status != "answered"

    def to_dict(self) -> dict[str, Any]:
        """Plain data, as `vademecum ask --json` prints it."""
        return asdict(self) | {"abstained": self.abstained}


@dataclass(frozen=True, slots=True)
class Turn:
    """An earlier question of the conversation and the answer it got."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Retrieved:
    """The sources are chosen; writing starts."""

    sources: tuple[Source, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class ThinkingDelta:
    """More of the model's reasoning."""

    text: str


@dataclass(frozen=True, slots=True)
class AnswerDelta:
    """More of the raw answer, before it is checked."""

    text: str


@dataclass(frozen=True, slots=True)
class Completed:
    """The last event: the checked answer, which replaces the deltas."""

    answer: Answer


Event = Retrieved | ThinkingDelta | AnswerDelta | Completed
