"""A document and its passages: what a reader yields and a library keeps."""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_right
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, NamedTuple

Kind = Literal["abstract", "full_text", "title"]
LinkKind = Literal[
    "retraction_in",  # this work was retracted by the linked notice
    "retraction_of",  # this record is the notice, the link is the retracted work
    "erratum_in",
    "erratum_for",
    "concern_in",
    "concern_for",
    "update_in",
    "update_of",
    "republished_in",
    "republished_from",
    "comment_in",
    "comment_on",
]

# How ids begin that are the same wherever a document is read: a number, a hash of the content.
UNIVERSAL = ("pmid:", "pmcid:", "doi:", "file:", "row:")


@dataclass(frozen=True, slots=True)
class Section:
    """A labelled part of a document: `text[start:end]` is its content without the label."""

    label: str
    start: int
    end: int


class MeshHeading(NamedTuple):
    """A MeSH descriptor with its qualifiers; `major` if it or a qualifier is a major topic.

    A tuple, since an old record is mostly these: frozen dataclasses take three times as long to
    make.
    """

    name: str
    ui: str
    major: bool
    qualifiers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Link:
    """A relation to another record, as the source states it."""

    kind: LinkKind
    pmid: str | None
    citation: str


@dataclass(frozen=True, slots=True)
class Document:
    """One citable work.

    `text` is the body (the abstract with its section labels; the title where there is no
    abstract); every offset anywhere in Vademecum counts characters in it.
    """

    doc_id: str  # "pmid:123", "pmcid:PMC1", "file:<hash>"
    title: str
    text: str
    kind: Kind
    sections: tuple[Section, ...] = ()
    authors: tuple[str, ...] = ()
    journal: str = ""
    date: str = ""  # ISO 8601, as exact as the source: "2020", "2020-05", "2020-05-17"
    url: str = ""
    doi: str = ""
    pmcid: str = ""
    pmid: str = ""  # of a document whose id is another: the full text of a PubMed record
    language: str = ""  # ISO 639-2 as PubMed writes it: "eng", "chi"
    publication_types: tuple[str, ...] = ()
    mesh: tuple[MeshHeading, ...] = ()
    keywords: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()
    retracted: bool = False
    licence: str = ""  # "CC BY 4.0", or the source's own words
    pages: tuple[int, ...] = ()  # where each page starts in the text, for sources that have pages
    version: str = ""  # the source's own version of the record, "" where it has none
    origin: str = ""  # the file it was read from (its name only)
    revised: str = ""  # the day the source last changed the record, ISO 8601

    @property
    def year(self) -> int | None:
        """The year of publication, if the source gives one."""
        head = self.date[:4]
        return int(head) if head.isdigit() else None

    def page_at(self, offset: int) -> int | None:
        """The page, counted from 1, that a character of the text stands on."""
        return bisect_right(self.pages, offset) or None

    @property
    def file(self) -> str:
        """The name of the file by which people know the document; "" for one with a PMID, a PMCID
        or a DOI for its id, which names it wherever it was read."""
        return "" if self.doc_id.startswith(("pmid:", "pmcid:", "doi:")) else self.origin

    @property
    def evidence_level(self) -> str:
        """How strong a design the publication types name, "" where they name none."""
        types = {name.lower() for name in self.publication_types}
        for level, names in EVIDENCE_LEVELS:
            if types & names:
                return level
        return ""

    @property
    def notice_of(self) -> str:
        """What the record is a notice of: "retraction", "concern", "erratum", or "" (a work)."""
        types = {name.lower() for name in self.publication_types}
        kinds = {link.kind for link in self.links}
        for what, (names, kind) in NOTICES.items():
            if types & names or kind in kinds:
                return what
        return ""

    def to_json(self) -> str:
        """The whole record as canonical JSON; `from_json` reads it back."""
        return _canonical(self._plain())

    @classmethod
    def from_json(cls, text: str) -> Document:
        """Read back what `to_json` wrote."""
        raw: dict[str, Any] = json.loads(text)
        raw["sections"] = tuple(Section(**s) for s in raw["sections"])
        raw["mesh"] = tuple(
            MeshHeading(**{**m, "qualifiers": tuple(m["qualifiers"])}) for m in raw["mesh"]
        )
        raw["links"] = tuple(Link(**link) for link in raw["links"])
        for name in ("authors", "publication_types", "keywords", "pages"):
            raw[name] = tuple(raw.get(name, ()))
        return cls(**raw)

    def content_hash(self) -> str:
        """SHA-256 of the record: equal means nothing changed.

        The file it came from and the day it was touched are left out.
        """
        raw = self._plain()
        del raw["origin"], raw["revised"]
        for name in LATER_FIELDS:
            if not raw[name]:
                del raw[name]
        return hashlib.sha256(_canonical(raw).encode()).hexdigest()

    def _plain(self) -> dict[str, Any]:
        raw = asdict(self)
        raw["mesh"] = [heading._asdict() for heading in self.mesh]
        return raw


def _canonical(raw: dict[str, Any]) -> str:
    return json.dumps(raw, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


# Publication types in lower case (PubMed renamed the first), and what such a record says.
NOTICES: dict[str, tuple[frozenset[str], LinkKind]] = {
    "retraction": (frozenset({"retraction of publication", "retraction notice"}), "retraction_of"),
    "concern": (frozenset({"expression of concern"}), "concern_for"),
    "erratum": (frozenset({"published erratum"}), "erratum_for"),
}

# Without one of these a record has the hash that it had before they were thought of, so that it is
# not embedded again.
LATER_FIELDS = ("pmid", "licence", "pages")

# Strongest first; names are PubMed publication types in lower case.
EVIDENCE_LEVELS: tuple[tuple[str, frozenset[str]], ...] = (
    ("systematic review", frozenset({"meta-analysis", "systematic review"})),
    ("guideline", frozenset({"guideline", "practice guideline"})),
    (
        "randomised trial",
        frozenset({"randomized controlled trial", "pragmatic clinical trial", "equivalence trial"}),
    ),
    (
        "clinical trial",
        frozenset(
            {
                "clinical trial",
                "controlled clinical trial",
                "clinical trial, phase i",
                "clinical trial, phase ii",
                "clinical trial, phase iii",
                "clinical trial, phase iv",
            }
        ),
    ),
    ("observational study", frozenset({"observational study", "multicenter study"})),
    ("case report", frozenset({"case reports"})),
    ("review", frozenset({"review"})),
    ("opinion", frozenset({"editorial", "comment", "letter", "news"})),
)


@dataclass(frozen=True, slots=True)
class Deletion:
    """The source withdrew a record (`DeleteCitation`)."""

    doc_id: str
    version: str = field(default="", compare=False)  # as in Document
    origin: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Rejection:
    """A record a reader could not take, and why; reading goes on with the next.

    `harmless`: no record is missing for it. It is a part of one that was taken, or stood before.
    """

    where: str
    reason: str
    harmless: bool = False


Record = Document | Deletion | Rejection


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of one document: `document.text[start:end] == text`, always."""

    doc_id: str
    ordinal: int
    start: int
    end: int
    text: str

    @property
    def passage_id(self) -> str:
        """`doc#ordinal`."""
        return f"{self.doc_id}#{self.ordinal}"


@dataclass(frozen=True, slots=True)
class Filters:
    """What a search is narrowed to; an empty field narrows nothing."""

    year_from: int | None = None
    year_to: int | None = None
    mesh: tuple[str, ...] = ()  # all of them
    publication_types: tuple[str, ...] = ()  # any of them
    languages: tuple[str, ...] = ()  # any of them
    exclude_retracted: bool = False

    def __bool__(self) -> bool:
        return self != Filters()

    def admits(self, document: Document) -> bool:
        """Whether a document passes: the meaning that every index must agree with."""
        year = document.year
        if self.year_from is not None and (year is None or year < self.year_from):
            return False
        if self.year_to is not None and (year is None or year > self.year_to):
            return False
        names = {heading.name for heading in document.mesh}
        if not set(self.mesh) <= names:
            return False
        if self.publication_types and not set(self.publication_types) & set(
            document.publication_types
        ):
            return False
        if self.languages and document.language not in self.languages:
            return False
        return not (self.exclude_retracted and document.retracted)


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage found, with the score of the index that found it (higher is better)."""

    passage: Passage
    score: float


@dataclass(frozen=True, slots=True)
class CorpusInfo:
    """What a corpus holds now. `snapshot` changes whenever its documents do."""

    name: str
    snapshot: str
    documents: int
    passages: int
    newest: str  # the latest document date, "" if empty
    embedder: str
    counts: dict[str, int] = field(default_factory=dict)  # by kind, and "retracted"
