from __future__ import annotations

import pytest

from vademecum.rag.swaps import swapped


@pytest.mark.parametrize(
    ("sentence", "evidence"),
    [
        (
            "The drug increases the concentration of grapefruit juice.",
            "Grapefruit juice increases the concentration of the drug.",
        ),
        ("Hypoxia abolished growth of yeast.", "Growth of yeast abolished hypoxia."),
        (
            "Adverse effects stopped six patients on tea and eight on coffee.",
            "Adverse effects stopped eight patients on tea and six on coffee.",
        ),
        (
            "Boys were thinner as children but heavier as adults.",
            "Boys were heavier as children but thinner as adults.",
        ),
        (
            "X-ray was superior to ultrasound.",
            "Ultrasound, however, was superior to X-ray (41 with X-ray, 51 with ultrasound).",
        ),
    ],
)
def test_two_things_in_each_others_place(sentence: str, evidence: str) -> None:
    assert swapped(sentence, evidence)


@pytest.mark.parametrize(
    ("sentence", "evidence"),
    [
        ("Coffee and tea raised sleep latency.", "Tea and coffee raised sleep latency."),
        ("Gout was associated with tea.", "Tea was associated with gout."),
        ("Gout was reduced by tea.", "Tea reduced gout."),
        ("Coffee caused more falls than tea.", "Tea caused fewer falls than coffee."),
        ("In women, sleep latency rose 3-fold.", "Sleep latency rose 3-fold in women."),
        (
            "Most patients with gout had normal sleep latency.",
            "Sleep latency was normal in most patients with gout.",
        ),
        ("With tea sleep latency rose on day 3.", "On day 3 sleep latency rose with tea."),
        ("Steroids did not improve the rash.", "The rash did not improve with steroids."),
        ("Rest was the treatment of gout.", "Gout was treated with rest."),
        ("Tea reduced gout.", "Tea reduced gout."),
        ("Tea helps.", "Coffee raised sleep latency."),
    ],
)
def test_the_same_told_the_other_way_round(sentence: str, evidence: str) -> None:
    assert not swapped(sentence, evidence)
