"""Which way and how often a drug is given."""

from __future__ import annotations

from vademecum.rag.regimen import CLASSES, at_odds, named

ROUTES, FREQUENCIES = CLASSES


def test_abbreviations_are_known_where_they_are_no_other_words() -> None:
    assert named("Penicillin 1 g IV, then by mouth", ROUTES) == {"intravenous", "oral"}
    assert named("Adrenaline i.m. or s. c.", ROUTES) == {"intramuscular", "subcutaneous"}
    assert not named("Stage IV cancer, im Alter, oralis", ROUTES)
    assert named("einmal täglich", FREQUENCIES) == {"daily"}


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
