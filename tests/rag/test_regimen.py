"""Which way and how often a drug is given."""

from __future__ import annotations

from vademecum.rag.regimen import CLASSES, at_odds, named, values

ROUTES, PERIODS = CLASSES


def test_abbreviations_are_known_where_they_are_no_other_words() -> None:
    assert named("Penicillin 1 g IV, then by mouth", ROUTES) == {"intravenous", "oral"}
    assert named("Adrenaline i.m. or s. c.", ROUTES) == {"intramuscular", "subcutaneous"}
    assert not named("Stage IV cancer, im Alter, oralis", ROUTES)
    assert named("einmal täglich", PERIODS) == {"day"}


def test_another_route_is_at_odds() -> None:
    part = "Adrenaline is given intramuscularly in anaphylaxis."
    assert at_odds("Adrenaline is given IV in anaphylaxis.", [part])
    assert not at_odds("Give adrenaline IM in anaphylaxis.", [part])
    assert not at_odds("Adrenaline is given in anaphylaxis.", [part])


def test_another_frequency_is_at_odds() -> None:
    parts = ["Methotrexate is given weekly.", "Daily administration has caused fatal toxicity."]
    assert at_odds("Methotrexate is given daily.", parts)
    assert not at_odds("Methotrexate is given every week.", parts)


def test_a_route_that_another_part_names_is_held() -> None:
    parts = ["Adrenaline is given IM.", "In arrest adrenaline is given intravenously."]
    assert not at_odds("Adrenaline is given intravenously in arrest.", parts)


def test_another_drug_is_another_matter() -> None:
    assert not at_odds("Aspirin is given orally after a stroke.", ["Heparin was injected SC."])


TWICE_AND_ONCE = ["Apixaban is taken twice daily and rivaroxaban once daily."]


def test_how_often_is_counted_with_its_period() -> None:
    assert [value.value for value in values("zweimal am Tag, once weekly, 每日三次")[2]] == [
        (2, "day"),
        (1, "week"),
        (3, "day"),
    ]
    assert not any(values("Am Tag der Operation, im Jahr 2020, within a year"))


def test_what_is_taken_twice_is_not_taken_once() -> None:
    assert at_odds("Apixaban is taken once daily.", ["Apixaban is taken twice daily."])
    assert not at_odds("Apixaban is taken 2 times a day.", ["Apixaban is taken twice daily."])


def test_how_often_is_that_of_the_one_and_not_of_the_other() -> None:
    assert at_odds("Apixaban is taken once daily.", TWICE_AND_ONCE)
    assert not at_odds("Apixaban is taken twice daily.", TWICE_AND_ONCE)
    assert not at_odds("Rivaroxaban is taken once daily.", TWICE_AND_ONCE)


def test_either_of_two_routes_is_that_of_one_thing() -> None:
    parts = ["Ceftriaxone is given intravenously or intramuscularly; azithromycin is given orally."]
    assert at_odds("Azithromycin is given intravenously.", parts)
    assert at_odds("Ceftriaxone is given orally.", parts)
    assert not at_odds("Ceftriaxone is given intramuscularly.", parts)


def test_the_rent_is_not_paid_like_the_heating() -> None:
    parts = ["The tenant pays the rent monthly in advance and the heating annually in arrears."]
    assert at_odds("The tenant pays the rent annually.", parts)
    assert not at_odds("The tenant pays the heating annually.", parts)


def test_every_so_often_is_no_other_time() -> None:
    assert [
        value.value for value in values("every two weeks, every other day, alle 14 Tage")[1]
    ] == [
        "2 week",
        "2 day",
        "14 day",
    ]
    parts = ["Feuerlöscher werden alle zwei Jahre und Leitern jährlich geprüft."]
    assert at_odds("Feuerlöscher werden jährlich geprüft.", parts)
    assert not at_odds("Feuerlöscher werden alle 2 Jahre geprüft.", parts)
