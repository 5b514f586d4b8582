"""What a passage says of one case only."""

from __future__ import annotations

import pytest

from vademecum.rag.restrictions import left_out

PETS = "Pets are allowed only with the landlord's written consent."
TIERE = "Haustiere sind nur mit Zustimmung des Vermieters erlaubt."


@pytest.mark.parametrize(
    ("sentence", "part", "case"),
    [
        ("Pets are allowed.", PETS, "only with the landlord's written consent"),
        ("Yes, pets are allowed.", PETS, "only with the landlord's written consent"),
        ("Haustiere sind erlaubt.", TIERE, "nur mit Zustimmung des Vermieters"),
        ("Ja, Haustiere sind erlaubt.", TIERE, "nur mit Zustimmung des Vermieters"),
        (
            "The drug improved sleep.",
            "The drug improved sleep, but only in older women.",
            "only in older women",
        ),
        (
            "Rückerstattungen werden gewährt.",
            "Rückerstattungen werden nur innerhalb von 14 Tagen gewährt.",
            "nur innerhalb von 14 Tagen",
        ),
        ("Parking is free.", "Parking is free for one hour.", "for one hour"),
        ("The permit is valid.", "The permit is valid in town for 2 years.", "for 2 years"),
    ],
)
def test_the_case_is_left_out(sentence: str, part: str, case: str) -> None:
    assert left_out(sentence, [part]) == case


@pytest.mark.parametrize(
    ("sentence", "part"),
    [
        ("Pets are allowed if the landlord consents.", PETS),
        ("Parking is free for an hour.", "Parking is free for one hour."),
        ("The wound is kept closed.", "The wound is kept closed by a nurse every day."),
        ("Pets are allowed with written consent.", PETS),
        ("Pets are not allowed.", PETS),  # other rules judge what is denied
        ("Haustiere sind mit Zustimmung erlaubt.", TIERE),
        ("Blood pressure fell in all groups.", "Blood pressure fell by only 4 mmHg in all groups."),
        ("Symptoms were explained.", "Symptoms were explained only in part."),
        ("Cats sleep.", PETS),
        ("The effect was seen in men.", "The effect was seen not only in men but in women."),
    ],
)
def test_the_case_is_told_or_there_is_none(sentence: str, part: str) -> None:
    assert not left_out(sentence, [part])


def test_another_part_may_say_so_of_every_case() -> None:
    assert not left_out("Pets are allowed.", [PETS, "From May on pets are allowed everywhere."])
