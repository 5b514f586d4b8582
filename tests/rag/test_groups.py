from __future__ import annotations

import pytest

from vademecum.rag.groups import exchanged, misplaced, permuted, substituted

SOURCE = "Death came to 22.9% of the steroid group and to 25.7% of the control group."


@pytest.mark.parametrize(
    ("sentence", "found"),
    [
        ("Death came to 25.7% of the steroid group and to 22.9% of the control group.", True),
        (
            "Death came to 22.9% of the steroid group and to 25.7% of the control group.",
            False,
        ),
        (
            "Death came to 25.7% of the control group and to 22.9% of the steroid group.",
            False,
        ),
        ("Death came to 22.9% of the steroid group.", False),
        ("Vaccines gave 25.7% and placebo 22.9%.", False),
    ],
)
def test_numbers_that_changed_their_group(sentence: str, found: bool) -> None:
    assert exchanged(sentence, SOURCE) == found


def test_a_date_is_one_thing() -> None:
    source = "The lease begins on 1 April 2023 and ends on 5 May 2026."
    assert not exchanged("On 1 April 2023 the lease begins.", "The lease begins on 1 April 2023.")
    assert exchanged("The lease begins on 5 May 2026 and ends on 1 April 2023.", source)


def test_in_chinese() -> None:
    source = "二甲双胍组下降1.2%，对照组下降0.3%。"
    assert exchanged("二甲双胍组下降0.3%，对照组下降1.2%。", source)
    assert not exchanged(source, source)


LIST = "Pain went with straining (OR 2.4, 95% CI 1.3, 4.6), emptying (OR 4.4) and gas (OR 5.3)."


def test_a_number_behind_another_item_of_a_list() -> None:
    assert misplaced("Emptying was more common with pain (OR 5.3).", LIST)
    assert not misplaced("Emptying was more common with pain (OR 4.4).", LIST)
    assert not misplaced("The odds ratio was 5.3.", LIST)
    assert not misplaced("Emptying came on day 3.", f"On day 3 and (3 of 9) later. {LIST}")


def test_a_number_behind_nothing_that_has_a_name() -> None:
    found = "Injuries were found in 7 patients (2%), with only 2 (0.6%) requiring surgery."
    assert not misplaced(found, found)
    assert not misplaced(*["Sex went with IL-1beta (P=0.04), and IL-6 (P=0.02) with age."] * 2)
    assert not misplaced("The study found that injuries were found in 7 patients (2%).", found)


def test_a_number_in_the_place_of_another() -> None:
    part = "Mice given 90 ppm toluene took longer on days 3 and 4."
    assert substituted("Mice given 9 ppm toluene took longer on days 3 and 4.", part)
    assert not substituted("Mice given 90 ppm toluene took longer.", part)
    assert not substituted("In 12 weeks, 9 rats died.", part)


def test_numbers_in_another_order_beside_words_in_the_same() -> None:
    source = "Fistula (10.2% vs 13.5%) and pain (34.7% vs 21.6%) were as frequent."
    assert permuted("Fistula (13.5% vs 10.2%) and pain (34.7% vs 21.6%) were as frequent.", source)
    assert not permuted("Fistula (10.2% vs 13.5%) and pain were as frequent.", source)
    assert not permuted(
        "Pain (34.7% vs 21.6%) and fistula (10.2% vs 13.5%) were as frequent.", source
    )
