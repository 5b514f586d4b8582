from __future__ import annotations

import pytest

from vademecum.rag.polarity import contradicts, denied_copy, direction, mirrored


@pytest.mark.parametrize(
    ("sentence", "evidence"),
    [
        ("Metformin increased acidosis risk.", "Metformin did not increase acidosis risk."),
        ("Aspirin did not reduce stroke in women.", "Aspirin reduced stroke in older women."),
        ("Aspirin increased the risk of stroke.", "Aspirin decreased the risk of stroke."),
        ("Survival was longer with placebo.", "Survival was shorter with placebo."),
        ("二甲双胍会增加乳酸酸中毒的风险。", "二甲双胍不会增加乳酸酸中毒的风险。"),
        ("ASS senkte die Sterblichkeit.", "ASS senkte die Sterblichkeit nicht."),
        ("ASS erhöhte die Sterblichkeit.", "ASS senkte die Sterblichkeit."),
        ("Zink verhindert Husten.", "Es gibt keinen Hinweis darauf, dass Zink Husten verhindert."),
        ("Statins are recommended in pregnancy.", "Statins should be avoided in pregnancy."),
        ("The request for storage was approved.", "The request for more storage was rejected."),
        ("The court granted the motion.", "The motion was dismissed by the court."),
        ("Two-factor login becomes optional in May.", "Two-factor login is mandatory from May."),
        ("The fax was taken into use in June.", "The fax was taken out of use in June."),
        ("Der Antrag wurde genehmigt.", "Der Antrag wurde abgelehnt."),
        ("Scan the back without red flags.", "Refrain from a scan of the back without red flags."),
    ],
)  # fmt: skip
def test_opposites(sentence: str, evidence: str) -> None:
    assert contradicts(sentence, evidence)


@pytest.mark.parametrize(
    ("sentence", "evidence"),
    [
        ("Aspirin reduced stroke.", "Aspirin reduced stroke in women."),
        ("Metformin did not increase risk.", "Metformin failed to increase risk."),
        ("Aspirin reduced stroke.", "Aspirin reduced stroke, but did not lower mortality."),
        ("Aspirin did not lower mortality.", "Aspirin reduced stroke, but not mortality."),
        ("Aspirin did not lower mortality but reduced stroke.",) * 2,
        ("Aspirin helped men with or without stroke.", "Aspirin helped men, old or young."),
        ("Aspirin reduced not only stroke but death.", "Aspirin reduced stroke and death."),
        ("ASS senkte die Sterblichkeit nicht.", "Die Sterblichkeit wurde nicht durch ASS gesenkt."),
        ("Do not give statins in pregnancy.", "Statins should be avoided in pregnancy."),
        ("Statins may be given in asthma.", "Statins are not contraindicated in asthma."),
        ("The request was not approved.", "The request was rejected."),
        ("The court granted costs.", "The court dismissed the appeal and granted costs."),
        ("Der Antrag wurde abgelehnt.", "Der Antrag wurde nicht genehmigt."),
        ("Aspirin reduced stroke.", "Statins did not change cholesterol in rabbits."),
        ("Aspirin reduced stroke.", "Loss of hair came, aspirin reduced stroke, all was well."),
    ],
)  # fmt: skip
def test_agreement_and_other_matters(sentence: str, evidence: str) -> None:
    assert not contradicts(sentence, evidence)


def test_cues() -> None:
    assert direction("higher") == 1
    assert direction("fewer") == -1
    assert direction("higher or lower") == direction("the same") == 0


def test_a_bound_has_no_direction() -> None:
    assert direction("Keep it at no more than 8 degrees.") == 0
    assert direction("Keep it at 8 degrees or less.") == 0
    assert direction("It is no more than it is; falls were fewer.") == -1


def test_the_other_of_two_is_the_contrary() -> None:
    evidence = "The morning class is longer than the evening class."
    assert mirrored("The evening class is shorter than the morning class.", evidence)
    assert not mirrored("The morning class is shorter than the evening class.", evidence)
    assert not mirrored("The evening class is longer than the morning class.", evidence)


def test_another_clause_may_deny_something_else() -> None:
    key = "The key must not be passed on; if it is lost, 45 euros are paid for the lock."
    assert not contradicts("A lost key costs 45 euros.", key)
    assert contradicts("A key that is passed on costs 45 euros.", key)


def test_a_copy_denied_once_more_is_no_copy() -> None:
    part = "No differences were seen between the groups in pain and in sleep."
    assert denied_copy(
        "No differences were not seen between the groups in pain and in sleep.", part
    )
    assert not denied_copy(part, part)
    assert not denied_copy("Sleep was not good.", part)


def test_without_a_thing_may_say_of_whom() -> None:
    part = "Stay was longer in patients with a drain and pain rarer in patients without a drain."
    assert not contradicts("Stay was longer in patients with a drain.", part)
    assert contradicts("Stay was longer in men without a drain.", "In men with a drain stay grew.")
    assert not denied_copy(
        "Infection came in 4% of operations with drains.",
        "Infection came in 4% of operations with drains and 11% of operations without drains.",
    )
