"""No rule of the check finds a sentence at odds with its own copy, or hangs on a long one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vademecum.rag import at_odds, changes, contrasts, denials, otherwise, proportions
from vademecum.rag.groups import exchanged, misplaced, permuted, substituted
from vademecum.rag.intervals import Given
from vademecum.rag.polarity import contradicts
from vademecum.rag.quantities import holds, quantities, quantities_held
from vademecum.rag.relations import by_its_loss, related
from vademecum.rag.replaced import replaced
from vademecum.rag.strength import too_strong
from vademecum.rag.swaps import swapped
from vademecum.rag.told import Told, only_set_out

Rule = Callable[[str, str], bool]

RULES: dict[str, Rule] = {
    "exchanged": exchanged,
    "misplaced": misplaced,
    "permuted": permuted,
    "substituted": substituted,
    "swapped": swapped,
    "replaced": replaced,
    "contradicts": contradicts,
    "changes": lambda s, part: changes.at_odds(s, [part]),
    "denials": lambda s, part: denials.at_odds(s, [part]),
    "contrasts": lambda s, part: contrasts.at_odds(s, [part]),
    "proportions": lambda s, part: proportions.at_odds(s, [part]),
    "intervals": lambda s, part: Given(part).at_odds(s),
    "loss": lambda s, part: by_its_loss(s, [part]),
    "strength": lambda s, part: bool(too_strong(s, part)),
    "quantities": lambda s, part: not all(holds(quantities_held(part), q) for q in quantities(s)),
    "apart": lambda s, part: related(s, Told("", (part,)), set()) == "apart",
    "set out": lambda s, part: only_set_out(s, Told("", (part,))),
    "at odds": lambda s, part: at_odds.at_odds(s, [part], [part], "en"),
}
RESULTS = (
    "Injuries were found in 7 riders (2%), with only 2 (0.6%) requiring surgery.",
    "Overall, 25 (33%) women stopped early, eight (21%) with tea and 17 (46%) with water (P=0.02).",
    "One hundred and twenty-three (42%) people were alive, of whom 106 (86%) were interviewed.",
    "Occupancy rose, never exceeding 80%; at all doses A occupancy exceeded B occupancy.",
    "Good agreement of tea and sleep, and of water and no response (no rise), was found.",
    "The size of small stones was the same but that of large stones was one third larger.",
    "Iron did not reduce fatigue, whereas it raised ferritin by 12.5 (95% CI, -0.8 to 24) ng/ml.",
    "Weight fell more in women than in men whether or not they dieted.",
    "Mortality was lower with statins (4.1%) than with placebo (6.3%), and not related to age.",
    "Gains ranged from 4% for green tea (6 of 143) to 38% for black tea (45 of 119).",
    "Inhibition of renin, but not its absence, lowered pressure in 3 to 5 of 1,200 mice.",
    "The objective response rate was 45% with velotinib and 30% with placebo.",
    "Falls (RR 0.74 [0.58-0.95]) and pain, 2.1 ± 0.8 (range, 1 to 6; P = .03), fell in 2001-2005.",
    "Tea lowered ferritin by 12% and coffee by 8% rather than fatigue, but not, in men, sleep.",
    "No patient died; neither infection nor bleeding was more frequent before than after surgery.",
)


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("result", RESULTS)
def test_a_sentence_is_not_at_odds_with_itself(name: str, result: str) -> None:
    rule = RULES[name]
    assert not rule(result, result)
    assert not rule(f"The study found that {result[0].lower()}{result[1:]}", result)


def test_a_counterpart_elsewhere_in_the_passage_is_no_odds() -> None:
    parts = ["Sleep was longer after tea in men.", "Sleep was longer before tea in men."]
    for said in (
        "Sleep was longer before tea in men.",
        "The study found sleep was longer before tea.",
    ):
        assert not at_odds.at_odds(said, parts, parts[1:], "en")
    assert at_odds.at_odds("Sleep was longer before tea in men.", parts[:1], parts[:1], "en")


@pytest.mark.parametrize(
    ("part", "right", "wrong"),
    [
        (
            "Surgery improved survival in riders under 70 years, but not in those over 70 years.",
            "Surgery improved survival in riders under 70 years.",
            "Surgery improved survival in riders over 70 years.",
        ),
        (
            "All riders except those with diabetes had lower pressure after the diet.",
            "Riders without diabetes had lower pressure after the diet.",
            "Riders with diabetes had lower pressure after the diet.",
        ),
        (
            "All riders except those with diabetes had lower pressure after the diet.",
            "Riders without diabetes had lower pressure after the diet.",
            "Riders without diabetes had higher pressure after the diet.",
        ),
        (
            "Ibuprofen should be avoided in the third trimester; paracetamol is preferred.",
            "In the third trimester paracetamol is preferred.",
            "In the third trimester ibuprofen is preferred.",
        ),
        (
            "Aspirin helped, but did not help elderly women with diabetes.",
            "Aspirin helped.",
            "Aspirin helped elderly women with diabetes.",
        ),
    ],
)
def test_the_true_half_of_a_sentence_is_not_at_odds_with_the_other(
    part: str, right: str, wrong: str
) -> None:
    assert not at_odds.at_odds(right, [part], [part], "en")
    assert at_odds.at_odds(wrong, [part], [part], "en")


@pytest.mark.parametrize(
    "piece",
    ["tea raised sleep and lowered pain ", "no tea was not seen ", "tea is linked to gout ", "9"],
)
def test_a_long_clause_is_taken_in_pieces(piece: str) -> None:
    long = "(" + piece * (20_000 // len(piece))
    for rule in (misplaced, RULES["changes"], RULES["denials"], RULES["apart"], contradicts):
        assert not rule(long, long)


def test_what_agrees_by_its_circumstances_is_let_off_a_denial_less_not_a_denial_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(otherwise, "agrees", lambda *_: True)
    plain, denied = "Oedema was seen in both thighs.", "Oedema was not seen in both thighs."
    assert at_odds.at_odds(denied, [plain], [plain], "en")
    assert not at_odds.at_odds(plain, [denied], [denied], "en")
