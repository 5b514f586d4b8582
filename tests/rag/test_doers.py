"""Who does it, and to whom it is done."""

from __future__ import annotations

import pytest

from vademecum.rag.doers import at_odds

SUED = "The tenant sued the landlord over the damp cellar."
WARNED = "The landlord was warned by the council twice."
LEVEL = "Rifampicin lowers the level of warfarin."
AGENCY = "The hospital pays the agency, and the agency pays the nurses."
RENT = "Rent is collected by the agent on behalf of the Landlord."


@pytest.mark.parametrize(
    ("sentence", "part"),
    [
        ("The tenant was sued by the landlord over the damp cellar.", SUED),
        ("The landlord warned the council twice.", WARNED),
        ("The level of rifampicin is lowered by warfarin.", LEVEL),
        ("The agency pays the hospital.", AGENCY),
    ],
)
def test_the_other_way_round_is_at_odds(sentence: str, part: str) -> None:
    assert at_odds(sentence, [part])


@pytest.mark.parametrize(
    ("sentence", "part"),
    [
        ("The landlord was sued by the tenant.", SUED),
        ("The tenant was sued by the council.", SUED),  # by nobody there: other rules
        ("The council warned the landlord twice.", WARNED),
        ("The level of warfarin is lowered by rifampicin.", LEVEL),
        ("The Landlord collects the rent through an agent.", RENT),
        ("Colds were shortened by half a day.", "Half a day later the colds shortened."),
        ("The agency pays the nurses.", AGENCY),
        ("Pain was linked by them to stress.", "They linked stress to pain."),
    ],
)
def test_the_same_in_another_voice_is_not(sentence: str, part: str) -> None:
    assert not at_odds(sentence, [part])


def test_each_may_do_it_to_the_other() -> None:
    parts = [SUED, "Then the landlord sued the tenant over the damp cellar."]
    assert not at_odds("The tenant was sued by the landlord over the damp cellar.", parts)
