"""An interval stands whole in the passage, with its own estimate."""

from __future__ import annotations

import pytest

from vademecum.rag.check import check
from vademecum.rag.intervals import Given, Interval, intervals

PASSAGE = (
    "Falls were fewer with training (RR 0.74; 95% CI 0.58-0.95; P = .02), fractures were not (RR "
    "0.88; 95% CI 0.61-1.27; P = .49). Grip was 21.4 ± 5.2 kg and 19.8 ± 4.7 kg, respectively. "
    "Adherence was 71% (95% confidence interval, 64% to 78%). Participants were 65-92 years old "
    "(interquartile range, 71 and 83); the trial ran from May 2011 to June 2014 and sessions took "
    "forty to 60 minutes. Pain changed by -1.2 (95% CI -2.0 to -0.4). "
)


@pytest.mark.parametrize(
    "sentence",
    [
        "Training lowered the rate of falls (RR 0.74, 95% CI 0.58 to 0.95).",
        "The relative risk of falls was 0.74 [0.58, 0.95], P = 0.02.",
        "For fractures the relative risk was 0.88 (95% confidence interval: 0.61–1.27).",
        "Adherence was 71% (64-78%).",
        "Participants were 65 to 92 years old, with an interquartile range of 71 to 83.",
        "The trial ran 2011-2014.",
        "Sessions took 40-60 minutes.",
        "Grip was 21.4 ± 5.2 kg with training and 19.8 ± 4.7 kg without.",
        "Pain changed by -1.2 (-2.0 to -0.4).",
        "The relative risks were from 0.74 to 0.88.",
        "Of 65 participants, adherence was 71%.",
    ],
)
def test_whole_intervals_are_held(sentence: str) -> None:
    assert not Given(PASSAGE).at_odds(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "Training lowered the rate of falls (RR 0.74; 95% CI 0.58-1.27).",
        "Training lowered the rate of falls (RR 0.74; 95% CI 0.61-0.95).",
        "The relative risk of falls was 0.74 (95% CI 0.61-1.27).",
        "The relative risk of falls was 0.88 [0.58, 0.95].",
        "Training lowered the rate of falls (RR 0.74; 95% CI 0.58-0.95; P = .49).",
        "Participants were 65-83 years old.",
        "Participants were 71 to 92 years old.",
        "The interquartile range was 65 and 83 years.",
        "Grip was 21.4 ± 4.7 kg with training.",
        "The confidence interval ranged from 0.58 to 1.27.",
    ],
)
def test_an_interval_made_of_two_others_is_not(sentence: str) -> None:
    assert Given(PASSAGE).at_odds(sentence)


GERMAN = (
    "Stürze waren mit Training seltener (RR 0,74; 95%-KI 0,58-0,95), Brüche nicht (RR 0,88; 95%-KI "
    "0,61 bis 1,27). Von 1.204 Teilnehmern waren die meisten 65 bis 92 Jahre alt."
)


def test_a_bound_is_no_estimate() -> None:
    given = Given(PASSAGE)
    assert given.at_odds("The relative risk of falls was 0.95.")
    assert not given.at_odds("The relative risk of falls was 0.74.")
    assert not given.at_odds("The relative risk of falls was 0.95 at most.")


def test_german_intervals() -> None:
    given = Given(GERMAN)
    assert not given.at_odds("Die Stürze waren seltener, und das RR war 0,74 (95%-KI 0,58-0,95).")
    assert not given.at_odds("The RR of falls was 0.74 (95% CI 0.58 to 0.95).")
    assert given.at_odds("Das RR der Stürze war 0,74 (95%-KI 0,58-1,27).")
    assert given.at_odds("Das RR der Brüche war 0,74 (95%-KI 0,61 bis 1,27).")
    assert given.at_odds("Die Teilnehmer sind 65 bis 95 Jahre alt und gesund.")


def test_what_is_an_interval() -> None:
    assert intervals("It fell from 12 to 8 kg in 2-3 of 20 trials, between 4 and 9 of them.") == []
    assert intervals("The OR was 1.2 (95% CI, 0.9 and 1.5).") == [Interval("0.9", "1.5", "1.2")]
    assert intervals("Per 100 patients (95% CI 3-4)") == [Interval("3", "4")]
    assert intervals("Doses of 5–20 mg and 6 bis 23 Monate") == [
        Interval("5", "20"),
        Interval("6", "23"),
    ]
    assert intervals("风险比为1.2（95%置信区间0.9至1.5）。") == [Interval("0.9", "1.5", "1.2")]


def test_of_a_table_of_figures_each_looks_at_those_next_to_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks: list[int] = []

    class Counted:
        def search(self, text: str, start: int = 0, end: int | None = None) -> None:
            looks.append(len(text[start:end]))

    monkeypatch.setattr("vademecum.rag.intervals.PER", Counted())
    intervals("12 " * 200)
    assert sum(looks) <= 200 * 40


@pytest.mark.parametrize("interval", ["0.58-0.95", "0.61-0.95"])
def test_a_false_interval_is_not_borne_out(source_of, embedder, interval: str) -> None:
    raw = f"Falls were fewer with training (RR 0.74, 95% CI {interval})."
    (sentence,) = check(raw, [source_of(1, PASSAGE)], embedder).sentences
    assert sentence.support == ("supported" if interval == "0.58-0.95" else "unsupported")
    assert sentence.citations == (1,)
