"""What somebody wants is not what is."""

from __future__ import annotations

import pytest

from vademecum.rag.intended import at_odds

HOURS = ["Tom Becker has asked to reduce his hours from September; this was not decided."]
MOVE = ["The clinic plans to move to Mill Lane in May.", "It considers hiring a second nurse."]


@pytest.mark.parametrize(
    ("sentence", "parts"),
    [
        ("Tom Becker reduces his hours from September.", HOURS),
        ("Tom Becker is reducing his hours from September.", HOURS),
        ("Tom Becker will reduce his hours from September.", HOURS),
        ("The clinic moved to Mill Lane in May.", MOVE),
        ("The clinic hires a second nurse.", ["The clinic considers hiring a second nurse."]),
    ],
)
def test_as_a_fact_it_is_at_odds(sentence: str, parts: list[str]) -> None:
    assert at_odds(sentence, parts)


@pytest.mark.parametrize(
    ("sentence", "parts"),
    [
        ("Tom Becker has asked to reduce his hours from September.", HOURS),
        ("Tom Becker wants to reduce his hours from September.", HOURS),
        ("Tom Becker may reduce his hours from September.", HOURS),
        ("Whether Tom Becker reduces his hours from September is open.", HOURS),
        ("Tom Becker does not reduce his hours from September.", HOURS),
        ("The clinic plans to move to Mill Lane in May.", MOVE),
        ("The clinic is on Mill Lane.", MOVE),
        (
            "The clinic moved to Mill Lane in May.",
            [
                "The clinic planned to move to Mill Lane in May.",
                "In May the clinic moved to Mill Lane.",
            ],
        ),
        ("The clinic moved to Mill Lane in May.", []),
    ],
)
def test_as_a_wish_or_where_it_came_so_it_is_not(sentence: str, parts: list[str]) -> None:
    assert not at_odds(sentence, parts)
