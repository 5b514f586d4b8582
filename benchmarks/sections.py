"""Does it help to embed a section's label with its passages? MRR and hits@10 over full texts.

    VADEMECUM_TEST_DATA=... python benchmarks/sections.py [--every 3]

A sentence that cites one figure or table is a query, without the words that cite it; what it asks
for is the passage with the caption of that figure, a section of its own in the paper, among all
passages of all papers but its own. Both sides search the same passages by cosine. Prints a table,
then one line of JSON. `--every 3` takes every third paper.
"""

from __future__ import annotations

import argparse
import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from vademecum.corpora.document import Document, Passage
from vademecum.corpora.readers import reader_for
from vademecum.corpora.sections import BETWEEN, label_of
from vademecum.corpora.sentences import split_sentences
from vademecum.ingest.heading import heading_of
from vademecum.ingest.splitter import splitter_for
from vademecum.model.embedder import Embedder

CITED = re.compile(r"\(?\b(Fig|Table)(?:ure)?s?\.?\s+(\d+)\w?(?:[,–-]\s?\w+)*\)?")
CAPTION = re.compile(r"(Fig|Table)(?:ure)?\.?\s*(\d+)")
LEAST_CHARACTERS = 60  # a shorter sentence says only that there is a figure
BEST = 10

Held = tuple[Document, Passage]
Query = tuple[str, int, set[int]]  # its text, the passage it stands in, the passages it asks for

SIDES: dict[str, Callable[[Document, str], str]] = {
    "title": lambda document, label: heading_of(document, ""),
    "title, label": heading_of,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1)
    folder = Path(os.environ["VADEMECUM_TEST_DATA"]) / "jats"
    papers = [
        record
        for path in sorted(folder.iterdir())[:: parser.parse_args().every]
        for record in reader_for(path).read(path)
        if isinstance(record, Document)
    ]
    embedder = Embedder.load()
    splitter = splitter_for(embedder)
    held = [(paper, passage) for paper in papers for passage in splitter.split(paper)]
    labels = [label_of(paper, passage.start, passage.end) for paper, passage in held]
    queries = list(_queries(held))
    asked = embedder.embed_passages([text for text, _, _ in queries])
    print(f"{len(papers)} papers, {len(held)} passages, {len(queries)} queries")
    print(f"{'embedded with':14}{'MRR@10':>8}{'hits@10':>9}")
    result: dict[str, object] = {"passages": len(held), "queries": len(queries)}
    reciprocal: list[np.ndarray] = []  # [queries], of each side
    for side, heading in SIDES.items():
        texts = [
            f"{heading(paper, label)}\n\n{passage.text}"
            for (paper, passage), label in zip(held, labels, strict=True)
        ]
        scores = asked @ embedder.embed_passages(texts).T
        ranks = [
            _rank(row, own, wanted) for row, (_, own, wanted) in zip(scores, queries, strict=True)
        ]
        reciprocal.append(np.array([1 / rank if rank <= BEST else 0.0 for rank in ranks]))
        mrr = float(reciprocal[-1].mean())
        hits = float(np.mean([rank <= BEST for rank in ranks]))
        print(f"{side:14}{mrr:8.3f}{hits:9.3f}")
        result[side] = {"mrr@10": round(mrr, 4), "hits@10": round(hits, 4)}
    gained = reciprocal[1] - reciprocal[0]
    error = float(gained.std(ddof=1) / np.sqrt(len(gained)))
    better, worse = int((gained > 0).sum()), int((gained < 0).sum())
    print(f"MRR {gained.mean():+.4f}, standard error {error:.4f}; {better} better, {worse} worse")
    result |= {"mrr_gain": round(float(gained.mean()), 4), "error": round(error, 4)}
    print(json.dumps(result | {"embedder": embedder.name}))


def _rank(scores: np.ndarray, own: int, wanted: set[int]) -> int:
    """The place of the best of the wanted passages, from 1, its own passage left out."""
    best = max(scores[at] for at in wanted)
    return 1 + sum(score > best for at, score in enumerate(scores) if at != own)


def _queries(held: list[Held]) -> Iterator[Query]:
    captions: dict[tuple[str, str, str], set[int]] = {}
    for at, (paper, passage) in enumerate(held):
        for section in paper.sections:
            name = CAPTION.fullmatch(section.label.split(BETWEEN)[-1])
            if name and passage.start < section.end and section.start < passage.end:
                captions.setdefault((paper.doc_id, name[1], name[2]), set()).add(at)
    captioned = set().union(*captions.values())
    for at, (paper, passage) in enumerate(held):
        if at in captioned:
            continue
        for start, end in split_sentences(passage.text):
            sentence = passage.text[start:end]
            cited = {(paper.doc_id, *found.groups()) for found in CITED.finditer(sentence)}
            wanted = captions.get(cited.pop()) if len(cited) == 1 else None
            if wanted and len(sentence) >= LEAST_CHARACTERS:
                yield re.sub(r"\s+", " ", CITED.sub("", sentence)), at, wanted


if __name__ == "__main__":
    main()
