"""What a passage forbids is not what it orders."""

from __future__ import annotations

import pytest

from vademecum.rag.at_odds import at_odds as any_way
from vademecum.rag.orders import at_odds

CACTUS = ["plant: Cactus", "light: full sun", "Do not water it from November to February."]


@pytest.mark.parametrize(
    ("sentence", "parts"),
    [
        ("Water the cactus when it is not in the spring or fall.", CACTUS),
        ("Water it from November to February.", CACTUS),
        ("Give potassium to such patients.", ["Never give potassium without a monitor."]),
        ("Crush the tablets.", ["Don’t crush them. Store them in the dark."]),
    ],
)
def test_what_is_forbidden_is_not_ordered(sentence: str, parts: list[str]) -> None:
    assert at_odds(sentence, parts)
    assert any_way(sentence, parts, parts, "en")


@pytest.mark.parametrize(
    ("sentence", "parts"),
    [
        ("Do not water it from November to February.", CACTUS),
        ("It must not be watered from November to February.", CACTUS),
        ("Water it when it is dry.", [*CACTUS, "Water it when the soil is dry."]),
        ("Take it once a day.", ["Do not take it with milk.", "It is taken once a day."]),
        ("Take it at night.", ["Take it at night, and do not take it with milk."]),
        ("Statins lower cholesterol.", ["Do not combine statins with gemfibrozil."]),
        ("Never give potassium so.", ["Never give potassium without a monitor."]),
        ("", CACTUS),
        ("Water it.", []),
    ],
)
def test_what_is_said_otherwise_is_no_matter_of_this_rule(sentence: str, parts: list[str]) -> None:
    assert not at_odds(sentence, parts)
