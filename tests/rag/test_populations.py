from __future__ import annotations

import pytest

from vademecum.rag.populations import stance


@pytest.mark.parametrize(
    ("sentence", "source", "found"),
    [
        ("Risk rose in men.", "Risk rose in women.", "opposed"),
        ("Risk rose in women.", "Risk rose in women and men.", "held"),
        ("Risk rose in men.", "Risk rose.", "missing"),
        ("Risk rose in women.", "Risk rose in pregnant mothers.", "held"),
        ("Risk rose in children.", "Risk rose in hospitalised adults.", "opposed"),
        ("Tumours shrank in mice.", "Tumours shrank in patients.", "opposed"),
        ("Patients improved.", "Risk fell in mice.", "opposed"),
        ("Patients improved.", "Risk fell.", "held"),
        ("Risk rose in women.", "Risk rose in men after adjustment for maternal age.", "opposed"),
        ("Patients improved.", "Risk fell in volunteers and in mice.", "held"),
        ("Risk fell in humans.", "Risk fell in 30 patients.", "held"),
        ("男性风险更高。", "女性风险更高。", "opposed"),
    ],
)
def test_of_whom_a_source_speaks(sentence: str, source: str, found: str) -> None:
    assert stance(sentence, source) == found
