"""That the sources say nothing is said by no passage that speaks of the matter."""

from __future__ import annotations

import pytest

from vademecum.rag.check import check
from vademecum.rag.silence import at_odds
from vademecum.rag.told import told_by

DRUG = (
    "Velaxaban does not need monitoring of the INR. Evidence for its use in children is lacking."
    " It is not known whether velaxaban harms the kidney. Dopamine should not be used with it."
)


@pytest.mark.parametrize(
    "claim",
    [
        "The sources do not provide information on monitoring of the INR.",
        "The provided text doesn't mention dopamine.",
        "The passage contains no information on dopamine.",
        "There is no mention of dopamine in the given sources.",
        "No information is given on dopamine.",
        "Dopamine is not mentioned in the sources.",
        "It is not specified whether dopamine may be used.",
        "Die Quellen enthalten keine Angaben zu Dopamin.",
    ],
)
def test_sources_that_speak_are_not_silent(claim: str, source_of) -> None:
    assert at_odds(claim, told_by(source_of(1, DRUG, "A guideline")))


@pytest.mark.parametrize(
    "claim",
    [
        "Velaxaban needs no monitoring of the INR.",
        # What is not known, and what has no evidence, is a finding.
        "The sources do not say whether velaxaban harms the kidney.",
        "The sources do not provide evidence for its use in children.",
        "The sources of infection were not identified.",
        "The study did not report deaths.",
    ],
)
def test_what_a_passage_may_say(claim: str, source_of) -> None:
    assert not at_odds(claim, told_by(source_of(1, DRUG, "A guideline")))


def test_a_passage_may_say_so_of_its_own_sources(source_of) -> None:
    source = source_of(1, "No information was given on smoking. All were men.", "A trial")
    assert not at_odds("No information on smoking was given.", told_by(source))
    assert not at_odds("No information is provided on smoking.", told_by(source))


def test_such_a_sentence_is_not_supported(source_of, embedder) -> None:
    source = source_of(1, DRUG, "A guideline")
    wrong, right = (
        check(claim, [source], embedder).sentences[0].support
        for claim in (
            "The sources do not say whether dopamine should be used with velaxaban.",
            "The sources do not say whether velaxaban harms the kidney.",
        )
    )
    assert (wrong, right) == ("unsupported", "supported")
