"""Ways in which a drug is given."""

from __future__ import annotations

from vademecum.rag.routes import at_odds, routes


def test_abbreviations_are_known_where_they_are_no_other_words() -> None:
    assert routes("Penicillin 1 g IV, then by mouth") == {"intravenous", "oral"}
    assert routes("Adrenaline i.m. or s. c.") == {"intramuscular", "subcutaneous"}
    assert not routes("Stage IV cancer, im Alter, oralis")


def test_another_route_is_at_odds() -> None:
    part = "Adrenaline is given intramuscularly in anaphylaxis."
    assert at_odds("Adrenaline is given IV in anaphylaxis.", [part])
    assert not at_odds("Give adrenaline IM in anaphylaxis.", [part])
    assert not at_odds("Adrenaline is given in anaphylaxis.", [part])


def test_a_route_that_another_part_names_is_held() -> None:
    parts = ["Adrenaline is given IM.", "In arrest adrenaline is given intravenously."]
    assert not at_odds("Adrenaline is given intravenously in arrest.", parts)


def test_another_drug_is_another_matter() -> None:
    assert not at_odds("Aspirin is given orally after a stroke.", ["Heparin was injected SC."])
