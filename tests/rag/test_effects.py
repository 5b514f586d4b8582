from __future__ import annotations

from time import process_time

import pytest

from vademecum.rag.effects import effects


@pytest.mark.parametrize(
    ("text", "words", "agent", "changed"),
    [
        ("Statins lower mortality in women.", "lower", {"statin"}, {"mortalit"}),
        ("Smoking causes cancer.", "causes", {"smok"}, {"cancer"}),
        ("Falls were prevented by exercise.", "were prevented by", {"exercis"}, {"fall"}),
        ("Exercise leads to weight loss.", "leads to", {"exercis"}, {"weight", "loss"}),
        ("Tea, unlike coffee, improves sleep.", "improves", {"tea", "unlik", "coffe"}, {"sleep"}),
        ("Tea was shown to improve sleep.", "improve", {"tea"}, {"sleep"}),
        ("Gout is due to uric acid.", "is due to", {"uric", "acid"}, {"gout"}),
    ],
)
def test_who_changes_what(text: str, words: str, agent: set[str], changed: set[str]) -> None:
    (effect,) = effects(text)
    assert (effect.words, effect.object) == (words, changed)
    assert agent <= effect.agent
    assert effect.sure
    assert not effect.hedged


@pytest.mark.parametrize(
    "text",
    [
        "Tea is used to improve sleep.",
        "Tea does not improve sleep.",
        "Sleep improved over the year.",
        "Sleep improved by 20%.",
        "Mortality was reduced by a third.",
        "A lower mortality and fewer falls were seen.",
        "An increase in weight is common.",
        "We increased the dose.",
        "Results in women were alike.",
        "All-cause mortality was low.",
        "This raises the question of cost.",
        "",
    ],
)
def test_where_nobody_is_said_to_change_anything(text: str) -> None:
    assert effects(text) == ()


@pytest.mark.parametrize("hedge", ["may", "could", "probably would", "appears to"])
def test_what_is_only_held_possible(hedge: str) -> None:
    (effect,) = effects(f"Tea {hedge} improve sleep in women.")
    assert effect.hedged


def test_a_hedge_reaches_no_further_than_its_clause() -> None:
    may, does = effects("Tea may improve sleep, but coffee worsens sleep.")
    assert (may.hedged, does.hedged) == (True, False)


def test_what_may_as_well_be_an_adjective_is_not_sure() -> None:
    (had,) = effects("Drinkers of tea had reduced mortality.")
    (suggested,) = effects("Our data suggest that tea reduces mortality.")
    assert not had.sure
    assert not suggested.sure


def test_a_text_without_full_stops_takes_time_in_proportion_to_its_length() -> None:
    def seconds(cues: int) -> float:
        text = " ".join(f"tea {n} lowers pain" for n in range(cues))
        start = process_time()
        assert len(effects(text)) > 0.9 * cues
        return process_time() - start

    # Quadratic, it would be 36 times as long.
    assert seconds(600) < 18 * min(seconds(100 + n) for n in range(3))
