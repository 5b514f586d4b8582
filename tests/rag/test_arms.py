"""Which arm has which figure."""

from __future__ import annotations

import pytest

from vademecum.rag.arms import at_odds

TWO_SENTENCES = [
    "In the apixaban group 2.1% of patients bled.",
    "Among those on warfarin the rate was 3.1%.",
]
ONE_SENTENCE = ["Survival was 11.4 months with nivolumab and 8.2 months with docetaxel."]
IN_PARENTHESES = ["Relapse rates were 14% (mesalazine) and 32% (placebo)."]
COMPARED = [
    "Adverse events led to discontinuation in 9% of those on insulin, compared with 4% on placebo."
]
SUBJECTS = [
    "Warfarin is stopped five days before surgery.",
    "Dabigatran is stopped three days before surgery in renal impairment.",
]
LISTED = ["Hernias recurred in 8% and 14% of patients with mesh and suture, respectively."]
GERMAN_VERB = ["Röntgenaufnahmen sind zehn Jahre, Akten über Strahlen dreißig Jahre aufzubewahren."]
GERMAN = ["Unter Apixaban bluteten 2,1 % der Patienten, unter Warfarin 3,1 %."]


@pytest.mark.parametrize(
    ("wrong", "right", "parts"),
    [
        (
            "X-ray images are kept for thirty years.",
            "X-ray images are kept for 10 years.",
            ["X-ray images are kept for ten years, records of treatments for thirty years."],
        ),
        (
            "Of patients in the apixaban group 3.1% bled.",
            "Of patients in the apixaban group 2.1% bled.",
            TWO_SENTENCES,
        ),
        (
            "Survival with nivolumab was 8.2 months.",
            "Survival with docetaxel was 8.2 months.",
            ONE_SENTENCE,
        ),
        ("Relapse was 32% with mesalazine.", "Relapse was 32% with placebo.", IN_PARENTHESES),
        (
            "Adverse events led to discontinuation in 9% of patients on placebo.",
            "Adverse events led to discontinuation in 4% of patients on placebo.",
            COMPARED,
        ),
        (
            "On insulin 4% discontinued because of adverse events.",
            "On placebo 4% discontinued because of adverse events.",
            COMPARED,
        ),
        (
            "Unter Apixaban bluteten 3,1 % der Patienten.",
            "Unter Warfarin bluteten 3,1 % der Patienten.",
            GERMAN,
        ),
        (
            "Warfarin is stopped three days before surgery.",
            "Warfarin is stopped five days before surgery.",
            SUBJECTS,
        ),
        ("Hernias recurred in 14% with mesh.", "Hernias recurred in 14% with suture.", LISTED),
        (
            "Blood pressure fell by 20% in women.",
            "Blood pressure fell by 5% in women.",
            ["Blood pressure fell in men (20%) and women (5%)."],
        ),
        (
            "2% is paid by the employee.",
            "7.5% is paid by the employee.",
            ["9.3% is paid by the employer, 7.5% by the employee and 2% by the pensioner."],
        ),
        (
            "Response was 62% in arm B.",
            "Response was 62% in arm A.",
            ["Response was 62% in arm A and 41% in arm B."],
        ),
        (
            "Falls occurred in 12% of the control group.",
            "Falls occurred in 12% of the intervention group.",
            ["Falls occurred in 12% of the intervention group and in 21% of controls."],
        ),
        (
            "The fee is 40 euros for others.",
            "The fee is 40 euros for members.",
            ["The fee is 40 euros for members and 65 euros for all others."],
        ),
        (
            "对照组的治愈率为80%。",
            "试验组的治愈率为80%。",
            ["试验组和对照组的治愈率分别为80%和55%。"],
        ),
        (
            "女性的复发率下降了20%。",
            "女性的复发率下降了5%。",
            ["男性的复发率下降了20%，女性下降了5%。"],
        ),
        (
            "Röntgenaufnahmen sind dreißig Jahre aufzubewahren.",
            "Akten über Strahlen sind dreißig Jahre aufzubewahren.",
            GERMAN_VERB,
        ),
    ],
)
def test_a_figure_is_not_that_of_the_other_arm(wrong: str, right: str, parts: list[str]) -> None:
    assert at_odds(wrong, parts)
    assert not at_odds(right, parts)


@pytest.mark.parametrize(
    "sentence",
    [
        "Survival was 8.2 months.",
        "Survival was 8.2 months in the control group.",
        "Survival was 11.4 with nivolumab and 8.2 months with docetaxel.",
        "Survival was longer with nivolumab.",
    ],
)
def test_what_names_no_other_arm_is_not_at_odds(sentence: str) -> None:
    assert not at_odds(sentence, ONE_SENTENCE)


def test_a_part_may_give_the_same_figure_to_the_other() -> None:
    parts = [*ONE_SENTENCE, "In the old survival with nivolumab was 8.2 months."]
    assert not at_odds("Survival with nivolumab was 8.2 months in the old.", parts)
