"""A figure that stands with something else."""

from __future__ import annotations

import pytest

from vademecum.rag.figures_elsewhere import at_odds

HOUSE = (
    "Between 1 pm and 3 pm quiet is kept.",
    "Drilling is allowed from 9 am to 12 noon on weekdays.",
)
LEAFLET = ("Store the syrup for 30 days.", "Children take the syrup for 5 days.")


@pytest.mark.parametrize(
    ("sentence", "parts"),
    [
        ("Drilling is allowed between 1 pm and 3 pm.", HOUSE),
        (
            "The garden is open for 12 weeks.",
            ("The garden is open for 20 weeks.", "It rained for 12 weeks."),
        ),
    ],
)
def test_the_figure_of_another_matter_is_at_odds(sentence: str, parts: tuple[str, ...]) -> None:
    assert at_odds(sentence, parts)


@pytest.mark.parametrize(
    ("sentence", "parts"),
    [
        ("Drilling is allowed from 9 am to 12 noon.", HOUSE),
        ("Quiet is kept between 1 pm and 3 pm.", HOUSE),
        ("Children take the syrup for 5 days.", LEAFLET),
        ("Drilling is allowed on 3 weekdays.", HOUSE),  # no hour
        ("Children take the dose for 30 days.", LEAFLET),  # no part says so with another figure
        ("Drilling is not allowed between 1 pm and 3 pm.", HOUSE),
    ],
)
def test_its_own_figure_is_not(sentence: str, parts: tuple[str, ...]) -> None:
    assert not at_odds(sentence, parts)
