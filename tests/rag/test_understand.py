from __future__ import annotations

import pytest

from vademecum.errors import UsageError
from vademecum.rag.answer import Turn
from vademecum.rag.understand import leans_back, understand

METFORMIN = Turn("Does metformin cause lactic acidosis?", "Rarely.")


@pytest.mark.parametrize(
    "question",
    [
        "And in children?",
        "What about the elderly?",
        "Why?",
        "Does it work in children?",
        "What are its side effects?",
        "Is it safe to use in pregnancy?",
        "Are these effects dose dependent?",
        "Bleeding?",
        "那儿童呢？",
        "它有什么副作用？",
        "为什么？",
    ],
)
def test_follow_ups_are_recognised(question: str) -> None:
    assert leans_back(question)


@pytest.mark.parametrize(
    "question",
    [
        "Does aspirin prevent stroke in women?",
        "Is it safe to give ibuprofen to infants with fever?",
        "Do patients with diabetes lose their teeth?",
        "Which drugs that lower cholesterol also lower mortality?",
        "What is the outcome of those with diabetes and heart failure?",
        "二甲双胍会增加乳酸酸中毒的风险吗？",
    ],
)
def test_questions_that_stand_alone_are_left_alone(question: str) -> None:
    assert not leans_back(question)
    assert understand(question, [METFORMIN]).standalone == question


def test_a_follow_up_carries_the_question_it_leans_on() -> None:
    query = understand("And in children?", [Turn("Aspirin in stroke?", ""), METFORMIN])
    assert query.question == "And in children?"
    assert query.standalone == "Does metformin cause lactic acidosis? And in children?"


def test_a_chain_of_follow_ups_goes_back_to_the_one_that_stands_alone() -> None:
    chain = [METFORMIN, Turn("And in children", "")]
    query = understand("Why?", chain)
    assert query.standalone == "Does metformin cause lactic acidosis? And in children? Why?"


def test_a_long_chain_is_cut() -> None:
    chain = [METFORMIN, *[Turn("Why?", "") for _ in range(9)]]
    assert understand("Why?", chain).standalone == "Why? Why? Why?"


def test_without_history_a_follow_up_stays_as_it_is() -> None:
    assert understand("And in children?").standalone == "And in children?"


@pytest.mark.parametrize("question", ["", "  \n "])
def test_an_empty_question_is_refused(question: str) -> None:
    with pytest.raises(UsageError, match="is empty") as caught:
        understand(question)
    assert caught.value.hint


@pytest.mark.parametrize("question", ["2+2", "???", "42"])
def test_a_question_without_words_is_refused_as_such_and_not_called_empty(question: str) -> None:
    with pytest.raises(UsageError, match="has no words") as caught:
        understand(question)
    assert "empty" not in caught.value.message
    assert caught.value.hint


def test_a_question_that_is_no_text_is_refused() -> None:
    with pytest.raises(UsageError, match="UTF-8"):
        understand("vit\udcff\udcfe D rickets")
