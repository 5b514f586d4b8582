"""What is said of some only, and what of the others."""

from __future__ import annotations

import pytest

from vademecum.rag.exceptions import agrees, all_but_as_except, at_odds, restated

EXCEPT = "Bridging is not needed except with a mechanical valve."
UNLESS = "Antibiotics are unnecessary for colds unless fever lasts a week."
WITH = "The vaccine is advised for all adults with the exception of those with egg allergy."
GERMAN = "Eine Pause ist nicht nötig, außer bei mechanischer Klappe."
BUT_TWO = "All but two of the rooms have a balcony."
BUT_ONE = "Everyone but the trainee may use the saw."
BIS_AUF = "Alle Zimmer bis auf zwei haben einen Balkon."
ONLY = "Only patients with an ejection fraction below 40% benefited."
CONFINED = "The benefit of tamoxifen was confined to women with sensitive tumours."


@pytest.mark.parametrize(
    ("sentence", "part"),
    [
        ("Bridging is not needed with a mechanical valve.", EXCEPT),
        ("Antibiotics are unnecessary for colds when fever lasts a week.", UNLESS),
        ("The vaccine is advised for all adults with egg allergy.", WITH),
        ("Eine Pause ist bei mechanischer Klappe nicht nötig.", GERMAN),
        ("Only two of the rooms have a balcony.", BUT_TWO),
        ("Insulin is kept in the cupboard.", "All drugs except insulin are kept in the cupboard."),
        ("The trainee may use the saw.", BUT_ONE),
        ("Zwei Zimmer haben einen Balkon.", BIS_AUF),
        ("All patients benefited.", ONLY),
        ("The benefit of tamoxifen was seen in all women.", CONFINED),
    ],
)
def test_the_contrary(sentence: str, part: str) -> None:
    assert at_odds(sentence, [part])
    assert not agrees(sentence, [part])


@pytest.mark.parametrize(
    ("sentence", "part"),
    [
        ("Bridging is needed with a mechanical valve.", EXCEPT),
        ("Antibiotics are needed for colds when fever lasts a week.", UNLESS),
        ("The vaccine is advised for adults without egg allergy.", WITH),
        ("Eine Pause ist bei mechanischer Klappe nötig.", GERMAN),
        ("Two of the rooms have no balcony.", BUT_TWO),
        ("The trainee may not use the saw.", BUT_ONE),
        ("The attic has no cellar.", "Every flat except the attic has a cellar."),
        ("The nurse may enter.", "No one other than the nurse may enter."),
        ("The director may sign.", "Apart from the director nobody may sign."),
        ("Juniors do not vote.", "All members except juniors vote."),
        ("Zwei Zimmer haben keinen Balkon.", BIS_AUF),
    ],
)
def test_what_an_exception_implies(sentence: str, part: str) -> None:
    assert agrees(sentence, [part])
    assert not at_odds(sentence, [part])


@pytest.mark.parametrize(
    ("sentence", "part"),
    [
        (EXCEPT, EXCEPT),
        ("Bridging is not needed.", EXCEPT),
        ("Age was higher in men.", "Groups were alike except for age, which was higher in men."),
        ("Patients with an ejection fraction below 40% benefited.", ONLY),
        ("All patients had mild symptoms.", "Patients had only mild symptoms."),
    ],
)
def test_what_is_neither(sentence: str, part: str) -> None:
    assert not at_odds(sentence, [part])


def test_what_is_nearly_so_excepts_nothing() -> None:
    assert all_but_as_except("The ward is all but empty.") == "The ward is all but empty."
    assert all_but_as_except(BUT_TWO) == "All of the rooms have a balcony except two."


def test_nor_is_more_of_the_others_implied_where_they_had_less() -> None:
    part = "Except in men with diabetes, pressure was lower."
    assert agrees("Pressure was lower without diabetes in men.", [part])
    assert not agrees("Pressure was higher without diabetes in men.", [part])


@pytest.mark.parametrize(
    ("part", "of_others"),
    [
        (EXCEPT, "Bridging is not needed without a mechanical valve."),
        (WITH, "The vaccine is advised for all adults without egg allergy."),
        (UNLESS, UNLESS),
    ],
)
def test_of_all_except_those_with_a_thing_is_of_all_without_it(part: str, of_others: str) -> None:
    assert restated("Advised without egg allergy.", [part]) == [of_others]
    assert restated("Advised with egg allergy.", [part]) == [part]


def test_of_a_kind_that_is_excepted_nothing_is_said_of_all() -> None:
    part = "Animals are not allowed on the premises, except assistance dogs."
    assert agrees("Assistance dogs are allowed on the premises.", [part])
    assert at_odds("Assistance dogs are not allowed on the premises.", [part])
    assert not agrees("Dogs are allowed on the premises.", [part])
    assert not at_odds("Dogs are not allowed on the premises.", [part])
