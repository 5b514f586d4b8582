from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vademecum.rag.cite import MARKER, assign, read_markers, strip_markers, tidy, without_labels
from vademecum.rag.sentences import sentences_of


def cited(raw: str, sources: int = 3) -> list[tuple[str, tuple[int, ...]]]:
    """Each sentence of the text without markers, with its source numbers."""
    read = read_markers(raw, sources)
    spans = sentences_of(read.text)
    numbers = assign(read.marks, spans)
    return [(read.text[a:b], n) for (a, b), n in zip(spans, numbers, strict=True)]


@pytest.mark.parametrize(
    ("marker", "numbers"),
    [
        ("[1]", (1,)),
        ("[1,2]", (1, 2)),
        ("[1, 3]", (1, 3)),
        ("[1-3]", (1, 2, 3)),
        ("[1–3]", (1, 2, 3)),
        ("[1][2]", (1, 2)),
        ("[1] [2]", (1, 2)),
        ("[1] and [2]", (1, 2)),
        ("[1 and 2]", (1, 2)),
        ("[2, 2]", (2,)),
        ("[^2]", (2,)),
        ("[Source 2]", (2,)),
        ("[Source 1, Source 3]", (1, 3)),
        ("(Source 2)", (2,)),
        ("【1】", (1,)),
        ("［2，3］", (2, 3)),
        ("[资料1]", (1,)),
        ("[2, 9]", (2,)),
        ("[9]", ()),
        ("[0]", ()),
        ("[1-999]", (1,)),
    ],
)
def test_markers_in_every_spelling(marker: str, numbers: tuple[int, ...]) -> None:
    assert cited(f"Aspirin prevents stroke {marker}.") == [("Aspirin prevents stroke.", numbers)]
    assert cited(f"Aspirin prevents stroke. {marker}") == [("Aspirin prevents stroke.", numbers)]


@pytest.mark.parametrize(
    "text",
    ["A [95% CI 1-3] B", "CI [12-30]", "[18]F-FDG uptake", "array[i]", "[]", "[1", "f(2)", "[1.5]"],
)
def test_other_brackets_stay(text: str) -> None:
    assert strip_markers(text) == text


@pytest.mark.parametrize("words", ["Three loci", "Ectopic foci:", "VINCI,", "患者CIs"])
def test_only_an_interval_hides_its_brackets(words: str) -> None:
    assert cited(f"{words} [1].") == [(f"{words}.", (1,))]


@pytest.mark.parametrize("words", ["CI", "95% ci:", "置信区间CI", "95%CI,"])
def test_an_interval_cites_nothing(words: str) -> None:
    assert cited(f"{words} [1-3].") == [(f"{words} [1-3].", ())]


def test_a_marker_behind_the_full_stop_belongs_to_the_sentence_before() -> None:
    assert cited("Aspirin helps. [1] Bleeding rises. [2]") == [
        ("Aspirin helps.", (1,)),
        ("Bleeding rises.", (2,)),
    ]


def test_a_marker_that_opens_a_line_belongs_to_what_follows() -> None:
    assert cited("[1] Aspirin helps.\n[2]: Bleeding rises.") == [
        ("Aspirin helps.", (1,)),
        ("Bleeding rises.", (2,)),
    ]


def test_list_items_keep_their_own_markers() -> None:
    assert cited("- Aspirin helps [1]\n- Bleeding rises [2]") == [
        ("- Aspirin helps", (1,)),
        ("- Bleeding rises", (2,)),
    ]


def test_an_introduction_goes_with_its_marker() -> None:
    assert cited("Aspirin helps. According to [1] and [2], it bleeds. As shown in [3], so.") == [
        ("Aspirin helps.", ()),
        ("It bleeds.", (1, 2)),
        ("So.", (3,)),
    ]


def test_chinese() -> None:
    assert cited("阿司匹林有效【1】。出血增加。[2] 根据[3]，无害。") == [
        ("阿司匹林有效。", (1,)),
        ("出血增加。", (2,)),
        ("无害。", (3,)),
    ]


def test_labels_and_reference_lists_are_dropped() -> None:
    assert tidy("Answer: It helps [1].\n\nReferences:\n[1] Title one.\n[2] Title two.") == (
        "It helps [1]."
    )
    assert tidy("**Answer:** Yes.\nSources: [1], [2]") == "Yes."
    assert tidy("回答：有效。\n资料来源：\n[1] 题目") == "有效。"
    assert tidy("Sources of iron: meat.") == "Sources of iron: meat."
    assert tidy("It helps.\nSources of iron are meat.") == "It helps.\nSources of iron are meat."


PIECES = st.lists(
    st.sampled_from(
        ["Aspirin helps", ". ", " [1]", "[2,3]", "【1】", "\n", "- ", "\n\n", " ", "[9]", "[1-",
         "According to [1], ", "阿司匹林。", "1. ", "## ", "**", "?", "ß", ", ", " (Source 2)"]
    ),
    max_size=25,
)  # fmt: skip


@given(PIECES.map("".join), st.integers(0, 3))
def test_no_marker_survives_and_no_number_is_invented(raw: str, sources: int) -> None:
    read = read_markers(raw, sources)
    once = strip_markers(raw)
    assert once == read.text
    for mark in read.marks:
        assert 0 <= mark.position <= len(read.text)
        assert set(mark.numbers) <= set(range(1, sources + 1))
    spans = sentences_of(read.text)
    assert len(assign(read.marks, spans)) == len(spans)


@given(PIECES.map("".join))
def test_without_markers_nothing_changes(raw: str) -> None:
    if not MARKER.search(raw):
        assert strip_markers(raw) == raw


@pytest.mark.parametrize(
    ("raw", "text", "numbers"),
    [
        ("Source 1: Statins help.", "Statins help.", (1,)),
        ("**Source 2:** Statins help.", "Statins help.", (2,)),
        ("- Source 3: Statins help.", "- Statins help.", (3,)),
        ("资料1：他汀有效。", "他汀有效。", (1,)),
        ("The study by Source 2 found it.", "The study by Source 2 found it.", (2,)),
        ("[Source 1, Source 3] It helps.", "It helps.", (1, 3)),
    ],
)
def test_a_source_named_without_brackets_is_cited(
    raw: str, text: str, numbers: tuple[int, ...]
) -> None:
    cited = read_markers(raw, 3)
    assert cited.text == text
    assert tuple(n for mark in cited.marks for n in mark.numbers) == numbers


@pytest.mark.parametrize(
    ("sentence", "bare"),
    [
        ("1. Aspirin helps.", "Aspirin helps."),
        ("(2) Aspirin helps.", "Aspirin helps."),
        ("12 of 30 died.", "12 of 30 died."),
        ("1.5 mg helped.", "1.5 mg helped."),
    ],
)
def test_what_numbers_a_sentence_is_no_quantity(sentence: str, bare: str) -> None:
    assert without_labels(sentence) == bare
