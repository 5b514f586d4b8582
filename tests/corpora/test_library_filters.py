"""Filters mean the same in every index: what `Filters.admits` says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from library_support import NAME, document, filled, vector_of

from vademecum.corpora.document import Document, Filters
from vademecum.corpora.library import Library

MESH = ["Humans", "Diabetes Mellitus, Type 2", "Aged, 80 and over", "高血压", 'a"b OR c']
TYPES = ["Review", "Randomized Controlled Trial", "Journal Article"]
LANGUAGES = ["eng", "chi", ""]
DATES = ["", "1999", "2010-03", "2020-05-17", "2021"]


def corpus() -> list[Document]:
    return [
        document(
            n,
            f"Aspirin in trial {n}.",
            date=DATES[n % 5],
            mesh=[name for at, name in enumerate(MESH) if (n >> at) & 1],
            types=[name for at, name in enumerate(TYPES) if (n // 3 >> at) & 1],
            language=LANGUAGES[n % 3],
            retracted=n % 7 == 0,
        )
        for n in range(60)
    ]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    path: Path = tmp_path_factory.mktemp("filters")
    with filled(path, *corpus()) as opened:
        yield opened


years = st.none() | st.sampled_from([1999, 2000, 2010, 2020, 2021, 2030])
filters_made = st.builds(
    Filters,
    year_from=years,
    year_to=years,
    mesh=st.lists(st.sampled_from([*MESH, "Absent"]), max_size=2).map(tuple),
    publication_types=st.lists(st.sampled_from([*TYPES, "Absent"]), max_size=3).map(tuple),
    languages=st.lists(st.sampled_from(LANGUAGES), max_size=2).map(tuple),
    exclude_retracted=st.booleans(),
)


@given(filters=filters_made)
@settings(max_examples=120)
def test_both_searches_find_just_what_the_filters_admit(library: Library, filters: Filters) -> None:
    admitted = {item.doc_id for item in corpus() if filters.admits(item)}
    dense = library.search_dense(NAME, vector_of("q"), 200, filters)
    lexical = library.search_lexical(NAME, "aspirin", 200, filters)
    assert {hit.passage.doc_id for hit in dense} == admitted
    assert {hit.passage.doc_id for hit in lexical} == admitted


def test_a_filter_does_not_change_the_scores(library: Library) -> None:
    free = library.search_lexical(NAME, "aspirin trial 6", 200)
    kept = library.search_lexical(NAME, "aspirin trial 6", 200, Filters(mesh=("Humans",)))
    scores = {hit.passage.passage_id: hit.score for hit in free}
    assert kept
    for hit in kept:
        assert hit.score == pytest.approx(scores[hit.passage.passage_id])
