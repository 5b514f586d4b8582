"""Two events the other way round, and the same order in other words."""

from __future__ import annotations

import pytest

from vademecum.rag import order
from vademecum.rag.at_odds import at_odds

CULTURES = [
    "Blood cultures are taken before the first antibiotic, and that is given within 1 hour."
]


def test_the_same_order_is_told_in_many_words() -> None:
    parts = ["The wound is cleaned before it is sutured."]
    for said in (
        "The wound is sutured after it is cleaned.",
        "After the wound is cleaned, it is sutured.",
        "Before the wound is sutured, it is cleaned.",
        "The wound is first cleaned, then sutured.",
        "The wound is cleaned prior to being sutured.",
    ):
        assert order.agrees(said, parts), said
        assert not order.at_odds(said, parts), said


@pytest.mark.parametrize(
    ("passage", "claim"),
    [
        (CULTURES[0], "The first antibiotic is given before blood cultures are taken."),
        (CULTURES[0], "Blood cultures are taken after the first antibiotic."),
        ("Chemotherapy was followed by surgery.", "Surgery was followed by chemotherapy."),
        ("Chemotherapy was followed by surgery.", "Chemotherapy was preceded by surgery."),
        ("Weight loss preceded gout in most men.", "In most men weight loss came after gout."),
        (
            "Thiamine is given before glucose in sepsis.",
            "Glucose is given before thiamine in sepsis.",
        ),
        ("Der Käufer zahlt, bevor Post kommt.", "Post kommt, bevor der Käufer zahlt."),
        (
            "Zuerst wird die Haut desinfiziert, dann die Nadel gelegt.",
            "Zuerst wird die Nadel gelegt, dann die Haut desinfiziert.",
        ),
        ("先测量血压，再注射胰岛素。", "先注射胰岛素，再测量血压。"),
        ("先测量血压，再注射胰岛素。", "注射胰岛素之后测量血压。"),
    ],
)
def test_the_other_order_is_at_odds(passage, claim) -> None:
    assert order.at_odds(claim, [passage])
    assert not order.at_odds(passage, [passage])


def test_two_sentences_may_tell_the_order() -> None:
    parts = ["The buyer pays the price.", "After that the seller hands over the keys."]
    assert order.at_odds("The seller hands over the keys before the buyer pays the price.", parts)
    assert order.agrees("The buyer pays the price before the seller hands over the keys.", parts)
    assert not order.agrees(
        "The buyer pays the price before the seller hands over the keys.", parts[:1]
    )


def test_where_the_passage_says_both_neither_is_at_odds() -> None:
    parts = ["Rinse before meals.", "Meals are taken before rinsing in summer."]
    assert not order.at_odds("Meals are taken before rinsing.", parts)


@pytest.mark.parametrize(
    "claim",
    [
        "Blood cultures are taken before the second antibiotic.",
        "Lactate is measured before blood cultures are taken.",
        "Blood cultures are taken within 1 hour.",
    ],
)
def test_of_other_events_nothing_is_said(claim) -> None:
    assert not order.at_odds(claim, CULTURES)


def test_after_for_before_is_no_other_word_where_the_events_have_changed_places_too() -> None:
    parts = ["Blood cultures are drawn before antibiotics are started."]
    for claim, wrong in (
        ("Antibiotics are started after blood cultures are drawn.", False),
        ("Antibiotics are started before blood cultures are drawn.", True),
        ("Blood cultures are drawn after antibiotics are started.", True),
    ):
        assert at_odds(claim, parts, parts, "en") == wrong, claim
