"""Step 2: the passages that may answer a question.

Dense (cosine) and lexical (BM25) candidates, the 100 best of each side, are fused in units of the
best score of their side: on SciFact nDCG@10 0.715, against 0.710 normalised by range, 0.705 for
reciprocal rank fusion, 0.668 for dense and 0.669 for lexical search alone (decision 0006,
`benchmarks/retrieval.py`). Either side may be empty.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from vademecum.corpora.document import Document, Filters, Hit, Passage
from vademecum.corpora.places import tails
from vademecum.corpora.sections import label_of
from vademecum.model.interface import TextEmbedder
from vademecum.rag.coverage import coverage_of, names

if TYPE_CHECKING:
    from vademecum.corpora.library import Library

CANDIDATES = 100  # of each side
# The cosines of the candidates lie closer together than their BM25 scores: counted once, they would
# say less. Chosen on the train queries of SciFact and on MedQuAD (decision 0006).
DENSE_WEIGHT = 2.0
PASSAGES_PER_WORK = 2
# A full text speaks for its abstract where its passage scores so much of what the abstract does;
# the scores are those above the floor of `_shares`, the last of a hundred or, of few, nearly 0.
FULL_TEXT_SHARE = 0.75
NEXT = 5  # works that another one is compared with

Work = tuple[str, ...]  # the ids of its documents


@dataclass(frozen=True, slots=True)
class Found:
    """A passage that may answer, best first.

    `score` in [0, 1] is the fused one and compares passages of one search only. Two numbers
    compare across searches: `cosine`, the similarity to the query, and `coverage` in [0, 1], the
    share of the query's words that the document holds (the passage, of a Chinese query and where
    `german` says that both are), rare words counting more. `ranks` count from 1, by the side that
    found it: "dense", "lexical". `also` are the ids of other documents of the same work in the
    corpus. `named` if the query holds the whole title of the document; `lead` is how much nearer
    the work is to the query than the five that come next, in a corpus so small that all of it was
    compared, and 0 elsewhere. Where files of one name were found, the `file` of a document is as
    much of its path as tells it from the others.
    """

    passage: Passage
    document: Document
    score: float
    cosine: float
    coverage: float
    ranks: dict[str, int]
    also: tuple[str, ...] = ()
    named: bool = False
    lead: float = 0.0
    german: bool = False

    @property
    def section(self) -> str:
        """The path of headings that the passage stands below, "" if there are none."""
        return label_of(self.document, self.passage.start, self.passage.end)

    @property
    def page(self) -> int | None:
        """The page on which it begins, counted from 1, in documents that have pages."""
        return self.document.page_at(self.passage.start)


def search(
    library: Library,
    embedder: TextEmbedder,
    corpus: str,
    query: str,
    k: int = 10,
    filters: Filters | None = None,
) -> list[Found]:
    """The `k` best passages, of one document of each work: of an abstract and its full text the
    latter, where it says as much. At most two are of one work, unless the works are too few to give
    `k`. Raises CorpusNotFound."""
    narrowed = filters or Filters()
    vector = np.asarray(embedder.embed_query(query), dtype=np.float32)
    dense = library.search_dense(corpus, vector, CANDIDATES, narrowed)
    lexical = library.search_lexical(corpus, query, CANDIDATES, narrowed)

    scores = fuse(dense, lexical)
    passages = {hit.passage.passage_id: hit.passage for hit in (*dense, *lexical)}
    works = library.works(corpus, list(dict.fromkeys(p.doc_id for p in passages.values())))
    several = [doc_id for doc_id, work in works.items() if len(work) > 1]
    documents = library.documents(corpus, several)
    spoken = _spoken_for([passages[key] for key in best_first(scores)], scores, works, documents)
    chosen = _spread(spoken, works, k)

    documents |= library.documents(corpus, list(dict.fromkeys(p.doc_id for p in chosen)))
    documents = _told_apart(library, corpus, documents)
    vectors = library.vectors(corpus, [p.passage_id for p in chosen])
    covered = coverage_of(query, list(passages.values()))
    ranks = {"dense": _ranks(dense), "lexical": _ranks(lexical)}
    leads = _leads(dense, works)
    found = []
    for passage in chosen:
        key, work = passage.passage_id, works[passage.doc_id]
        if passage.doc_id not in documents or key not in vectors:
            continue  # deleted meanwhile
        document = documents[passage.doc_id]
        share, in_german = covered(document, passage)
        found.append(
            Found(
                passage=passage,
                document=document,
                score=scores[key],
                cosine=float(vectors[key] @ vector),
                coverage=share,
                ranks={side: of[key] for side, of in ranks.items() if key in of},
                also=tuple(other for other in work if other != passage.doc_id),
                named=names(query, document.title),
                lead=leads.get(work, 0.0),
                german=in_german,
            )
        )
    return found


def fuse(dense: Sequence[Hit], lexical: Sequence[Hit], most: int = CANDIDATES) -> dict[str, float]:
    """Fused score in [0, 1] by passage id: the weighted mean of what the sides give, 1.0 for what
    is first on both. `most` is the number of hits that each was asked for.

    A side that found nothing has no say. Where neither tells its hits apart, all that have a score
    above 0 get 1.0. The ids are in the order of the sides, dense first, equal hits in the order of
    the alphabet.
    """
    fused: defaultdict[str, float] = defaultdict(float)
    highest = 0.0
    for side, weight in ((dense, DENSE_WEIGHT), (lexical, 1.0)):
        shares = _shares(side, most)
        for passage_id, share in shares.items():
            fused[passage_id] += weight * share
        highest += weight * max(shares.values(), default=0.0)
    if highest == 0.0:
        above = {hit.passage.passage_id for hit in (*dense, *lexical) if hit.score > 0}
        return {passage_id: float(passage_id in above) for passage_id in fused}
    return {passage_id: score / highest for passage_id, score in fused.items()}


def best_first(scores: Mapping[str, float]) -> list[str]:
    """The ids by their scores; equal ones in the order they are given in."""
    return sorted(scores, key=lambda key: -scores[key])


def _shares(side: Sequence[Hit], most: int) -> dict[str, float]:
    """What a side gives its hits, best first by passage id: the score above a floor, in units of
    the best.

    What a side did not name lies below its last hit, which is the floor where it named `most`. One
    that named few named all there is, and the rest would score 0: between them the floor rises
    with the number of hits, because a filter may take one of a hundred away again. In units of
    the range, as is usual, a side to which a hundred passages are nearly alike would say as much
    as one that tells them apart.
    """
    best = max((hit.score for hit in side), default=0.0)
    last = min((hit.score for hit in side), default=0.0)
    floor = max(0.0, last) * min(1.0, len(side) / most)
    return {
        hit.passage.passage_id: max(0.0, hit.score - floor) / best if best > 0 else 0.0
        for hit in sorted(side, key=lambda hit: (-hit.score, hit.passage.passage_id))
    }


def _leads(dense: Sequence[Hit], works: Mapping[str, tuple[str, ...]]) -> dict[Work, float]:
    """How much nearer each work is than the mean of the five nearest of the others. Nothing where
    there may be more passages than were compared, or fewer works than that."""
    nearest: dict[Work, float] = {}
    for hit in dense:
        work = works[hit.passage.doc_id]
        nearest[work] = max(hit.score, nearest.get(work, hit.score))
    if len(dense) >= CANDIDATES or len(nearest) <= NEXT:
        return {}
    best = sorted(nearest.values(), reverse=True)[: NEXT + 1]
    return {
        work: score - (sum(best) - max(score, best[-1])) / NEXT for work, score in nearest.items()
    }


def _spoken_for(
    ranked: Sequence[Passage],
    scores: Mapping[str, float],
    works: Mapping[str, tuple[str, ...]],
    documents: Mapping[str, Document],
) -> list[Passage]:
    """The passages, best first, of one document of each work. Its best passage is in the place of
    the best of the work."""

    def full(passage: Passage) -> bool:
        document = documents.get(passage.doc_id)
        return document is not None and document.kind == "full_text"

    best: dict[tuple[str, ...], Passage] = {}
    speaker: dict[tuple[str, ...], Passage] = {}
    for passage in ranked:
        work = works[passage.doc_id]
        first = best.setdefault(work, passage)
        near = scores[passage.passage_id] >= FULL_TEXT_SHARE * scores[first.passage_id]
        if work not in speaker or (near and full(passage) and not full(speaker[work])):
            speaker[work] = passage
    spoken: dict[str, Passage] = {}
    for passage in ranked:
        work = works[passage.doc_id]
        if passage is best[work]:
            spoken[speaker[work].passage_id] = speaker[work]
        elif passage.doc_id == speaker[work].doc_id:
            spoken.setdefault(passage.passage_id, passage)
    return list(spoken.values())


def _spread(
    passages: Sequence[Passage], works: Mapping[str, tuple[str, ...]], k: int
) -> list[Passage]:
    """The `k` best, at most two of a work; of few works, as many more as are left to fill them."""
    taken: Counter[tuple[str, ...]] = Counter()
    first: list[Passage] = []
    more: list[Passage] = []
    for passage in passages:
        work = works[passage.doc_id]
        taken[work] += 1
        (first if taken[work] <= PASSAGES_PER_WORK else more).append(passage)
    chosen = {one.passage_id for one in [*first, *more][:k]}
    return [one for one in passages if one.passage_id in chosen]


def _told_apart(
    library: Library, corpus: str, documents: dict[str, Document]
) -> dict[str, Document]:
    """The documents, where files of one name are among them with as much of their paths as tells
    which is which."""
    names = Counter(document.file for document in documents.values())
    alike = [doc_id for doc_id, document in documents.items() if names[document.file] > 1]
    alike = [doc_id for doc_id in alike if documents[doc_id].file]
    known = tails(library.places(corpus, alike)) if alike else {}
    return documents | {
        doc_id: replace(documents[doc_id], origin=tail) for doc_id, tail in known.items()
    }


def _ranks(hits: Sequence[Hit]) -> dict[str, int]:
    return {hit.passage.passage_id: rank for rank, hit in enumerate(hits, 1)}
