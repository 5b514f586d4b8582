"""What is set aside for something else is not so."""

from __future__ import annotations

import pytest

from vademecum.rag.check import check
from vademecum.rag.set_aside import at_odds, restated

DOOR = "Visitors use the side door rather than the main entrance."
BINS = "The bins were put out on Monday instead of on Tuesday."
TABLETS = "The pharmacy dispensed 10 mg tablets in place of 2.5 mg tablets."
HALL = "Instead of the hall, the cellar is used in winter."
WEEKLY = "Methotrexat wurde täglich statt wöchentlich eingenommen."
TONNEN = "Die Tonnen werden anstatt am Montag am Dienstag geleert."


@pytest.mark.parametrize(
    ("sentence", "part"),
    [
        ("Visitors use the main entrance.", DOOR),
        ("The bins were put out on Tuesday.", BINS),
        ("The pharmacy dispensed 2.5 mg tablets.", TABLETS),
        ("The hall is used in winter.", HALL),
        ("Patients should exercise daily.", "Patients should rest rather than exercise daily."),
        ("Methotrexat wurde wöchentlich eingenommen.", WEEKLY),
        ("Die Tonnen werden am Montag geleert.", TONNEN),
    ],
)
def test_what_is_set_aside_is_not_so(sentence: str, part: str) -> None:
    assert at_odds(sentence, [part])


@pytest.mark.parametrize(
    ("sentence", "part"),
    [
        ("Visitors use the side door.", DOOR),
        ("Visitors use the side door instead of the main entrance.", DOOR),
        ("Visitors do not use the main entrance.", DOOR),  # other rules judge what is denied
        ("The bins were put out on Monday.", BINS),
        ("The pharmacy dispensed 10 mg tablets.", TABLETS),
        ("The cellar is used in winter.", HALL),
        ("Methotrexat wurde täglich eingenommen.", WEEKLY),
        ("Die Tonnen werden am Dienstag geleert.", TONNEN),
        ("Der Kurs findet am Montag statt.", "Der Kurs findet am Montag im Keller statt."),
        ("The lift is used in a fire.", "Do not use the stairs instead of the lift in a fire."),
    ],
)
def test_what_takes_its_place_is(sentence: str, part: str) -> None:
    assert not at_odds(sentence, [part])


def test_another_part_may_say_so() -> None:
    assert not at_odds(
        "Visitors use the main entrance.",
        [DOOR, "By day they use it: visitors use the main entrance."],
    )


def test_no_longer_this_but_that_says_that(source_of, embedder) -> None:
    code = "The door code is no longer 4711 but 8822."
    assert restated("The door code is 8822.", [code]) == ["The door code is  8822."]
    assert restated("The door code is 4711.", [code]) == [code]
    for sentence, support in (
        ("The door code is 8822.", "supported"),
        ("The door code is 4711.", "unsupported"),
    ):
        (checked,) = check(sentence, [source_of(1, code)], embedder).sentences
        assert checked.support == support
