"""How fast are passages embedded, and how near to float32, beside plain sentence-transformers?

    python benchmarks/embedding.py [--passages 256] [--rounds 5] [--threads N] [--scifact FOLDER]

Theirs is `SentenceTransformer(folder).encode(texts)` with its defaults: float32, batches of 32.
Ours is what `Embedder.load` takes on this machine, and what it takes with `precision="float"`. The
passages are the sample's, cut as ingestion cuts them. The sides take turns in one process; medians
count. With a folder of SciFact (BEIR) every document and query is embedded by each side: the worst
cosine to float32, and nDCG@10 of exact dense search, also where documents and queries, or two
halves of the documents, are of different sides. Prints tables, then one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
import numpy.typing as npt
import torch
from material import surroundings
from retrieval import Judgements, judgements_of, lines_of, ndcg
from sentence_transformers import SentenceTransformer

from vademecum.assets import SAMPLE_PUBMED, fetch
from vademecum.corpora.document import Document
from vademecum.corpora.readers.pubmed import PubmedReader
from vademecum.ingest.heading import embedding_text
from vademecum.ingest.splitter import splitter_for
from vademecum.model import hardware
from vademecum.model.embedder import DEFAULT, EMBEDDERS, Embedder

Vectors = npt.NDArray[np.float32]
Side = Callable[[Sequence[str]], Vectors]

THEIRS = "sentence-transformers float32"
OURS, FLOAT = "ours", "ours, float"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--passages", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=hardware.cores())
    parser.add_argument("--scifact", type=Path, help="a folder with corpus.jsonl, queries, qrels")
    chosen = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(chosen.threads)  # int8 reads it as it is loaded
    torch.set_num_threads(chosen.threads)
    embedders = {OURS: Embedder.load(), FLOAT: Embedder.load(precision="float")}
    for side, embedder in embedders.items():
        print(f"{side}: {embedder.path} ({embedder.reason})")
    sides: dict[str, Side] = {THEIRS: _theirs()}
    sides |= {side: embedder.embed_passages for side, embedder in embedders.items()}
    texts = list(islice(_passages(embedders[OURS]), chosen.passages))
    tokens = embedders[OURS].count_tokens(texts)
    rates = _rates(sides, texts, chosen.rounds)
    print(f"\n{len(texts)} passages of {np.mean(tokens):.0f} tokens on average")
    print(f"{'':32}{'passages/s':>11}{'slowest':>9}{'ratio':>7}")
    rows = []
    for side, seen in rates.items():
        ratio = median(seen) / median(rates[THEIRS])
        print(f"{side:32}{median(seen):>11.1f}{min(seen):>9.1f}{ratio:>7.2f}")
        rows.append({"side": side, "per_s": median(seen), "slowest": min(seen), "ratio": ratio})
    result = {
        "benchmark": "embedding",
        "passages": len(texts),
        "tokens": float(np.mean(tokens)),
        "rounds": chosen.rounds,
        "threads": chosen.threads,
        "paths": {side: embedder.path for side, embedder in embedders.items()},
        "rows": rows,
    }
    if chosen.scifact:
        result["scifact"] = _quality(chosen.scifact, sides, embedders)
    about = surroundings("torch", "sentence-transformers", "onnxruntime")
    print(json.dumps(result | about))


def _theirs() -> Side:
    model = SentenceTransformer(str(fetch(EMBEDDERS[DEFAULT])), device="cpu", local_files_only=True)

    def encode(texts: Sequence[str]) -> Vectors:
        return np.asarray(model.encode(list(texts)), np.float32)

    return encode


def _passages(embedder: Embedder) -> Iterator[str]:
    """What ingestion embeds of the sample, documents without an abstract left out."""
    splitter = splitter_for(embedder)
    for record in PubmedReader().read(fetch(SAMPLE_PUBMED)):
        if isinstance(record, Document) and record.kind != "title":
            yield from (embedding_text(record, passage) for passage in splitter.split(record))


def _rates(sides: Mapping[str, Side], texts: Sequence[str], rounds: int) -> dict[str, list[float]]:
    """Passages a second, by side, of every round."""
    seen: dict[str, list[float]] = {side: [] for side in sides}
    for embed in sides.values():
        embed(texts[:32])  # the first call prepares what later ones use
    for _ in range(rounds):
        for side, embed in sides.items():
            started = perf_counter()
            embed(texts)
            seen[side].append(len(texts) / (perf_counter() - started))
    return seen


def _quality(
    folder: Path, sides: Mapping[str, Side], embedders: Mapping[str, Embedder]
) -> dict[str, dict[str, float]]:
    """The worst cosine to float32 and nDCG@10, by side and by mixture of sides."""
    corpus = list(lines_of(folder / "corpus.jsonl"))
    texts = [f"{row['title']}\n\n{row['text']}" for row in corpus]
    ids = [row["_id"] for row in corpus]
    judged: Judgements = dict(judgements_of(folder / "qrels" / "test.tsv"))
    asked = {row["_id"]: row["text"] for row in lines_of(folder / "queries.jsonl")}
    queries = [asked[query_id] for query_id in judged]
    documents = {side: embed(texts) for side, embed in sides.items()}
    questions = {
        side: np.stack([embedder.embed_query(query) for query in queries])
        for side, embedder in embedders.items()
    } | {THEIRS: sides[THEIRS](queries)}

    def quality(rows: Vectors, asking: Vectors) -> float:
        best = np.argsort(-(asking @ rows.T), axis=1, kind="stable")[:, :10]
        found = zip(judged.values(), best, strict=True)
        return float(np.mean([ndcg([ids[n] for n in row], told) for told, row in found]))

    def worst(side: str) -> float:
        pairs = [(documents[side], documents[THEIRS]), (questions[side], questions[THEIRS])]
        return min(float((ours * theirs).sum(axis=1).min()) for ours, theirs in pairs)

    halves = documents[THEIRS].copy()
    halves[::2] = documents[OURS][::2]
    table = {side: (worst(side), quality(documents[side], questions[side])) for side in sides}
    table["float32 documents, our queries"] = (1.0, quality(documents[THEIRS], questions[OURS]))
    table["our documents, float32 queries"] = (1.0, quality(documents[OURS], questions[THEIRS]))
    table["half of each, our queries"] = (1.0, quality(halves, questions[OURS]))
    print(f"\n{folder.name}: {len(texts):,} documents, {len(queries)} queries")
    print(f"{'':32}{'worst cosine':>14}{'nDCG@10':>9}")
    for side, (cosine, gained) in table.items():
        shown = f"{cosine:.5f}" if side in sides else ""
        print(f"{side:32}{shown:>14}{gained:>9.4f}")
    return {
        side: {"ndcg@10": gained} | ({"worst_cosine": cosine} if side in sides else {})
        for side, (cosine, gained) in table.items()
    }


if __name__ == "__main__":
    main()
