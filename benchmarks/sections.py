"""Does it help to embed a section's label with its passages? MRR and recall@10 over full texts.

    VADEMECUM_TEST_DATA=... python benchmarks/sections.py

What an abstract reports stands somewhere in the paper. A sentence of the abstract with a figure
that stands in one or two passages of the body is a query, without its figures; those passages are
what it asks for, among all passages of all papers. Both sides search the same passages by cosine.
Prints a table, then one line of JSON.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from vademecum.corpora.document import Document, Passage
from vademecum.corpora.readers import reader_for
from vademecum.corpora.sections import label_of
from vademecum.corpora.sentences import split_sentences
from vademecum.ingest.heading import heading_of
from vademecum.ingest.splitter import splitter_for
from vademecum.model.embedder import Embedder

FIGURE = re.compile(r"(?<![\d.,])(?:\d+[.,]\d+|\d{3,})(?![\d]|[.,]\d)")
SUMMARIES = ("abstract", "summary", "author summary", "synopsis")
BEST = 10

Heading = Callable[[Document, Passage], str]

SIDES: dict[str, Heading] = {
    "nothing": lambda document, passage: "",
    "title": lambda document, passage: document.title,
    "title, label": lambda document, passage: heading_of(
        document, label_of(document, passage.start, passage.end)
    ),
}


def main() -> None:
    folder = Path(os.environ["VADEMECUM_TEST_DATA"]) / "jats"
    documents = [
        record
        for path in sorted(folder.iterdir())
        for record in reader_for(path).read(path)
        if isinstance(record, Document)
    ]
    embedder = Embedder.load()
    splitter = splitter_for(embedder)
    bodies = [
        (document, passage)
        for document in documents
        for passage in splitter.split(document)
        if not _is_summary(document, passage.start, passage.end)
    ]
    queries = list(_queries(documents, [passage for _, passage in bodies]))
    asked = embedder.embed_passages([text for text, _ in queries])
    print(f"{len(documents)} papers, {len(bodies)} passages, {len(queries)} queries")
    print(f"{'embedded with':14}{'MRR@10':>8}{'R@10':>8}")
    result: dict[str, object] = {"passages": len(bodies), "queries": len(queries)}
    for side, heading in SIDES.items():
        texts = [f"{heading(d, p)}\n\n{p.text}".strip() for d, p in bodies]
        scores = asked @ embedder.embed_passages(texts).T
        best = np.argsort(-scores, axis=1)[:, :BEST]
        found = [
            ([rank for rank, at in enumerate(row, 1) if at in wanted], len(wanted))
            for row, (_, wanted) in zip(best, queries, strict=True)
        ]
        mrr = float(np.mean([1 / ranks[0] if ranks else 0.0 for ranks, _ in found]))
        recall = float(np.mean([len(ranks) / count for ranks, count in found]))
        print(f"{side:14}{mrr:8.3f}{recall:8.3f}")
        result[side] = {"mrr@10": round(mrr, 4), "recall@10": round(recall, 4)}
    print(json.dumps(result | {"embedder": embedder.name}))


def _queries(documents: list[Document], passages: list[Passage]) -> Iterator[tuple[str, set[int]]]:
    """Sentences of abstracts without their figures, and the passages that report these."""
    places: dict[tuple[str, str], set[int]] = {}
    for at, passage in enumerate(passages):
        for figure in FIGURE.findall(passage.text):
            places.setdefault((passage.doc_id, figure), set()).add(at)
    for document in documents:
        for section in document.sections:
            if not _is_summary(document, section.start, section.end):
                continue
            text = document.text[section.start : section.end]
            for start, end in split_sentences(text):
                sentence = text[start:end]
                told = [
                    places.get((document.doc_id, figure), set())
                    for figure in FIGURE.findall(sentence)
                ]
                wanted = set().union(*(where for where in told if 1 <= len(where) <= 2))
                if wanted:
                    yield re.sub(r"\s+", " ", FIGURE.sub("", sentence)), wanted


def _is_summary(document: Document, start: int, end: int) -> bool:
    top = label_of(document, start, end).partition(" > ")[0].lower()
    return top.startswith(SUMMARIES)


if __name__ == "__main__":
    main()
