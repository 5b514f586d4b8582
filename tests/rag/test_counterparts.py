"""A date or a figure of what begins is not one of what ends."""

from __future__ import annotations

import pytest

from vademecum.rag.counterparts import at_odds

AGREEMENT = [
    "The agreement begins on 1 April 2023 and ends on 31 March 2026.",
    "Notice is written.",
]


@pytest.mark.parametrize(
    ("sentence", "parts"),
    [
        ("The agreement ends on 1 April 2023.", AGREEMENT),
        ("The agreement starts on 31 March 2026.", AGREEMENT),
        ("The permit expired on 12 June.", ["The permit was issued on 12 June."]),
        ("The shop opens at 18:00.", ["The shop closes at 18:00."]),
        ("The patient was discharged on 7 March.", ["She was admitted on 7 March with fever."]),
        ("The firm sold the old mill to the town.", ["The firm bought the old mill of the town."]),
        (
            "Northwind sold the mill in 2019 for 40 million.",
            ["Northwind acquired the mill from Dorrance in 2019 for 40 million."],
        ),
        ("It sold the mill for 40 million.", ["Northwind acquired the mill for 40 million."]),
        ("Die Frist endet am 30. Juni.", ["Die Frist beginnt am 30. Juni."]),
    ],
)
def test_the_counterpart_is_at_odds(sentence: str, parts: list[str]) -> None:
    assert at_odds(sentence, parts)


@pytest.mark.parametrize(
    ("sentence", "parts"),
    [
        ("The agreement starts on 1 April 2023.", AGREEMENT),
        ("The agreement ends on 31 March 2026.", AGREEMENT),
        ("The agreement does not end on 1 April 2023.", AGREEMENT),
        # Of another figure nothing is said here, nor of another thing.
        ("The agreement ends on 5 May 2023.", AGREEMENT),
        ("The trial closed in 2019.", ["The trial opened in 2017.", "The unit closed in 2019."]),
        ("The mill was sold.", ["The mill was bought."]),
        # Who buys, buys of somebody who sells.
        (
            "In 2019 Dorrance sold the mill to Northwind for 40 million.",
            ["Northwind acquired the mill from Dorrance in 2019 for 40 million."],
        ),
        ("The mill was sold for 40 million.", ["Northwind bought the mill for 40 million."]),
        ("Die Bank verlieh 2019 das Bild.", ["Das Museum hat 2019 das Bild ausgeliehen."]),
        (
            "Admission was on day 3 and discharge on day 9.",
            ["The patient was admitted on day 3 and discharged on day 9."],
        ),
    ],
)
def test_the_same_verb_another_figure_or_too_few_words_are_not(
    sentence: str, parts: list[str]
) -> None:
    assert not at_odds(sentence, parts)
