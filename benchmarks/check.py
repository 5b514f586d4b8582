"""Can the sentence check and the relevance test be trusted? Figures on PubMedQA.

    VADEMECUM_TEST_DATA=... python benchmarks/check.py [--first 600] [--questions 300]

Positive: a sentence of an expert's conclusion against the abstract it concludes. Negative: the
same sentence against the abstracts nearest to its question among all the others, and against a
far one. Spoiled: a sentence of the abstract itself, with one thing of it changed or exchanged for
what the abstract does not hold (`spoiled.py`). Opened: the same, with "The study found that" before
it, which is right. Prints a table, then one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import random
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from spoiled import (
    denied,
    exchanged,
    mangled,
    opened,
    rare_words,
    with_other_intervals,
    with_other_names,
    with_other_numbers,
    with_other_populations,
    with_other_routes,
    with_other_sides,
    with_other_units,
    with_rare_words,
)

from vademecum.corpora.document import Document, Hit, Passage
from vademecum.model.embedder import Embedder
from vademecum.rag import abstain
from vademecum.rag.answer import Source
from vademecum.rag.coverage import coverage, word_weights
from vademecum.rag.judge import Evidence, claims
from vademecum.rag.retrieve import Found, fuse
from vademecum.rag.sentences import sentences_of
from vademecum.rag.told import reports
from vademecum.rag.words import containment, content_words

SUPPORTS = ("supported", "partial", "overstated", "unsupported")
NEAREST = 3
CANDIDATES = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=300)
    parser.add_argument("--first", type=int, default=600, help="the thresholds saw those below 600")
    given = parser.parse_args()
    path = Path(os.environ["VADEMECUM_TEST_DATA"]) / "pubmedqa" / "ori_pqal.json"
    raw = json.loads(path.read_text(encoding="utf-8"))
    items = list(raw.items())[given.first : given.first + given.questions]
    embedder = Embedder.load()
    print(f"{len(items)} questions, embedder {embedder.name}")
    documents = [Document(f"pmid:{k}", "", " ".join(v["CONTEXTS"]), "abstract") for k, v in items]
    questions = [str(v["QUESTION"]) for _, v in items]
    results: dict[str, Any] = {"questions": len(items), "embedder": embedder.name}
    cosines = _cosines(embedder, questions, [v["CONTEXTS"] for _, v in items])
    results |= _relevance(questions, documents, cosines)
    results |= _sentences([str(v["LONG_ANSWER"]) for _, v in items], documents, cosines, embedder)
    print(json.dumps(results))


def _cosines(
    embedder: Embedder, questions: Sequence[str], contexts: Sequence[Sequence[str]]
) -> np.ndarray:
    """float32 `[questions, documents]`: each question against a document's nearest section."""
    asked = np.stack([embedder.embed_query(question) for question in questions])
    rows = embedder.embed_passages([text for texts in contexts for text in texts])
    bounds = np.cumsum([0, *map(len, contexts)])
    every = asked @ rows.T
    return np.stack([every[:, a:b].max(1) for a, b in pairwise(bounds)], 1)


def _relevance(
    questions: Sequence[str], documents: Sequence[Document], cosines: np.ndarray
) -> dict[str, float]:
    """How many questions pass with their abstract in the library, and with it taken out."""
    words = [content_words(document.text) for document in documents]
    passages = [Passage(d.doc_id, 0, 0, len(d.text), d.text) for d in documents]
    passed = {"own": 0, "without": 0}
    for i, question in enumerate(questions):
        asked = content_words(question)
        for name in passed:
            near = [j for j in np.argsort(-cosines[i]) if name == "own" or j != i]
            held = {j: containment(asked, words[j]) for j in near}
            lexical = sorted(near, key=lambda j: -held[j])[:CANDIDATES]
            fused = fuse(
                [Hit(passages[j], float(cosines[i, j])) for j in near[:CANDIDATES]],
                [Hit(passages[j], held[j]) for j in lexical],
            )
            of = {passages[j].passage_id: j for j in near}
            weights = word_weights(question, [passages[of[key]] for key in fused])
            best = [of[key] for key in sorted(fused, key=lambda key: -fused[key])[:16]]
            found = [
                Found(
                    passages[j],
                    documents[j],
                    0.0,
                    float(cosines[i, j]),
                    coverage(weights, documents[j]),
                    {},
                )
                for j in best
            ]
            passed[name] += abstain.before(found, "en") is None
    shares = {f"relevant_{name}": round(n / len(questions), 3) for name, n in passed.items()}
    print("passes as relevant:", shares)
    return shares


def _sentences(
    conclusions: Sequence[str],
    documents: Sequence[Document],
    cosines: np.ndarray,
    embedder: Embedder,
) -> dict[str, Any]:
    chance, slips = random.Random(0), random.Random(1)
    tally: dict[str, dict[str, int]] = {}
    scores: dict[str, list[float]] = {"own": [], "nearest": []}
    evidence = [Evidence([_source(document)], embedder) for document in documents]
    rare = rare_words([document.text for document in documents])

    def judge(kind: str, against: int, sentences: Sequence[str]) -> None:
        for (verdict,), _ in zip(evidence[against].judge(sentences), sentences, strict=True):
            counts = tally.setdefault(kind, dict.fromkeys(SUPPORTS, 0))
            counts[verdict.support] += 1
            if kind in scores:
                scores[kind].append(verdict.score)

    for i, conclusion in enumerate(conclusions):
        sentences = [s for s in _split(conclusion) if len(content_words(s)) >= 4]
        order = [int(j) for j in np.argsort(-cosines[i]) if j != i]
        judge("own", i, sentences)
        for j in order[:NEAREST]:
            judge("nearest", j, sentences)
        judge("far", chance.choice(order[len(order) // 2 :]), sentences)
        copied = [s for s in _split(documents[i].text) if len(content_words(s)) >= 4]
        judge("copied", i, copied)
        judge("number changed", i, with_other_numbers(copied, documents[i].text))
        judge("denied", i, denied(copied))
        judge("unit changed", i, with_other_units(copied, documents[i].text))
        judge("population", i, with_other_populations(copied, documents[i].text))
        judge("route", i, with_other_routes(copied, documents[i].text))
        judge("side", i, with_other_sides(copied, documents[i].text))
        judge("digit of a name", i, with_other_names(copied, documents[i].text))
        judge("rare word", i, with_rare_words(copied, documents[i].text, rare, chance))
        judge("compared", i, exchanged(copied, documents[i].text))
        judge("mangled", i, mangled(copied, documents[i].text, rare, slips))
        judge("interval", i, with_other_intervals(copied, documents[i].text))
        judge("opened", i, opened([s for s in copied if reports(s)]))
    print(f"{'':16}{'n':>7}{'supported':>11}{'partial':>9}{'overstated':>12}{'unsupported':>13}")
    for kind, counts in tally.items():
        total = sum(counts.values())
        a, b, c, d = (counts[support] / total for support in SUPPORTS)
        print(f"{kind:16}{total:7}{a:11.1%}{b:9.1%}{c:12.1%}{d:13.1%}")
    auc = _auc(np.array(scores["own"]), np.array(scores["nearest"]))
    print(f"area under the curve, own against nearest: {auc:.3f}")
    return {"auc": round(auc, 4), "sentences": tally}


def _split(text: str) -> list[str]:
    return [text[a:b] for a, b in sentences_of(text) if claims(text[a:b])]


def _source(document: Document) -> Source:
    text = document.text
    return Source(
        1, document.doc_id, "", "", None, "", "", "abstract", False, "", text, 0, len(text), 0.0
    )


def _auc(positive: np.ndarray, negative: np.ndarray) -> float:
    ranks = np.concatenate([positive, negative]).argsort().argsort()
    wins = ranks[: len(positive)].sum() - len(positive) * (len(positive) - 1) / 2
    return float(wins / len(positive) / len(negative))


if __name__ == "__main__":
    main()
