from __future__ import annotations

import pytest

from vademecum.rag.quantities import Quantity, holds, quantities, quantities_held


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("6 mg daily", [Quantity("6", "mg")]),
        ("a 10-day course of 1,000 patients", [Quantity("10", "day"), Quantity("1000")]),
        ("rose by 12.50 percent", [Quantity("12.5", "%")]),
        ("a 3-fold rise", [Quantity("3", "fold")]),
        ("d = -0.83", [Quantity("0.83", "", True)]),
        ("6-10 days", [Quantity("6"), Quantity("10", "day")]),
        ("twenty days", [Quantity("20", "day")]),
        ("five hundred reports", [Quantity("500")]),
        ("Three million people", [Quantity("3000000")]),
        ("3 million people", [Quantity("3000000")]),
        ("2.5 million people", [Quantity("2500000")]),
        ("Four hundred twelve women", [Quantity("412")]),
        ("One thousand two hundred women", [Quantity("1200")]),
        ("one hundred thousand women", [Quantity("100000")]),
        ("Two hundred and fifty clinics", [Quantity("250")]),
        ("twenty and thirty women", [Quantity("20"), Quantity("30")]),
        ("between one hundred and two hundred", [Quantity("100"), Quantity("200")]),
        ("one of the two groups", []),
        ("下降1.2%，持续十二周", [Quantity("1.2", "%"), Quantity("12", "week")]),
        ("百分之二十", [Quantity("20", "%")]),
    ],
)
def test_what_a_sentence_states(text: str, found: list[Quantity]) -> None:
    assert quantities(text) == found


@pytest.mark.parametrize(
    ("sentence", "source", "agree"),
    [
        ("6 mg", "a dose of 6 mg", True),
        ("6 g", "a dose of 6 mg", False),
        ("10 weeks", "for 10 days", False),
        ("a 10-day course", "for ten days", True),
        ("3%", "a 3-fold rise", False),
        ("1.2倍", "下降1.2%", False),
        ("40 ng/ml", "from 40 to 12 ng/ml", True),
        ("40 mg/ml", "from 40 to 12 ng/ml", False),
        ("22.9%", "22.9 and 25.7%", True),
        ("-0.83", "a ratio of 0.83", False),
        ("0.83", "a difference of -0.83", True),
        ("thirty-five patients", "35 patients", True),
        ("thirteen patients", "30 patients", False),
        ("482", "482 patients (22.9%)", True),
    ],
)
def test_a_source_holds_number_unit_and_sign(sentence: str, source: str, agree: bool) -> None:
    held = quantities_held(source)
    assert all(holds(held, quantity) for quantity in quantities(sentence)) == agree


def test_german_words_count_with_their_unit() -> None:
    assert quantities("Röntgenaufnahmen sind zehn Jahre aufzubewahren.") == [Quantity("10", "year")]
    assert quantities("Nimm dich in acht vor den drei.") == []


def test_german_numbers_are_read_in_a_german_sentence_and_held_both_ways() -> None:
    held = quantities_held("Bei 1.204 Patienten sank der Wert um 0,72 g.")
    for sentence in (
        "Bei 1204 Patienten ist er um 0,72 g gesunken.",
        "It fell by 0.72 g in 1,204 patients.",
        "Um 0,72 g bei 1.204 Patienten.",
    ):
        assert all(holds(held, quantity) for quantity in quantities(sentence))
    (wrong,) = quantities("Der Wert ist um 0,27 g gesunken und nicht gestiegen.")
    assert wrong.value == "0.27"
    assert not holds(held, wrong)
    assert {each.value for each in quantities("Groups of 5,10 and 20 rats")} == {"5", "10", "20"}
