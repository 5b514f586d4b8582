"""PubMed XML written for these tests, after the structure of NLM's DTD."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from vademecum.corpora.document import Deletion, Document, Record, Rejection
from vademecum.corpora.readers.pubmed import PubmedReader

HEAD = '<?xml version="1.0" encoding="utf-8"?>\n'
DOCTYPE = (
    '<!DOCTYPE PubmedArticleSet PUBLIC "-//NLM//DTD PubMedArticle, 1st January 2019//EN" '
    '"http://127.0.0.1:9/pubmed_190101.dtd">\n'
)
ABSTRACT = "<Abstract><AbstractText>Rest helped.</AbstractText></Abstract>"
ISSUE = "<PubDate><Year>2020</Year><Month>May</Month></PubDate>"


def citation(
    pmid: str = '<PMID Version="1">11</PMID>',
    *,
    title: str = "<ArticleTitle>Rest after exercise.</ArticleTitle>",
    abstract: str = ABSTRACT,
    issue: str = ISSUE,
    article: str = "",
    more: str = "",
) -> str:
    """A `MedlineCitation`; `article` goes into its Article, `more` behind it."""
    return f"""<MedlineCitation Status="MEDLINE" Owner="NLM">{pmid}
      <Article PubModel="Print"><Journal><JournalIssue CitedMedium="Print"><Volume>1</Volume>
        {issue}</JournalIssue><Title>Journal of tests</Title></Journal>
        {title}{abstract}{article}</Article>{more}</MedlineCitation>"""


def record(body: str | None = None, data: str = "") -> str:
    """A `PubmedArticle` around a citation; `data` goes into its PubmedData."""
    body = citation() if body is None else body
    return f"<PubmedArticle>{body}<PubmedData>{data}</PubmedData></PubmedArticle>\n"


def article_set(*records: str) -> str:
    """A whole file."""
    return f"{HEAD}{DOCTYPE}<PubmedArticleSet>\n{''.join(records)}</PubmedArticleSet>\n"


def read(path: Path) -> list[Record]:
    """Everything in a file."""
    return list(PubmedReader().read(path))


def read_text(folder: Path, text: str | bytes) -> list[Record]:
    """Everything in a file with this content."""
    path = folder / "pubmed.xml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read(path)


def read_one(folder: Path, body: str | None = None, data: str = "") -> Document:
    """The document that a file with one such record yields."""
    (found,) = read_text(folder, article_set(record(body, data)))
    assert isinstance(found, Document)
    return found


def collect(records: Iterator[Record], kept: list[Record]) -> None:
    """Read to the end or to the error, keeping what came before it."""
    kept.extend(records)  # a list keeps what it was given before an error


def counts(records: Iterator[Record]) -> dict[str, int]:
    """How many records of each sort and kind."""
    totals = {"abstract": 0, "title": 0, "retracted": 0, "deleted": 0, "rejected": 0}
    for item in records:
        if isinstance(item, Deletion):
            totals["deleted"] += 1
        elif isinstance(item, Rejection):
            totals["rejected"] += 1
        else:
            totals[item.kind] += 1
            totals["retracted"] += item.retracted
    return totals
