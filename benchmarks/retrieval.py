"""Which side finds what a question asks for, and what do both find together? nDCG@10, recall@100.

    VADEMECUM_TEST_DATA=... python benchmarks/retrieval.py [--set scifact] [--queries train test]

The whole way is measured, on a BEIR set: our splitter, embedder, both indexes of the library, and
the fusion of `rag/retrieve.py`, beside reciprocal rank fusion (Cormack et al. 2009, k = 60) and
the mean of scores normalised by their range, both of passages. A document stands where its best
passage stands. Prints a table, then one line of JSON. What is chosen by it is chosen on the
train queries.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from time import perf_counter

import numpy as np

from vademecum.corpora.batch import Batch
from vademecum.corpora.document import Document, Hit
from vademecum.corpora.library import Library
from vademecum.ingest.heading import embedding_text
from vademecum.ingest.splitter import splitter_for
from vademecum.model.embedder import Embedder
from vademecum.rag.retrieve import CANDIDATES, best_first, fuse, search

BATCH = 256
RRF_K = 60
CORPUS = "benchmark"
SIDES = ("dense", "bm25", "rrf", "range", "fused")

Ranking = Sequence[str]  # document ids, best first
Judgements = Mapping[str, int]  # relevance by document id


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", default="scifact")
    parser.add_argument("--queries", nargs="+", default=["test"], choices=("train", "dev", "test"))
    given = parser.parse_args()
    folder = Path(os.environ["VADEMECUM_TEST_DATA"]) / "beir" / given.set
    queries = {row["_id"]: row["text"] for row in lines_of(folder / "queries.jsonl")}
    documents = [
        Document(row["_id"], row["title"], row["text"] or row["title"], "abstract")
        for row in lines_of(folder / "corpus.jsonl")
    ]
    embedder = Embedder.load()
    result: dict[str, object] = {"set": given.set, "embedder": embedder.name}
    with tempfile.TemporaryDirectory() as where, Library.open(Path(where)) as library:
        started = perf_counter()
        _fill(library, documents, embedder)
        result["index_s"] = round(perf_counter() - started, 1)
        print(f"{given.set}: {len(documents)} documents in {result['index_s']} s")
        for split in given.queries:
            judged = dict(judgements_of(folder / "qrels" / f"{split}.tsv"))
            print(f"{len(judged)} {split} queries\n{'':8}{'nDCG@10':>9}{'R@100':>8}")
            result[split] = _measured(library, embedder, queries, judged)
    print(json.dumps(result))


def _measured(
    library: Library,
    embedder: Embedder,
    queries: Mapping[str, str],
    judged: Mapping[str, Judgements],
) -> dict[str, object]:
    runs: dict[str, dict[str, Ranking]] = {side: {} for side in SIDES}
    times: list[float] = []
    for query_id in judged:
        text = queries[query_id]
        dense = library.search_dense(CORPUS, embedder.embed_query(text), CANDIDATES)
        lexical = library.search_lexical(CORPUS, text, CANDIDATES)
        for side, scores in (
            ("dense", _scores(dense)),
            ("bm25", _scores(lexical)),
            ("rrf", _reciprocal([dense, lexical])),
            ("range", _by_range([dense, lexical])),
            ("fused", fuse(dense, lexical)),
        ):
            # Of equal ones the first of the alphabet, but in the order that `fuse` gives.
            given = scores if side == "fused" else dict(sorted(scores.items()))
            runs[side][query_id] = _documents(best_first(given))
        started = perf_counter()
        search(library, embedder, CORPUS, text)
        times.append(1_000 * (perf_counter() - started))
    result: dict[str, object] = {"queries": len(judged)}
    quality: dict[str, np.ndarray] = {}  # nDCG, [queries], of each side
    for side, rankings in runs.items():
        quality[side] = np.array([ndcg(rankings[key], judged[key]) for key in judged])
        mean = float(quality[side].mean())
        found = float(np.mean([recall(rankings[key], judged[key]) for key in judged]))
        print(f"{side:8}{mean:9.3f}{found:8.3f}")
        result[side] = {"ndcg@10": round(mean, 4), "recall@100": round(found, 4)}
    gained = quality["fused"] - quality["range"]
    gain, error = float(gained.mean()), float(gained.std(ddof=1) / math.sqrt(len(gained)))
    better, worse = int((gained > 0).sum()), int((gained < 0).sum())
    search_ms = float(np.median(times))
    print(f"fused - range {gain:+.4f}, standard error {error:.4f}; {better} better, {worse} worse")
    print(f"a search takes {search_ms:.1f} ms (median)")
    return result | {
        "gain": round(gain, 4),
        "error": round(error, 4),
        "search_ms": round(search_ms, 1),
    }


def ndcg(ranking: Ranking, judgements: Judgements, k: int = 10) -> float:
    """Normalised discounted cumulative gain (Järvelin and Kekäläinen 2002)."""
    gained = sum(
        judgements.get(doc_id, 0) / math.log2(rank + 1)
        for rank, doc_id in enumerate(ranking[:k], 1)
    )
    ideal = sorted(judgements.values(), reverse=True)[:k]
    return gained / sum(gain / math.log2(rank + 1) for rank, gain in enumerate(ideal, 1))


def recall(ranking: Ranking, judgements: Judgements, k: int = 100) -> float:
    """The share of the relevant documents among the first `k`."""
    relevant = {doc_id for doc_id, gain in judgements.items() if gain > 0}
    return len(relevant & set(ranking[:k])) / len(relevant)


def _fill(library: Library, documents: Sequence[Document], embedder: Embedder) -> None:
    splitter = splitter_for(embedder)
    library.create_corpus(
        CORPUS, embedder=embedder.name, dim=embedder.dim, fingerprint=splitter.fingerprint
    )
    for first in range(0, len(documents), BATCH):
        cut = [(d, splitter.split(d)) for d in documents[first : first + BATCH]]
        texts = [embedding_text(d, passage) for d, passages in cut for passage in passages]
        rows = iter(embedder.embed_passages(texts))
        batch = [(d, ps, np.stack([next(rows) for _ in ps])) for d, ps in cut]
        library.commit(CORPUS, Batch(batch, splitter.fingerprint))


def _scores(side: Sequence[Hit]) -> dict[str, float]:
    return {hit.passage.passage_id: hit.score for hit in side}


def _reciprocal(sides: Sequence[Sequence[Hit]]) -> dict[str, float]:
    scores: dict[str, float] = {}
    for side in sides:
        for rank, hit in enumerate(side, 1):
            key = hit.passage.passage_id
            scores[key] = scores.get(key, 0.0) + 1 / (RRF_K + rank)
    return scores


def _by_range(sides: Sequence[Sequence[Hit]]) -> dict[str, float]:
    scores: dict[str, float] = {}
    for side in filter(None, sides):
        low, high = min(hit.score for hit in side), max(hit.score for hit in side)
        for hit in side:
            key = hit.passage.passage_id
            norm = (hit.score - low) / (high - low) if high > low else 1.0
            scores[key] = scores.get(key, 0.0) + norm
    return scores


def _documents(passage_ids: Sequence[str]) -> Ranking:
    return list(dict.fromkeys(passage_id.rpartition("#")[0] for passage_id in passage_ids))


def lines_of(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def judgements_of(path: Path) -> Iterator[tuple[str, dict[str, int]]]:
    judged: dict[str, dict[str, int]] = {}
    with path.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            if int(row["score"]) > 0:
                judged.setdefault(row["query-id"], {})[row["corpus-id"]] = int(row["score"])
    yield from judged.items()


if __name__ == "__main__":
    main()
