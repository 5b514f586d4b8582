"""Passages by their words: BM25 in tantivy, Chinese cut into words by jieba."""

from __future__ import annotations

import functools
import logging
import re
import shutil
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vademecum.corpora.document import Filters
from vademecum.corpora.faults import explaining
from vademecum.corpora.store import Entry, chunks
from vademecum.errors import LibraryDamaged
from vademecum.settings import settings

WRITER_HEAP = 64_000_000  # bytes
PAGE = 2_000  # passages read at a time
LONGEST_WORD = 64  # bytes; longer tokens are sequences and noise
MOST_QUERY_WORDS = 256  # a pasted page is searched by its first words
# BM25 of the title counts half. nDCG@10 on SciFact with 1, 0.5, 0.3, 0: 66.4, 69.6, 68.9, 67.4.
TITLE_BOOST = 0.5
TEXT_BOOST = 1.0

CJK = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+")


@functools.cache
def _jieba() -> Any:
    """jieba's tokenizer, loaded when the first Chinese text comes; its cache is in our home."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of pkg_resources, which is not ours to change
        import jieba
    jieba.setLogLevel(logging.WARNING)
    tokenizer = jieba.Tokenizer()
    cache = settings().home / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    tokenizer.tmp_dir = str(cache)  # by default /tmp, where anybody could plant the file it loads
    return tokenizer


def segment(text: str) -> str:
    """The text with spaces between Chinese words, long words also in their parts."""

    def words(match: re.Match[str]) -> str:
        return " " + " ".join(_jieba().cut_for_search(match.group())) + " "

    return CJK.sub(words, text)


@functools.cache
def _analyzer() -> Any:
    """Letters and digits, lower case, Lucene's English stop words out, stemmed."""
    from tantivy import Filter, TextAnalyzerBuilder, Tokenizer

    builder = TextAnalyzerBuilder(Tokenizer.simple())
    for step in (
        Filter.remove_long(LONGEST_WORD),
        Filter.lowercase(),
        Filter.stopword("english"),
        Filter.stemmer("english"),
    ):
        builder = builder.filter(step)
    return builder.build()


def words_of(text: str) -> list[str]:
    """The terms that a text is found by, repeated as often as they occur."""
    return list(_analyzer().analyze(segment(text)))


@functools.cache
def _schema() -> Any:
    from tantivy import SchemaBuilder

    builder = SchemaBuilder()
    builder.add_text_field("passage_id", stored=True, tokenizer_name="raw", index_option="basic")
    builder.add_text_field("hash", stored=True, tokenizer_name="raw", index_option="basic")
    for name in ("title", "text"):
        builder.add_text_field(name, tokenizer_name="vademecum", index_option="freq")
    for name in ("mesh", "types", "language"):
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic")
    builder.add_integer_field("year", indexed=True, fast=True)
    builder.add_boolean_field("retracted", indexed=True)
    return builder.build()


class LexicalIndex:
    """One tantivy index a corpus, `<folder>/<corpus id>`. Implements `DerivedIndex`."""

    name = "lexical"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: dict[int, Any] = {}
        self._swept: set[int] = set()  # those whose last step ended well

    def create(self, corpus: int, dim: int) -> None:
        from tantivy import Index

        self.drop(corpus)
        path = self._folder / str(corpus)
        with self._errors():
            path.mkdir(parents=True)
            index = Index(_schema(), path=str(path))
            self._open[corpus] = self._ready(index)

    def drop(self, corpus: int) -> None:
        self._open.pop(corpus, None)
        path = self._folder / str(corpus)
        with self._errors():
            if path.exists():
                shutil.rmtree(path)

    def expect(self, corpus: int, passages: int) -> None:
        """A segment is written for each step, and segments are merged as they come."""

    def apply(self, corpus: int, upserts: Sequence[Entry], deletes: Sequence[str]) -> None:
        index = self._index(corpus)
        with self._errors():
            # One thread: a batch is small, and each thread of a writer leaves a segment.
            writer = index.writer(heap_size=WRITER_HEAP, num_threads=1)
            if corpus not in self._swept:
                # A commit that was killed, or failed, leaves files that nothing uses. The same step
                # again gives them the same names, which tantivy would refuse for ever.
                writer.garbage_collect_files()
            self._swept.discard(corpus)
            for passage_id in (*deletes, *(entry.passage_id for entry in upserts)):
                writer.delete_documents_by_term("passage_id", passage_id)
            for entry in upserts:
                writer.add_document(_tantivy_document(entry))
            writer.commit()
            writer.wait_merging_threads()
            self._swept.add(corpus)
            index.reload()

    def query(self, corpus: int, text: str, k: int, filters: Filters) -> list[tuple[str, float]]:
        """The `k` best passages that pass: id and BM25 score, best first.

        Every character of `text` is text: no operator, field or wildcard is read into it.
        """
        index = self._index(corpus)
        words = list(dict.fromkeys(words_of(text)))[:MOST_QUERY_WORDS]
        if not words or k < 1:
            return []
        with self._errors():
            searcher = index.searcher()
            hits = searcher.search(_query(words, filters), limit=k, count=False).hits
            return [
                (str(searcher.doc(address)["passage_id"][0]), float(score))
                for score, address in hits
            ]

    def held(self, corpus: int, passage_ids: Sequence[str]) -> list[tuple[str, str]]:
        from tantivy import Query

        index = self._index(corpus)
        found: list[tuple[str, str]] = []
        for part in chunks(passage_ids, PAGE // 2):  # room for those that are there twice
            wanted = Query.term_set_query(_schema(), "passage_id", part)
            found += self._page(index.searcher(), wanted, 0)
        return found

    def hashes(self, corpus: int) -> Iterator[tuple[str, str]]:
        from tantivy import Query

        searcher = self._index(corpus).searcher()
        offset = 0
        while page := self._page(searcher, Query.all_query(), offset):
            yield from page
            offset += PAGE

    def _page(self, searcher: Any, wanted: Any, offset: int) -> list[tuple[str, str]]:
        """Id and hash of what a query finds."""
        with self._errors():
            hits = searcher.search(wanted, limit=PAGE, offset=offset, count=False).hits
            stored = [searcher.doc(address) for _, address in hits]
            return [(str(item["passage_id"][0]), str(item["hash"][0])) for item in stored]

    def count(self, corpus: int) -> int:
        index = self._index(corpus)
        with self._errors():
            return int(index.searcher().num_docs)

    def compact(self) -> None:
        """tantivy merges as it goes; files that no segment uses any more are removed."""
        for path in self._folder.glob("[0-9]*"):
            index = self._index(int(path.name))
            with self._errors():
                index.writer(heap_size=WRITER_HEAP, num_threads=1).garbage_collect_files()

    def size(self) -> int:
        with self._errors():
            return sum(path.stat().st_size for path in self._folder.rglob("*") if path.is_file())

    def repair(self) -> None:
        """Each corpus has a folder of its own, which `create` replaces: nothing to do."""

    def close(self) -> None:
        """Let go of the files."""
        self._open.clear()

    def _index(self, corpus: int) -> Any:
        from tantivy import Index

        if corpus not in self._open:
            path = self._folder / str(corpus)
            with self._errors():
                if (path / "meta.json").is_file():
                    self._open[corpus] = self._ready(Index.open(str(path)))
        if corpus not in self._open:
            raise LibraryDamaged("the lexical index is missing")
        return self._open[corpus]

    @staticmethod
    def _ready(index: Any) -> Any:
        index.register_tokenizer("vademecum", _analyzer())
        return index

    @contextmanager
    def _errors(self) -> Iterator[None]:
        # tantivy raises ValueError, and OSError for files; it has no classes of its own.
        with explaining(self._folder, OSError, ValueError):
            yield


def _tantivy_document(entry: Entry) -> Any:
    from tantivy import Document

    document = entry.document
    made = Document()
    made.add_text("passage_id", entry.passage_id)
    made.add_text("hash", entry.hash)
    made.add_text("title", segment(document.title))
    if document.kind != "title":  # there the text is the title: counted once
        made.add_text("text", segment(entry.passage.text))
    for heading in dict.fromkeys(heading.name for heading in document.mesh):
        made.add_text("mesh", heading)
    for publication_type in document.publication_types:
        made.add_text("types", publication_type)
    made.add_text("language", document.language)
    if document.year is not None:
        made.add_integer("year", document.year)
    made.add_boolean("retracted", document.retracted)
    return made


def _query(words: Sequence[str], filters: Filters) -> Any:
    from tantivy import Occur, Query

    wanted = []
    for name, boost in (("title", TITLE_BOOST), ("text", TEXT_BOOST)):
        for word in words:
            term = Query.term_query(_schema(), name, word, index_option="freq")
            wanted.append((Occur.Should, Query.boost_query(term, boost)))
    scored = Query.boolean_query(wanted)
    conditions = _conditions(filters)
    if not conditions:
        return scored
    # A filter admits or not; it must not add to the score.
    passing = Query.const_score_query(
        Query.boolean_query([(Occur.Must, condition) for condition in conditions]), 0.0
    )
    return Query.boolean_query([(Occur.Must, scored), (Occur.Must, passing)])


def _conditions(filters: Filters) -> list[Any]:
    from tantivy import FieldType, Query

    schema = _schema()
    conditions = []
    if filters.year_from is not None or filters.year_to is not None:
        conditions.append(
            Query.range_query(
                schema,
                "year",
                FieldType.Integer,
                lower_bound=filters.year_from,
                upper_bound=filters.year_to,
            )
        )
    conditions.extend(
        Query.term_query(schema, "mesh", name, index_option="basic") for name in filters.mesh
    )
    if filters.publication_types:
        conditions.append(Query.term_set_query(schema, "types", list(filters.publication_types)))
    if filters.languages:
        conditions.append(Query.term_set_query(schema, "language", list(filters.languages)))
    if filters.exclude_retracted:
        conditions.append(Query.term_query(schema, "retracted", False))
    return conditions
