"""No more and no less is read out of a ratio that shows neither."""

from __future__ import annotations

import pytest

from vademecum.rag.no_effect import at_odds

OLD = [
    "Among people older than 80 there was no association (hazard ratio 0.98, 95% CI 0.61 to 1.57).",
    "In the young the risk was lower (hazard ratio 0.66, 95% CI 0.45 to 0.96).",
]
COFFEE = ["The risk ratio for stroke was 0.94 (95% CI 0.80-1.10)."]
SCHICHT = ["Es fand sich kein Zusammenhang (Odds Ratio 1,08; 95%-KI 0,92 bis 1,27)."]


@pytest.mark.parametrize(
    ("sentence", "parts"),
    [
        ("The hazard ratio was 0.98, indicating a lower risk.", OLD),
        ("The old had a lower risk (hazard ratio 0.98, 95% CI 0.61 to 1.57).", OLD),
        ("Coffee reduced the risk of stroke (risk ratio 0.94).", COFFEE),
        ("Schichtarbeit erhöhte das Risiko (Odds Ratio 1,08).", SCHICHT),
    ],
)
def test_an_effect_that_the_interval_does_not_show(sentence: str, parts: list[str]) -> None:
    assert at_odds(sentence, parts)


@pytest.mark.parametrize(
    ("sentence", "parts"),
    [
        ("The hazard ratio was 0.98.", OLD),
        ("In the old the risk was not lower (hazard ratio 0.98).", OLD),
        ("The risk was lower, not significantly so (hazard ratio 0.98).", OLD),
        ("The young had a lower risk (hazard ratio 0.66).", OLD),
        ("The young had a lower risk (0.66), and the old an equal one (0.98).", OLD),
        # What the passage itself calls lower may be called so.
        ("Risk was lower (OR 0.9).", ["Risk was lower (OR 0.9, 95% CI 0.7 to 1.1)."]),
    ],
)
def test_no_effect_an_effect_and_what_the_passage_says_itself(
    sentence: str, parts: list[str]
) -> None:
    assert not at_odds(sentence, parts)
