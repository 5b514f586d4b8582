from __future__ import annotations

import pytest

from vademecum.rag.asked import asked_words, held


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("你好，请问阿司匹林有哪些副作用？", {"阿司匹林", "副作用"}),
        (
            "我最近被诊断为患有肝癌，我想了解一下PD-1抑制剂的疗效。",
            {"肝癌", "pd-1", "抑制剂", "疗效"},
        ),
        ("试用期最长可以约定多久？", {"试用期", "约定"}),
        ("离婚冷静期有多少天？", {"离婚", "冷静"}),
        ("这是为什么呢？", set()),
    ],
)
def test_what_only_asks_says_nothing_of_what_is_asked(question: str, words: set[str]) -> None:
    assert words <= asked_words(question)
    assert (
        len(asked_words(question)) <= len(words) + 1
    )  # how a rare word is cut is for jieba to say


def test_a_part_of_a_word_does_not_count_beside_it() -> None:
    assert asked_words("未成年人保护") == {"未成年人", "保护"}  # not 成年, 未成, 成年人


def test_a_word_within_which_a_small_one_stands_is_kept() -> None:
    assert asked_words("肝功能和有机物有关吗？") == {"肝功能", "有机物"}


def test_asking_words_are_known_in_traditional_script_too() -> None:
    assert asked_words("請問肝癌有哪些症狀？") == {"肝癌", "症狀"}
    assert asked_words("為什麼會這樣呢？") <= {"這樣"}


def test_words_are_held_wherever_they_stand() -> None:
    assert held({"肝癌", "pd-1", "肺癌"}, "原发性肝癌的PD-1抑制剂") == {"肝癌", "pd-1"}
