from __future__ import annotations

import pytest

from vademecum.rag.changes import at_odds, changes, same_too


@pytest.mark.parametrize(
    ("sentence", "part"),
    [
        ("Iron increased fatigue.", "Iron reduced fatigue and raised ferritin."),
        ("Iron lowered ferritin.", "Iron reduced fatigue and raised ferritin."),
        ("Quality of life worsened.", "Quality of life improved. "),
        ("Fatigue was more frequent with iron.", "Fatigue was less frequent with iron."),
        ("Iron raised ferritin.", "Ferritin did not differ between iron and placebo."),
        ("Iron raised ferritin.", "Ferritin was not raised by iron."),
        ("Weight fell less in women.", "Weight fell more in women."),
        ("Iron did not raise ferritin.", "Iron raised ferritin."),
        ("Ferritin was similar with iron and placebo.", "Ferritin was higher with iron."),
        ("There was a lower number of falls with tea.", "A higher number of falls came with tea."),
    ],
)
def test_the_other_way(sentence: str, part: str) -> None:
    assert at_odds(sentence, [part])


@pytest.mark.parametrize(
    ("sentence", "part"),
    [
        ("Iron raised ferritin.", "Iron reduced fatigue and raised ferritin."),
        ("Ferritin was higher with iron.", "Iron raised ferritin."),
        ("Iron increased fatigue.", "Iron raised ferritin."),
        ("Ferritin was similar in both groups.", "Ferritin did not differ between the groups."),
        ("Iron did not reduce ferritin.", "Iron raised ferritin."),
        ("Sleep improved.", "Sleep was longer."),
        ("Fatigue was common.", "Iron reduced fatigue."),
    ],
)
def test_the_same_way_or_of_another_thing(sentence: str, part: str) -> None:
    assert not at_odds(sentence, [part])


def test_of_several_it_is_the_nearest_that_counts() -> None:
    parts = ["In men, iron raised ferritin.", "In women, iron lowered ferritin."]
    assert not at_odds("Iron raised ferritin in men.", parts)
    assert at_odds("Iron raised ferritin in women.", parts)


def test_what_changes_how() -> None:
    lower, higher = changes("It showed a lower heart rate and a higher lung volume.")
    assert (lower.sign, set(lower.what)) == (-1, {"heart"})
    assert (higher.sign, set(higher.what)) == (1, {"lung", "volum"})
    (subject,) = changes("Blood loss decreased by 45%.")
    assert (subject.sign, set(subject.what)) == (-1, {"blood", "loss"})


def test_what_is_called_the_same_by_both() -> None:
    assert same_too("Ferritin was similar.", ["Ferritin did not differ."])
    assert same_too("Ferritin was the same.", ["No difference was noted in ferritin."])
    assert not same_too("Ferritin was similar.", ["Fatigue did not differ."])
    assert not same_too("Ferritin rose.", ["Ferritin did not differ."])
