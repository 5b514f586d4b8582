"""A small embedder that counts its work, and PubMed files made up for tests."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

DIM = 8


class WordCounter:
    """Counts words; can be sent to another process."""

    def __init__(self, max_tokens: int) -> None:
        self.max_tokens = max_tokens

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) + 2 for text in texts]


class FakeEmbedder:
    """Vectors that depend on the text alone; remembers what it was asked to embed."""

    dim = DIM

    def __init__(self, name: str = "fake", max_tokens: int = 24) -> None:
        self.name = name
        self.max_tokens = max_tokens
        self.calls: list[list[str]] = []

    @property
    def embedded(self) -> list[str]:
        return [text for call in self.calls for text in call]

    @property
    def counter(self) -> WordCounter:
        return WordCounter(self.max_tokens)

    @property
    def loader(self) -> Callable[[], FakeEmbedder]:
        return partial(FakeEmbedder, self.name, self.max_tokens)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return self.counter.count_tokens(texts)

    def embed_passages(self, texts: Sequence[str]) -> Any:
        self.calls.append(list(texts))
        return np.array([self.embed_query(text) for text in texts], dtype=np.float32)

    def embed_query(self, text: str) -> Any:
        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
        vector = np.random.default_rng(seed).standard_normal(DIM).astype(np.float32)
        return vector / np.linalg.norm(vector)


def article(
    pmid: int, abstract: str | None = None, *, title: str = "", year: int = 2020, extra: str = ""
) -> str:
    """One record; `abstract=""` makes it a title only, `None` gives it a short abstract."""
    text = f"Aspirin lowers the risk in trial {pmid}." if abstract is None else abstract
    body = f"<Abstract><AbstractText>{text}</AbstractText></Abstract>" if text else ""
    return f"""<PubmedArticle><MedlineCitation Status="MEDLINE" Owner="NLM">
<PMID Version="1">{pmid}</PMID>
<Article PubModel="Print"><Journal><JournalIssue CitedMedium="Internet">
<PubDate><Year>{year}</Year></PubDate></JournalIssue><Title>A Journal</Title></Journal>
<ArticleTitle>{title or f"Trial {pmid}."}</ArticleTitle>{body}<Language>eng</Language>
<PublicationTypeList><PublicationType UI="D016428">Journal Article</PublicationType>{extra}
</PublicationTypeList></Article></MedlineCitation></PubmedArticle>"""


def deletion(*pmids: int) -> str:
    inner = "".join(f'<PMID Version="1">{pmid}</PMID>' for pmid in pmids)
    return f"<DeleteCitation>{inner}</DeleteCitation>"


def write_pubmed(path: Path, *records: str) -> Path:
    """A file as PubMed's, compressed if its name says so."""
    text = f'<?xml version="1.0" encoding="utf-8"?>\n<PubmedArticleSet>{"".join(records)}'
    data = (text + "</PubmedArticleSet>").encode()
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
    return path
