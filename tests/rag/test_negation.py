"""What says no, and what only looks like it."""

from __future__ import annotations

import pytest

from vademecum.rag.negation import denials, negated, with_for_not_without


@pytest.mark.parametrize(
    "text",
    [
        "It doesn't help.",
        "There was little evidence of harm.",
        "Nothing changed.",
        "Nobody left.",
        "The patient denies chest pain.",
        "The trial failed to show a benefit.",
        "Tetracyclines should be avoided in children.",
        "Avoid tetracyclines in children.",
        "Statins are contraindicated in pregnancy.",
        "The results argue against routine drains.",
        "Contraindications to lithium include renal impairment.",
        "Renal impairment is a contraindication to lithium.",
        "The evidence for zinc is insufficient.",
        "Refrain from routine imaging.",
        "Zink hatte keine Wirkung.",
        "Weder Zink noch Kupfer half.",
        "Von Codein ist abzuraten.",
        "Niemand darf nachts hinein.",
        "Geraucht wird nirgends.",
        "Auf Sauerstoff soll verzichtet werden.",
        "差异无统计学意义",
        "妊娠期禁用他汀",
        "证据不足",
    ],
)
def test_no_is_said_in_many_words(text: str) -> None:
    assert negated(text)


@pytest.mark.parametrize(
    "text",
    [
        "Notably, it helps.",
        "There is no doubt that it helps.",
        "Not only stroke but death was rarer.",
        "No more than two guests may swim.",
        "Nicht mehr als zwei Gäste baden.",
        "Vaccines protect against influenza.",
        "The operation helped to avoid dialysis.",
        "Contraindications were age and pregnancy.",
        "Recovery was complete in 83% with zinc and 64% without.",
        "Pain was less than without a block.",
        "Luggage of not more than 20 kg is free.",
        "Zink half nicht nur Kindern.",
        "不良反应较多",
    ],
)
def test_what_only_looks_like_it(text: str) -> None:
    assert not negated(text)


@pytest.mark.parametrize(
    "text",
    [
        "Statins are not contraindicated in diabetes.",
        "There is no evidence against statins.",
        "Statine sind nicht kontraindiziert.",
        "不必避免使用他汀",
    ],
)
def test_a_refusal_denied_says_yes(text: str) -> None:
    assert not negated(text)
    assert denials(text) == 2


def test_not_without_a_thing_is_only_with_it() -> None:
    part = "Pets may not be kept without consent."
    assert not negated(part)
    assert with_for_not_without(part) == "Pets may be kept only with consent."
    assert negated("The drug did not help without fluids.")
