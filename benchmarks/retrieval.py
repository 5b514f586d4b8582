"""Which side finds what a question asks for? nDCG@10 and recall@100 on a BEIR set.

    VADEMECUM_TEST_DATA=... python benchmarks/retrieval.py [--set scifact]

The whole way is measured: our splitter, embedder, both indexes of the library, and the fusion of
`rag/retrieve.py`, beside reciprocal rank fusion (Cormack et al. 2009, k = 60) and the same sum over
documents, of which each side names the best passage. A document stands where its best passage
stands. Prints a table, then one line of JSON.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from time import perf_counter

import numpy as np

from vademecum.corpora.document import Document, Hit
from vademecum.corpora.library import Library
from vademecum.corpora.store import Batch
from vademecum.ingest.heading import embedding_text
from vademecum.ingest.splitter import splitter_for
from vademecum.model.embedder import Embedder
from vademecum.rag.retrieve import CANDIDATES, fuse

BATCH = 256
RRF_K = 60
CORPUS = "benchmark"

Ranking = Sequence[str]  # document ids, best first
Judgements = Mapping[str, int]  # relevance by document id


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", default="scifact")
    name = parser.parse_args().set
    folder = Path(os.environ["VADEMECUM_TEST_DATA"]) / "beir" / name
    judged = dict(judgements_of(folder / "qrels" / "test.tsv"))
    queries = {row["_id"]: row["text"] for row in lines_of(folder / "queries.jsonl")}
    documents = [
        Document(row["_id"], row["title"], row["text"] or row["title"], "abstract")
        for row in lines_of(folder / "corpus.jsonl")
    ]
    embedder = Embedder.load()
    with tempfile.TemporaryDirectory() as where, Library.open(Path(where)) as library:
        started = perf_counter()
        _fill(library, documents, embedder)
        filled_s = perf_counter() - started
        print(f"{name}: {len(documents)} documents embedded and indexed in {filled_s:.0f} s")
        runs: dict[str, dict[str, Ranking]] = {
            side: {} for side in ("dense", "bm25", "fused", "rrf", "summed")
        }
        for query_id in judged:
            text = queries[query_id]
            dense = library.search_dense(CORPUS, embedder.embed_query(text), CANDIDATES)
            lexical = library.search_lexical(CORPUS, text, CANDIDATES)
            runs["dense"][query_id] = _documents(hit.passage.passage_id for hit in dense)
            runs["bm25"][query_id] = _documents(hit.passage.passage_id for hit in lexical)
            runs["fused"][query_id] = _documents(_by_score(fuse([dense, lexical])))
            runs["rrf"][query_id] = _documents(_by_score(_reciprocal([dense, lexical])))
            runs["summed"][query_id] = _by_score(_summed([dense, lexical]))
    print(f"{'':8}{'nDCG@10':>9}{'R@100':>8}")
    result: dict[str, object] = {"set": name, "queries": len(judged), "embedder": embedder.name}
    for side, rankings in runs.items():
        quality = _mean(ndcg, rankings, judged), _mean(recall, rankings, judged)
        print(f"{side:8}{quality[0]:9.3f}{quality[1]:8.3f}")
        result[side] = {"ndcg@10": round(quality[0], 4), "recall@100": round(quality[1], 4)}
    print(json.dumps(result | {"index_s": round(filled_s, 1)}))


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


def _reciprocal(sides: Sequence[Sequence[Hit]]) -> dict[str, float]:
    scores: dict[str, float] = {}
    for side in sides:
        for rank, hit in enumerate(side, 1):
            key = hit.passage.passage_id
            scores[key] = scores.get(key, 0.0) + 1 / (RRF_K + rank)
    return scores


def _summed(sides: Sequence[Sequence[Hit]]) -> dict[str, float]:
    """As `fuse`, by document id: what two sides find in two passages of one document adds up."""
    scores: dict[str, float] = {}
    for side in filter(None, sides):
        low, high = min(hit.score for hit in side), max(hit.score for hit in side)
        best: dict[str, float] = {}
        for hit in side:
            best[hit.passage.doc_id] = max(best.get(hit.passage.doc_id, low), hit.score)
        for doc_id, score in best.items():
            norm = (score - low) / (high - low) if high > low else 1.0
            scores[doc_id] = scores.get(doc_id, 0.0) + norm
    return scores


def _by_score(scores: Mapping[str, float]) -> list[str]:
    return sorted(scores, key=lambda key: (-scores[key], key))


def _documents(passage_ids: Iterator[str] | Sequence[str]) -> Ranking:
    return list(dict.fromkeys(passage_id.rpartition("#")[0] for passage_id in passage_ids))


def _mean(
    measure: Callable[[Ranking, Judgements], float],
    rankings: Mapping[str, Ranking],
    judged: Mapping[str, Judgements],
) -> float:
    return sum(measure(rankings[key], judged[key]) for key in judged) / len(judged)


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
