from __future__ import annotations

import pytest

from vademecum.rag.check import check
from vademecum.rag.replaced import replaced
from vademecum.rag.strength import too_strong


@pytest.mark.parametrize(
    ("sentence", "passage", "word"),
    [
        ("Tea cures gout.", "Tea relieved gout.", "cures"),
        ("Tea halved gout.", "Tea reduced gout from 21% to 14%.", "halved"),
        ("Tea doubles sleep.", "In this double-blind trial tea prolonged sleep.", "doubles"),
        ("Tea prevents all falls.", "Tea reduced falls.", "prevents all"),
        ("Tea halved gout.", "Tea reduced gout by 50%.", ""),
        ("Tea doubled sleep.", "Tea led to a 2-fold increase of sleep.", ""),
        ("Tea was not always taken.", "Tea was taken by all.", ""),
        ("Tea does not completely prevent gout.", "Tea reduced gout.", ""),
        ("Tea has not been proven to help.", "Tea may help.", ""),
        ("Tea did not cure gout.", "Tea relieved gout.", ""),
        ("Tea cannot eliminate gout.", "Tea relieved gout.", ""),
        ("Tea is not always safe.", "Tea was safe in women.", ""),
        ("Both halves of the liver grew.", "The liver grew.", ""),
        ("Tea did not harm, and cured gout.", "Tea relieved gout.", "cured"),
        ("Tea not only cures gout.", "Tea relieved gout.", "cures"),
        ("Tea reduced gout.", "Tea had no effect.", ""),
    ],
)
def test_a_word_that_is_stronger_than_the_passage(sentence: str, passage: str, word: str) -> None:
    assert too_strong(sentence, passage) == word


def test_the_check_says_which(source_of, embedder) -> None:
    (sentence,) = check("Tea cures gout.", [source_of(1, "Tea relieves gout.")], embedder).sentences
    assert sentence.support == "overstated"
    assert "“cures”" in sentence.reason


@pytest.mark.parametrize(
    ("sentence", "evidence", "found"),
    [
        ("Onset after 17 years was late.", "Onset before 17 years was late.", True),
        ("The second tea failed within days.", "The first tea failed within days.", True),
        ("Onset before and after 17 years.", "Onset after 17 years and before.", False),
        ("Onset after 17 years was late.", "Onset after 17 years was late.", False),
        ("Green tea was sufficient in women.", "Green tea was insufficient in women.", True),
        ("Women were dependent on green tea.", "Women were green tea independent.", True),
        ("Gout came only with tea.", "Gout came not only with tea but with coffee.", True),
        ("Gout came not only with tea.", "Gout came not only with tea.", False),
        ("Patients took green tea.", "Inpatients took green tea.", False),
        ("Tea use raised gout in men.", "Tea abuse raised gout in men.", False),
        ("Men slept less with green tea.", "Men slept unless with green tea.", False),
        ("The order of teas mattered.", "The disorder of teas mattered.", False),
        ("Green tea fusion helped men.", "Green tea infusion helped men.", False),
        ("Green tea ion helped men.", "Green tea union helped men.", False),
        ("Sleep was normal with tea in men.", "Sleep was abnormal with tea in men.", True),
        ("Smokers slept with green tea.", "Nonsmokers slept with green tea.", True),
        ("Tea after lunch.", "Coffee before dinner in women.", False),
    ],
)
def test_a_counterpart_in_its_place(sentence: str, evidence: str, found: bool) -> None:
    assert replaced(sentence, evidence) == found
