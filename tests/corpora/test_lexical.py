"""Search by words: BM25, Chinese, and queries that are only ever text."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from library_support import NAME, document, filled

from vademecum.corpora.lexical import segment, words_of
from vademecum.corpora.library import Library


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    items = [
        document(1, "Metformin lowers glucose in type 2 diabetes.", title="Metformin"),
        document(2, "Insulin is given when metformin fails.", title="Insulin therapy"),
        document(3, "IL-6 and TNF-α are raised in sepsis; p < 0.05.", title="Cytokines"),
        document(4, "高血压患者应限制食盐摄入。糖尿病患者应控制血糖。", title="高血压的治疗"),
        document(5, "HbA1c ≥ 7.0% was found in the runners.", title="A study of running"),
        document(6, "Retinol and vision.", title="Vitamin A", mesh=["metformin"]),
    ]
    path = tmp_path_factory.mktemp("lexical")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VADEMECUM_HOME", str(path / "home"))  # jieba keeps its cache there
        with filled(path / "library", *items) as opened:
            yield opened


def found(library: Library, query: str, k: int = 20) -> list[str]:
    hits = library.search_lexical(NAME, query, k)
    assert all(hit.score > 0 for hit in hits)
    return list(dict.fromkeys(hit.passage.doc_id for hit in hits))


def test_title_and_text_are_searched_and_the_rarer_word_weighs_more(library: Library) -> None:
    assert found(library, "metformin") == ["pmid:1", "pmid:2"]
    assert found(library, "metformin insulin")[0] == "pmid:2"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("run", "pmid:5"),  # stemmed
        ("RUNNERS", "pmid:5"),
        ("il 6", "pmid:3"),
        ("TNF-α?", "pmid:3"),
        ("hba1c", "pmid:5"),
        ("糖尿病", "pmid:4"),
        ("食盐 intake", "pmid:4"),
        ("高血压患者吃什么", "pmid:4"),
    ],
)
def test_words_are_found_in_their_forms_and_scripts(
    library: Library, query: str, expected: str
) -> None:
    assert found(library, query)[0] == expected


@pytest.mark.parametrize(
    "query",
    [
        "metformin AND NOT insulin",
        "text:metformin",
        "-metformin +zzz",
        '"metformin',
        "metformin*",
        "(metformin",
        "metformin^10 ~2 [a TO b] {",
        "mesh:Humans metformin",
        "metformin\x00\n\\",
    ],
)
def test_operators_in_a_query_are_text(library: Library, query: str) -> None:
    assert {"pmid:1", "pmid:2"} <= set(found(library, query))


def test_fields_kept_for_filters_are_not_searched(library: Library) -> None:
    assert "pmid:6" not in found(library, "metformin")


@pytest.mark.parametrize("query", ["", "   ", "the of and", "?!*:()", "。，"])
def test_a_query_without_words_finds_nothing(library: Library, query: str) -> None:
    assert found(library, query) == []


@given(query=st.text(max_size=80))
@settings(max_examples=150)
def test_no_query_fails(library: Library, query: str) -> None:
    library.search_lexical(NAME, query, 5)


def test_a_pasted_page_is_searched_too(library: Library) -> None:
    assert "pmid:1" in found(library, "metformin " + "word " * 20_000)


def test_k_limits_the_hits(library: Library) -> None:
    assert len(library.search_lexical(NAME, "metformin", 1)) == 1
    assert library.search_lexical(NAME, "metformin", 0) == []


def test_english_is_not_touched_by_the_segmenter() -> None:
    text = "Effects of IL-6 (n = 12)."
    assert segment(text) == text
    assert words_of(text) == ["effect", "il", "6", "n", "12"]
    assert {"高血压", "患者"} <= set(words_of("高血压患者 with diabetes"))


def test_jieba_is_loaded_by_chinese_text_alone_and_quietly(home: Path) -> None:
    code = (
        "import sys; from vademecum.corpora.lexical import words_of; words_of('heart'); "
        "print('jieba' in sys.modules); print(words_of('高血压'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["False", "['血压', '高血压']"]
    assert done.stderr == ""
    assert (home / "cache" / "jieba.cache").is_file()
