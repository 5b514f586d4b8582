"""Can the sentence check and the relevance test be trusted? Figures on PubMedQA.

    VADEMECUM_TEST_DATA=... python benchmarks/check.py [--first 600] [--questions 300]

Positive: a sentence of an expert's conclusion against the abstract it concludes. Negative: the
same sentence against the abstracts nearest to its question among all the others, and against a
far one. Spoiled: a sentence of the abstract itself, with one thing of it changed or exchanged for
what the abstract does not hold. Prints a table, then one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from vademecum.corpora.document import Document, Hit, Passage
from vademecum.corpora.sentences import split_sentences
from vademecum.model.embedder import Embedder
from vademecum.rag import abstain
from vademecum.rag.answer import Source
from vademecum.rag.check import Evidence, claims
from vademecum.rag.retrieve import Found, coverage, fuse, word_weights
from vademecum.rag.words import containment, content_words, numbers

SUPPORTS = ("supported", "partial", "overstated", "unsupported")
NEAREST = 3
CANDIDATES = 100
VERB = re.compile(r"\b(is|are|was|were|has|have|had|can|may|did|does)\b")
UNIT = re.compile(
    r"(?<=\d)(\s?)(%|mg|mcg|μg|µg|g|kg|ng|ml|mL|mm|cm|hours?|days?|weeks?|months?|years?|minutes?)(?![\w/])"
)
OTHER_UNITS = {
    "%": "-fold", "mg": "g", "mcg": "mg", "μg": "mg", "µg": "mg", "g": "mg", "kg": "g",
    "ng": "mg", "ml": "l", "mL": "L", "mm": "cm", "cm": "mm", "hour": "day", "day": "week",
    "week": "month", "month": "year", "year": "month", "minute": "hour",
}  # fmt: skip
POPULATION = re.compile(
    r"\b(?:(wo)?men|(fe)?males?|boys|girls|children|adults|infants|rats|mice|pregnant women)\b",
    re.I,
)
OTHER_POPULATIONS = {
    "men": "women", "women": "men", "male": "female", "males": "females", "female": "male",
    "females": "males", "boys": "girls", "girls": "boys", "children": "adults",
    "adults": "children", "infants": "adults", "rats": "humans", "mice": "humans",
    "pregnant women": "men",
}  # fmt: skip
NAME_WITH_DIGITS = re.compile(r"\b(?:[A-Za-z]+-?|[Tt]ype )\d+(?![\w.%])")
COMPARED = (
    re.compile(r"(\bfrom )(\d[\w.%/ ]*?)( to )(\d[\w.%]*)"),
    re.compile(r"(\bin (?:the )?)(\w+)((?: \w+)? than in (?:the )?)(\w+)"),
    re.compile(r"(\b)(\d[\d.]*%)( (?:vs\.?|versus|and) )(\d[\d.]*%)"),
)


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
    chance = random.Random(0)
    tally: dict[str, dict[str, int]] = {}
    scores: dict[str, list[float]] = {"own": [], "nearest": []}
    evidence = [Evidence([_source(document)], embedder) for document in documents]
    rare = _rare_words([document.text for document in documents])

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
        judge("number changed", i, _with_other_numbers(copied, documents[i].text))
        judge("denied", i, _denied(copied))
        judge("unit changed", i, _with_other_units(copied, documents[i].text))
        judge("population", i, _with_other_populations(copied, documents[i].text))
        judge("digit of a name", i, _with_other_names(copied, documents[i].text))
        judge("rare word", i, _with_rare_words(copied, documents[i].text, rare, chance))
        judge("compared", i, _exchanged(copied, documents[i].text))
    print(f"{'':16}{'n':>7}{'supported':>11}{'partial':>9}{'overstated':>12}{'unsupported':>13}")
    for kind, counts in tally.items():
        total = sum(counts.values())
        a, b, c, d = (counts[support] / total for support in SUPPORTS)
        print(f"{kind:16}{total:7}{a:11.1%}{b:9.1%}{c:12.1%}{d:13.1%}")
    auc = _auc(np.array(scores["own"]), np.array(scores["nearest"]))
    print(f"area under the curve, own against nearest: {auc:.3f}")
    return {"auc": round(auc, 4), "sentences": tally}


def _with_other_numbers(sentences: Sequence[str], text: str) -> list[str]:
    """Each sentence that holds a number of two digits or more, with one digit of it changed."""
    changed = []
    for sentence in sentences:
        match = re.search(r"(?<![\w.,-])\d\d+(?![\w,])", sentence)
        if match:
            digits = match.group()
            other = str((int(digits[0]) % 9) + 1) + digits[1:]
            if other not in numbers(text):
                changed.append(sentence[: match.start()] + other + sentence[match.end() :])
    return changed


def _denied(sentences: Sequence[str]) -> list[str]:
    """Each short sentence that denies nothing, denied."""
    return [
        VERB.sub(lambda match: match.group() + " not", sentence, count=1)
        for sentence in sentences
        if VERB.search(sentence) and not re.search(r"\b(no|not|un\w+|without)\b", sentence)
    ]


def _with_other_units(sentences: Sequence[str], text: str) -> list[str]:
    """Each sentence with its first unit changed, where the text lacks the number in that unit."""
    changed = []
    for sentence in sentences:
        if match := UNIT.search(sentence):
            unit = match.group(2)
            other = OTHER_UNITS.get(unit) or OTHER_UNITS[unit.rstrip("s")] + "s"
            put = ("" if other[0] == "-" else match.group(1)) + other
            number = re.search(r"[\d.]+$", sentence[: match.start()])
            if number and not re.search(number.group() + r"[\s-]?" + other.lstrip("-"), text):
                changed.append(sentence[: match.start()] + put + sentence[match.end() :])
    return changed


def _with_other_populations(sentences: Sequence[str], text: str) -> list[str]:
    """Each sentence with its first population exchanged for one that the text lacks."""
    changed = []
    for sentence in sentences:
        if match := POPULATION.search(sentence):
            other = OTHER_POPULATIONS[match.group().lower()]
            if not re.search(rf"\b{other.removesuffix('s')}", text, re.I):
                changed.append(sentence[: match.start()] + other + sentence[match.end() :])
    return changed


def _with_other_names(sentences: Sequence[str], text: str) -> list[str]:
    """Each sentence with a name like "IL-6" or "type 2", its last digit changed."""
    changed = []
    for sentence in sentences:
        if match := NAME_WITH_DIGITS.search(sentence):
            other = match.group()[:-1] + str((int(match.group()[-1]) + 2) % 10)
            if other.lower() not in text.lower():
                changed.append(sentence[: match.start()] + other + sentence[match.end() :])
    return changed


def _rare_words(texts: Sequence[str]) -> list[str]:
    """Long words that one text alone holds, three times or more: what it is about."""
    words = [Counter(re.findall(r"\b[a-z]{8,}\b", text)) for text in texts]
    held_by = Counter(word for counted in words for word in counted)
    rare = {w for counted in words for w, n in counted.items() if n >= 3 and held_by[w] == 1}
    return sorted(rare)


def _with_rare_words(
    sentences: Sequence[str], text: str, rare: Sequence[str], chance: random.Random
) -> list[str]:
    """Each sentence that holds a rare word, exchanged for one of another text."""
    known, changed = set(rare), []
    for sentence in sentences:
        match = next((m for m in re.finditer(r"\b[a-z]{8,}\b", sentence) if m[0] in known), None)
        if match:
            other = chance.choice([word for word in rare if word not in text])
            changed.append(sentence[: match.start()] + other + sentence[match.end() :])
    return changed


def _exchanged(sentences: Sequence[str], text: str) -> list[str]:
    """Each sentence with two things that it compares in each other's place."""
    changed = []
    for sentence in sentences:
        for pattern in COMPARED:
            other = pattern.sub(r"\1\4\3\2", sentence, count=1)
            if other != sentence and other not in text:
                changed.append(other)
                break
    return changed


def _split(text: str) -> list[str]:
    return [text[a:b] for a, b in split_sentences(text) if claims(text[a:b])]


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
