"""A word in place of its counterpart."""

from __future__ import annotations

import pytest

from vademecum.rag.replaced import replaced


@pytest.mark.parametrize(
    ("sentence", "evidence"),
    [
        ("The value was 99% in high-risk patients.", "The value was 99% in low-risk patients."),
        ("Folic acid is given on the same day.", "Folic acid is given on another day."),
        ("Alendronate is taken on a full stomach.", "Alendronate is taken on an empty stomach."),
        ("Interest is paid in advance.", "Interest is paid in arrears."),
        ("The dose was sufficient.", "The dose was insufficient."),
    ],
)
def test_a_counterpart_is_another_word(sentence: str, evidence: str) -> None:
    assert replaced(sentence, evidence)
    assert not replaced(evidence, evidence)


def test_two_counterparts_together_are_none() -> None:
    both = "The value was 99% in low-risk and in high-risk patients."
    assert not replaced("The value was 99% in high-risk patients.", both)
