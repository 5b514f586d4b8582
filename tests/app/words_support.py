"""A library of a few citations for the tests of the command line, embedded by their words alone."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from cli_support import Cli

TOPICS = {
    "aspirin": "Aspirin lowered fever in children. Bleeding was rare.",
    "metformin": "Metformin lowered blood glucose in adults with diabetes.",
    "statin": "Statins lowered cholesterol and prevented strokes in older men.",
}


class WordEmbedder:
    """Words hashed into 64 directions: near texts share words. No weights."""

    name = "words"
    dim = 64
    max_tokens = 256

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]

    def embed_query(self, text: str) -> Any:
        return self.embed_passages([text])[0]

    def embed_passages(self, texts: Sequence[str]) -> Any:
        rows = np.zeros((len(texts), self.dim), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in text.lower().split():
                row[int(hashlib.sha256(word.strip(".,").encode()).hexdigest(), 16) % self.dim] += 1
            row /= np.linalg.norm(row) or 1
        return rows


def citation(pmid: int, title: str, text: str, year: int = 2020, type_: str = "Review") -> str:
    return f"""<PubmedArticle><MedlineCitation Status="MEDLINE" Owner="NLM">
<PMID Version="1">{pmid}</PMID>
<Article PubModel="Print"><Journal><JournalIssue CitedMedium="Print"><PubDate><Year>{year}</Year>
</PubDate></JournalIssue><Title>Journal of Tests</Title></Journal>
<ArticleTitle>{title}</ArticleTitle>
<Abstract><AbstractText>{text}</AbstractText></Abstract><Language>eng</Language>
<PublicationTypeList><PublicationType UI="D016454">{type_}</PublicationType></PublicationTypeList>
</Article></MedlineCitation>
</PubmedArticle>"""


def pubmed(*citations: str) -> str:
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<PubmedArticleSet>'
        + "\n".join(citations)
        + "</PubmedArticleSet>\n"
    )


def assert_sound(cli: Cli, documents: int) -> None:
    done = cli("corpus", "verify", "--json")
    assert done.code == 0, done.stderr
    assert done.json["sound"] is True
    assert cli("corpus", "show", "--json").json["documents"] == documents
