"""A few documents, an embedder that counts words, and a model that follows a script."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import pytest

from vademecum.corpora.document import CorpusInfo, Document, Filters, Hit, Passage
from vademecum.errors import CorpusNotFound
from vademecum.model.interface import (
    Finished,
    GenerationOptions,
    Message,
    Stats,
    Token,
)
from vademecum.rag.answer import Source
from vademecum.rag.words import containment, content_words


class WordEmbedder:
    """Cosine of two texts: how many content words they share."""

    name, dim, max_tokens = "words", 512, 256

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]

    def embed_passages(self, texts: Sequence[str]) -> np.ndarray:
        return np.stack([self.embed_query(text) for text in texts])

    def embed_query(self, text: str) -> np.ndarray:
        row = np.zeros(self.dim, np.float32)
        for word in content_words(text):
            row[int.from_bytes(hashlib.sha256(word.encode()).digest()[:4], "big") % self.dim] += 1
        norm = np.linalg.norm(row)
        return row / norm if norm else row


class Shelf:
    """The part of Library that answers questions, over documents in memory."""

    def __init__(self, documents: Iterable[Document], embedder: WordEmbedder) -> None:
        self.kept = {document.doc_id: document for document in documents}
        self.cut = {
            doc_id: [Passage(doc_id, 0, 0, len(document.text), document.text)]
            for doc_id, document in self.kept.items()
        }
        self.embedder = embedder
        self.blind: set[str] = set()  # sides that find nothing
        self.one_work: tuple[str, ...] = ()  # ids that are of one work, in order
        self.read_from: dict[str, str] = {}  # paths by id
        self.beside: dict[str, int] = {}  # documents of other corpora

    def corpora(self) -> list[CorpusInfo]:
        others = [CorpusInfo(name, "snap", n, n, "", "other") for name, n in self.beside.items()]
        return [*others, self.corpus("test")]

    def corpus(self, name: str) -> CorpusInfo:
        if name != "test":
            raise CorpusNotFound(f"no corpus {name!r}", "there is: test")
        count = len(self.kept)
        return CorpusInfo("test", "snap", count, count, "2021-01-15", self.embedder.name)

    def documents(self, corpus: str, doc_ids: Iterable[str]) -> dict[str, Document]:
        return {doc_id: self.kept[doc_id] for doc_id in doc_ids if doc_id in self.kept}

    def works(self, corpus: str, doc_ids: Iterable[str]) -> dict[str, tuple[str, ...]]:
        one = self.one_work
        return {doc_id: one if doc_id in one else (doc_id,) for doc_id in doc_ids}

    def places(self, corpus: str, doc_ids: Iterable[str]) -> dict[str, str]:
        return {doc_id: self.read_from[doc_id] for doc_id in doc_ids if doc_id in self.read_from}

    def vectors(self, corpus: str, passage_ids: Iterable[str]) -> dict[str, np.ndarray]:
        wanted = set(passage_ids)
        return {p.passage_id: self._vector(p) for p in self._all() if p.passage_id in wanted}

    def search_dense(self, corpus: str, vector: np.ndarray, k: int, filters: Filters) -> list[Hit]:
        if "dense" in self.blind:
            return []
        hits = [Hit(p, float(self._vector(p) @ vector)) for p in self._all(filters)]
        return sorted(hits, key=lambda hit: -hit.score)[:k]

    def search_lexical(self, corpus: str, query: str, k: int, filters: Filters) -> list[Hit]:
        if "lexical" in self.blind:
            return []
        words = content_words(query)
        hits = [Hit(p, containment(words, self._words(p))) for p in self._all(filters)]
        return sorted((hit for hit in hits if hit.score), key=lambda hit: -hit.score)[:k]

    def _all(self, filters: Filters | None = None) -> Iterator[Passage]:
        for doc_id, passages in self.cut.items():
            if not filters or filters.admits(self.kept[doc_id]):
                yield from passages

    def _words(self, passage: Passage) -> set[str]:
        return content_words(self.kept[passage.doc_id].title + " " + passage.text)

    def _vector(self, passage: Passage) -> np.ndarray:
        return self.embedder.embed_query(self.kept[passage.doc_id].title + " " + passage.text)


class ScriptedModel:
    """Writes what the script says, a few characters at a time, and remembers what it was asked."""

    quantization, attention = "nf4", "dense"

    def __init__(
        self,
        answer: str | Callable[[Sequence[Message]], str] = "",
        *,
        thinking: str = "",
        context_length: int = 8_192,
        reasons: bool = False,
        step: int = 5,
    ) -> None:
        self.name = "scripted"
        self.answer, self.thinking = answer, thinking
        self.context_length, self.reasons, self.step = context_length, reasons, step
        self.asked: list[tuple[tuple[Message, ...], GenerationOptions | None]] = []
        self.running = 0
        self.written = 0
        self.error: Exception | None = None

    def count_tokens(self, text: str) -> int:
        return (len(text) + 3) // 4

    def stream(
        self,
        messages: Sequence[Message],
        options: GenerationOptions | None = None,
        *,
        cancel: threading.Event | None = None,
    ) -> Iterator[Token | Finished]:
        self.asked.append((tuple(messages), options))
        if self.error:
            raise self.error
        text = self.answer(messages) if callable(self.answer) else self.answer
        self.running += 1
        try:
            for phase, whole in (("thinking", self.thinking), ("answer", text)):
                for i in range(0, len(whole), self.step):
                    if cancel is not None and cancel.is_set():
                        yield Finished("cancelled", Stats())
                        return
                    self.written += 1
                    yield Token(whole[i : i + self.step], i, phase)
            yield Finished("stop", Stats(10, 5, 0, 0.1, 0.2))
        finally:
            self.running -= 1


DOCUMENTS = (
    Document(
        "pmid:1",
        "Metformin and lactic acidosis in renal impairment",
        "Background: Metformin may accumulate in renal impairment. "
        "We followed 1,204 adults with type 2 diabetes for 3 years. "
        "Lactic acidosis occurred in 0.3% of metformin users. "
        "Metformin did not increase the risk of lactic acidosis in moderate renal impairment.",
        "abstract",
        journal="Diabetes Care",
        date="2020-05",
        url="https://pubmed.ncbi.nlm.nih.gov/1/",
        publication_types=("Randomized Controlled Trial",),
    ),
    Document(
        "pmid:2",
        "Aspirin for primary prevention of stroke",
        "Aspirin reduced ischaemic stroke in older women. "
        "Major bleeding increased by 45% with aspirin.",
        "abstract",
        date="2018",
    ),
    Document(
        "pmid:3",
        "Metformin cures everything",
        "Metformin abolished lactic acidosis in all adults with renal impairment.",
        "abstract",
        date="2015",
        retracted=True,
    ),
    Document(
        "pmid:4",
        "二甲双胍与乳酸酸中毒",
        "二甲双胍不会增加中度肾功能不全患者乳酸酸中毒的风险。共纳入1204例患者。",
        "abstract",
        date="2019",
        language="chi",
    ),
)


@pytest.fixture(scope="session", autouse=True)
def jieba_elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Chinese questions are cut by jieba, which keeps its cache at home: not in the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VADEMECUM_HOME", str(tmp_path_factory.mktemp("jieba")))
        yield


@pytest.fixture
def embedder() -> WordEmbedder:
    return WordEmbedder()


@pytest.fixture
def shelf(embedder: WordEmbedder) -> Shelf:
    return Shelf(DOCUMENTS, embedder)


@pytest.fixture
def model_of() -> type[ScriptedModel]:
    return ScriptedModel


@pytest.fixture
def shelf_of(embedder: WordEmbedder) -> Callable[..., Shelf]:
    return lambda *documents: Shelf(documents, embedder)


@pytest.fixture
def source_of() -> Callable[..., Source]:
    def make(n: int, text: str, title: str = "", *, retracted: bool = False) -> Source:
        return Source(
            n, f"pmid:{n}", f"pmid:{n}#0", title, 2020, "", "", "abstract", retracted, "", text, 0,
            len(text), 1.0,
        )  # fmt: skip

    return make
