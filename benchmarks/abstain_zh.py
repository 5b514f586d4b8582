"""Which Chinese questions are put to the model, and which are said not to be in the library?

    VADEMECUM_TEST_DATA=... python benchmarks/abstain_zh.py

Two corpora: what a doctor says in dialogues on liver diseases, and statutes. Asked are what the
patients ask, questions on the statutes (`chinese/law_questions.tsv`), and others. "in": their own
text is in the corpus. "out": it was taken out, which leaves what else speaks of the same thing.
"absent": so was all that holds the rarest word that question and text share, in ten texts at most.
"elsewhere": no text of the corpus is about it. Prints a table, then one line of JSON.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vademecum.corpora.batch import Batch
from vademecum.corpora.document import Document, Filters, Hit
from vademecum.corpora.library import Library
from vademecum.corpora.readers.statutes import StatuteReader
from vademecum.ingest.heading import embedding_text
from vademecum.ingest.splitter import splitter_for
from vademecum.model.embedder import Embedder
from vademecum.rag import abstain
from vademecum.rag.asked import asked_words
from vademecum.rag.assistant import CANDIDATES
from vademecum.rag.retrieve import search

QUESTIONS = Path(__file__).parent / "chinese" / "law_questions.tsv"
SHORTEST = 8  # characters of a question
RARE = 10  # texts


class Without:
    """A library in which some documents are not found."""

    def __init__(self, library: Library, gone: Collection[str]) -> None:
        self._library, self._gone = library, gone

    def __getattr__(self, name: str) -> Any:
        return getattr(self._library, name)

    def search_dense(
        self, corpus: str, vector: np.ndarray, k: int, filters: Filters | None = None
    ) -> list[Hit]:
        passages = self._library.corpus(corpus).passages if self._gone else k
        return self._left(self._library.search_dense(corpus, vector, passages, filters), k)

    def search_lexical(
        self, corpus: str, query: str, k: int, filters: Filters | None = None
    ) -> list[Hit]:
        passages = self._library.corpus(corpus).passages if self._gone else k
        return self._left(self._library.search_lexical(corpus, query, passages, filters), k)

    def _left(self, hits: Sequence[Hit], k: int) -> list[Hit]:
        return [hit for hit in hits if hit.passage.doc_id not in self._gone][:k]


def main() -> None:
    data = Path(os.environ["VADEMECUM_TEST_DATA"])
    embedder = Embedder.load()
    said, patients = dialogues(data / "zh" / "liver_cancer.json")
    statutes = dict(statutes_in(data / "law" / "zh"))
    medical = [row["question"] for row in json.loads((data / "zh" / "question.json").read_text())]
    parts = [part.splitlines() for part in QUESTIONS.read_text().split("\n\n")[1:]]
    passed: defaultdict[str, list[bool]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as where, Library.open(Path(where)) as library:
        _fill(library, "liver", said.values(), embedder)
        _fill(library, "law", statutes.values(), embedder)

        def ask(name: str, corpus: str, question: str, gone: Collection[str] = ()) -> None:
            shelf: Any = Without(library, set(gone))
            found = search(shelf, embedder, corpus, question, CANDIDATES)
            passed[name].append(abstain.before(found, "zh") is None)

        for question, own in patients:
            ask("liver, in", "liver", question)
            ask("liver, out", "liver", question, [own])
            if holding := _holding_the_rarest(question, said[own], said):
                ask("liver, absent", "liver", question, holding)
            ask("law, elsewhere", "law", question)
        for question in medical:
            ask("law, elsewhere", "law", question)
            if "肝" not in question:
                ask("liver, elsewhere", "liver", question)
        for n, part in enumerate(parts, 1):
            for question, _, names in (line.partition("\t") for line in part):
                ask("liver, elsewhere", "liver", question)
                if names:
                    ask(f"law {n}, in", "law", question)
                    own = [statutes[name].doc_id for name in names.split(",")]
                    ask(f"law {n}, out", "law", question, own)
                else:
                    ask(f"law {n}, near", "law", question)
    result = {name: [len(of), round(100 * sum(of) / len(of), 1)] for name, of in passed.items()}
    for name, (count, share) in sorted(result.items()):
        print(f"{name:20}{count:6}{share:7.1f} %")
    print(json.dumps({"least": abstain.RELEVANT_HAN, "passed": result}))


def dialogues(path: Path) -> tuple[dict[str, Document], list[tuple[str, str]]]:
    """What was answered last in each dialogue, by id, and the questions of one turn with it."""
    said: dict[str, Document] = {}
    asked, seen = [], set[str]()
    for n, row in enumerate(json.loads(path.read_text())):
        text, (_, *turns) = row["output"].strip(), row["instruction"].split("<user>:")
        if text in seen or len(text) < 2 * SHORTEST:
            continue
        seen.add(text)
        said[f"row:{n}"] = Document(f"row:{n}", "", text, "full_text", language="chi")
        if len(turns) == 1 and len(turns[0].strip()) >= SHORTEST:
            asked.append((turns[0].strip(), f"row:{n}"))
    return said, asked


def statutes_in(folder: Path) -> Iterator[tuple[str, Document]]:
    """The statutes, by the names of their files."""
    for path in sorted(folder.glob("*/[!_]*.md")):
        for record in StatuteReader().read(path):
            if isinstance(record, Document):
                yield path.stem, record


def _holding_the_rarest(question: str, own: Document, said: Mapping[str, Document]) -> set[str]:
    """The documents that hold the rarest word which a question shares with its own text."""
    holding = [
        {doc_id for doc_id, one in said.items() if word in one.text.lower()}
        for word in asked_words(question)
        if len(word) > 1 and word in own.text.lower()
    ]
    return min((of for of in holding if len(of) <= RARE), key=len, default=set())


def _fill(
    library: Library, corpus: str, documents: Collection[Document], embedder: Embedder
) -> None:
    splitter = splitter_for(embedder)
    library.create_corpus(
        corpus, embedder=embedder.name, dim=embedder.dim, fingerprint=splitter.fingerprint
    )
    cut = [(document, splitter.split(document)) for document in documents]
    texts = [embedding_text(document, passage) for document, of in cut for passage in of]
    rows = iter(embedder.embed_passages(texts))
    batch = [(document, of, np.stack([next(rows) for _ in of])) for document, of in cut]
    library.commit(corpus, Batch(batch, splitter.fingerprint))


if __name__ == "__main__":
    main()
