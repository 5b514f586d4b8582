from __future__ import annotations

import pytest

from vademecum.rag.check import check
from vademecum.rag.told import asks, only_set_out, reports, told_by


@pytest.mark.parametrize(
    "title",
    ["Does aspirin reduce stroke?", "Is aspirin safe: a trial", "阿司匹林能减少卒中吗？"],
)
def test_a_title_that_asks(title: str, source_of) -> None:
    assert asks(title)
    assert told_by(source_of(1, "Women were followed.", title)).title == ""


def test_of_a_title_that_asks_the_rest_is_told(source_of) -> None:
    told = told_by(source_of(1, "Why? Women were followed.", "Does it help? A trial of aspirin."))
    assert told.parts == ("A trial of aspirin.", "Women were followed.")


def test_an_aim_is_told_but_not_reported(source_of) -> None:
    told = told_by(source_of(1, "We aimed to study stroke. It fell.", "Stroke"))
    assert told.parts == ("Stroke", "We aimed to study stroke.", "It fell.")
    assert told.reported == ("It fell.",)


@pytest.mark.parametrize(
    "aim",
    [
        "The aim of this study was to compare tea with water.",
        "The primary objective was to compare tea with water.",
        "OBJECTIVE: To compare tea with water.",
        "To compare tea with water in women of childbearing age.",
        "We aimed to compare tea with water.",
        "The authors sought to compare tea with water.",
        "Women were followed to assess whether tea lowers ferritin.",
        "It is unknown whether tea lowers ferritin.",
        "Whether tea lowers ferritin is unclear.",
        "We tested the hypothesis that tea lowers ferritin.",
        "These findings do not support the hypothesis that tea lowers ferritin.",
        "本研究旨在比较茶和水。",
        "目的：比较茶和水。",
    ],
)
def test_an_aim_is_known_by_its_form(aim: str) -> None:
    assert not reports(aim)


@pytest.mark.parametrize(
    "finding",
    [
        "The objective response rate was 45% with velotinib and 30% with placebo.",
        "Early goal-directed therapy reduced mortality.",
        "The LDL goal was reached by 60% of men.",
        "Statins lowered mortality regardless of whether patients had diabetes.",
        "Weight fell more in women than in men whether or not they dieted.",
        "These findings support the hypothesis that iron reduces fatigue in women.",
        "As hypothesized, iron reduced fatigue.",
        "To compare tea with water was the idea of the sponsor.",
        "To determine the price, multiply the units by the rate.",
        "In 74% of women the results conformed to the first hypothesis.",
    ],
)
def test_what_has_a_word_of_aims_may_be_a_finding(finding: str) -> None:
    assert reports(finding)


@pytest.mark.parametrize(
    ("text", "right", "wrong"),
    [
        (
            "The objective response rate was 45% with velotinib and 30% with placebo.",
            "The response rate was 45% with velotinib and 30% with placebo.",
            "The objective response rate was 30% with velotinib and 45% with placebo.",
        ),
        (
            "Statins lowered mortality regardless of whether patients had diabetes.",
            "Statins lowered mortality.",
            "Statins raised mortality.",
        ),
        (
            "Weight fell more in women than in men whether or not they dieted.",
            "Weight fell more in women than in men.",
            "Weight fell less in women than in men.",
        ),
        (
            "These findings support the hypothesis that iron reduces fatigue in women.",
            "Iron reduces fatigue in women.",
            "Iron raises fatigue in women.",
        ),
    ],
)
def test_such_a_finding_bears_out(text: str, right: str, wrong: str, source_of, embedder) -> None:
    source = source_of(1, text, "A trial")
    assert check(right, [source], embedder).sentences[0].support in ("supported", "partial")
    assert check(wrong, [source], embedder).sentences[0].support == "unsupported"


def test_what_a_source_sets_out_to_find_it_does_not_report(source_of, embedder) -> None:
    raw = "Growth is faster during fetal life."
    aim = "To test if growth is faster during fetal life. "
    asked, found = source_of(1, aim + "All were measured."), source_of(2, aim + raw)
    assert check(raw, [asked], embedder).sentences[0].support == "unsupported"
    assert check(raw, [found], embedder).sentences[0].support == "supported"
    assert not only_set_out(aim, told_by(asked))


def test_an_aim_alone_bears_out_nothing(source_of, embedder) -> None:
    aim = "To test if growth is faster during fetal life."
    assert check(aim, [source_of(1, aim)], embedder).sentences[0].support == "unsupported"


@pytest.mark.parametrize(
    ("title", "text"),
    [
        ("Does aspirin reduce stroke in older women?", "We followed older women for ten years."),
        ("Aspirin", "Does aspirin reduce stroke in older women? We followed them for ten years."),
        ("Does aspirin reduce stroke in older women?", ""),
    ],
)
def test_a_question_lends_no_words(title: str, text: str, source_of, embedder) -> None:
    raw = "Aspirin reduces stroke in older women."
    (sentence,) = check(raw, [source_of(1, text, title)], embedder).sentences
    assert sentence.support == "unsupported"


def test_a_question_tells_of_what_its_source_speaks(source_of, embedder) -> None:
    source = source_of(1, "Aspirin reduced stroke in older women.", "Does IL-6 matter in stroke?")
    raw = "Aspirin reduced stroke in older women with IL-6."
    assert check(raw, [source], embedder).sentences[0].support == "supported"
