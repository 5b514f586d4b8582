"""What is said of one thing and not of another."""

from __future__ import annotations

import pytest

from vademecum.rag.check import check
from vademecum.rag.contrasts import agree, at_odds

PARTS = (
    "Zinc shortened colds, but not coughs, in nurses.",
    "Honey eased coughing rather than wheezing at night.",
    "Drowsiness was caused by promethazine and not by honey.",
    "Neither zinc nor honey was tested in infants.",
)


@pytest.mark.parametrize(
    "sentence",
    [
        "Zinc shortened coughs, but not colds.",
        "In nurses, zinc shortened coughs, not colds.",
        "Honey eased wheezing rather than coughing at night.",
        "Drowsiness was caused by honey and not by promethazine.",
        "Not colds but coughs were shortened by zinc in nurses.",
    ],
)
def test_the_other_way_round_is_at_odds(sentence: str) -> None:
    assert at_odds(sentence, PARTS)
    assert not agree(sentence, PARTS)


@pytest.mark.parametrize(
    "sentence",
    [
        "Zinc shortened colds, not coughs.",
        "Colds, but not coughs, were shortened by zinc in nurses.",
        "Zinc shortened colds without shortening coughs.",
        "Zinc did not shorten coughs, but colds.",
        "Honey eased coughing, not wheezing.",
        "Promethazine, not honey, caused drowsiness.",
    ],
)
def test_another_order_of_the_same_agrees(sentence: str, source_of, embedder) -> None:
    assert agree(sentence, PARTS)
    assert not at_odds(sentence, PARTS)
    (checked,) = check(sentence, [source_of(1, " ".join(PARTS))], embedder).sentences
    assert checked.support == "supported"


def test_a_passage_that_says_both_is_not_at_odds() -> None:
    parts = ("Care should follow need, not income.", "Care followed income and not need.")
    assert not at_odds("Care should follow need, not income.", parts)
    assert not at_odds("Care followed income, not need.", parts)


def test_not_only_contrasts_nothing() -> None:
    parts = ("Zinc shortened not only colds but also coughs.",)
    assert not at_odds("Zinc shortened coughs, not only colds.", parts)


def test_the_reverse_of_a_contrast_is_not_borne_out(source_of, embedder) -> None:
    source = source_of(1, " ".join(PARTS))
    (sentence,) = check("Zinc shortened coughs, not colds.", [source], embedder).sentences
    assert (sentence.support, sentence.citations) == ("unsupported", (1,))
