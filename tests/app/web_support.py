"""What the tests of the page share: a small invented library and an assistant with a script.

Every document here is made up: names, journals and numbers stand for nothing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from vademecum.corpora.document import CorpusInfo, Document, Filters, Hit, Passage, Section
from vademecum.errors import CorpusNotFound, EngineBusy
from vademecum.rag.answer import (
    Answer,
    AnswerDelta,
    Completed,
    CorpusRef,
    Event,
    ModelRef,
    Quotation,
    Retrieved,
    Sentence,
    Source,
    Support,
    ThinkingDelta,
    Timings,
    Turn,
)

CORPUS = "diabetes"


def structured(pmid: int, title: str, parts: Sequence[tuple[str, str]], **how: Any) -> Document:
    """A document with a structured abstract, its labels in the text as a reader leaves them."""
    text, sections = "", []
    for label, content in parts:
        text += f"\n{label}: " if text else f"{label}: "
        sections.append(Section(label, len(text), len(text) + len(content)))
        text += content
    return Document(
        doc_id=f"pmid:{pmid}",
        title=title,
        text=text,
        kind="abstract",
        sections=tuple(sections),
        url=f"https://pubmed.ncbi.nlm.nih.gov/{pmid}/",
        **how,
    )


POOLED = structured(
    99000001,
    "Metformin and incident cancer in type 2 diabetes: a pooled analysis of 24 cohorts",
    [
        (
            "BACKGROUND",
            (
                "Observational studies have linked metformin to a lower incidence of cancer, "
                "but many of them are open to immortal time bias."
            ),
        ),
        (
            "METHODS",
            (
                "We pooled individual data from 24 cohorts with 412,306 adults with type 2 "
                "diabetes and compared new users of metformin with new users of a sulfonylurea."
                " Exposure was treated as time-dependent."
            ),
        ),
        (
            "RESULTS",
            (
                "Over a median follow-up of 6.2 years, metformin was associated with a lower "
                "incidence of any cancer (hazard ratio 0.91, 95% CI 0.86 to 0.97). The "
                "association was strongest for liver cancer (0.68, 0.55 to 0.84) and absent for"
                " breast cancer (1.00, 0.92 to 1.09). In cohorts with time-dependent exposure "
                "the estimate moved towards the null (0.96, 0.90 to 1.02)."
            ),
        ),
        (
            "CONCLUSIONS",
            (
                "Metformin use is associated with a modestly lower incidence of cancer; much of"
                " the association disappears when immortal time is handled."
            ),
        ),
    ],
    authors=("Okafor N", "Lindqvist P", "Ferrari G", "Tan WL"),
    journal="Annals of Metabolic Epidemiology",
    date="2020-09",
    publication_types=("Meta-Analysis",),
    doi="10.5555/ame.2020.0417",
)
TRIAL = structured(
    99000002,
    "Metformin for the prevention of colorectal adenoma recurrence: a randomised, double-blind, "
    "placebo-controlled trial",
    [
        (
            "BACKGROUND",
            (
                "Whether metformin prevents colorectal neoplasia in people without diabetes is not "
                "known."
            ),
        ),
        (
            "METHODS",
            (
                "After polypectomy, 498 adults without diabetes were randomly assigned to "
                "metformin 250 mg daily or placebo for one year. The primary outcome was any "
                "adenoma at colonoscopy."
            ),
        ),
        (
            "RESULTS",
            (
                "Adenomas were found in 32% of the metformin group and 43% of the placebo group"
                " (risk ratio 0.75, 95% CI 0.59 to 0.95). Serious adverse events did not "
                "differ."
            ),
        ),
        ("CONCLUSIONS", "Low-dose metformin lowered the recurrence of adenoma at one year."),
    ],
    authors=("Hayashi K", "Moreau C", "Singh R"),
    journal="Clinical Prevention Trials",
    date="2019-03",
    publication_types=("Randomized Controlled Trial",),
)
REVIEW = Document(
    doc_id="pmid:99000003",
    title="How might metformin act against tumours? A review of AMPK-dependent and independent "
    "pathways",
    text="Metformin inhibits complex I of the mitochondrial respiratory chain and thereby "
    "activates AMPK, which slows protein synthesis through mTOR. It also lowers circulating "
    "insulin, a growth factor for many epithelial tumours. Concentrations used in cell culture "
    "exceed those reached in patients by one to two orders of magnitude, so that the direct "
    "effects seen in vitro may not occur in people.",
    kind="abstract",
    authors=("Adeyemi T",),
    journal="Reviews in Cancer Metabolism",
    date="2021-01",
    url="https://pubmed.ncbi.nlm.nih.gov/99000003/",
    publication_types=("Review",),
)
RETRACTED = Document(
    doc_id="pmid:99000004",
    title="Metformin halves cancer mortality: a single-centre cohort",
    text="In 212 patients, metformin was followed by half the cancer mortality of controls. Doses "
    "and follow-up were not recorded for a third of them.",
    kind="abstract",
    journal="Journal of Rapid Findings",
    date="2016",
    url="https://pubmed.ncbi.nlm.nih.gov/99000004/",
    retracted=True,
)
TITLE_ONLY = Document(
    doc_id="pmid:99000005",
    title="Metformin and cancer: time to stop prescribing hope",
    text="Metformin and cancer: time to stop prescribing hope",
    kind="title",
    journal="Annals of Metabolic Epidemiology",
    date="2020",
    url="https://pubmed.ncbi.nlm.nih.gov/99000005/",
    publication_types=("Editorial",),
)
ASKING = Document(
    doc_id="pmid:99000006",
    title="Does metformin prevent cancer in people without diabetes?",
    text="We do not know yet.",
    kind="abstract",
)
HOSTILE = Document(
    doc_id="file:<img src=x onerror=alert(1)>",
    title="<script>window.owned=1</script><img src=x onerror='window.owned=1'>",
    text='A & B <img src=x onerror="window.owned=1"> ${window.owned=1} {{owned}} </mark></p><b>x',
    kind="full_text",
    journal="<b>J</b>",
    date="2020",
    url="javascript:window.owned=1",
)
GUIDE = Document(
    doc_id="file:0123456789abcdef",
    title="Sepsis on the ward",
    text="# Sepsis on the ward\n\n## Shock ##\n\nShock is sepsis with a lactate above 2 mmol/L.\n\n"
    "| Drug | Dose |\n|------|-----:|\n| **Ceftriaxone** | 2 g |\n| Vancomycin | 25 mg/kg |\n\n"
    "- fluids, see [the rule](https://example.org/rule)\n- ![oxygen](https://example.org/o.png)\n\n"
    "```\n\ndose = 25 * weight\n```\n\n<img src=x onerror='window.owned=1'>\n",
    kind="full_text",
    origin="sepsis.md",
)
DOCUMENTS = (POOLED, TRIAL, REVIEW, RETRACTED, TITLE_ONLY, ASKING)


def source(n: int, document: Document, piece: str | None = None, **changes: Any) -> Source:
    """Source `n`: the passage `piece` of a document, by default all of it."""
    start = 0 if piece is None else document.text.index(piece)
    end = len(document.text) if piece is None else start + len(piece)
    values: dict[str, Any] = {
        "n": n,
        "doc_id": document.doc_id,
        "passage_id": f"{document.doc_id}#0",
        "title": document.title,
        "year": document.year,
        "journal": document.journal,
        "url": document.url,
        "kind": document.kind,
        "retracted": document.retracted,
        "evidence_level": document.evidence_level,
        "text": document.text[start:end],
        "start": start,
        "end": end,
        "score": 0.8,
    }
    return Source(**{**values, **changes})


def after(document: Document, marker: str) -> str:
    """The text of a document from `marker` on."""
    return document.text[document.text.index(marker) :]


SOURCES = (
    source(1, POOLED, after(POOLED, "Over a median")),
    source(2, TRIAL),
    source(3, REVIEW),
    source(4, RETRACTED),
    source(5, TITLE_ONLY),
)

Said = tuple[str, tuple[int, ...], Support]
SAID: tuple[Said, ...] = (
    (
        (
            "In a pooled analysis of 24 cohorts, metformin was associated with a modestly lower "
            "incidence of any cancer (hazard ratio 0.91, 95% CI 0.86 to 0.97)."
        ),
        (1,),
        "supported",
    ),
    (
        (
            "The estimate moved towards the null (0.96, 0.90 to 1.02) where exposure was "
            "time-dependent."
        ),
        (1,),
        "supported",
    ),
    (
        (
            "In a randomised trial, adenomas recurred in 32% of people on low-dose metformin "
            "and in 43% on placebo."
        ),
        (2,),
        "supported",
    ),
    (
        (
            "Metformin lowers circulating insulin and slows protein synthesis in the doses that "
            "patients take."
        ),
        (3,),
        "partial",
    ),
    ("It should be offered to everyone with diabetes to prevent cancer.", (4,), "unsupported"),
)
THINKING = (
    "The question is about cancer incidence in people with type 2 diabetes. Source 1 pools "
    "cohorts and finds 0.91, but says that the association weakens when immortal time is handled. "
    "Source 2 is a trial, though in people without diabetes and with adenoma as the outcome.\n\n"
    "Source 4 is retracted, so it should carry no weight. I should say that the observational "
    "association is modest and may be confounded."
)


def answer(
    said: Sequence[Said] = SAID,
    *,
    question: str = "Does metformin lower the risk of cancer?",
    sources: Sequence[Source] = SOURCES,
    between: str = " ",
    **changes: Any,
) -> Answer:
    """A checked answer of these sentences."""
    whole, sentences = "", []
    for text, citations, support in said:
        whole += between if whole else ""
        score = {
            "supported": 0.9, "partial": 0.5, "overstated": 0.5, "unsupported": 0.1, "uncited": 0.0,
        }[support]  # fmt: skip
        sentences.append(
            Sentence(text, len(whole), len(whole) + len(text), citations, support, score)
        )
        whole += text
    values: dict[str, Any] = {
        "question": question,
        "answer": whole,
        "thinking": THINKING,
        "status": "answered",
        "reason": "",
        "sentences": tuple(sentences),
        "quotes": (),
        "sources": tuple(sources),
        "corpus": CorpusRef(CORPUS, "9f31c07be2a4", 1000, "2021-01-05"),
        "model": ModelRef("r1-qwen-7b", "nf4", "dense"),
        "seed": 0,
        "timings": Timings(0.14, 1.8, 21.4, 14.2),
        "audit_id": "a1",
    }
    return Answer(**{**values, **changes})


def abstention(question: str = "Who won the 1998 World Cup?") -> Answer:
    """An honest no."""
    return answer(
        (),
        question=question,
        answer="Not in this library: nothing close enough was found.",
        status="not_in_library",
        reason="The best passage matches the question only weakly.",
        thinking="",
        sources=SOURCES[1:4],
    )


def unwritten(question: str = "Is metformin good for the gut?") -> Answer:
    """A model that failed, beside a passage that speaks of the question."""
    at = POOLED.text.index("Metformin use is associated")
    return answer(
        (),
        question=question,
        answer="The model wrote no sentence that the passages support: the model wrote nothing.",
        status="not_written",
        reason="the model wrote nothing",
        quotes=(Quotation(1, POOLED.text[at:], at, len(POOLED.text)),),
        thinking="",
    )


@dataclass
class Shelf:
    """A library of the documents above, in one corpus or several."""

    names: tuple[str, ...] = (CORPUS,)
    held: dict[str, Document] = field(
        default_factory=lambda: {d.doc_id: d for d in (*DOCUMENTS, HOSTILE, GUIDE)}
    )

    def corpora(self) -> list[CorpusInfo]:
        return [self.corpus(name) for name in self.names]

    def corpus(self, name: str) -> CorpusInfo:
        if name not in self.names:
            raise CorpusNotFound(f"no corpus {name}", "there are others")
        return CorpusInfo(name, "9f31c07be2a4", 1000, 1890, "2021-01-05", "all-MiniLM-L6-v2")

    def documents(self, corpus: str, doc_ids: Sequence[str]) -> dict[str, Document]:
        return {i: self.held[i] for i in doc_ids if i in self.held}

    def search_lexical(self, corpus: str, query: str, k: int) -> list[Hit]:
        words = set(query.split())
        return [
            Hit(Passage(each.doc_id, 0, 0, len(each.text), each.text), 1.0)
            for each in self.held.values()
            if words & set(each.title.lower().split())
        ][:k]


Script = Callable[[str], Answer]


@dataclass
class ScriptedAssistant:
    """Streams what its script answers, word by word, and remembers what it was asked."""

    script: Script = lambda question: answer(question=question)
    library: Shelf = field(default_factory=Shelf)
    model: ModelRef | None = field(default_factory=lambda: ModelRef("r1-qwen-7b", "nf4", "dense"))
    model_reason: str = "the largest that answers within 10 s on this machine"
    pause_s: float = 0.0  # before each word
    asked: list[dict[str, Any]] = field(default_factory=list)
    threads: set[int] = field(default_factory=set)
    hangs_when_stopped: bool = False  # until `released`, as a long prefill does
    released: threading.Event = field(default_factory=threading.Event)
    cancelled: threading.Event = field(default_factory=threading.Event)

    def stream(
        self,
        question: str,
        *,
        corpus: str | None = None,
        history: Sequence[Turn] = (),
        filters: Filters | None = None,
        cancel: threading.Event | None = None,
        **_: Any,
    ) -> Iterator[Event]:
        stop = cancel or threading.Event()
        self.threads.add(threading.get_ident())
        self.asked.append(
            {"question": question, "corpus": corpus, "history": history, "filters": filters}
        )
        said = self.script(question)
        if question.startswith("busy"):
            raise EngineBusy("the engine is <b>busy</b>", "try again in a minute")
        if question.startswith("crash"):
            raise ZeroDivisionError("secret detail")
        time.sleep(self.pause_s)
        yield Retrieved(said.sources, 0.14)
        for piece in pieces(said.thinking):
            if self._rest(stop):
                yield from self._last_word(question, "")
                return
            yield ThinkingDelta(piece)
        written = ""
        for sentence in said.sentences or (Sentence(said.answer, 0, 0, (), "uncited", 0.0),):
            marks = "".join(f" [{n}]" for n in sentence.citations)
            for piece in pieces(f"{sentence.text}{marks} "):
                if self._rest(stop):
                    yield from self._last_word(question, written)
                    return
                yield AnswerDelta(piece)
            written += f"{sentence.text} "
        yield Completed(said)

    def _last_word(self, question: str, written: str) -> Iterator[Event]:
        """What a stopped assistant gives: the sentences it had finished, or an abstention."""
        if self.hangs_when_stopped:
            self.released.wait(30)
            return
        said = [each for each in SAID if each[0] in written]
        if said:
            reason = "stopped before it was complete"
            yield Completed(answer(said, question=question, reason=reason))
        else:
            yield Completed(abstention(question))

    def _rest(self, stop: threading.Event) -> bool:
        if stop.wait(self.pause_s) or stop.is_set():
            self.cancelled.set()
            return True
        return False


def pieces(text: str) -> list[str]:
    """Words with the space before them, as tokens come."""
    return [f" {word}" if i else word for i, word in enumerate(text.split(" "))]
