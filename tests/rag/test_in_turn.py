"""Each of several things with the figure behind its name."""

from __future__ import annotations

import pytest

from vademecum.rag.in_turn import at_odds

REPLY = [
    "You get an acknowledgement within three working days and a full reply within 30 working days."
]
PHONES = ["The offer of Clearline costs 410 pounds a month, that of Voxtel 365 pounds a month."]
INR = [
    "Target range for atrial fibrillation 2.0 to 3.0; with a mechanical mitral valve 2.5 to 3.5."
]
BEHIND = ["The rate was 410 pounds a month for Clearline and 365 pounds a month for Voxtel."]


@pytest.mark.parametrize(
    ("sentence", "parts"),
    [
        ("You get a full reply within three working days.", REPLY),
        ("You get an acknowledgement within thirty working days.", REPLY),
        ("Voxtel costs 410 pounds a month.", PHONES),
        ("The target range with a mechanical mitral valve is 2.0 to 3.0.", INR),
    ],
)
def test_the_figure_of_another_is_at_odds(sentence: str, parts: list[str]) -> None:
    assert at_odds(sentence, parts)


@pytest.mark.parametrize(
    ("sentence", "parts"),
    [
        ("You get a full reply within thirty working days.", REPLY),
        ("You get an acknowledgement within three working days.", REPLY),
        ("A full reply is not given within three working days.", REPLY),
        (REPLY[0], REPLY),
        ("Voxtel costs 365 pounds a month.", PHONES),
        ("The offer of Clearline costs 410 pounds a month.", PHONES),
        ("Clearline costs 410 pounds, more than Voxtel.", PHONES),
        ("The target range with a mechanical mitral valve is 2.5 to 3.5.", INR),
        ("The rate for Voxtel was 365 pounds a month.", BEHIND),
        ("The rate for Clearline was 410 pounds a month.", BEHIND),
        ("Voxtel costs 410 pounds a month.", []),
        (
            "The mean difference in BMI was -1.2 kg/m2 in favour of the diet.",
            ["The mean difference was -1.2 kg/m2 in favour of the diet (P<0.001)."],
        ),
        ("The ward has 12 beds.", ["The ward has 12 beds, and its nurses have 30 days."]),
    ],
)
def test_its_own_and_what_is_named_behind_its_figure_are_not(
    sentence: str, parts: list[str]
) -> None:
    assert not at_odds(sentence, parts)
