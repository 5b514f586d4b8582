"""Only, always and all."""

from __future__ import annotations

import pytest

from vademecum.rag.limits import too_wide


@pytest.mark.parametrize(
    ("sentence", "part", "word"),
    [
        ("The grant is paid only to widows.", "The grant is paid to widows and orphans.", "only"),
        ("Only widows are paid.", "Widows and orphans are paid.", "Only"),
        ("Die Zulage erhalten nur Beamte.", "Die Zulage erhalten Beamte und Angestellte.", "nur"),
        ("该优惠仅适用于学生。", "该优惠适用于学生和老人。", "仅"),
        ("Die Frist endet immer im Juni.", "Die Frist endet meist im Juni.", "immer"),
        ("Infection was always mild.", "Infection was mild, and every test was done.", "always"),
        ("症状总是在三天内消失。", "症状通常在三天内消失。", "总是"),
        ("All children recovered.", "Most children recovered.", "All children"),
        ("Every child recovered.", "Nearly all children recovered.", "Every child"),
        ("Alle Kinder genasen.", "Die meisten Kinder genasen.", "Alle Kinder"),
        ("所有患者症状缓解。", "多数患者症状缓解。", "所有患者"),
    ],
)
def test_what_goes_further_than_the_passage(sentence: str, part: str, word: str) -> None:
    assert too_wide(sentence, [part]) == word


@pytest.mark.parametrize(
    ("sentence", "part"),
    [
        ("The benefit was seen only in men.", "The benefit was seen in men but not in women."),
        ("Pets are kept only with consent.", "Pets must not be kept without consent."),
        ("Side effects were seen in only 4%.", "Side effects were seen in 4%."),
        ("Pain fell only slightly.", "Pain fell slightly."),
        ("Not only men but women gained.", "Men and women gained."),
        ("The wound always healed.", "In all patients the wound healed."),
        ("Die Werte waren immer noch hoch.", "Die Werte waren hoch."),
        ("All children recovered.", "Children recovered; most parents were glad."),
        ("All children recovered.", "All children recovered, most children within a day."),
        ("Only widows are paid.", "Rain fell on most days."),
    ],
)
def test_what_does_not(sentence: str, part: str) -> None:
    assert not too_wide(sentence, [part])


def test_another_part_may_say_just_that() -> None:
    assert not too_wide("Only widows are paid.", ["Widows are paid.", "Only widows are paid so."])
