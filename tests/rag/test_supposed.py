"""What a passage only supposes is not so."""

from __future__ import annotations

import time

import pytest

from vademecum.rag.at_odds import at_odds as any_way
from vademecum.rag.supposed import at_odds, without_suppositions

KEY = ["The key hangs behind the blue door.", "If the key is lost, 45 euros are paid."]
KIDNEY = [
    "If the eGFR falls below 30, the dose is halved.",
    "Should bleeding occur, it is stopped.",
]
PUMP = ["The red lamp lights up when the pump is blocked.", "The pump stands behind the wall."]
PUMPE = ["Sobald die Pumpe ausfällt, leuchtet die Lampe."]
MIETER = ["Falls der Mieter im Verzug ist, darf der Vermieter kündigen."]


@pytest.mark.parametrize(
    ("sentence", "parts"),
    [
        ("The key is lost, and 45 euros are paid.", KEY),
        ("The key hangs behind the blue door and is lost.", KEY),
        ("The key is lost.", ["A lost key costs 45 euros."]),
        ("The key is lost.", [KEY[0], "If it is lost, 45 euros are paid."]),
        ("The eGFR falls below 30, and the dose is halved.", KIDNEY),
        ("Bleeding occurs.", KIDNEY),
        ("The pump that stands behind the wall is blocked.", PUMP),
        ("The buyer has paid.", ["Unless the buyer has paid, the goods are kept."]),
        ("Die Pumpe fällt aus, und die Lampe leuchtet.", PUMPE),
        ("Der Mieter ist im Verzug, und der Vermieter darf kündigen.", MIETER),
    ],
)
def test_what_is_only_supposed_is_not_stated(sentence: str, parts: list[str]) -> None:
    further = ["The key is lost."] if "and is lost" in sentence else []
    assert at_odds(sentence, parts, further)
    assert any_way(sentence, parts, parts, "en")


@pytest.mark.parametrize(
    ("sentence", "parts"),
    [
        ("If the key is lost, 45 euros are paid.", KEY),
        ("45 euros are paid for a key that is lost.", KEY),
        ("Whoever loses the key pays 45 euros.", KEY),
        ("The key may be lost.", KEY),
        ("The key is not lost.", KEY),
        ("The key is lost.", [*KEY, "The key was lost in May."]),
        ("With an eGFR below 30 the dose is halved.", KIDNEY),
        ("In patients whose eGFR falls below 30 the dose is halved.", KIDNEY),
        ("The red lamp shows that the pump is blocked.", PUMP),
        ("Patients were treated at home.", ["Survival rose when patients were treated at home."]),
        ("Infection is found.", ["Sepsis is present when infection is found."]),
        ("The lake is frozen.", ["In winter, when the lake is frozen, boats are stored."]),
        ("Ulcers are common.", ["It was once thought that ulcers are common."]),
        ("Fällt die Pumpe aus, leuchtet die Lampe.", PUMPE),
        ("Ist der Mieter im Verzug, darf der Vermieter kündigen.", MIETER),
        ("", KEY),
        ("The key is lost.", []),
    ],
)
def test_what_is_supposed_too_or_told_elsewhere_is_no_matter_of_this_rule(
    sentence: str, parts: list[str]
) -> None:
    assert not at_odds(sentence, parts)


def test_what_is_stated_outright_is_left() -> None:
    assert "lost" not in without_suppositions(KEY[1])
    assert "45 euros are paid" in without_suppositions(KEY[1])
    assert "key" not in without_suppositions("A lost key costs 45 euros.")


def test_a_long_condition_is_read_in_time() -> None:
    start = time.process_time()
    assert at_odds("The key is lost.", ["If the key is lost, " * 5000])
    assert not at_odds("The key is lost.", ["if the key is lost " * 5000])
    assert time.process_time() - start < 10  # minutes, if it were not linear
